/** What one step hands to whatever computes it. */
import type { GlobalReduction, Graph } from "../../dsl/graph.ts";
import { globalSymbol } from "../../dsl/graph.ts";
import type { Program } from "../../dsl/program.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { MatrixRoutines } from "../plan/products.ts";
import type { Mode, Plan } from "../plan/plan.ts";
import {
  type Arithmetic,
  arithmeticOf,
  bytesOf,
  type DType,
  type HostArray,
  isShort,
  load,
  type MemoryArray,
  type NumberArray,
  SplitArray,
} from "../trees/dtype.ts";
import { BLOCK_SIZE, BlockArray } from "../trees/block8.ts";
import { dtypeOf, isUnsigned, seedOf, type Stored } from "../trees/stored.ts";
import type { Backend } from "../plan/forms.ts";

/** What leaves have in common that are computed alike: program, hyperparameters and types. */
export interface GroupRun {
  readonly graph: Graph;
  readonly plan: Plan;
  readonly mode: Mode;
  /** What it is planned for. */
  readonly backend: Backend;
  /** What arithmetic is rounded to. */
  readonly dtype: Arithmetic;
  /** The arrays a leaf brings, `w` (where the program or the mode reads it) and `g` among them. */
  readonly inputs: readonly ArrayKind[];
  /** The arrays a leaf takes results in, in the order of the plan's outputs. */
  readonly outputs: readonly ArrayKind[];
  /** The value of every symbol that changes once a step; replaced when a step is run again. */
  symbols: ReadonlyMap<string, number>;
}

/**
 * An array by name: `w` (of a short parameter its master copy), `g` or a state, `""` for the parameter
 * or update that is written.
 */
export interface ArrayKind {
  readonly name: string;
  readonly dtype: DType;
  /** Whether it is the second array of that name: the further bits of a `"bfloat16+8"`, or the scales of a `"block8"`. */
  readonly isSecond?: boolean;
  /** Of a `"block8"`, whether none of its numbers is below 0. */
  readonly isUnsigned?: boolean;
  /** Of what is rounded stochastically: its seed, and the number of the state in its program. */
  readonly rounding?: { readonly seed: number; readonly state: number };
}

/** The array of a state of `program`. */
export function stateKind(
  { state }: Pick<Program, "state">,
  name: string,
  stored: Stored,
): ArrayKind {
  const [dtype, seed] = [dtypeOf(stored), seedOf(stored)];
  if (dtype === "block8") return { name, dtype, isUnsigned: isUnsigned(stored) };
  if (seed === undefined) return { name, dtype };
  return { name, dtype, rounding: { seed, state: [...state.keys()].indexOf(name) } };
}

/** The inputs that are trees like the parameters. */
export function elementInputs({ inputs }: Pick<Program, "inputs">): string[] {
  return [...inputs].flatMap(([name, kind]) => kind === "element" ? [name] : []);
}

/** How a group's results are stored, and the arrays of its leaves. */
export type GroupArrays = Pick<GroupRun, "mode" | "dtype" | "inputs" | "outputs">;

/** What tells the types of some arrays from those of others. */
export function typesOf({ inputs, outputs }: GroupArrays): string {
  const spell = ({ dtype, rounding, isUnsigned }: ArrayKind) =>
    `${dtype}${rounding === undefined ? "" : "~"}${isUnsigned ? "+" : ""}`;
  return [inputs, outputs].map((kinds) => kinds.map(spell).join()).join(";");
}

/** What the arrays of leaves are: `reads` are the gradient and what else is only read. */
export function arraysOf(
  mode: "step" | "update" | "evaluate",
  parameter: DType,
  reads: readonly ArrayKind[],
  states: readonly ArrayKind[],
  hasParams: boolean,
): GroupArrays {
  const dtype = arithmeticOf(parameter);
  const w: ArrayKind = { name: "w", dtype };
  const seconds = states.filter(isPair).map((kind): ArrayKind => ({ ...kind, isSecond: true }));
  const inputs = [...(hasParams ? [w] : []), ...reads, ...states, ...seconds];
  // What is evaluated is the update of a program that leaves all else as it is.
  if (mode === "evaluate") {
    return { mode: "update", dtype, inputs, outputs: [{ name: "", dtype: parameter }] };
  }
  return {
    mode: !isShort(parameter) ? mode : mode === "step" ? "masterStep" : "masterUpdate",
    dtype,
    inputs,
    outputs: [
      { name: "", dtype: parameter },
      ...(isShort(parameter) ? [w] : []),
      ...states,
      ...seconds,
    ],
  };
}

/** Whether an array is stored as two, the second of which is behind all others. */
export function isPair({ dtype }: ArrayKind): boolean {
  return dtype === "bfloat16+8" || isBlocked({ dtype });
}

