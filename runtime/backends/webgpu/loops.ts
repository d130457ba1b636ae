/** Kernels of loops over the elements of leaves, or over their rows or columns. */
import { randomRow, reduceOps } from "../../../dsl/ops.ts";
import { varyingAxes } from "../../plan/extent.ts";
import type { Node, RandomOpName, ReduceOpName } from "../../../dsl/node.ts";
import type { Accumulation, Loop } from "../../plan/plan.ts";
import {
  type BoundArray,
  gather,
  type GroupPlan,
  HEAD,
  HEADER,
  indented,
  type Kernel,
  kernel,
  leavePart,
  neutral,
  numberSource,
  ofLeaf,
  roundingOf,
  ROW,
  start,
  Sum,
  temporary,
  usesLeaf,
  VECTORS,
  WORKGROUP,
} from "./kernel.ts";
import {
  codesOf,
  isPacked,
  type Parts,
  readFour,
  readOne,
  writeBlock,
  writeFour,
} from "./storage.ts";
import { partsOfStored } from "../../trees/gpu_tensor.ts";
import { dtypeOf, type Stored } from "../../trees/stored.ts";
import type { Width } from "./prelude.ts";
import { drawn } from "./random.ts";
import { Writer } from "./write.ts";

/** The words of a leaf's row before those that say where its arrays begin. */
export const ROW_WORDS = 4;

