/** What an optimizer is like, measured by running it on made-up gradients. */
import { formOf, symbolsIn } from "../dsl/rewrite/form.ts";
import { simplifyForm } from "../dsl/rewrite/simplify_program.ts";
import type { Program } from "../dsl/program.ts";
import { factory } from "../runtime/define.ts";
import { explain } from "../runtime/explain.ts";
import { guessed, run } from "./probe.ts";
import { gradientStream } from "./streams.ts";

/** One point of a response curve. */
export interface ResponsePoint {
  /** The gradient at the step after the warm-up, whose gradients had size 1. */
  readonly gradient: number;
  /** The update that it makes: the mean over elements with different pasts, each also turned around. */
  readonly update: number;
}

/** How a state forgets. */
export interface TimeConstant {
  /** The name of the state. */
  readonly state: string;
  /** What is left of the state from one step without gradient to the next. */
  readonly ratio: number;
  /** After how many steps half of it is left. */
  readonly halfLife: number;
}

/** What {@linkcode describe} tells. Only `reads` and `bytesPerParameter` are known; the rest is measured. */
export interface Description {
  /** What the update depends on, in this step or through the states: `g`, `w`, inputs, hyperparameters. */
  readonly reads: readonly string[];
  /** Bytes of state for each float32 parameter. */
  readonly bytesPerParameter: number;
  /** Whether all updates of a parameter at 0 have one size, or are 0. */
  readonly signLike: boolean;
  /** The update by the gradient of one step. */
  readonly response: readonly ResponsePoint[];
  /** States that shrink by the same factor at each step without gradient. */
  readonly timeConstants: readonly TimeConstant[];
  /**
   * How updates follow the learning rate: `proportional`, `ignored`, `otherwise`, or `absent` if there is
   * none.
   */
  readonly learningRate: "proportional" | "ignored" | "otherwise" | "absent";
  /** What becomes of updates of a parameter at 0 when all gradients are 16 times as large. */
  readonly gradientScale: "invariant" | "proportional" | "otherwise";
  /** How much of a parameter of 1 a step takes away by its size alone, without any gradient. */
  readonly decay: number;
  /** The whole as text, which says what was measured. */
  toString(): string;
}

const WARM_UP = 100;
const GRADIENTS = [-100, -10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10, 100];
const SHAPES = [[2, 2]];
const SIZE = 4;

/**
 * Describes an optimizer: whether it is sign-like, how its update answers to the gradient, how long its
 * states remember, what it reads and keeps, and whether it obeys the learning rate. Nearly all of it is
 * measured, in float64, with hyperparameters at their defaults and `learningRate` 0.01 if it has none; so
 * it holds for what was run.
 *
 * @example
 * ```ts
 * import { describe } from "@gradus/gradus/derive";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const { signLike, timeConstants, learningRate, bytesPerParameter } = describe(lion.program);
 * assertEquals([signLike, learningRate, bytesPerParameter], [true, "proportional", 4]);
 * assertEquals(timeConstants.map(({ state, halfLife }) => `${state} ${halfLife.toFixed(1)}`), ["m 69.0"]);
 * ```
 */
