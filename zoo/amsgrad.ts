import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode amsgrad}. */
export interface AmsgradOptions extends MuDTypeOption, LikeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Whether the first moment is corrected for its start from 0. Default true. */
  biasCorrectionMu?: boolean;
  /** Whether the second moment is, before the largest is kept. Default true. */
  biasCorrectionNu?: boolean;
  /** Whether it is corrected after the largest is kept instead, as PyTorch does. Default false. */
  correctionAfterMax?: boolean;
}

/**
 * AMSGrad: Adam by the largest second moment so far, with three state tensors. The paper corrects
 * neither moment for its start from 0: `biasCorrectionMu: false, biasCorrectionNu: false` is its
 * algorithm.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{if } \mathrm{biasCorrectionMu} \\ m_t & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \begin{cases} \frac{1}{1 - \beta_2^{t}} & \text{if } \mathrm{biasCorrectionNu} \\ 1 & \text{otherwise} \end{cases} \\
 * \mathrm{vmax}_t &\leftarrow \max \left( \mathrm{vmax}_{t-1}, \begin{cases} v_t & \text{if } \mathrm{correctionAfterMax} \\ c_t \cdot v_t & \text{otherwise} \end{cases} \right) \\
 * \hat{v}_t &\leftarrow \begin{cases} c_t \cdot \mathrm{vmax}_t & \text{if } \mathrm{correctionAfterMax} \\ \mathrm{vmax}_t & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon}) \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{vmax}_t)
 * ```
 *
 * Source: Reddi et al. 2018, On the Convergence of Adam and Beyond, arXiv 1904.09237.
 *
 * @example
 * ```ts
 * import { amsgrad } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = amsgrad({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5524", "1.5267", "2.5179"]);
 * ```
 */
export const amsgrad: OptimizerFactory<AmsgradOptions, { m: "leaf"; v: "leaf"; vmax: "leaf" }> =
  /* @__PURE__ */ withTorch(
    /* @__PURE__ */ optimizer({
      name: "amsgrad",
      doc: "Adam by the largest second moment so far; three state tensors.",
      source: "Reddi et al. 2018, On the Convergence of Adam and Beyond, arXiv 1904.09237",
      hyper: {
        learningRate: required,
        b1: { default: 0.9, domain: "[0, 1)" },
        b2: { default: 0.999, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "[0, inf)" },
        epsRoot: { default: 0, domain: "[0, inf)" },
        biasCorrectionMu: true,
        biasCorrectionNu: true,
        correctionAfterMax: false,
      },
      state: { m: 0, v: 0, vmax: 0 },
      step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = where(biasCorrectionMu, 1/(1 - b1^t)*m, m)
    c = where(biasCorrectionNu, 1/(1 - b2^t), 1)
    vmax = max(vmax, where(correctionAfterMax, v, c*v))
    vhat = where(correctionAfterMax, c*vmax, vmax)
    u = -learningRate*(mhat/(sqrt(vhat + epsRoot) + eps))
  `,
    }),
    { correctionAfterMax: true },
  );

/** Options of {@linkcode scaleByAmsgrad}. */
export type ScaleByAmsgradOptions = Omit<AmsgradOptions, "learningRate" | "like">;

/**
 * The direction of {@linkcode amsgrad}, to be scaled by what follows in a chain. The direction
 * keeps the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{if } \mathrm{biasCorrectionMu} \\ m_t & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \begin{cases} \frac{1}{1 - \beta_2^{t}} & \text{if } \mathrm{biasCorrectionNu} \\ 1 & \text{otherwise} \end{cases} \\
 * \mathrm{vmax}_t &\leftarrow \max \left( \mathrm{vmax}_{t-1}, \begin{cases} v_t & \text{if } \mathrm{correctionAfterMax} \\ c_t \cdot v_t & \text{otherwise} \end{cases} \right) \\
 * \hat{v}_t &\leftarrow \begin{cases} c_t \cdot \mathrm{vmax}_t & \text{if } \mathrm{correctionAfterMax} \\ \mathrm{vmax}_t & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{vmax}_t)
 * ```
 *
 * Source: Reddi et al. 2018, On the Convergence of Adam and Beyond, arXiv 1904.09237.
 *
 * @example
 * ```ts
 * import { scaleByAmsgrad } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAmsgrad();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.9178", "-1.0000"]);
 * ```
 */
export const scaleByAmsgrad: OptimizerFactory<
  ScaleByAmsgradOptions,
  { m: "leaf"; v: "leaf"; vmax: "leaf" }
> = /* @__PURE__ */ fixed(
  amsgrad,
  {
    name: "scaleByAmsgrad",
    doc: "The direction of AMSGrad; three state tensors.",
    source: "Reddi et al. 2018, On the Convergence of Adam and Beyond, arXiv 1904.09237",
  },
  { learningRate: -1 },
);
