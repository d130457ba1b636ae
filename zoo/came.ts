import { required } from "../dsl/program.ts";
import {
  type MaskOption,
  type MuDTypeOption,
  optimizer,
  type OptimizerFactory,
} from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode came}. */
export interface CameOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the average of updates. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Decay β3 of the instability. Default 0.9999. */
  b3?: HyperValue;
  /** Added to the squared gradient. Default 1e-30. */
  eps1?: HyperValue;
  /** Added to the squared deviation of an update from its average. Default 1e-16. */
  eps2?: HyperValue;
  /** The largest root mean square of an update before it is averaged. Default 1. */
  clipThreshold?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
}

/**
 * CAME: {@linkcode adafactor} with momentum that is divided by how far updates have been from it, in a row
 * and a column as well; one state tensor, and two rows and columns for each matrix, the last two axes.
 * Parameters of fewer axes keep a second moment, and no measure of confidence.
 *
 * ```text
 * ```
 *
 * Source: Luo et al. 2023, CAME: Confidence-guided Adaptive Memory Efficient Optimization, arXiv
 * 2307.02047.
 *
 * @example
 * ```ts
 * import { came } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = came({ learningRate: 0.1 });
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, { data: x.data.map((value) => 2 * value), shape: [2, 2] }, state);
 * }
 * assertEquals(Array.from(x.data, (value) => value.toFixed(4)), EXPECTED);
 * ```
 */
export const came: OptimizerFactory<
  CameOptions,
  { r?: "leaf"; c?: "leaf"; v?: "leaf"; m: "leaf"; r2?: "leaf"; c2?: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "came",
  doc: "Adafactor with momentum that is held against how much updates vary; one state tensor.",
  source:
    "Luo et al. 2023, CAME: Confidence-guided Adaptive Memory Efficient Optimization, arXiv 2307.02047",
  hyper: {
    learningRate: required,
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 0.999, domain: "[0, 1)" },
    b3: { default: 0.9999, domain: "[0, 1)" },
    eps1: { default: 1e-30, domain: "(0, inf)" },
    eps2: { default: 1e-16, domain: "(0, inf)" },
    clipThreshold: { default: 1, domain: "(0, inf]" },
    weightDecay: 0,
  },
  state: { r: { over: -1 }, c: { over: -2 }, v: 0, m: 0, r2: { over: -1 }, c2: { over: -2 } },
  step: `
    s = g^2 + eps1
    r = b2*r + (1 - b2)*mean(s, axis=-1)
    c = b2*c + (1 - b2)*mean(s, axis=-2)
    v = b2*v + (1 - b2)*s
    d = where(rank > 1, 1/sqrt(r/mean(r, axis=-2))*(1/sqrt(c))*g, g/sqrt(v))
    d = 1/max(1, sqrt(mean(d^2))/clipThreshold)*d
    m = b1*m + (1 - b1)*d
    e = (d - m)^2 + eps2
    r2 = b3*r2 + (1 - b3)*mean(e, axis=-1)
    c2 = b3*c2 + (1 - b3)*mean(e, axis=-2)
    o = where(rank > 1, 1/sqrt(r2/mean(r2, axis=-2))*(1/sqrt(c2))*m, m)
    u = -learningRate*(o + weightDecay*w)
  `,
});
