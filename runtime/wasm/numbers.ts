/** The numbers that kernels take: those of a step, and those that are one a tensor. */
import { Evaluator } from "../../dsl/evaluate.ts";
import type { Node } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import type { Plan } from "../plan.ts";
import { type GroupRun, withGlobals } from "../run.ts";
import { entryNumbers, isTruth } from "./render.ts";

const evaluators = new WeakMap<Plan, Evaluator>();

/** The numbers of a group of leaves in one step. */
export class GroupNumbers {
  readonly group: GroupRun;
  /** The numbers that differ from leaf to leaf, after those of the group. */
  readonly tensor: readonly Node[];
  readonly #scalars: readonly Node[];
  readonly #isDouble: boolean;
  readonly #evaluator: Evaluator;

  constructor(group: GroupRun) {
    const { plan } = group;
    this.group = group;
    this.#isDouble = group.dtype === "float64";
    ({ scalars: this.#scalars, tensor: this.tensor } = entryNumbers(plan));
    let evaluator = evaluators.get(plan);
    if (evaluator === undefined) {
      evaluator = new Evaluator([...this.#scalars, ...plan.treeStates.values()]);
      evaluators.set(plan, evaluator);
    }
    this.#evaluator = evaluator;
  }

  /** The bytes of the numbers of one entry. */
  get bytes(): number {
    const size = this.#isDouble ? 8 : 4;
    return Math.ceil(size * (this.#scalars.length + this.tensor.length) / 16) * 16;
  }

  /** Brings the numbers up to date with the reductions over the tree known so far. */
  evaluate(globals: readonly (number | undefined)[]): void {
    this.#evaluator.evaluate(withGlobals(this.group.symbols, globals));
  }

  /** A number of the step, in float64. */
  scalar = (node: Node): number => this.#evaluator.get(node);

  /** What arithmetic is rounded to. */
  round = (x: number): number => this.#isDouble ? x : Math.fround(x);

  /** Writes the numbers of an entry; `tensor` gives those of its leaf. */
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
