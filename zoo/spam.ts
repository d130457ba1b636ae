import { required } from "../dsl/program.ts";
import {
  type MaskOption,
  type MuDTypeOption,
  optimizer,
  type OptimizerFactory,
} from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode spam}. */
export interface SpamOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-6. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** How many times its second moment a squared gradient may be; Infinity for any. Default 5000. */
  threshold?: HyperValue;
  /** After how many steps the moments begin anew. Default 500. */
  deltaT?: HyperValue;
  /** For how many steps after that the step size rises from 1 % to its full size. Default 150. */
  warmupSteps?: HyperValue;
  /** How many steps after a beginning gradients are not clipped. Default 20. */
  gradAccuSteps?: HyperValue;
}

/**
 * SPAM: {@linkcode adamw} that clips each gradient which is far above its second moment, and forgets both
 * moments now and then, so that spikes do not last; two state tensors. Weights decay after the step.
 *
 * ```text
 * ```
 *
 * Source: Huang et al. 2025, SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training, arXiv
 * 2501.06842, without its sparse momentum.
 *
 * @example
 * ```ts
 * import { spam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = spam({ learningRate: 0.1, threshold: 2, gradAccuSteps: 3 });
 * const x = Float32Array.of(0, 0);
 * const state = opt.init(x);
 * for (let step = 1; step <= 4; step++) opt.step(x, Float32Array.of(1, step < 4 ? 1 : 1000), state);
 * // A gradient of 1000 counts as one of 0.077: √2 times the root of the second moment so far.
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), EXPECTED);
 * ```
 */
export const spam: OptimizerFactory<SpamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "spam",
    doc: "AdamW that clips spikes and begins its moments anew; two state tensors.",
    source:
      "Huang et al. 2025, SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training, " +
      "arXiv 2501.06842",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      weightDecay: 0,
      threshold: { default: 5000, domain: "(0, inf]" },
      deltaT: { default: 500, domain: "integer [1, inf)" },
      warmupSteps: { default: 150, domain: "[0, inf)" },
      gradAccuSteps: { default: 20, domain: "[0, inf)" },
    },
    state: { m: 0, v: 0 },
    step: `
    k = t - deltaT*floor(t/deltaT)
    m = where(k == 0, 0, m)
    v = where(k == 0, 0, v)
    isSpike = k >= gradAccuSteps & g^2 > threshold*v
    c = where(isSpike, sign(g)*sqrt(threshold*v), g)
    m = b1*m + (1 - b1)*c
    v = b2*v + (1 - b2)*c^2
    s = where(t >= deltaT & k < warmupSteps, 1 - 0.99*(1 + cos(pi*k/(warmupSteps + 1)))/2, 1)
    d = s/(1 - b1^t)*m/(sqrt(1/(1 - b2^t)*v) + eps/sqrt(1 - b2^t))
    u = -learningRate*(d + weightDecay*(w - learningRate*d))
  `,
  });
