/** The numbers that kernels take: those of a step, and those that are one a tensor. */
import { Evaluator } from "../../../dsl/evaluate.ts";
import type { Node } from "../../../dsl/node.ts";
import { elementRow } from "../../../dsl/ops.ts";
import type { Plan } from "../../plan/plan.ts";
import { keysOf, roundedOutputs, roundingKeys } from "../random.ts";
import { type GroupRun, type Known, withGlobals } from "../backend.ts";
import { entryNumbers, isTruth, numbersBytes } from "./entry.ts";

/** What is the same for all groups of a plan. */
interface Prepared {
  /** The numbers of an entry: those of the step, and those of its tensor. */
  readonly scalars: readonly Node[];
  readonly tensor: readonly Node[];
  /** Of each whether it is a condition. */
  readonly isTruth: readonly boolean[];
  /** Where {@linkcode TensorValues} have each value, those of their own first. */
  readonly places: ReadonlyMap<Node, number>;
  /** The values behind them, which all leaves have alike: constants and numbers of the step. */
  readonly shared: readonly Node[];
  /** What is computed in each phase. */
  readonly operations: readonly (readonly Operation[])[];
}

/** One operation on values that are one a tensor, by their places. */
interface Operation {
  readonly into: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly eval: (...operands: readonly number[]) => number;
  readonly rounds: boolean;
}

const preparations = new WeakMap<Plan, Prepared>();