/** Whether an array is stored in blocks. */
export function isBlocked({ dtype }: Pick<ArrayKind, "dtype">): boolean {
  return dtype === "block8";
}

/** The place of the second array of the array `k`, if it has one. */
export function secondOf(kinds: readonly ArrayKind[], k: number): number {
  return isPair(kinds[k])
    ? kinds.findIndex(({ name, isSecond }) => isSecond && name === kinds[k].name)
    : -1;
}

/** Bytes of an element of an array; of scales, an element's part. */
export function bytesOfKind(kind: ArrayKind): number {
  if (isBlocked(kind)) return kind.isSecond ? 4 / BLOCK_SIZE : 1;
  return kind.isSecond ? 1 : isPair(kind) ? 2 : bytesOf(kind.dtype);
}

/** The `k`th array of a leaf, with the second that belongs to it. */
export function arrayOf(
  kinds: readonly ArrayKind[],
  arrays: readonly MemoryArray[],
  k: number,
): HostArray {
  const [array, second] = [arrays[k], arrays[secondOf(kinds, k)]];
  if (second === undefined) return array as NumberArray;
  return isBlocked(kinds[k])
    ? new BlockArray(array as Uint8Array, second as Float32Array, kinds[k].isUnsigned === true)
    : new SplitArray(array as Uint16Array, second as Uint8Array);
}

/** What reads an element of the `k`th input of a leaf. */
export function loadsOf(
  { group: { inputs: kinds }, inputs }: Pick<LeafRun, "group" | "inputs">,
): (k: number, element: number) => number {
  if (!kinds.some(isPair)) return (k, i) => load(kinds[k].dtype, inputs[k] as NumberArray, i);
  const arrays = kinds.map((_, k) => arrayOf(kinds, inputs, k));
  return (k, i) => load(kinds[k].dtype, arrays[k], i);
}

/** A leaf's arrays for one step, in the order its group names them. */
export interface LeafRun {
  readonly group: GroupRun;
  /** Its place in the tree, by which its random numbers are its own. */
  readonly number: number;
  readonly shape: readonly number[];
  readonly size: number;
  /** Replaced when a step is run again on others. */
  readonly inputs: MemoryArray[];
  readonly outputs: MemoryArray[];
}

/** One step of all leaves, in tree order. */
export interface StepRun {
  /** How many threads may take part, the caller among them. */
  readonly threads: number;
  /** What computes with whole matrices of the leaves that run in JavaScript. */
  readonly matrices: MatrixRoutines;
  readonly leaves: readonly LeafRun[];
  readonly globals: readonly GlobalReduction[];
}

/** Element-wise reductions go by blocks of this many elements and, within one, by four lanes. */
export const BLOCK = 4096;

/** A reduction over the tree as its leaves are added. */
export class GlobalTotal {
  readonly #op: GlobalReduction["op"];
  #accumulator: number;
  #count = 0;

  constructor(op: GlobalReduction["op"]) {
    this.#op = op;
    this.#accumulator = reduceOps[op].start;
  }

  /** Adds a leaf's accumulator over `count` elements. */
  add(accumulator: number, count: number): void {
    this.#accumulator = reduceOps[this.#op].combine(this.#accumulator, accumulator);
    this.#count += count;
  }

  /** The value over all leaves added. */
  finish(): number {
    return reduceOps[this.#op].finish(this.#accumulator, this.#count);
  }
}

/** The reductions over the tree, as far as they are known. */
export type Known = readonly (number | undefined)[];

/** `symbols` and the reductions over the tree known so far. */
export function withGlobals(
  symbols: ReadonlyMap<string, number>,
  globals: Known,
): ReadonlyMap<string, number> {
  let all: Map<string, number> | undefined;
  for (let k = 0; k < globals.length; k++) {
    const value = globals[k];
    if (value !== undefined) (all ??= new Map(symbols)).set(globalSymbol(k), value);
  }
  return all ?? symbols;
}

/** The leaves of a step that one backend runs. */
export interface Part {
  /** Takes the arrays that the leaves have by now, if they lie where such arrays did. */
  refit(): boolean;
  /** Reads what a step starts from. */
  begin(): void;
  /** Runs a phase of the leaves that have it. */
  execute(phase: number, globals: Known): void;
  /** Gives what a leaf, by its place in the part, came to in `phase` of each reduction over the tree. */
  eachGlobal(leaf: number, phase: number, add: AddGlobal): void;
  /** Writes what no phase has written. */
  end(): void;
  /** The new values of states kept once for the tree, as a group computes them. */
  treeStates(group: GroupRun, globals: Known): Map<string, number>;
}

/** Takes the accumulator of the `k`th reduction over the tree, which `count` elements went into. */
export type AddGlobal = (k: number, accumulator: number, count: number) => void;
