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
  /** Of each whether it is a condition. */
  readonly isTruth: readonly boolean[];
}

const preparations = new WeakMap<Plan, Prepared>();

function preparedFor(plan: Plan): Prepared {
  let prepared = preparations.get(plan);
  if (prepared === undefined) {
    const { scalars, tensor } = entryNumbers(plan);
    prepared = { scalars, tensor, isTruth: [...scalars, ...tensor].map(isTruth) };
    preparations.set(plan, prepared);
  }
  return prepared;
}

/** The numbers of a group of leaves in one step. */
export class GroupNumbers {
  readonly group: GroupRun;
  /** The numbers that differ from leaf to leaf, after those of the group. */
  readonly tensor: readonly Node[];
  /** The bytes of the numbers of one entry. */
  readonly bytes: number;
  readonly #isDouble: boolean;
  readonly #prepared: Prepared;
  readonly #evaluator: Evaluator;
  /** The places of the scalars in the evaluator. */
  readonly #places: readonly number[];
  readonly #isRounding: boolean;
  #keys: Uint32Array = NO_KEYS;
  /** What results are rounded by. */
  #roundingKeys: Uint32Array = NO_KEYS;

  constructor(group: GroupRun) {
    const { plan, dtype, outputs } = group;
    this.group = group;
    this.#isDouble = dtype === "float64";
    this.#isRounding = roundedOutputs(outputs).length > 0;
    this.#prepared = preparedFor(plan);
    const { scalars, tensor } = this.#prepared;
    this.tensor = tensor;
    this.bytes = numbersBytes(plan, dtype, outputs);
    const keys = plan.random.flatMap(({ src }) => src);
    this.#evaluator = new Evaluator([...scalars, ...plan.treeStates.values(), ...keys]);
    this.#places = scalars.map((node) => this.#evaluator.indexOf(node));
  }

  /** Brings the numbers up to date with the reductions over the tree known so far. */
  evaluate(globals: Known): void {
    this.#evaluator.evaluate(withGlobals(this.group.symbols, globals));
    const { random } = this.group.plan;
    if (random.length > 0) this.#keys = keysOf(random, this.scalar);
    if (this.#isRounding) this.#roundingKeys = roundingKeys(this.group);
  }

  /** A number of the step, in float64. */
  scalar = (node: Node): number => this.#evaluator.get(node);

  /** What arithmetic is rounded to. */
  round = (x: number): number => this.#isDouble ? x : Math.fround(x);

  /** Writes the numbers of an entry, and then its keys; `tensor` gives those of its leaf. */
  write(memory: DataView, address: number, tensor: (node: Node) => number): void {
    const size = this.#isDouble ? 8 : 4;
    const { scalars, isTruth } = this.#prepared;
    const count = scalars.length + this.tensor.length;
    for (let i = 0, at = address; i < count; i++, at += size) {
      const value = i < scalars.length
        ? this.#evaluator.at(this.#places[i])
        : tensor(this.tensor[i - scalars.length]);
      if (isTruth[i]) {
        // A condition is a mask: all bits of its lane, or none.
        memory.setInt32(at, value ? -1 : 0, true);
        if (this.#isDouble) memory.setInt32(at + 4, value ? -1 : 0, true);
      } else if (this.#isDouble) memory.setFloat64(at, value, true);
      else memory.setFloat32(at, value, true);
    }
    const after = address + size * count;
    writeWords(memory, after, this.#keys);
    writeWords(memory, after + 4 * this.#keys.length, this.#roundingKeys);
  }
}

const NO_KEYS = new Uint32Array(0);

function writeWords(memory: DataView, address: number, words: Uint32Array): void {
  for (let i = 0; i < words.length; i++) memory.setUint32(address + 4 * i, words[i], true);
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
