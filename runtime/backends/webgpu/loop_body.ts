/** What a loop over the elements of a leaf reads and computes at one place. */
import { randomRow } from "../../../dsl/ops.ts";
import type { Node, RandomOpName } from "../../../dsl/node.ts";
import { varyingAxes } from "../../plan/extent.ts";
import type { Loop } from "../../plan/plan.ts";
import { partsOfStored } from "../../trees/gpu_tensor.ts";
import type { Stored } from "../../trees/stored.ts";
import { type BoundArray, type GroupPlan, numberSource, temporary, usesLeaf } from "./kernel.ts";
import type { Width } from "./workgroup.ts";
import { drawn } from "./random.ts";
import { isPacked, type Parts, readFour, readOne } from "./storage.ts";
import { Writer } from "./write.ts";

/** The words of a leaf's row before those that say where its arrays begin. */
export const ROW_WORDS = 4;

/** What a loop computes of a leaf at one place, written once. */
export class Body {
  readonly arrays: BoundArray[] = [];
  readonly inner: Writer;
  readonly outer: Writer;
  readonly #group: GroupPlan;
  readonly #domain: Loop["extent"];
  readonly #width: Width;
  readonly #storedOf: (name: string) => Stored;
  /** The axes of narrower values that are read. */
  readonly #narrow = new Set<number>();

  /** Of what is kept between phases, `computed` is not there yet; arrays are stored as `storedOf` says. */
  constructor(
    group: GroupPlan,
    domain: Loop["extent"],
    width: Width,
    computed: ReadonlySet<Node>,
    storedOf: (name: string) => Stored,
  ) {
    [this.#group, this.#domain, this.#width, this.#storedOf] = [group, domain, width, storedOf];
    const { plan } = group;
    const elements = width === 1 ? "before + i" : "U(before + 4u * i) + U(0u, 1u, 2u, 3u)";
    this.outer = new Writer("s", numberSource(group), group.counts);
    this.inner = new Writer("v", (node) => {
      const extent = plan.extents.get(node)!;
      if (extent === "scalar" || extent === 0) return this.outer.read(node);
      const cell = plan.cells.findIndex((each) => each.node === node);
      if (cell >= 0) return `V(values[c${cell} + ${this.#position(extent)}])`;
      const place = plan.temporaries.placeOf.get(node);
      if (place !== undefined && !computed.has(node)) {
        return this.read(temporary(place), extent);
      }
      // What has places along an axis varies over that axis.
      if (node.op === "Index") {
        return extent === domain ? `V(${elements})` : `f32(${this.#position(extent)})`;
      }
      if (randomRow(node.op) !== undefined) {
        const keys = node.src.map((operand) => this.#key(operand));
        return drawn(node.op as RandomOpName, keys, elements, "leaf");
      }
      return node.op === "Symbol" ? this.read(node.arg as string, extent) : undefined;
    });
  }

  /** A word of a key: from the host, or of a number that is formed here. */
  #key(operand: Node): string {
    const place = this.#group.numbers.keyOf(operand);
    if (place !== undefined) return `wordFrom(hosts + ${place}u)`;
    if (this.#group.counts.isWhole(operand)) {
      return `bitcast<U>(${this.outer.readWhole(operand)})`;
    }
    return `wordOf(${this.outer.read(operand)})`;
  }

  /** Reads the element of an array that is worked on. */
  read(name: string, extent: Loop["extent"]): string {
    const stored = this.#storedOf(name);
    const position = this.#position(extent);
    if (!isPacked(stored)) return this.element(name, extent);
    const parts = this.parts(name, extent);
    return this.#width === 4
      ? readFour(stored, parts, position)
      : `V(${readOne(stored, parts, position)})`;
  }

  /** The element of an array of float32 numbers. */
  element(name: string, extent: Loop["extent"]): string {
    const [{ array, start }] = this.parts(name, extent);
    return `${array}[${start} + ${this.#position(extent)}]`;
  }

  /** The arrays that one is stored as, and where they begin. */
  parts(name: string, extent: Loop["extent"]): Parts {
    const stored = this.#storedOf(name);
    return partsOfStored(stored).map(({ each }, part) => {
      let i = this.arrays.findIndex((array) => array.name === name && array.part === part);
      if (i < 0) {
        // Whatever may be written is bound so, since buffers may hold several arrays.
        const isWritten = !this.#group.read.includes(name);
        const isWhole = extent !== this.#domain;
        const words = isPacked(stored) ? { each } : {};
        i = this.arrays.push({ name, part, isWritten, isWhole, ...words }) - 1;
      }
      return { array: `x${i}`, start: `start${i}` };
    });
  }

  #position(extent: Loop["extent"]): string {
    if (extent === this.#domain) return "i";
    const axes = this.axes(extent).reduce((axes, axis) => axes | 1 << axis, 0);
    this.#narrow.add(axes);
    return `j${axes >>> 0}`;
  }

  /** Reads the row of a leaf. */
  get head(): string[] {
    const { plan, usesAxes } = this.#group;
    const draws = usesLeaf(this.#group);
    const first = ROW_WORDS + this.arrays.length;
    const word = (name: string, at: number) => `let ${name} = table[row + ${at}u];`;
    return [
      ...["count", "elements", "own", "before"].map(word),
      ...this.arrays.map((_, i) => word(`start${i}`, ROW_WORDS + i)),
      ...(usesAxes
        ? [
          ...this.axes("element").map((axis) => word(`d${axis}`, first + axis)),
          ...plan.cells.map((_, k) => word(`c${k}`, first + plan.rank + k)),
        ]
        : []),
      ...(draws ? [word("leaf", first + (usesAxes ? plan.rank + plan.cells.length : 0))] : []),
    ];
  }

  /** The axes that an extent has. */
  axes(extent: Loop["extent"]): number[] {
    return varyingAxes(extent, this.#group.plan.rank);
  }

  /** Takes a position among `axes` apart into one on each. */
  apart(name: string, axes: readonly number[]): string[] {
    const lines = [`var rest${name} = ${name};`];
    for (const axis of axes.toReversed()) {
      lines.push(`let i${axis} = rest${name} % d${axis};`, `rest${name} = rest${name} / d${axis};`);
    }
    return lines;
  }

  /** The position among the axes of an extent. */
  joined(extent: Loop["extent"]): string {
    return this.axes(extent).reduce(
      (text, axis) => text === "" ? `i${axis}` : `(${text}) * d${axis} + i${axis}`,
      "",
    );
  }

  /** The positions in narrower arrays. */
  get narrow(): string[] {
    return [...this.#narrow].map((mask) => `let j${mask >>> 0} = ${this.joined(mask)};`);
  }
}
