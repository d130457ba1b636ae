/** Scales the loss, so that gradients of few bits neither vanish nor overflow. */
import { GradusError } from "../../dsl/errors.ts";
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode dynamicLossScale}. */
export interface DynamicLossScaleOptions {
  /** The first scale. Default 2¹⁵. */
  initScale?: number;
  /** How many steps in a row must be finite for the scale to grow. Default 2000. */
  growthInterval?: HyperValue;
  /** What the scale is multiplied by then. Default 2. */
  growthFactor?: HyperValue;
  /** What the scale is multiplied by where a gradient is not finite. Default 0.5. */
  backoffFactor?: HyperValue;
  /** The least scale. Default 1. */
  minScale?: HyperValue;
}

const DYNAMIC_LOSS_SCALE: Wrapper = {
  name: "dynamicLossScale",
  doc: "Divides gradients by the scale of their loss, which it adjusts.",
  source: "Micikevicius et al. 2018, Mixed Precision Training, arXiv 1710.03740",
  hyper: {
    initScale: { default: 32768, domain: "(0, inf)" },
    growthInterval: { default: 2000, domain: "integer [1, inf)" },
    growthFactor: { default: 2, domain: "[1, inf)" },
    backoffFactor: { default: 0.5, domain: "(0, 1]" },
    minScale: { default: 1, domain: "(0, inf)" },
  },
  state: {
    lossScale: { init: "initScale", over: "tree" },
    finiteSteps: { over: "tree" },
    innerCount: { over: "tree" },
  },
  before: `
    isFinite = globalMax(where(abs(g) < inf, 0, 1)) < 1
    g = g/lossScale
  `,
  // A scale that is infinite in float32 would stay so.
  after: `
    u = where(isFinite, u, 0)
    grows = isFinite & finiteSteps + 1 >= growthInterval
    grown = where(lossScale*growthFactor < 3e38, lossScale*growthFactor, lossScale)
    lessened = max(lossScale*backoffFactor, minScale)
    lossScale = where(isFinite, where(grows, grown, lossScale), lessened)
    finiteSteps = where(isFinite & !grows, finiteSteps + 1, 0)
    innerCount = where(isFinite, innerCount + 1, innerCount)
  `,
  guard: "isFinite",
  clock: "innerCount",
};

/**
 * `inner` on gradients of a loss that was multiplied by `state.lossScale`, as models that compute in float16
 * need it: they are divided by it. Where one is not finite anywhere in the tree, the step is left out
 * and the scale is halved; after `growthInterval` steps without that it doubles.
 *
 * ```text
 * g = g/lossScale, then a step of inner if all are finite;
 * lossScale = lossScale·growthFactor after growthInterval finite steps, max(lossScale·backoffFactor, minScale) after an overflow
 * ```
 *
 * Whoever computes the loss multiplies it by `state.lossScale` before each step, or its gradient, which is the same;
 * `trainingStep` of `@gradus/gradus/train` does so by itself. Clip inside, where gradients are as large as they are.
 *
 * Source: Micikevicius et al. 2018, Mixed Precision Training, arXiv 1710.03740.
 *
 * @example
 * ```ts
 * import { dynamicLossScale, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = dynamicLossScale(sgd({ learningRate: 1 }), { initScale: 1024, growthInterval: 1 });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(0.5 * (state.lossScale as number)), state);
 * assertEquals([x[0], state.lossScale], [-0.5, 2048]);
 * opt.step(x, Float32Array.of(Infinity), state);
 * assertEquals([x[0], state.lossScale], [-0.5, 1024]);
 * ```
 *
 * @throws {GradusError} if `inner` divides by a scale already.
 */
export function dynamicLossScale<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: DynamicLossScaleOptions = {},
): Optimizer<
  WrappedStates<S, { lossScale: "tree"; finiteSteps: "tree"; innerCount: "tree" }>,
  Suffixed<Hyper> | "initScale" | "growthInterval" | "growthFactor" | "backoffFactor" | "minScale"
> {
  const doing = "Cannot make dynamicLossScale";
  requireOptimizer(inner, "`inner`", doing);
  if (inner.program.state.has("lossScale")) {
    throw new GradusError(
      `${doing}: a loss has one scale, and "${inner.program.name}" has a state \`lossScale\` already`,
    );
  }
  return wrap(
    inner,
    DYNAMIC_LOSS_SCALE,
    wrapperSettings(DYNAMIC_LOSS_SCALE, options, doing),
  );
}
