/** What an optimizer is like, measured by running it on made-up gradients. */
import { symbolsIn } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { type Form, formOf } from "../../dsl/rewrite/form.ts";
import { simplifyForm } from "../../dsl/rewrite/simplify_program.ts";
import { factory } from "../../runtime/define.ts";
import { explain } from "../../runtime/explain.ts";
import { gradientStream } from "./gradient_streams.ts";
import { guessed, type Probe, type Run, run } from "./probe.ts";
import {
  decayOf,
  isClose,
  isScaled,
  moves,
  powerOf,
  type Shape,
  shapeOf,
  turnOf,
} from "./responses.ts";

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

/**
 * What {@linkcode describe} tells. Only `reads`, `states` and `bytesPerParameter` are known; the rest is
 * measured, and NaN or `undefined` where there was nothing to measure.
 */
export interface Description {
  /** What the update depends on, in this step or through the states: `g`, `w`, inputs, hyperparameters. */
  readonly reads: readonly string[];
  /** How many states the update depends on. */
  readonly states: number;
  /** Bytes of state for each float32 parameter. */
  readonly bytesPerParameter: number;
  /** The parameter that gradients were tried at: 0, or 1 if no update is finite and not 0 there. */
  readonly measuredAt: 0 | 1;
  /** How the update grows with the gradient. */
  readonly shape: Shape;
  /** The power of the gradient that updates go with when all gradients are 16 times as large. */
  readonly gradientPower: number;
  /** Whether opposite gradients give opposite updates. */
  readonly isOdd: boolean;
  /**
   * The power of the learning rate that updates go with when it doubles: 1 obeys a schedule, 0 ignores it.
   * `undefined` if there is none.
   */
  readonly learningRatePower: number | undefined;
  /** How the parameter enters: not at all, by the same share taken away whatever the gradient, or else. */
  readonly parameter: "not at all" | "decays" | "otherwise";
  /** How much of a parameter of 1 a step takes away, if it decays. */
  readonly decay: number;
  /** Steps after a constant gradient turned around until the update does, if it does within 50. */
  readonly turnsAfter: number | undefined;
  /** The update by the gradient of one step. */
  readonly response: readonly ResponsePoint[];
  /** States that shrink by the same factor at each step without gradient. */
  readonly timeConstants: readonly TimeConstant[];
  /** The most telling of it in a line. */
  readonly summary: string;
  /** The whole as text, which says what was measured. */
  toString(): string;
}

const [WARM_UP, FADE] = [100, 50];
const [TURN, TURNED] = [150, 50];
const LARGER = 16;
const GRADIENTS = [-100, -10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10, 100];
const SHAPES = [[2, 2]];
const SIZE = 4;

/**
 * Describes an optimizer: how its update answers to the gradient, the learning rate and the parameter,
 * how long its states remember, what it reads and keeps. Nearly all of it is measured, in float64, with
 * hyperparameters at their defaults and `learningRate` 0.01 if it has none; so it holds for what was run.
 * Updates that are no finite numbers are no mistake: where there are too few others, `shape` is
 * `"undefined"`.
 *
 * @example
 * ```ts
 * import { describe } from "@gradus/gradus/derive";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const { summary, timeConstants, bytesPerParameter } = describe(lion.program);
 * assertEquals(
 *   summary,
 *   "sign-like; learning rate to the power 1; weight decay; turns after 47 steps; 1 state",
 * );
 * assertEquals(bytesPerParameter, 4);
 * assertEquals(timeConstants.map(({ state, halfLife }) => `${state} ${halfLife.toFixed(1)}`), ["m 69.0"]);
 * ```
 *
 * @throws {GradusError} if `hyper` has a value that the program does not take, or the program needs
 * tensors of other than 2 axes.
 */
