/** The numbers of a quadratic, drawn from its seed. */
import { DRAWS, Random } from "../programs/random.ts";
import type { QuadraticTask } from "./quadratic.ts";
import { factorsOf } from "./rescaling.ts";

/** The numbers that make a quadratic. */
export interface DrawnQuadratic {
  /** The blocks of H, one after the other, each column after column. */
  readonly matrices: Float32Array;
  /** Where the loss is 0. */
  readonly optimum: Float32Array;
  /** Where training starts. */
  readonly initial: Float32Array;
  /** What noise is multiplied by, in the units of the elements; undefined for 1. */
  readonly factors: Float32Array | undefined;
}

/** Draws a quadratic. */
export function drawQuadratic(task: QuadraticTask, seed: number): DrawnQuadratic {
  const { size, block } = task;
  const matrices = new Float32Array(size * block);
  drawMatrices(task, seed, matrices);
  const [optimum, initial] = [new Float32Array(size), new Float32Array(size)];
  const start = new Random(seed, DRAWS.start, 0);
  for (let k = 0; k < size; k++) {
    optimum[k] = task.optimum * start.normal();
    initial[k] = optimum[k] + start.normal();
  }
  const { rescaling } = task;
  const factors = rescaling && factorsOf([size], seed, rescaling);
  if (factors !== undefined) {
    for (let i = 0; i < matrices.length; i++) {
      const column = Math.floor(i / block);
      matrices[i] *= factors[column] * factors[column - column % block + i % block];
    }
    for (const place of [optimum, initial]) for (let k = 0; k < size; k++) place[k] /= factors[k];
  }
  return { matrices, optimum, initial, factors };
}

/** Draws the noise of the gradient of a step. */
export function drawNoise(
  { noise: { degrees, scale } }: QuadraticTask,
  seed: number,
  step: number,
  out: Float32Array,
): void {
  const draws = new Random(seed, DRAWS.noise, step);
  for (let k = 0; k < out.length; k++) {
    out[k] = scale * (degrees === Infinity ? draws.normal() : draws.student(degrees));
  }
}

/** Blocks QΛQᵀ, column after column, for eigenvalues in random order and random orthogonal Q. */
function drawMatrices(
  { size, block, spectrum, isOrdered = false }: QuadraticTask,
  seed: number,
  out: Float32Array,
): void {
  const random = new Random(seed, DRAWS.axes, 0);
  const eigenvalues = [...spectrum];
  for (let i = isOrdered ? 0 : size - 1; i > 0; i--) {
    const k = random.below(i + 1);
    [eigenvalues[i], eigenvalues[k]] = [eigenvalues[k], eigenvalues[i]];
  }
  for (let first = 0; first < size; first += block) {
    const axes = orthonormal(block, random);
    for (let column = 0; column < block; column++) {
      for (let row = 0; row < block; row++) {
        let sum = 0;
        axes.forEach((axis, k) => sum += axis[row] * axis[column] * eigenvalues[first + k]);
        out[first * block + column * block + row] = sum;
      }
    }
  }
}

/** Random axes at right angles, by Gram and Schmidt, twice for the rounding. */
function orthonormal(count: number, random: Random): number[][] {
  const axes: number[][] = [];
  while (axes.length < count) {
    let axis = Array.from({ length: count }, () => random.normal());
    for (let twice = 0; twice < 2; twice++) {
      for (const other of axes) {
        const along = axis.reduce((sum, x, i) => sum + x * other[i], 0);
        axis = axis.map((x, i) => x - along * other[i]);
      }
      const length = Math.sqrt(axis.reduce((sum, x) => sum + x * x, 0));
      axis = axis.map((x) => x / length);
    }
    axes.push(axis);
  }
  return axes;
}
