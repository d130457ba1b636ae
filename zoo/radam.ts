import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode radam}. */
export interface RAdamOptions extends MuDTypeOption, LikeOption {
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
  /** The length ρ of the average from which on the second moment is used, from 4. Default 5. */
  threshold?: HyperValue;
  /** Whether the first moment looks one step ahead. Default false. */
  nesterov?: boolean;
  /** Whether ε is added before the second moment is corrected for its start, as PyTorch does. Default false. */
  epsBeforeCorrection?: boolean;
}

/**
 * RAdam: Adam whose step is shortened by `r` while few gradients make up the second moment, and
 * which is momentum alone while too few do; two state tensors. The paper uses the second moment
 * where ρ > 4; the threshold of 5 is that of its authors' code.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \\
 * d_t &\leftarrow \begin{cases} \sqrt{c_t} \cdot (\sqrt{v_t + \bar{\epsilon}} + \epsilon) & \text{if } \mathrm{epsBeforeCorrection} \\ \sqrt{c_t \cdot v_t + \bar{\epsilon}} + \epsilon & \text{otherwise} \end{cases} \\
 * \mathrm{rhoinf}_t &\leftarrow \frac{2}{1 - \beta_2} - 1 \\
 * \rho_t &\leftarrow \mathrm{rhoinf}_t - \frac{2 \cdot t \cdot \beta_2^{t}}{1 - \beta_2^{t}} \\
 * r_t &\leftarrow \sqrt{\frac{(\rho_t - 4) \cdot (\rho_t - 2) \cdot \mathrm{rhoinf}_t}{(\mathrm{rhoinf}_t - 4) \cdot (\mathrm{rhoinf}_t - 2) \cdot \rho_t}} \\
 * u_t &\leftarrow -\alpha_t \cdot \begin{cases} \frac{r_t \cdot \hat{m}_t}{d_t} & \text{if } \rho_t \ge \mathrm{threshold} \\ \hat{m}_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Liu et al. 2020, On the Variance of the Adaptive Learning Rate and Beyond, arXiv
 * 1908.03265.
 *
 * @example
 * ```ts
 * import { radam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = radam({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.2016", "0.4033", "0.6049"]);
 * ```
 */
export const radam: OptimizerFactory<RAdamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ withTorch(
    /* @__PURE__ */ optimizer({
      name: "radam",
      doc: "Adam with a step rectified for the variance of the second moment; two state tensors.",
      source:
        "Liu et al. 2020, On the Variance of the Adaptive Learning Rate and Beyond, arXiv 1908.03265",
      hyper: {
        learningRate: required,
        b1: { default: 0.9, domain: "[0, 1)" },
        b2: { default: 0.999, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "[0, inf)" },
        epsRoot: { default: 0, domain: "[0, inf)" },
        threshold: { default: 5, domain: "[4, inf]" },
        nesterov: false,
        epsBeforeCorrection: false,
      },
      state: { m: 0, v: 0 },
      step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = where(nesterov, b1/(1 - b1^(t + 1))*m + (1 - b1)/(1 - b1^t)*g, 1/(1 - b1^t)*m)
    c = 1/(1 - b2^t)
    d = where(epsBeforeCorrection, sqrt(c)*(sqrt(v + epsRoot) + eps), sqrt(c*v + epsRoot) + eps)
    rhoinf = 2/(1 - b2) - 1
    rho = rhoinf - 2*t*b2^t/(1 - b2^t)
    r = sqrt((rho - 4)*(rho - 2)*rhoinf/((rhoinf - 4)*(rhoinf - 2)*rho))
    u = -learningRate*where(rho >= threshold, r*mhat/d, mhat)
  `,
    }),
    { epsBeforeCorrection: true },
  );

/** Options of {@linkcode scaleByRadam}. */
export type ScaleByRAdamOptions = Omit<RAdamOptions, "learningRate" | "like">;

/**
 * The direction of {@linkcode radam}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \\
 * d_t &\leftarrow \begin{cases} \sqrt{c_t} \cdot (\sqrt{v_t + \bar{\epsilon}} + \epsilon) & \text{if } \mathrm{epsBeforeCorrection} \\ \sqrt{c_t \cdot v_t + \bar{\epsilon}} + \epsilon & \text{otherwise} \end{cases} \\
 * \mathrm{rhoinf}_t &\leftarrow \frac{2}{1 - \beta_2} - 1 \\
 * \rho_t &\leftarrow \mathrm{rhoinf}_t - \frac{2 \cdot t \cdot \beta_2^{t}}{1 - \beta_2^{t}} \\
 * r_t &\leftarrow \sqrt{\frac{(\rho_t - 4) \cdot (\rho_t - 2) \cdot \mathrm{rhoinf}_t}{(\mathrm{rhoinf}_t - 4) \cdot (\mathrm{rhoinf}_t - 2) \cdot \rho_t}} \\
 * u_t &\leftarrow \begin{cases} \frac{r_t \cdot \hat{m}_t}{d_t} & \text{if } \rho_t \ge \mathrm{threshold} \\ \hat{m}_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Liu et al. 2020, On the Variance of the Adaptive Learning Rate and Beyond, arXiv
 * 1908.03265.
 *
 * @example
 * ```ts
 * import { scaleByRadam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByRadam();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["2.0526", "-1.0000"]);
 * ```
 */
export const scaleByRadam: OptimizerFactory<ScaleByRAdamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ fixed(radam, {
    name: "scaleByRadam",
    doc: "The direction of RAdam; two state tensors.",
    source:
      "Liu et al. 2020, On the Variance of the Adaptive Learning Rate and Beyond, arXiv 1908.03265",
  }, { learningRate: -1 });