function preparedFor(plan: Plan): Prepared {
  let prepared = preparations.get(plan);
  if (prepared === undefined) {
    const { scalars, tensor } = entryNumbers(plan);
    const loops = plan.phases.map((phase) => phase.filter(({ extent }) => extent === 0));
    const computed = loops.flat().flatMap(({ nodes }) => nodes);
    const own = new Set([...tensor, ...computed]);
    const shared = [
      ...computed.flatMap(({ src }) => src),
      ...loops.flat().flatMap(({ accumulations }) => accumulations.map(({ operand }) => operand)),
      ...plan.outputs.flatMap(({ node, extent }) => extent === 0 ? [node] : []),
    ].filter((node) => !own.has(node));
    const places = new Map([...new Set([...own, ...shared])].map((node, i) => [node, i]));
    prepared = {
      ...{ scalars, tensor, places, shared: [...new Set(shared)] },
      isTruth: [...scalars, ...tensor].map(isTruth),
      operations: loops.map((phase) =>
        phase.flatMap(({ nodes }) =>
          nodes.map((node): Operation => {
            const { eval: of, rounds } = elementRow(node.op)!;
            const [a = 0, b = 0, c = 0] = node.src.map((operand) => places.get(operand)!);
            return { into: places.get(node)!, a, b, c, eval: of, rounds };
          })
        )
      ),
    };
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
  /** The numbers of an entry and its keys as they are in memory, those of its tensor left out. */
  readonly #entry: Entry;
  /** What leaves share of the values that are one a tensor. */
  readonly shared: Float64Array;

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
    this.#entry = new Entry(new ArrayBuffer(this.bytes), this.#isDouble);
    this.shared = new Float64Array(this.#prepared.shared.length);
  }

  /** Brings the numbers up to date with the reductions over the tree known so far. */
  evaluate(globals: Known): void {
    this.#evaluator.evaluate(withGlobals(this.group.symbols, globals));
    const { scalars, isTruth, shared } = this.#prepared;
    scalars.forEach((_, i) => this.#entry.set(i, this.#evaluator.at(this.#places[i]), isTruth[i]));
    shared.forEach((node, i) => this.shared[i] = this.round(this.#numberOf(node)));
    const { random } = this.group.plan;
    const keys = random.length > 0 ? keysOf(random, this.scalar) : NO_KEYS;
    const numbers = scalars.length + this.tensor.length;
    this.#entry.setKeys(numbers, keys, this.#isRounding ? roundingKeys(this.group) : NO_KEYS);
  }

  /** A number of the step, in float64. */
  scalar = (node: Node): number => this.#evaluator.get(node);

  /** What arithmetic is rounded to. */
  round = (x: number): number => this.#isDouble ? x : Math.fround(x);

  /** Writes the numbers of an entry, and then its keys; `tensor` has those of its leaf. */
  write(memory: Entry, address: number, tensor: TensorValues | undefined): void {
    memory.take(this.#entry, address);
    if (tensor === undefined) return;
    const { scalars, isTruth } = this.#prepared;
    const first = address / (this.#isDouble ? 8 : 4);
    for (let k = 0; k < this.tensor.length; k++) {
      const i = scalars.length + k;
      memory.set(first + i, tensor.at(k), isTruth[i]);
    }
  }

  /** Room for the values that are one a tensor of one leaf. */
  tensorValues(): TensorValues {
    return new TensorValues(this, this.#prepared);
  }

  #numberOf(node: Node): number {
    if (node.op === "Const") return node.arg as number;
    return this.group.plan.extents.get(node) === "scalar" ? this.scalar(node) : NaN;
  }
}

const NO_KEYS = new Uint32Array(0);

/** Memory that holds numbers as kernels take them, of four bytes or of eight. */
export class Entry {
  readonly #words: Uint32Array;
  readonly #floats: Float32Array | Float64Array;
  readonly #wordsEach: number;

  constructor(buffer: ArrayBufferLike, isDouble: boolean, from = 0, bytes = buffer.byteLength) {
    this.#words = new Uint32Array(buffer, from, bytes / 4);
    this.#floats = isDouble
      ? new Float64Array(buffer, from, Math.floor(bytes / 8))
      : new Float32Array(buffer, from, bytes / 4);
    this.#wordsEach = isDouble ? 2 : 1;
  }

  /** Writes the `i`th number. */
  set(i: number, value: number, isTruth: boolean): void {
    // A condition is a mask: all bits of its lane, or none.
    if (!isTruth) this.#floats[i] = value;
    else {
      for (let k = 0; k < this.#wordsEach; k++) {
        this.#words[i * this.#wordsEach + k] = value ? -1 : 0;
      }
    }
  }

  /** Writes keys behind so many numbers. */
  setKeys(numbers: number, ...keys: readonly Uint32Array[]): void {
    let at = numbers * this.#wordsEach;
    for (const each of keys) {
      this.#words.set(each, at);
      at += each.length;
    }
  }

  /** Takes all words of another, at an address. */
  take(other: Entry, address: number): void {
    this.setWords(address, other.#words);
  }

  /** Writes words at an address. */
  setWords(address: number, words: ArrayLike<number>): void {
    const at = address / 4;
    for (let i = 0; i < words.length; i++) this.#words[at + i] = words[i];
  }
}

/** The values of one leaf that are one a tensor: each operation rounded as in a kernel. */
export class TensorValues {
  readonly #numbers: GroupNumbers;
  readonly #prepared: Prepared;
  readonly #values: Float64Array;

  constructor(numbers: GroupNumbers, prepared: Prepared) {
    [this.#numbers, this.#prepared] = [numbers, prepared];
    this.#values = new Float64Array(prepared.places.size);
  }

  /** Forgets the values of the step before: none is known yet. */
  begin(): void {
    this.#values.fill(NaN);
  }

  /** Takes the value of a state. */
  give(node: Node, value: number): void {
    this.#values[this.#prepared.places.get(node)!] = value;
  }

  /** Takes the result of a reduction. */
  set(node: Node, value: number): void {
    this.give(node, this.#numbers.round(value));
  }

  /** Computes what is one a tensor in a phase. */
  evaluate(phase: number): void {
    const [values, { shared }] = [this.#values, this.#numbers];
    values.set(shared, values.length - shared.length);
    for (const { into, a, b, c, eval: of, rounds } of this.#prepared.operations[phase]) {
      const value = of(values[a], values[b], values[c]);
      values[into] = rounds ? this.#numbers.round(value) : value;
    }
  }

  /** The `k`th value that entries bring. */
  at(k: number): number {
    return this.#values[k];
  }

  /** A value of the leaf, or a number of the step as it is rounded there; NaN if not yet known. */
  read(node: Node): number {
    return this.#values[this.#prepared.places.get(node)!] ?? NaN;
  }
}
