/** Runs optimizers along the golden trajectories, and measures how far from them they come. */
import { applyUpdates, type Backend, type Optimizer, type Tensor } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import type { Case, StreamNumbers } from "./cases.ts";

/** Everything that can run an optimizer. */
export const BACKENDS: readonly Backend[] = ["wasm", "js", "interpreter"];

/** The type that parameters are held and computed in. */
export type Precision = "float32" | "float64";

/** The arrays of a tree as lists of numbers by their names. */
export type Leaves = Readonly<Record<string, readonly number[]>>;

/** A step of a trajectory; `updates` is left out where a run does not show them. */
export interface Step {
  readonly updates?: Leaves;
  readonly params: Leaves;
}

/** The stream's tree: a bare array and a matrix. */
export interface StreamTree {
  readonly b: Float32Array | Float64Array;
  readonly w: Tensor;
}

/** The functional `update` with `applyUpdates`, or `step` in place. */
export type Manner = "update" | "step";

const numbersOf = (precision: Precision, values: readonly number[]) =>
  precision === "float32" ? Float32Array.from(values) : Float64Array.from(values);

const treeOf = (precision: Precision, b: readonly number[], w: readonly number[]): StreamTree => ({
  b: numbersOf(precision, b),
  w: { data: numbersOf(precision, w), shape: [2, 3] },
});

/** The stream's first parameters. */
export function streamParams(precision: Precision): StreamTree {
  return treeOf(precision, [1, -2, 0.25, 3], [0.5, -1.25, 2, -0.75, 0, 1.5]);
}

/**
 * The stream's gradients at step `t`, from 0. They are float32 numbers in either precision; where
 * the factor is 0, the cosine still gives the zero its sign.
 */
export function streamGradients(precision: Precision, t: number): StreamTree {
  const b = [0, 1, 2, 3].map((i) =>
    Math.fround(Math.cos(0.9 * (i + 1) + 0.8 * t) * (i === 2 && t % 2 === 0 ? 0 : 2))
  );
  const w = [0, 1, 2, 3, 4, 5].map((k) => Math.fround(Math.sin(0.7 * (k + 1) + 1.3 * t)));
  return treeOf(precision, b, w);
}

/** The loss that goes with the stream's gradients: like these a float32 number in either precision. */
export function streamValue(t: number): number {
  return Math.fround(2 / (t + 1));
}

/** What `opt` does on the stream. */
export function replayStream(opt: Optimizer, precision: Precision, manner: Manner): Step[] {
  const inputs = (t: number) => opt.program.inputs.has("value") ? { value: streamValue(t) } : {};
  return replay(opt, manner, 6, streamParams(precision), {
    gradients: (_, t) => streamGradients(precision, t),
    inputs,
    leaves: ({ b, w }) => ({ b: [...b], w: [...w.data] }),
  });
}

/** What `opt` does on f = Σx² from [1, 2, 3]. */
export function replayQuadratic(opt: Optimizer, precision: Precision, manner: Manner): Step[] {
  const steps = replay(opt, manner, 5, numbersOf(precision, [1, 2, 3]), {
    gradients: (x) => x.map((value) => 2 * value),
    inputs: (_, x) => opt.program.inputs.has("value") ? { value: sumOfSquares(x) } : {},
    leaves: (x) => ({ x: [...x] }),
  });
  return steps.map(({ params }) => ({ params }));
}

/** f = Σx², in the precision of `x`. */
export function sumOfSquares(x: Float32Array | Float64Array): number {
  const round = x instanceof Float32Array ? Math.fround : (value: number) => value;
  return [...x].reduce((sum, value) => round(sum + round(value * value)), 0);
}

/** The steps of a case on the stream. */
export function goldenStream({ trajectory }: Case): Step[] {
  const leaves = ({ b, w }: StreamNumbers): Leaves => ({ b, w: w.flat() });
  return trajectory.map(({ updates, params }) => ({
    updates: leaves(updates),
    params: leaves(params),
  }));
}

/** The steps of a case on f = Σx². */
export function goldenQuadratic({ quadratic }: Case): Step[] {
  return quadratic.map(({ params }) => ({ params: { x: params } }));
}

interface Problem<P> {
  gradients(params: P, t: number): P;
  inputs(t: number, params: P): Record<string, unknown>;
  leaves(tree: P): Leaves;
}

function replay<P extends object>(
  opt: Optimizer,
  manner: Manner,
  steps: number,
  start: P,
  { gradients, inputs, leaves }: Problem<P>,
): Step[] {
  let params = start;
  let state = opt.init(params);
  return Array.from({ length: steps }, (_, t) => {
    const given = [gradients(params, t), inputs(t, params)] as const;
    if (manner === "step") {
      opt.step(params, given[0], state, given[1]);
      return { params: leaves(params) };
    }
    const [updates, next] = opt.update(given[0], state, params, given[1]);
    [params, state] = [applyUpdates(params, updates), next];
    return { updates: leaves(updates), params: leaves(params) };
  });
}

/** Fails unless every number that `actual` shows is the expected one, bit for bit. */
export function assertSameBits(actual: readonly Step[], expected: readonly Step[]): void {
  const bits = (leaves: Leaves | undefined) =>
    Object.entries(leaves ?? {}).map(([name, numbers]) => [name, numbers.map(bitsOf)]);
  assertEquals(actual.length, expected.length);
  actual.forEach((step, t) => {
    if (step.updates !== undefined) assertEquals(bits(step.updates), bits(expected[t].updates));
    assertEquals(bits(step.params), bits(expected[t].params));
  });
}

/** A number with its bits in float32, for a message that tells what looks alike. */
function bitsOf(value: number): string {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  return `${Object.is(value, -0) ? "-0" : value} ${bits.toString(16).padStart(8, "0")}`;
}

/**
 * The largest error of `actual` in what `part` of the steps shows, where the error of a number x is
 * |actual - expected| / max(|expected|, floor·scale), `scale` the largest |expected| in x's array at
 * x's step. A `floor` of 1 measures against the array, one near 0 against each number on its own.
 */
export function largestError(
  actual: readonly Step[],
  expected: readonly Step[],
  part: "updates" | "params",
  floor: number,
): number {
  if (actual.length !== expected.length) {
    throw new Error(`${actual.length} steps cannot be compared with ${expected.length}`);
  }
  const errors = expected.flatMap((step, t) =>
    Object.entries(step[part] ?? missing(part)).flatMap(([name, numbers]) => {
      const given = (actual[t][part] ?? missing(part))[name];
      if (given.length !== numbers.length) throw new Error(`\`${name}\` has another length`);
      const scale = Math.max(...numbers.map(Math.abs));
      return numbers.map((number, i) => {
        const distance = Math.abs(given[i] - number);
        // Where all is 0, nothing but 0 will do.
        return distance === 0 ? 0 : distance / Math.max(Math.abs(number), floor * scale);
      });
    })
  );
  return Math.max(...errors);
}

function missing(part: string): never {
  throw new Error(`The steps do not show ${part}`);
}
