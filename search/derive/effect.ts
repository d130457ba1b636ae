/** How much a change of a program changes what it does. */
import { type Kinds, RECORD, requireOptions, whole } from "../../dsl/options.ts";
import type { Program } from "../../dsl/program.ts";
import { gradientStream, normals, type StreamKind, STREAMS } from "./gradient_streams.ts";
import { type Probe, run } from "./probe.ts";

/** The measured difference of two programs over streams of gradients. */
export interface Effect {
  /** The kinds of streams. */
  readonly streams: readonly StreamKind[];
  /** The steps of each. */
  readonly steps: number;
  /** The elements of each gradient. */
  readonly elements: number;
  /** The fraction of updates whose sign differs, 0 and NaN counted as signs of their own. */
  readonly signChanges: number;
  /** The fraction of updates that were no numbers and now are; nothing else counts these. */
  readonly mended: number;
  /** The root of the mean squared difference of the updates, in terms of that of the updates. */
  readonly difference: number;
  /**
   * The largest distance that any parameter came to have, in terms of how far parameters moved at
   * most. The gradients are the same for both, wherever their parameters are.
   */
  readonly drift: number;
  /**
   * The loss that each reached on a quadratic with noisy gradients, the second over the first: 1 if they
   * train equally well.
   */
  readonly lossRatio: number;
}

/** How {@linkcode measureEffect} measures. */
export interface EffectOptions {
  /** Values of hyperparameters. */
  readonly hyper?: Readonly<Record<string, number | boolean>>;
  /** Steps of each stream. Default 200. */
  readonly steps?: number;
  /** Default 1. */
  readonly seed?: number;
}

const KINDS: Kinds<EffectOptions> = { hyper: RECORD, steps: whole(1), seed: whole(0) };

const SHAPES = [[6, 4], [8, 3]];
const ELEMENTS = 48;

/**
 * Measures how much what `after` does differs from what `before` does: both get the same gradients, and
 * both train on the same noisy quadratic, in float64.
 *
 * @example
 * ```ts
 * import { measureEffect } from "@gradus/gradus/derive";
 * import { adam, fixed } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const bare = fixed(adam, { name: "bare" }, { eps: 0 });
 * const { signChanges, difference } = measureEffect(bare.program, adam.program);
 * assert(signChanges === 0 && difference < 1e-6);
 * ```
 */
export function measureEffect(
  before: Program,
  after: Program,
  options: EffectOptions = {},
): Effect {
  requireOptions("Cannot measure an effect", options, KINDS);
  const { hyper = {}, steps = 200, seed = 1 } = options;
  let [flips, mended, count, squares, differences, drift] = [0, 0, 0, 0, 0, 0];
  const normal = normals(seed);
  const params = Float64Array.from({ length: ELEMENTS }, normal);
  for (const [i, kind] of STREAMS.entries()) {
    const gradients = gradientStream(kind, seed + 100 * i, steps, ELEMENTS);
    const probe: Probe = { gradients, params, shapes: SHAPES, hyper };
    const [a, b] = [run(before, probe), run(after, probe)];
    const [here, there] = [params.slice(), params.slice()];
    let [apart, moved] = [0, 0];
    for (let step = 0; step < steps; step++) {
      for (let j = 0; j < ELEMENTS; j++) {
        const [x, y] = [a.updates[step][j], b.updates[step][j]];
        count++;
        if (Number.isNaN(x)) {
          if (!Number.isNaN(y)) mended++;
          continue;
        }
        if (!Object.is(Math.sign(x) + 0, Math.sign(y) + 0)) flips++;
        squares += x * x;
        differences += (x - y) ** 2;
        here[j] += x;
        there[j] += y;
        apart = Math.max(apart, Math.abs(here[j] - there[j]));
        if (Number.isNaN(y)) apart = Infinity;
        moved = Math.max(moved, Math.abs(here[j] - params[j]));
      }
    }
    drift = Math.max(drift, apart === 0 ? 0 : apart / moved);
  }
  const root = Math.sqrt(differences / squares);
  // As far from the optimum as a tenth of the steps would take it.
  const scale = steps / 10 * Math.sqrt(squares / count);
  const losses = [before, after].map((program) => lossOf(program, hyper, steps, seed, scale));
  return Object.freeze({
    streams: STREAMS,
    steps,
    elements: ELEMENTS,
    signChanges: flips / count,
    mended: mended / count,
    difference: differences === 0 ? 0 : Number.isNaN(root) ? Infinity : root,
    drift: Number.isNaN(drift) ? Infinity : drift,
    lossRatio: losses[0] === losses[1] ? 1 : losses[1] / losses[0],
  });
}

/**
 * The mean loss over the last quarter of steps on a quadratic of condition 100 with noisy gradients, its
 * optimum about `scale` away.
 */
function lossOf(
  program: Program,
  hyper: Readonly<Record<string, number | boolean>>,
  steps: number,
  seed: number,
  scale: number,
): number {
  const normal = normals(seed + 7);
  const noise = Array.from(
    { length: steps },
    () => Float64Array.from({ length: ELEMENTS }, normal),
  );
  const optimum = Float64Array.from({ length: ELEMENTS }, normal);
  const start = Float64Array.from({ length: ELEMENTS }, () => scale * normal());
  const curvature = (i: number) => 10 ** (2 * i / (ELEMENTS - 1) - 1);
  let [total, counted] = [0, 0];
  run(program, {
    params: start,
    shapes: SHAPES,
    hyper,
    gradients: noise,
    gradientAt: (params, step) => {
      let loss = 0;
      const gradient = params.map((w, i) => {
        const distance = w / scale - optimum[i];
        const slope = curvature(i) * distance;
        loss += slope * distance / 2;
        return slope + noise[step][i];
      });
      if (step >= steps * 0.75) {
        total += loss;
        counted++;
      }
      return gradient;
    },
  });
  return total / counted;
}
