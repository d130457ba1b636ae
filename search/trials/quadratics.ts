/** The quickest task: three noisy quadratics, one loss. */
import { log } from "../programs/exact_math.ts";
import { drawNoise, drawQuadratic } from "../tasks/quadratic_draws.ts";
import { quadratic } from "../tasks/quadratic.ts";
import { DESCENT, type RaceProblem, type RaceTask } from "./task.ts";

/** Of 64 elements each, as matrices, since there are optimizers for those. */
const SIDE = 8;
const QUADRATICS = [
  quadratic({ name: "usual", condition: 100, noise: { scale: 0.3 } }),
  quadratic({ name: "steep", condition: 1000, noise: { scale: 0.3 } }),
  quadratic({ name: "heavy-tailed", condition: 100, noise: { degrees: 2, scale: 0.3 } }),
];

/** The task. */
export function quadratics(): RaceTask {
  return {
    name: "quadratics",
    text: "Three quadratics of 8 by 8 parameters with noisy gradients: of condition 100, of " +
      "condition 1000, and of condition 100 with heavy-tailed noise. The loss is their mean, " +
      "without noise.",
    steps: 300,
    shapes: QUADRATICS.map(() => [SIDE, SIDE]),
    score: DESCENT,
    problem,
  };
}

function problem(seed: number): RaceProblem {
  const parts = QUADRATICS.map((task, i) => ({
    task,
    seed: seed * QUADRATICS.length + i,
    at: i * task.size,
    ...drawQuadratic(task, seed * QUADRATICS.length + i),
  }));
  const slopes = new Float32Array(parts.reduce((sum, { task }) => sum + task.size, 0));
  /** Leaves H(w - w*) in `slopes`. */
  const loss = (w: Float32Array): number => {
    let sum = 0;
    for (const { task: { size, block }, at, matrices, optimum } of parts) {
      for (let k = 0; k < size; k++) {
        const first = k - k % block;
        let slope = 0;
        for (let i = 0; i < block; i++) {
          const apart = w[at + first + i] - optimum[first + i];
          slope += matrices[(first + i) * block + k % block] * apart;
        }
        slopes[at + k] = slope;
        sum += 0.5 * slope * (w[at + k] - optimum[k]);
      }
    }
    return sum / parts.length;
  };
  const start = (w: Float32Array) => parts.forEach(({ at, initial }) => w.set(initial, at));
  const initial = new Float32Array(slopes.length);
  start(initial);
  const first = loss(initial);
  return {
    start,
    gradient: (w, step, g) => {
      const value = loss(w);
      for (const { task, seed, at } of parts) {
        drawNoise(task, seed, step, g.subarray(at, at + task.size));
      }
      for (let k = 0; k < g.length; k++) g[k] = (g[k] + slopes[k]) / parts.length;
      return value;
    },
    validate: loss,
    score: (w) => log(first / loss(w)),
  };
}
