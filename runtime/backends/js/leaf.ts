/** One leaf in a step on compiled JavaScript: its cells, its temporaries and their products. */
import type { Node } from "../../../dsl/node.ts";
import { extentShape, extentSize } from "../../plan/extent.ts";
import type { MatrixRoutines, Operand, Product } from "../../plan/products.ts";
import type { Phase, Plan } from "../../plan/plan.ts";
import { type AddGlobal, type LeafRun, loadsOf } from "../backend.ts";
import { allocate } from "../../trees/dtype.ts";
import type { Kernel } from "./kernel.ts";
import { transpose } from "./multiply.ts";

type Floats = Operand["data"];

/**
 * The phases of one leaf. They are run from one reduction over the tree to the next, so that leaves can
 * take turns with the arrays that their products go through.
 */
export class JsLeaf {
  readonly #leaf: LeafRun;
  readonly #kernel: Kernel;
  readonly #matrices: MatrixRoutines;
  /** The first phase that is still to be run. */
  #next = 0;
  #cells: readonly Floats[] = [];
  #temporaries: readonly Floats[] = [];
  #globals: Parameters<AddGlobal>[] = [];

  constructor(leaf: LeafRun, kernel: Kernel, matrices: MatrixRoutines) {
    [this.#leaf, this.#kernel, this.#matrices] = [leaf, kernel, matrices];
  }

  /** Starts another step, however far the last one came. */
  begin(): void {
    this.#next = 0;
  }

  /** Runs what is left up to `phase`, if a reduction over the tree or the whole step ends there. */
  run(phase: number): void {
    const { group: { plan, dtype }, shape } = this.#leaf;
    const last = plan.phases.length - 1;
    this.#globals = [];
    if (phase > last || phase < last && !isSynchronised(plan.phases[phase])) return;
    if (this.#next === 0) {
      this.#cells = plan.cells.map(({ extent }) =>
        allocate(dtype, extentSize(extent, shape)) as Floats
      );
      this.#temporaries = temporariesOf(this.#leaf);
    }
    for (let at = this.#next; at <= phase; at++) {
      this.#kernel.run(at, this.#leaf, this.#cells, this.#temporaries, (...each) => {
        this.#globals.push(each);
      });
      for (const product of plan.products[at]) this.#compute(product);
    }
    this.#next = phase + 1;
    if (phase === last) [this.#cells, this.#temporaries] = [[], []];
  }

  /** The reductions over the tree that the last phase run has accumulated. */
  eachGlobal(add: AddGlobal): void {
    for (const each of this.#globals) add(...each);
  }

  #compute({ op, node, factors }: Product): void {
    const operands = factors.map(({ node, isTransposed }): Operand => {
      const [rows, columns] = extentShape(
        this.#leaf.group.plan.extents.get(node)!,
        this.#leaf.shape,
      );
      return { data: this.#arrayOf(node), sizes: [rows, columns], isTransposed };
    });
    const out = this.#arrayOf(node);
    if (op === "Transpose") transpose(operands[0], out);
    else if (op === "QR") this.#matrices.orthonormalize(operands[0], out);
    else this.#matrices.multiply(operands[0], operands[1], out);
  }

  /** The array of a temporary, of what a reduction has left, or of an input as numbers. */
  #arrayOf(node: Node): Floats {
    const { group: { plan, inputs }, shape, inputs: arrays } = this.#leaf;
    const place = plan.temporaries.placeOf.get(node);
    if (place !== undefined) {
      return this.#temporaries[place].subarray(0, extentSize(plan.extents.get(node)!, shape));
    }
    const cell = plan.cells.findIndex((each) => each.node === node);
    if (cell >= 0) return this.#cells[cell];
    const at = inputs.findIndex(({ name }) => name === node.arg);
    const array = arrays[at];
    if (array instanceof Float32Array || array instanceof Float64Array) return array;
    const read = loadsOf(this.#leaf);
    return Float32Array.from(array, (_, i) => read(at, i));
  }
}

function isSynchronised(phase: Phase): boolean {
  return phase.some(({ accumulations }) => accumulations.some(({ into }) => "global" in into));
}

const shared = new WeakMap<Plan, Floats[]>();

/** The temporaries of a leaf: its own, if a reduction over the tree comes between their uses. */
function temporariesOf({ group: { plan, dtype }, shape }: LeafRun): Floats[] {
  const sizes = plan.temporaries.extents.map((extent) => extentSize(extent, shape));
  const make = (size: number) => allocate(dtype, size) as Floats;
  const end = plan.phases.findLastIndex((phase, i) =>
    i < plan.phases.length - 1 && isSynchronised(phase)
  );
  const isInterrupted = plan.phases.slice(0, end + 1).some((phase, i) =>
    plan.products[i].length > 0 || phase.some(({ stored }) => stored.length > 0)
  );
  if (isInterrupted) return sizes.map(make);
  const known = shared.get(plan) ?? [];
  const arrays = sizes.map((size, i) => known[i]?.length >= size ? known[i] : make(size));
  shared.set(plan, arrays);
  return arrays;
}
