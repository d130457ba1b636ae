/** Holds optimizers against rules of a whole tree, worked out in plain numbers. */
import { applyUpdates, type Optimizer, type Tensor } from "../../mod.ts";
import { assert } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { randomArray } from "../runtime/random.ts";

/** The numbers of each leaf. */
export type Numbers = readonly (readonly number[])[];

/**
 * What one step adds to the parameters `w`. A rule keeps its own state, so it is made anew for each run.
 */
export type Rule = (w: Numbers, g: Numbers, t: number, value: number) => number[][];

/** A vector and a matrix. */
export const SHAPES: readonly (readonly number[])[] = [[4], [2, 3]];

const STEPS = 5;
const PRECISIONS = [
  { dtype: Float64Array, tolerance: 1e-12 },
  { dtype: Float32Array, tolerance: 4e-6 },
] as const;

/** How a rule is tried. */
export interface Trial {
  readonly shapes?: readonly (readonly number[])[];
  /** The gradients at a step, from 1. Default: random ones. */
  readonly gradients?: (t: number, leaf: number, random: readonly number[]) => readonly number[];
}

/** Tests that `opt` adds what a rule says, of the largest number in its array to within rounding. */
export function testRule(
  name: string,
  opt: Optimizer,
  makeRule: () => Rule,
  { shapes = SHAPES, gradients = (_t, _leaf, random) => random }: Trial = {},
): void {
  const sizes = shapes.map((shape) => shape.reduce((a, b) => a * b, 1));
  for (const backend of BACKENDS) {
    for (const { dtype, tolerance } of PRECISIONS) {
      Deno.test(`${name} (${dtype.name}, ${backend})`, () => {
        const tree = (numbers: Numbers): Tensor[] =>
          shapes.map((shape, i) => ({ data: dtype.from(numbers[i]), shape }));
        const run = opt.with({ backend });
        const rule = makeRule();
        let w = sizes.map((n, i) => [...randomArray(n, 1 + i)]);
        let params = tree(w);
        let state = run.init(params);
        const inPlace = { params: tree(w), state: run.init(tree(w)) };
        for (let t = 1; t <= STEPS; t++) {
          const g = sizes.map((n, i) => [...gradients(t, i, [...randomArray(n, 10 * t + i)])]);
          const inputs = run.program.inputs.has("value") ? { value: 3 / t } : {};
          const expected = rule(w, g, t, 3 / t);
          const [updates, next] = run.update(tree(g), state, params, inputs);
          run.step(inPlace.params, tree(g), inPlace.state, inputs);
          [params, state] = [applyUpdates(params, updates), next];
          w = w.map((numbers, i) => numbers.map((number, k) => number + expected[i][k]));
          expected.forEach((numbers, i) => {
            const scale = Math.max(...numbers.map(Math.abs));
            numbers.forEach((number, k) => {
              const error = Math.abs(updates[i].data[k] - number);
              assert(
                error <= tolerance * scale,
                `step ${t}, leaf ${i}: ${updates[i].data[k]} is not ${number}`,
              );
            });
            const size = Math.max(...w[i].map(Math.abs));
            w[i].forEach((number, k) => {
              const error = Math.abs(inPlace.params[i].data[k] - number);
              assert(
                error <= tolerance * size,
                `step ${t}, leaf ${i}: ${inPlace.params[i].data[k]} is not ${number}`,
              );
            });
          });
        }
      });
    }
  }
}

/** The norm of some numbers. */
export const norm = (x: readonly number[]): number => Math.sqrt(sum(x.map((v) => v * v)));

/** The sum of some numbers. */
export const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

/** The root of the mean square. */
export const rms = (x: readonly number[]): number => Math.sqrt(sum(x.map((v) => v * v)) / x.length);

/** `f` at every element of some trees. */
export const each = (
  f: (...x: number[]) => number,
  ...trees: Numbers[]
): number[][] =>
  trees[0].map((leaf, i) => leaf.map((_, k) => f(...trees.map((tree) => tree[i][k]))));

/** A tree of one number. */
export const filled = (value: number, like: Numbers): number[][] => each(() => value, like);
