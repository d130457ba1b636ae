/** The trajectories of the rules of 2024 to 2026 as typed data: README.md describes the file. */
import {
  type Document,
  factory,
  type Optimizer,
  printProgram,
  type Schedule,
  type Tensor,
} from "../../mod.ts";
import { parseProgram } from "../../dsl/check.ts";
import type { Program } from "../../dsl/program.ts";

/** An array of one leaf, as the file has it: lists of lists. */
export type Numbers = readonly (number | Numbers)[];

/** What a reference did with one set of arguments. */
export interface ZooCase {
  readonly fn: string;
  // deno-lint-ignore no-explicit-any -- the arguments of each reference are its own
  readonly args: Readonly<Record<string, any>>;
  /** The leaves that it stepped. */
  readonly leaves: readonly string[];
  readonly dtype: "float32" | "float64";
  /** Learning rates by step, in the place of `args.lr`. */
  readonly lr_per_step?: readonly number[];
  readonly note?: string;
  /** What it drew at random, or what only it knows. */
  readonly aux?: Readonly<Record<string, unknown>>;
  /** The leaves after each step. */
  readonly trajectory: readonly Readonly<Record<string, Numbers>>[];
}

/** The rates that a scheduler gave. */
export interface ZooSchedule {
  readonly fn: string;
  // deno-lint-ignore no-explicit-any -- the arguments of each scheduler are its own
  readonly args: Readonly<Record<string, any>>;
  readonly base_lr: number;
  readonly lr: readonly number[];
  readonly momentum?: readonly number[];
}

interface File {
  readonly meta: {
    readonly steps: number;
    readonly params0: Readonly<Record<string, Numbers>>;
    readonly grads: readonly Readonly<Record<string, Numbers>>[];
    readonly values: readonly number[];
  };
  readonly cases: readonly ZooCase[];
  readonly schedules: readonly ZooSchedule[];
}

/** The file. */
export const zoo2026: File = JSON.parse(
  Deno.readTextFileSync(new URL("zoo2026.json", import.meta.url)),
);

/** Named tensors in float64. */
export type Leaves = Record<string, Tensor>;

/** Lists of lists as a tensor. */
export function tensor(numbers: Numbers): Tensor {
  const shape: number[] = [];
  for (let at: number | Numbers = numbers; typeof at !== "number"; at = at[0]) {
    shape.push(at.length);
  }
  const flat = (each: number | Numbers): number[] =>
    typeof each === "number" ? [each] : each.flatMap(flat);
  return { data: Float64Array.from(flat(numbers)), shape };
}

/** Those of `leaves` that are named. */
export function pick(leaves: Readonly<Record<string, Numbers>>, names: readonly string[]): Leaves {
  return Object.fromEntries(names.map((name) => [name, tensor(leaves[name])]));
}

/** The learning rate of a case: a schedule where it has one by step. */
export function rateOf({ args, lr_per_step: rates }: ZooCase): number | Schedule {
  return rates === undefined ? args.lr : (count) => rates[count];
}

/** Numbers or states that take the place of those before a step, such as what a reference drew. */
export type Meanwhile = (state: Record<string, unknown>, t: number) => void;

/**
 * The largest difference between a case and what `opt` does with the leaves of `names`, for numbers x
 * relative to max(|x|, 1).
 */
export function difference(
  opt: Optimizer,
  { trajectory }: ZooCase,
  names: readonly string[],
  meanwhile: Meanwhile = () => {},
): number {
  const { params0, grads } = zoo2026.meta;
  const params = pick(params0, names);
  const state = opt.init(params);
  let largest = 0;
  trajectory.forEach((expected, t) => {
    meanwhile(state as unknown as Record<string, unknown>, t);
    opt.step(params, pick(grads[t], names), state);
    for (const name of names) {
      tensor(expected[name]).data.forEach((value: number, i: number) => {
        const distance = Math.abs(params[name].data[i] - value) / Math.max(1, Math.abs(value));
        // NaN is as far as can be.
        if (!(distance <= largest)) largest = Number.isNaN(distance) ? Infinity : distance;
      });
    }
  });
  return largest;
}

/** `program` with a part of its text replaced, and further states: what it draws itself comes from a test. */
export function fed(
  program: Program,
  text: string,
  by: string,
  state: Document["state"] = {},
): (options: Record<string, unknown>) => Optimizer {
  const document = printProgram(program);
  if (!document.step.includes(text)) throw new Error(`${program.name} does not say ${text}`);
  return factory(parseProgram({
    ...document,
    state: { ...document.state, ...state },
    step: document.step.replaceAll(text, by),
  }));
}

/** Writes a matrix into that of a leaf in a state. */
export function write(state: unknown, leaf: string, { data, shape }: Tensor): void {
  const kept = (state as Leaves)[leaf];
  if (kept.shape.join() !== shape.join()) throw new Error(`${leaf}: ${kept.shape} is not ${shape}`);
  kept.data.set(data);
}

/** The transpose of a matrix. */
export function transposed({ data, shape: [rows, columns] }: Tensor): Tensor {
  return {
    data: data.map((_: number, i: number) => data[(i % rows) * columns + Math.floor(i / rows)]),
    shape: [columns, rows],
  };
}
