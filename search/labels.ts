/** Says what kind of rule a program is, by trying it. */
import { analyse } from "./abstract.ts";
import type { Genome } from "./genome.ts";
import { Recorder, type Recording } from "./recorder.ts";
import type { Space } from "./space.ts";

/** What a program is like. */
export interface RuleLabels {
  /** The update's size for a gradient of 10 over that of 1, once settled: below 1.5 is like sign. */
  readonly response: number;
  /** How the update grows with the gradient. */
  readonly shape:
    | "none"
    | "redescending"
    | "sign-like"
    | "sublinear"
    | "linear"
    | "superlinear"
    | "undefined";
  /** Whether the opposite gradient gives the opposite update. */
  readonly isOdd: boolean;
  /** The power of the learning rate that the update goes with: 1 obeys the schedule, 0 ignores it. */
  readonly lrPower: number;
  /** How the parameter enters. */
  readonly weight: "not at all" | "decays" | "otherwise";
  /** Steps after a gradient turns round until the update does; `undefined` if it never does. */
  readonly delay: number | undefined;
  /** States that matter. */
  readonly states: number;
}

const STEPS = 200;
const TURN = 150;
/** One experiment a tensor of 4 elements: constant gradients, parameters, and one that turns round. */
const EXPERIMENTS: readonly { readonly g: number; readonly w: number; readonly turns?: true }[] = [
  { g: 1, w: 0 },
  { g: 10, w: 0 },
  { g: -1, w: 0 },
  { g: -10, w: 0 },
  { g: 1, w: 1 },
  { g: 1, w: 2 },
  { g: 1, w: 0, turns: true },
];

/**
 * Labels a program.
 *
 * @example
 * ```ts
 * import { labelsOf, parseGenome, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const text = "m = interp(g, m, 0.9)\nx = sign(m)\nd = mul(w, 0.1)\nx = add(x, d)\nupdate = mul(x, lr)";
 * const labels = labelsOf(space(), parseGenome(space(), text));
 * assertEquals([labels.shape, labels.weight, labels.lrPower, labels.states], ["sign-like", "decays", 1, 1]);
 * ```
 */
export function labelsOf(space: Space, genome: Genome): RuleLabels {
  const analysis = analyse(space, genome);
  const recording = (lr: number): Recording => ({
    steps: STEPS,
    size: 4 * EXPERIMENTS.length,
    tensors: EXPERIMENTS.map((_, i) => ({ at: 4 * i, length: 4 })),
    lr: new Float64Array(STEPS).fill(lr),
    at: (step, i) => {
      const { g, w, turns } = EXPERIMENTS[Math.floor(i / 4)];
      return [w, turns && step >= TURN ? -g : g];
    },
  });
  const full = new Recorder(space, recording(1)).updates(analysis);
  const half = new Recorder(space, recording(0.5)).updates(analysis);
  const stride = full.length / STEPS;
  const at = (updates: Float32Array, experiment: number, step: number) =>
    updates[step * stride + 4 * experiment];
  const settled = (experiment: number) => at(full, experiment, TURN - 1);
  const [one, ten, minusOne, minusTen, atOne, atTwo] = EXPERIMENTS.map((_, i) => settled(i));
  const isNear = (a: number, b: number, scale: number) => Math.abs(a - b) <= 1e-3 * Math.abs(scale);
  const response = Math.abs(ten / one);
  let delay: number | undefined;
  const start = at(full, EXPERIMENTS.length - 1, TURN - 1);
  for (let step = TURN; step < STEPS && delay === undefined; step++) {
    if (at(full, EXPERIMENTS.length - 1, step) * start < 0) delay = step - TURN;
  }
  const shift = [atOne - one, atTwo - one];
  return {
    response,
    shape: shapeOf(one, ten, response),
    isOdd: isNear(one, -minusOne, one) && isNear(ten, -minusTen, ten),
    lrPower: Math.round(1000 * Math.log2(Math.abs(one / at(half, 0, TURN - 1)))) / 1000,
    weight: shift[0] === 0 && shift[1] === 0
      ? "not at all"
      : isNear(shift[1], 2 * shift[0], shift[1]) && shift[0] * one > 0
      ? "decays"
      : "otherwise",
    delay,
    states: analysis.states.length,
  };
}

function shapeOf(one: number, ten: number, response: number): RuleLabels["shape"] {
  if (one === 0 && ten === 0) return "none";
  if (!Number.isFinite(response)) return "undefined";
  if (response < 0.9) return "redescending";
  if (response < 1.5) return "sign-like";
  if (response < 8) return "sublinear";
  return response < 12 ? "linear" : "superlinear";
}

/**
 * Labels in a line.
 *
 * @example
 * ```ts
 * import { labelsOf, labelText, parseGenome, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const labels = labelsOf(space(), parseGenome(space(), "update = mul(g, lr)"));
 * assertEquals(
 *   labelText(labels),
 *   "linear; learning rate to the power 1; no decay; turns after 0 steps; 0 states",
 * );
 * ```
 */
export function labelText({ shape, isOdd, lrPower, weight, delay, states }: RuleLabels): string {
  return [
    `${shape}${isOdd ? "" : ", not odd"}`,
    Number.isNaN(lrPower)
      ? "no power of the learning rate"
      : `learning rate to the power ${lrPower}`,
    weight === "decays" ? "weight decay" : weight === "otherwise" ? "depends on w" : "no decay",
    delay === undefined ? "never turns" : `turns after ${delay} steps`,
    `${states} state${states === 1 ? "" : "s"}`,
  ].join("; ");
}