export function describe(
  program: Program,
  hyper: Readonly<Record<string, number | boolean>> = {},
): Description {
  const zeros = new Float64Array(SIZE);
  const warmUp = gradientStream("gaussian", 5, WARM_UP, SIZE).map((gradient) =>
    gradient.map((x, i) => x * 2 ** (3 - i)) // of size 1, all of them
  );
  const probe = (
    gradients: readonly Float64Array[],
    more: { params?: Float64Array; hyper?: Record<string, number | boolean> } = {},
  ) =>
    run(program, {
      gradients,
      params: more.params ?? zeros,
      shapes: SHAPES,
      hyper: { ...hyper, ...more.hyper },
      isFrozen: true,
    });
  const last = ({ updates }: { updates: Float64Array[] }) => updates[updates.length - 1];
  const pasts = [warmUp, warmUp.map((each) => each.map((x) => -x))];
  const answer = (gradient: number) => {
    const now = new Float64Array(SIZE).fill(gradient);
    const updates = pasts.flatMap((past) => [...last(probe([...past, now]))]);
    return updates.reduce((a, b) => a + b) / updates.length;
  };
  const plain = probe(warmUp);
  const sizes = plain.updates.flatMap((each) => [...each].filter((x) => x !== 0).map(Math.abs));
  const description = {
    reads: readsOf(program),
    bytesPerParameter: explain(factory(program)({ ...guessed(program), ...hyper })).stateBytes,
    signLike: sizes.length > 0 && isClose(Math.min(...sizes), Math.max(...sizes)),
    response: GRADIENTS.map((gradient) => ({ gradient, update: answer(gradient) })),
    timeConstants: timeConstants(
      program,
      probe([
        ...warmUp,
        ...Array.from({ length: 50 }, () => zeros),
      ]).states,
    ),
    learningRate: learningRateOf(),
    gradientScale: compare(
      plain.updates,
      probe(warmUp.map((g) => g.map((x) => 16 * x))).updates,
      16,
    ),
    decay: decayOf(),
  };
  return Object.freeze({ ...description, toString: () => write(program, description) });

  function learningRateOf(): Description["learningRate"] {
    if (!program.hyper.has("learningRate")) return "absent";
    const rate = hyper.learningRate ?? guessed(program).learningRate ??
      program.hyper.get("learningRate") as number;
    const doubled = probe(warmUp, { hyper: { learningRate: 2 * (rate as number) } });
    const is = compare(plain.updates, doubled.updates, 2);
    return is === "invariant" ? "ignored" : is;
  }

  function decayOf(): number {
    const ones = new Float64Array(SIZE).fill(1);
    return probe([zeros]).updates[0][0] - probe([zeros], { params: ones }).updates[0][0];
  }
}

function isClose(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-4 * Math.max(Math.abs(a), Math.abs(b)) || a === b;
}

/** Whether all of `after` is as large as before, or `factor` times as large. */
function compare(
  before: readonly Float64Array[],
  after: readonly Float64Array[],
  factor: number,
): "invariant" | "proportional" | "otherwise" {
  const every = (scale: number) =>
    before.every((each, step) => each.every((x, i) => isClose(scale * x, after[step][i])));
  return every(1) ? "invariant" : every(factor) ? "proportional" : "otherwise";
}

function timeConstants(
  program: Program,
  states: readonly ReadonlyMap<string, Float64Array>[],
): TimeConstant[] {
  return [...program.state.keys()].flatMap((state) => {
    const values = states.slice(WARM_UP).map((each) => each.get(state)![0]);
    const ratios = values.slice(1).map((x, i) => x / values[i]);
    const [ratio] = ratios;
    const isGeometric = ratios.every((each) => isClose(each, ratio));
    if (!isGeometric || !(Math.abs(ratio) < 1 && ratio !== 0)) return [];
    return [{ state, ratio, halfLife: Math.log(2) / -Math.log(Math.abs(ratio)) }];
  });
}

/** What the update reads of all that is given, once what is dead is gone. */
function readsOf(program: Program): string[] {
  const { form } = simplifyForm(formOf(program), {});
  const read = symbolsIn(form.outputs.values());
  return [...read].filter((name) => !form.state.has(name)).sort();
}

function write(program: Program, of: Omit<Description, "toString">): string {
  const number = (x: number) => String(Number(x.toPrecision(3)));
  const lines = [
    `${program.name}`,
    `  reads ${of.reads.join(", ")}`,
    `  keeps ${of.bytesPerParameter} bytes a parameter`,
    `Measured by running it, hyperparameters at their defaults:`,
    `  ${of.signLike ? "sign-like: every update has one size, or is 0" : "not sign-like"}`,
    `  learning rate: ${of.learningRate}`,
    `  all gradients 16 times as large: ${
      of.gradientScale === "invariant" ? "the same updates" : of.gradientScale
    }`,
    `  decay: ${number(of.decay)} of a parameter a step`,
    ...of.timeConstants.map(({ state, halfLife }) =>
      `  state ${state} halves in ${number(halfLife)} steps`
    ),
    `  gradient of one step -> update, mean after ${WARM_UP} steps of size 1:`,
    ...of.response.map(({ gradient, update }) =>
      `    ${String(gradient).padStart(6)} -> ${number(update)}`
    ),
  ];
  return lines.join("\n");
}
