/** The numbers that kernels take: those of a step, and those that are one a tensor. */
import { Evaluator } from "../../../dsl/evaluate.ts";
import type { Node } from "../../../dsl/node.ts";
import { elementRow } from "../../../dsl/ops.ts";
import type { Plan } from "../../plan/plan.ts";
import { keysOf, roundedOutputs, roundingKeys } from "../random.ts";
import { type GroupRun, type Known, withGlobals } from "../backend.ts";
import { entryNumbers, isTruth, numbersBytes } from "./render.ts";

/** What is the same for all groups of a plan. */
interface Prepared {
  /** The numbers of an entry: those of the step, and those of its tensor. */
  readonly scalars: readonly Node[];
  readonly tensor: readonly Node[];
  readonly evaluator: Evaluator;
  readonly roots: readonly Node[];
  readonly index: ReadonlyMap<Node, number>;
}

const preparations = new WeakMap<Plan, Prepared>();

/** The numbers of a group of leaves in one step. */
export class GroupNumbers {
  readonly group: GroupRun;
  /** The numbers that differ from leaf to leaf, after those of the group. */
  readonly tensor: readonly Node[];
  readonly #scalars: readonly Node[];
  readonly #isDouble: boolean;
  readonly #prepared: Prepared;
  readonly #values: Float64Array;
  #keys = new Uint32Array(0);
  readonly #isRounding: boolean;
  /** What results are rounded by. */
  #roundingKeys = new Uint32Array(0);

  constructor(group: GroupRun) {
    const { plan } = group;
    this.group = group;
    this.#isDouble = group.dtype === "float64";
    this.#isRounding = roundedOutputs(group.outputs).length > 0;
    let prepared = preparations.get(plan);
    if (prepared === undefined) {
      const { scalars, tensor } = entryNumbers(plan);
      const keys = plan.random.flatMap(({ src }) => src);
      const roots = [...scalars, ...plan.treeStates.values(), ...keys];
      const index = new Map(roots.map((node, i) => [node, i]));
      prepared = { scalars, tensor, evaluator: new Evaluator(roots), roots, index };
      preparations.set(plan, prepared);
    }
    this.#prepared = prepared;
    [this.#scalars, this.tensor] = [prepared.scalars, prepared.tensor];
    this.#values = new Float64Array(prepared.roots.length);
  }

  /** The bytes of the numbers of one entry. */
  get bytes(): number {
    return numbersBytes(this.group.plan, this.group.dtype, this.group.outputs);
  }

  /** Brings the numbers up to date with the reductions over the tree known so far. */
  evaluate(globals: Known): void {
    const { evaluator, roots } = this.#prepared;
    evaluator.evaluate(withGlobals(this.group.symbols, globals));
    roots.forEach((node, i) => this.#values[i] = evaluator.get(node));
    this.#keys = keysOf(this.group.plan.random, this.scalar);
    if (this.#isRounding) this.#roundingKeys = roundingKeys(this.group);
  }

  /** A number of the step, in float64. */
  scalar = (node: Node): number => this.#values[this.#prepared.index.get(node)!];

  /** What arithmetic is rounded to. */
  round = (x: number): number => this.#isDouble ? x : Math.fround(x);

  /** Writes the numbers of an entry, and then its keys; `tensor` gives those of its leaf. */
  write(memory: DataView, address: number, tensor: (node: Node) => number): void {
    const size = this.#isDouble ? 8 : 4;
    [...this.#scalars, ...this.tensor].forEach((node, i) => {
      const at = address + size * i;
      const value = i < this.#scalars.length ? this.scalar(node) : tensor(node);
      if (isTruth(node)) {
        // A condition is a mask: all bits of its lane, or none.
        memory.setInt32(at, value ? -1 : 0, true);
        if (this.#isDouble) memory.setInt32(at + 4, value ? -1 : 0, true);
      } else if (this.#isDouble) memory.setFloat64(at, value, true);
      else memory.setFloat32(at, value, true);
    });
    const after = address + size * (this.#scalars.length + this.tensor.length);
    this.#keys.forEach((word, i) => memory.setUint32(after + 4 * i, word, true));
    const last = after + 4 * this.#keys.length;
    this.#roundingKeys.forEach((word, i) => memory.setUint32(last + 4 * i, word, true));
  }
}

/** The values of one leaf that are one a tensor: each operation rounded as in a kernel. */
export class TensorValues {
  readonly #numbers: GroupNumbers;
  readonly #values: Map<Node, number>;

  /** `given` are the values of states. */
  constructor(numbers: GroupNumbers, given: ReadonlyMap<Node, number>) {
    this.#numbers = numbers;
    this.#values = new Map(given);
  }

  /** Takes the result of a reduction. */
  set(node: Node, value: number): void {
    this.#values.set(node, this.#numbers.round(value));
  }

  /** Computes what is one a tensor in a phase. */
  evaluate(phase: number): void {
    const { plan } = this.#numbers.group;
    const loop = plan.phases[phase].find(({ extent }) => extent === 0);
    for (const node of loop?.nodes ?? []) {
      const row = elementRow(node.op)!;
      const value = row.eval(...node.src.map(this.read));
      this.#values.set(node, row.rounds ? this.#numbers.round(value) : value);
    }
  }

  /** A value of the leaf, or a number of the step as it is rounded there; NaN if not yet known. */
  read = (node: Node): number => {
    const known = this.#values.get(node);
    if (known !== undefined) return known;
    if (node.op === "Const") return this.#numbers.round(node.arg as number);
    const { plan } = this.#numbers.group;
    if (plan.extents.get(node) !== "scalar") return NaN;
    return this.#numbers.round(this.#numbers.scalar(node));
  };
}
