import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode sgd}. */
export interface SgdOptions extends MuDTypeOption, LikeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay μ of the trace; 0 keeps no state. Default 0. */
  momentum?: HyperValue;
  /** Whether the trace looks one step ahead. Default false. */
  nesterov?: boolean;
  /** By how much gradients after the first count less in the trace, as PyTorch has it. Default 0. */
  dampening?: HyperValue;
}

/**
 * Stochastic gradient descent, with momentum if asked for: then one state tensor `m`, else none.
 *
 * ```text
 * m_t &\leftarrow \begin{cases} 1 & \text{if } \mu = 0 \lor t = 1 \\ 1 - \mathrm{dampening} & \text{otherwise} \end{cases} \cdot g_t + \mu \cdot m_{t-1} \\
 * u_t &\leftarrow -\alpha_t \cdot \begin{cases} g_t + \mu \cdot m_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Sutskever et al. 2013, On the importance of initialization and momentum in deep learning.
 *
 * @example
 * ```ts
 * import { sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = sgd({ learningRate: 0.5, momentum: 0.5 });
 * const x = Float32Array.of(4);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(1), state);
 * opt.step(x, Float32Array.of(1), state);
 * assertEquals(x, Float32Array.of(2.75));
 * ```
 */
export const sgd: OptimizerFactory<SgdOptions, { m?: "leaf" }> = /* @__PURE__ */ withTorch(
  /* @__PURE__ */ optimizer({
    name: "sgd",
    doc: "Gradient descent; one state tensor with momentum, none without.",
    source:
      "Sutskever et al. 2013, On the importance of initialization and momentum in deep learning",
    hyper: {
      learningRate: required,
      momentum: { default: 0, domain: "(-1, 1]" },
      nesterov: false,
      dampening: { default: 0, domain: "[0, 1]" },
    },
    state: { m: 0 },
    step: `
    m = where(momentum == 0 | t == 1, 1, 1 - dampening)*g + momentum*m
    u = -learningRate*where(nesterov, g + momentum*m, m)
  `,
  }),
);
