/** Training that hides what a single example has added: its gradient is clipped, and there is noise. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { HyperNames, StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";
import { sgd } from "../sgd.ts";

/** Options of {@linkcode differentiallyPrivateAggregate}. */
export interface DifferentiallyPrivateAggregateOptions {
  /** The largest norm of the gradient of one example, C. */
  l2NormClip: HyperValue;
  /** The standard deviation of the noise in units of C, σ. */
  noiseMultiplier: HyperValue;
  /** How many examples make one step, B. */
  batchSize: HyperValue;
  /** Which noise: equal seeds give equal noise, so it must be as secret as the examples are. */
  seed: HyperValue;
}

const PRIVATE: Wrapper = {
  name: "differentiallyPrivateAggregate",
  doc: "A step for every batch of clipped gradients of single examples, with noise.",
  source: "Abadi et al. 2016, Deep Learning with Differential Privacy, arXiv 1607.00133",
  hyper: {
    l2NormClip: { default: "required", domain: "[0, inf)" },
    noiseMultiplier: { default: "required", domain: "[0, inf)" },
    batchSize: { default: "required", domain: "integer [1, inf)" },
    seed: { default: "required", domain: "integer [0, 4294967295]" },
  },
  state: { acc: 0, miniStep: { over: "tree" }, gradientStep: { over: "tree" } },
  before: `
    n = globalNorm(g)
    acc = acc + where(n <= l2NormClip, 1, l2NormClip/n)*g
    emits = miniStep + 1 >= batchSize
    g = (acc + l2NormClip*noiseMultiplier*normal(seed))/batchSize
  `,
  after: `
    u = where(emits, u, 0)
    acc = where(emits, 0, acc)
    gradientStep = where(emits, gradientStep + 1, gradientStep)
    miniStep = where(emits, 0, miniStep + 1)
  `,
  guard: "emits",
  clock: "gradientStep",
};

/**
 * Steps of `inner` that are differentially private. Each call takes the gradient of one example and adds it
 * to the state `acc`, clipped to the norm C over the tree; every B-th call, `inner` makes a step with their
 * mean and noise. In between the parameters do not change. So, unlike in Optax, no array has an axis of
 * examples, and the memory of one gradient is enough for any batch.
 *
 * ```text
 * g = (Σ gᵢ·min(1, C/‖gᵢ‖) + σ·C·N(0, 1))/B, then a step of inner
 * ```
 *
 * How private that is follows from σ, from B, and from how examples are drawn: an accountant of privacy
 * tells. The noise is made of a seed, and is not that of a cryptographic generator.
 *
 * Source: Abadi et al. 2016, Deep Learning with Differential Privacy, arXiv 1607.00133.
 *
 * @example
 * ```ts
 * import { differentiallyPrivateAggregate, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = differentiallyPrivateAggregate(sgd({ learningRate: 1 }), {
 *   l2NormClip: 1,
 *   noiseMultiplier: 0, // no noise, to see the clip
 *   batchSize: 2,
 *   seed: 1,
 * });
 * const x = Float64Array.of(0, 0);
 * const state = opt.init(x);
 * opt.step(x, Float64Array.of(30, 40), state); // of one example
 * opt.step(x, Float64Array.of(0, 0.5), state); // and of another
 * assertEquals(x, Float64Array.of(-0.3, -0.65));
 * ```
 */
export function differentiallyPrivateAggregate<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: DifferentiallyPrivateAggregateOptions,
): Optimizer<
  WrappedStates<S, { acc: "leaf"; miniStep: "tree"; gradientStep: "tree" }>,
  Suffixed<Hyper> | HyperNames<DifferentiallyPrivateAggregateOptions>
> {
  const doing = "Cannot make differentiallyPrivateAggregate";
  requireOptimizer(inner, "`inner`", doing);
  const settings = wrapperSettings(PRIVATE, options, doing);
  const size = settings.get("batchSize")!;
  settings.set("batchSize", { ...size, clock: PRIVATE.clock });
  return wrap(inner, PRIVATE, settings);
}

/** Options of {@linkcode dpsgd}. */
export interface DpsgdOptions extends DifferentiallyPrivateAggregateOptions {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay μ of the momentum, if there is any. Default 0. */
  momentum?: HyperValue;
  /** Whether the momentum looks ahead. Default false. */
  nesterov?: boolean;
}

/**
 * Gradient descent that is differentially private: {@linkcode differentiallyPrivateAggregate} of `sgd`.
 *
 * ```text
 * g = (Σ gᵢ·min(1, C/‖gᵢ‖) + σ·C·N(0, 1))/B, m = μ·m + g, θ = θ - α·m
 * ```
 *
 * Source: Abadi et al. 2016, Deep Learning with Differential Privacy, arXiv 1607.00133.
 *
 * @example
 * ```ts
 * import { dpsgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = dpsgd({ learningRate: 0.5, l2NormClip: 1, noiseMultiplier: 0.1, batchSize: 3, seed: 7 });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * for (const example of [1, 2, 0.5]) opt.step(x, Float32Array.of(example), state);
 * assertEquals([x[0].toFixed(2), state.gradientStep], ["-0.42", 1]);
 * ```
 */
export function dpsgd(
  options: DpsgdOptions,
): Optimizer<
  WrappedStates<{ m: "leaf" }, { acc: "leaf"; miniStep: "tree"; gradientStep: "tree" }>,
  HyperNames<DpsgdOptions>
> {
  const { learningRate, momentum, nesterov, ...others } = ownOptions(
    options,
    "Cannot make dpsgd",
  ) as unknown as DpsgdOptions;
  const inner = sgd({ learningRate, momentum, nesterov });
  return differentiallyPrivateAggregate(inner, others) as unknown as ReturnType<typeof dpsgd>;
}
