import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue, Mask } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode lars}. */
export interface LarsOptions extends MaskOption, MuDTypeOption {
  /** Step size γ, common to all tensors. */
  learningRate: HyperValue;
  /** Weight decay λ, a part of the gradient. Default 0. */
  weightDecay?: HyperValue;
  /** Trust coefficient η: the step of a tensor as a part of its norm. Default 0.001. */
  trustCoefficient?: HyperValue;
  /** Added to the norm below the line. Default 0. */
  eps?: HyperValue;
  /** Which tensors step in proportion to their norm; others take `learningRate` as it is. Default: all. */
  trustRatioMask?: Mask;
  /** Whether the norms of gradient and decay are added, as in the paper. Default false. */
  sumsNorms?: boolean;
  /** Decay μ of the trace; 0 keeps no state. Default 0.9. */
  momentum?: HyperValue;
  /** Whether the trace looks one step ahead. Default false. */
  nesterov?: boolean;
}

/**
 * LARS: momentum over steps whose size is, tensor by tensor, a part of the tensor's norm. The step is
 * divided by the norm of gradient and decay together, as in Optax and in most code; the paper adds the
 * norms of the two, which is `sumsNorms`. They are the same without a decay. Where a norm is 0, the step
 * is `learningRate` times the gradient; else the gradient is divided before it is multiplied, so that no
 * ratio of norms can overflow.
 *
 * ```text
 * d_t &\leftarrow g_t + \lambda \cdot \theta_{t-1} \\
 * n_t &\leftarrow \left\lVert \theta_{t-1} \right\rVert \\
 * q_t &\leftarrow \begin{cases} \left\lVert g_t \right\rVert + \lambda \cdot n_t & \text{if } \mathrm{sumsNorms} \\ \left\lVert d_t \right\rVert & \text{otherwise} \end{cases} \\
 * \mathrm{isPlain}_t &\leftarrow \lnot \mathrm{trustRatioMask} \lor n_t = 0 \lor q_t = 0 \\
 * s_t &\leftarrow -\alpha_t \cdot \begin{cases} 1 & \text{if } \mathrm{isPlain}_t \\ \mathrm{trustCoefficient} \cdot n_t & \text{otherwise} \end{cases} \cdot (\frac{d_t}{\begin{cases} 1 & \text{if } \mathrm{isPlain}_t \\ q_t + \epsilon & \text{otherwise} \end{cases}}) \\
 * m_t &\leftarrow s_t + \mu \cdot m_{t-1} \\
 * u_t &\leftarrow \begin{cases} s_t + \mu \cdot m_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: You et al. 2017, Large Batch Training of Convolutional Networks, arXiv 1708.03888.
 *
 * @example
 * ```ts
 * import { lars } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = lars({ learningRate: 1, trustCoefficient: 0.5 });
 * const x = Float32Array.of(3, 4);
 * opt.step(x, Float32Array.of(0, 100), opt.init(x));
 * assertEquals(x, Float32Array.of(3, 1.5));
 * ```
 */
export const lars: OptimizerFactory<LarsOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "lars",
  doc: "Momentum over steps in proportion to each tensor's norm; one state tensor.",
  source: "You et al. 2017, Large Batch Training of Convolutional Networks, arXiv 1708.03888",
  hyper: {
    learningRate: required,
    weightDecay: 0,
    trustCoefficient: { default: 0.001, domain: "[0, inf)" },
    eps: { default: 0, domain: "[0, inf)" },
    trustRatioMask: true,
    sumsNorms: false,
    momentum: { default: 0.9, domain: "(-1, 1]" },
    nesterov: false,
  },
  state: { m: 0 },
  step: `
    d = g + weightDecay*w
    n = norm(w)
    q = where(sumsNorms, norm(g) + weightDecay*n, norm(d))
    isPlain = !trustRatioMask | n == 0 | q == 0
    s = -learningRate*where(isPlain, 1, trustCoefficient*n)*(d/where(isPlain, 1, q + eps))
    m = s + momentum*m
    u = where(nesterov, s + momentum*m, m)
  `,
});
