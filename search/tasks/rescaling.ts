/** Problems in other units: each parameter is a random factor times what is trained. */
import { isRecord } from "../../dsl/record.ts";
import type { Kind } from "../../dsl/options.ts";
import { exp2 } from "../programs/exact_math.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { Problem } from "./problem_pack.ts";

/** How far units are apart: the standard deviations of the binary logarithms of factors. */
export interface Rescaling {
  /** One factor a tensor. */
  readonly tensors: number;
  /** Another for each of its elements. */
  readonly elements: number;
}

/** What units of a task must be. */
export const RESCALED: Kind = {
  is: (value) => isRecord(value) && isSpread(value.tensors) && isSpread(value.elements),
  must: "standard deviations such as { tensors: 1, elements: 0.5 }",
};

function isSpread(value: unknown): boolean {
  return Number.isFinite(value) && value as number >= 0;
}

/** The factors of a seed, a number an element. */
export function factorsOf(
  tensors: readonly number[],
  seed: number,
  by: Rescaling,
): Float32Array<ArrayBuffer> {
  const random = new Random(seed, DRAWS.units, 0);
  return Float32Array.from(tensors.flatMap((length) => {
    const own = by.tensors * random.normal();
    return Array.from({ length }, () => exp2(own + by.elements * random.normal()));
  }));
}

/**
 * The same problem of v where w = s · v, with factors s of the seed. How large a parameter is, and how large
 * its gradient, then says nothing of the problem, and a rule that relies on either gains nothing by it.
 */
export function rescaled(problem: Problem, seed: number, by: Rescaling): Problem {
  const { tensors } = problem;
  const factors = factorsOf(tensors, seed, by);
  const own = new Float32Array(factors.length);
  const times = (v: Float32Array): Float32Array => {
    for (let i = 0; i < own.length; i++) own[i] = factors[i] * v[i];
    return own;
  };
  return {
    tensors,
    start(v) {
      problem.start(own);
      for (let i = 0; i < own.length; i++) v[i] = own[i] / factors[i];
    },
    gradient(v, step, g) {
      problem.gradient(times(v), step, g);
      for (let i = 0; i < g.length; i++) g[i] *= factors[i];
    },
    loss: (v) => problem.loss(times(v)),
  };
}
