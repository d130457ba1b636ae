/** One run: an optimizer trains on a problem, and its curves are kept. */
import type { Optimizer } from "../../runtime/optimizer.ts";
import { scheduleOf } from "../tasks/common.ts";
import type { RaceProblem, RaceTask } from "./task.ts";

/** What a run gave. */
export interface Run {
  /** The steps after which curves have a point. */
  readonly marks: readonly number[];
  /** The loss at the start. */
  readonly first: number;
  /** The mean training loss between one mark and the next. */
  readonly losses: readonly number[];
  /** The scores at the marks; empty if they were not asked for. */
  readonly scores: readonly number[];
  /** The loss that rates are chosen by, in the end; infinite if the run exploded. */
  readonly validation: number;
}

/** How a run goes. */
export interface RunOptions {
  readonly task: RaceTask;
  readonly problem: RaceProblem;
  readonly steps: number;
  /** Whether scores are kept. */
  readonly isScored: boolean;
}

/** How many points a curve has at most. */
const MARKS = 30;

/** The steps of a run after which curves have a point. */
export function marksOf(steps: number): number[] {
  return [...new Set(Array.from({ length: MARKS }, (_, i) => Math.ceil(steps * (i + 1) / MARKS)))];
}

/** How a learning rate goes over a run: as in all tasks of searches, or constant after a rise. */
export type Shape = "cosine" | "constant";

/** The factors of a learning rate, a number a step. */
export function factorsOf(shape: Shape, steps: number): Float64Array {
  const factors = scheduleOf(steps);
  if (shape === "cosine") return factors;
  let risen = 0;
  return factors.map((factor) => risen = Math.max(risen, factor));
}

/** Trains, and tells at each mark which share of the run is done. */
export function* train(
  opt: Optimizer,
  { task, problem, steps, isScored }: RunOptions,
): Generator<number, Run> {
  const sizes = task.shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  const [w, g] = [0, 1].map(() => new Float32Array(sizes.reduce((a, b) => a + b, 0)));
  // Leaves of one array each, which a step changes where it is.
  const [params, gradients] = [w, g].map((flat) => leavesOf(flat, task.shapes));
  problem.start(w);
  const state = opt.init(params);
  const evaluated = new Float32Array(w.length);
  const evaluate = (measure: (w: Float32Array) => number) => {
    let at = 0;
    for (const { data } of opt.evaluationParams(params, state)) {
      evaluated.set(data, at);
      at += data.length;
    }
    return measure(evaluated);
  };
  const needsLoss = opt.program.inputs.has("value");
  const marks = new Set(marksOf(steps));
  const run = { marks: [...marks], first: NaN, losses: [] as number[], scores: [] as number[] };
  let [sum, since] = [0, 0];
  for (let step = 1; step <= steps; step++) {
    const loss = problem.gradient(w, step - 1, g);
    if (step === 1) run.first = loss;
    if (!Number.isFinite(loss)) return { ...run, validation: Infinity };
    opt.step(params, gradients, state, needsLoss ? { value: loss } : {});
    [sum, since] = [sum + loss, since + 1];
    if (!marks.has(step)) continue;
    run.losses.push(sum / since);
    if (isScored) run.scores.push(evaluate((w) => problem.score(w)));
    [sum, since] = [0, 0];
    yield step / steps;
  }
  const validation = evaluate((w) => problem.validate(w));
  return { ...run, validation: Number.isFinite(validation) ? validation : Infinity };
}

/** Leaves of these shapes, one after the other in an array. */
function leavesOf(flat: Float32Array, shapes: RaceTask["shapes"]) {
  let at = 0;
  return shapes.map((shape) => {
    const length = shape.reduce((a, b) => a * b, 1);
    return { data: flat.subarray(at, at += length), shape };
  });
}