/** What a loop computes of a leaf at one place, written once. */
class Body {
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

/**
 * The loop over a group's leaves: a workgroup takes a chunk of one leaf. Its table has the number of
 * chunks, two words a chunk (the row of its leaf and the vector it begins at), and the rows: vectors,
 * elements, where the leaf's numbers are, the elements before what is bound, where each array begins;
 * where axes matter, how long each is and where each reduction's results are; and, where random numbers
 * are drawn, the leaf's number in the tree.
 */
export function elementKernel(
  group: GroupPlan,
  loop: Loop,
  width: Width,
  computed: ReadonlySet<Node> = new Set(loop.nodes),
  storedOf: (name: string) => Stored = () => "float32",
): Kernel & { readonly byFours: boolean } {
  const { accumulations, stored, outputs, extent } = loop;
  const body = new Body(group, extent, width, computed, storedOf);
  const { inner, outer } = body;
  const operands = accumulations.map(({ operand }) => inner.read(operand));
  const written = [
    ...stored.map((node) => [temporary(group.plan.temporaries.placeOf.get(node)!), node] as const),
    ...outputs.map(({ target, node }) => [target === "" ? group.out : target, node] as const),
  ];
  const results = written.filter(([name]) => !isPacked(storedOf(name))).map(([name, node]) =>
    `${body.element(name, extent)} = ${inner.read(node)};`
  );
  const packed = written.filter(([name]) => isPacked(storedOf(name))).map(([name, node], k) => ({
    ...{ name, four: `y${k}`, value: inner.read(node) },
    parts: body.parts(name, extent),
  }));
  const byFours = packed.length > 0 || width === 4;
  const narrow = body.narrow.length === 0 ? [] : [
    `let position = i + before;`,
    ...body.apart("position", body.axes(extent)),
    ...body.narrow,
  ];
  const position = width === 1 ? "elements > i" : "U(i * 4u) + U(0u, 1u, 2u, 3u) < U(elements)";
  const sums = accumulations.flatMap(({ op }, k) => [
    `let b${k} = select(${neutral(op)}, ${operands[k]}, ${position});`,
    `let p${k} = ${reduceOps[op].wgsl.part(`b${k}`)};`,
    `a${k} = ${reduceOps[op].wgsl.combine(`a${k}`, `p${k}`)};`,
  ]);
  const one = [
    ...narrow,
    ...inner.lines,
    ...sums,
    ...results,
    ...packed.map(({ four, value }) => `${four}${width === 1 ? "[e]" : ""} = ${value};`),
  ];
  // What is written as words is collected, four numbers of a thread.
  const elements = "vec4<u32>(before + 4u * quad) + vec4<u32>(0u, 1u, 2u, 3u)";
  const loopLines = packed.length === 0
    ? [
      `let i = first + k * ${WORKGROUP}u + lane;`,
      `if (i < count) {`,
      ...one.map((line) => `  ${line}`),
      `}`,
    ]
    : [
      `let quad = first + k * ${WORKGROUP}u + lane;`,
      ...packed.map(({ four }) => `var ${four} = vec4<f32>();`),
      ...(width === 4 ? [`let i = quad;`, `if (i < count) {`] : [
        `for (var e = 0u; e < 4u && 4u * quad + e < elements; e++) {`,
        `  let i = 4u * quad + e;`,
      ]),
      ...one.map((line) => `  ${line}`),
      `}`,
      ...packed.flatMap(({ name, four, parts }, k) => {
        const stored = storedOf(name);
        if (dtypeOf(stored) === "block8") {
          // Those behind the last would count.
          const mine = `4u * quad + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(elements)`;
          return [
            `${four} = select(vec4<f32>(), ${four}, ${mine});`,
            ...writeBlock(stored, parts, four, "quad", "quad < count"),
          ];
        }
        const codes = codesOf(stored, four, elements, roundingOf(group, name));
        return [
          `if (quad < count) {`,
          `  let c${k} = ${codes};`,
          ...writeFour(stored, parts, "quad", `c${k}`).map((line) => `  ${line}`),
          `}`,
        ];
      }),
    ];
  const text = `  let chunk = id.x + id.y * ${ROW}u;
  if (chunk >= table[0]) {
    return;
  }
${HEAD}
  let row = table[${HEADER}u + 2u * chunk];
  let first = table[${HEADER + 1}u + 2u * chunk];
${indented([...body.head, ...outer.lines], 2)}
${indented(accumulations.map(({ op }, k) => `var a${k} = ${start(op)};`), 2)}
  for (var k = 0u; k < ${VECTORS}u; k++) {
${indented(loopLines, 4)}
  }
${indented(accumulations.flatMap(({ op }, k) => leave(op, k, accumulations.length, width)), 2)}`;
  const shape = {
    writesNumbers: false,
    arrays: body.arrays,
    partials: accumulations.length > 0 ? "written" : "none",
  } as const;
  return { ...kernel(width, WORKGROUP, shape, text), byFours };
}

/** Leaves the sum of a chunk. */
function leave(op: ReduceOpName, k: number, each: number, width: Width): string[] {
  const { combine } = reduceOps[op].wgsl;
  const into = `partials[(table[3] + chunk) * ${each}u + ${k}u]`;
  return [
    ...gather(op, `a${k}`),
    `if (lane == 0u) {`,
    `  let whole = lanes[0];`,
    ...(width === 1 ? [`  ${into} = vec2(whole.scale, whole.value);`] : [
      `  let turned = Part(whole.scale.zwxy, whole.value.zwxy);`,
      `  let pair = ${combine("whole", "turned")};`,
      `  let other = Part(pair.scale.yxwz, pair.value.yxwz);`,
      `  let all = ${combine("pair", "other")};`,
      `  ${into} = vec2(all.scale.x, all.value.x);`,
    ]),
    `}`,
    // The next one uses the same memory.
    `workgroupBarrier();`,
  ];
}

/**
 * A reduction over some axes, or of what varies over some: a workgroup for each result. Its table is that
 * of a loop, with the number of results, the row and the position of each; the elements that a row
 * counts are those of one result.
 */
export function axisKernel(
  group: GroupPlan,
  loop: Loop,
  accumulation: Accumulation,
  computed: ReadonlySet<Node>,
  storedOf: (name: string) => Stored = () => "float32",
): Kernel {
  const { op, operand, extent, into } = accumulation;
  const body = new Body(group, loop.extent, 1, computed, storedOf);
  const value = body.inner.read(operand);
  const reduced = body.axes(loop.extent).filter((axis) => !body.axes(extent).includes(axis));
  const cell = "global" in into
    ? ""
    : extent === 0
    ? `own + ${ofLeaf.cell(into.cell)}u`
    : `c${into.cell} + result`;
  const text = `  let chunk = id.x + id.y * ${ROW}u;
  if (chunk >= table[0]) {
    return;
  }
${HEAD}
  let row = table[${HEADER}u + 2u * chunk];
  let result = table[${HEADER + 1}u + 2u * chunk];
${indented([...body.head, ...body.outer.lines, ...body.apart("result", body.axes(extent))], 2)}
${indented(Sum.begin(op), 2)}
  for (var k = lane; k < count; k += ${WORKGROUP}u) {
${
    indented([
      ...body.apart("k", reduced),
      `let i = ${body.joined(loop.extent)};`,
      ...body.narrow,
      ...body.inner.lines,
      `let part = ${reduceOps[op].wgsl.part(value)};`,
      ...Sum.add(op, "part"),
    ], 4)
  }
  }
${indented(Sum.end(op), 2)}
  if (lane == 0u) {
    let total = lanes[0];
    let size = f32(count);
${indented(leavePart(group, accumulation, "total", cell, "size"), 4)}
  }`;
  return kernel(1, WORKGROUP, { writesNumbers: true, arrays: body.arrays, partials: "none" }, text);
}