export function describe(
  program: Program,
  hyper: Readonly<Record<string, number | boolean>> = {},
): Description {
  const stream = gradientStream("gaussian", 5, WARM_UP, SIZE)
    .map((gradient) => gradient.map((x, i) => x * 2 ** (3 - i))); // of size 1, all of them
  const times = (factor: number) => stream.map((gradient) => gradient.map((x) => factor * x));
  const all = (value: number) => new Float64Array(SIZE).fill(value);
  const probe = (w: number, gradients: readonly Float64Array[], more: Partial<Probe> = {}) =>
    run(program, { gradients, params: all(w), shapes: SHAPES, hyper, isFrozen: true, ...more });

  const [at0, at1, at2] = [0, 1, 2].map((w) => probe(w, stream));
  const measuredAt = moves(at0.updates) || !moves(at1.updates) ? 0 : 1;
  const plain = measuredAt === 0 ? at0 : at1;
  const opposite = probe(measuredAt, times(-1));
  const large = probe(measuredAt, times(LARGER)).updates;
  const turning = Array.from({ length: TURN + TURNED }, (_, step) => all(step < TURN ? 1 : -1));
  const answer = (gradient: number) => {
    const updates = [plain, opposite].flatMap((after) => [
      ...probe(measuredAt, [all(gradient)], { after }).updates[0],
    ]);
    const mean = updates.reduce((a, b) => a + b) / updates.length;
    // Of updates that cancel, rounding is left.
    return Math.abs(mean) < 1e-12 * Math.max(...updates.map(Math.abs)) ? 0 : mean;
  };
  const { form } = simplifyForm(formOf(program), {});
  const gradientPower = powerOf(plain.updates, large, LARGER);
  const reads = readsOf(form);
  const decay = reads.includes("w") ? decayOf(at0.updates, at1.updates, at2.updates) : 0;
  const measured = {
    reads,
    states: form.state.size,
    bytesPerParameter: explain(factory(program)({ ...guessed(program), ...hyper })).stateBytes,
    measuredAt,
    shape: shapeOf(plain.updates, opposite.updates, large, gradientPower),
    gradientPower,
    isOdd: isScaled(plain.updates, opposite.updates, -1),
    learningRatePower: learningRatePower(),
    parameter: decay === undefined ? "otherwise" : decay === 0 ? "not at all" : "decays",
    decay: decay ?? 0,
    turnsAfter: turnOf(probe(measuredAt, turning).updates, TURN),
    response: GRADIENTS.map((gradient) => ({ gradient, update: answer(gradient) })),
    timeConstants: timeConstants(
      program,
      plain,
      probe(measuredAt, Array.from({ length: FADE }, () => all(0)), { after: plain }),
    ),
  } as const;
  const description = { ...measured, summary: summaryOf(measured) };
  return Object.freeze({ ...description, toString: () => write(program, description) });

  function learningRatePower(): number | undefined {
    if (!program.hyper.has("learningRate")) return undefined;
    const { learningRate } = {
      ...Object.fromEntries(program.hyper),
      ...guessed(program),
      ...hyper,
    };
    const doubled = { ...hyper, learningRate: 2 * (learningRate as number) };
    return powerOf(plain.updates, probe(measuredAt, stream, { hyper: doubled }).updates, 2);
  }
}

function timeConstants(program: Program, before: Run, fading: Run): TimeConstant[] {
  return [...program.state.keys()].flatMap((state) => {
    const values = [before.states[WARM_UP - 1], ...fading.states].map((each) =>
      each.get(state)![0]
    );
    const ratios = values.slice(1).map((x, i) => x / values[i]);
    const [ratio] = ratios;
    const isGeometric = ratios.every((each) => isClose(each, ratio));
    if (!isGeometric || !(Math.abs(ratio) < 1 && ratio !== 0)) return [];
    return [{ state, ratio, halfLife: Math.log(2) / -Math.log(Math.abs(ratio)) }];
  });
}

/** What the update reads of all that is given, once what is dead is gone. */
function readsOf(form: Form): string[] {
  const read = symbolsIn(form.outputs.values());
  return [...read].filter((name) => !form.state.has(name)).sort();
}

type Measured = Omit<Description, "summary" | "toString">;

function summaryOf(of: Measured): string {
  const { shape, isOdd, learningRatePower: power, parameter, turnsAfter: turns, states } = of;
  return [
    shape === "none"
      ? "ignores the gradient"
      : shape === "undefined" || isOdd
      ? shape
      : `${shape}, not odd`,
    power === undefined
      ? "no learning rate"
      : Number.isNaN(power)
      ? "no power of the learning rate"
      : `learning rate to the power ${power}`,
    parameter === "decays"
      ? "weight decay"
      : parameter === "otherwise"
      ? "depends on w"
      : "no decay",
    turns === undefined ? "never turns" : `turns after ${counted(turns, "step")}`,
    counted(states, "state"),
  ].join("; ");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function write(program: Program, of: Measured): string {
  const number = (x: number) => String(Number(x.toPrecision(3)));
  const lines = [
    `${program.name}`,
    `  reads ${of.reads.join(", ") || "nothing"}`,
    `  keeps ${counted(of.states, "state")}, ${of.bytesPerParameter} bytes a parameter`,
    `Measured by running it at a parameter of ${of.measuredAt}, hyperparameters at their defaults:`,
    `  ${of.shape === "sign-like" ? "sign-like: every update has one size, or is 0" : of.shape}`,
    `  opposite gradients: ${of.isOdd ? "opposite updates" : "no opposite updates"}`,
    `  all gradients ${LARGER} times as large: updates go with the gradient to the power ` +
    `${of.gradientPower}`,
    of.learningRatePower === undefined
      ? "  no learning rate"
      : `  updates go with the learning rate to the power ${of.learningRatePower}`,
    `  the parameter enters ${
      of.parameter === "decays" ? `by decay: ${number(of.decay)} of it a step` : of.parameter
    }`,
    `  a gradient turned around after ${TURN} steps: ${
      of.turnsAfter === undefined
        ? `the update does not turn in ${TURNED} steps`
        : `the update turns after ${counted(of.turnsAfter, "step")}`
    }`,
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
