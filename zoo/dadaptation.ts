/** Adam with a step size that is learned: an estimate of the distance to the solution. */
import {
  deciding,
  type MaskOption,
  type MuDTypeOption,
  type OptimizerFactory,
} from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { requirePair } from "../runtime/options.ts";

/** Options of {@linkcode dadaptAdamw}. */
export interface DadaptAdamwOptions extends MaskOption, MuDTypeOption {
  /** Multiplies the step size that is learned. Default 1. */
  learningRate?: HyperValue;
  /** Decays β1 and β2 of the first and of the second moment. Default `[0.9, 0.999]`. */
  betas?: readonly [HyperValue, HyperValue];
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** The step size it begins with. Default 1e-6. */
  estimLr0?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the step size. Default 0. */
  weightDecay?: HyperValue;
  /** Whether the moments' bias is corrected, as in Optax; the paper does not. Default true. */
  biasCorrection?: boolean;
}

/**
 * D-Adaptation of AdamW: its step size `d` is a lower bound on the distance to the solution, which grows
 * as the gradients show. Three state tensors. The products of gradients that bound it are weighted by the
 * second moment before the step, as its authors' code has it; where that is 0, they are too, whatever ε
 * is. While all gradients are 0, `d` stays.
 *
 * ```text
 * \eta_t &\leftarrow d_{t-1} \cdot \alpha_t \cdot \begin{cases} \frac{\sqrt{1 - \beta_2^{t}}}{1 - \beta_1^{t}} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \operatorname{sum} \left( g_t \cdot \begin{cases} 0 & \text{if } v_{t-1} = 0 \\ \frac{s_{t-1}}{\sqrt{v_{t-1}} + \epsilon} & \text{otherwise} \end{cases} \right)_{\text{tree}} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot \eta_t \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * s_t &\leftarrow \sqrt{\beta_2} \cdot s_{t-1} + (1 - \sqrt{\beta_2}) \cdot \eta_t \cdot g_t \\
 * r_t &\leftarrow \sqrt{\beta_2} \cdot r_{t-1} + (1 - \sqrt{\beta_2}) \cdot \eta_t \cdot p_t \\
 * q_t &\leftarrow (1 - \sqrt{\beta_2}) \cdot \operatorname{sum} \left( \left| s_t \right| \right)_{\text{tree}} \\
 * d_t &\leftarrow \begin{cases} \max \left( d_{t-1}, \frac{r_t}{q_t} \right) & \text{if } q_t > 0 \\ d_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -(\frac{m_t}{\sqrt{v_t} + \epsilon} + \eta_t \cdot \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t, s_t, r_t, d_t)
 * ```
 *
 * Source: Defazio and Mishchenko 2023, Learning-Rate-Free Learning by D-Adaptation, arXiv 2301.07733.
 *
 * @example
 * ```ts
 * import { dadaptAdamw } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = dadaptAdamw();
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 200; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assert(state.d > 0.01);
 * assert(x.every((value) => Math.abs(value) < 0.5));
 * ```
 */
export const dadaptAdamw: OptimizerFactory<
  DadaptAdamwOptions,
  { m: "leaf"; v: "leaf"; s: "leaf"; r: "tree"; d: "tree" }
> = /* @__PURE__ */ withBetas(
  /* @__PURE__ */ optimizer({
    name: "dadaptAdamw",
    doc: "AdamW with a step size that is learned; three state tensors.",
    source:
      "Defazio and Mishchenko 2023, Learning-Rate-Free Learning by D-Adaptation, arXiv 2301.07733",
    hyper: {
      learningRate: 1,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      estimLr0: { default: 1e-6, domain: "(0, inf)" },
      weightDecay: 0,
      biasCorrection: true,
    },
    state: {
      m: 0,
      v: 0,
      s: 0,
      r: { over: "tree" },
      d: { init: "estimLr0", over: "tree" },
    },
    step: `
    eta = d*learningRate*where(biasCorrection, sqrt(1 - b2^t)/(1 - b1^t), 1)
    p = globalSum(g*where(v == 0, 0, s/(sqrt(v) + eps)))
    m = b1*m + (1 - b1)*eta*g
    v = b2*v + (1 - b2)*g^2
    s = sqrt(b2)*s + (1 - sqrt(b2))*eta*g
    r = sqrt(b2)*r + (1 - sqrt(b2))*eta*p
    q = (1 - sqrt(b2))*globalSum(abs(s))
    d = where(q > 0, max(d, r/q), d)
    u = -(m/(sqrt(v) + eps) + eta*weightDecay*w)
  `,
  }),
);

/** Options of {@linkcode prodigy}. */
export interface ProdigyOptions extends MaskOption, MuDTypeOption {
  /** Multiplies the step size that is learned. Default 1. */
  learningRate?: HyperValue;
  /** Decays β1 and β2 of the first and of the second moment. Default `[0.9, 0.999]`. */
  betas?: readonly [HyperValue, HyperValue];
  /** Decay β3 of what the step size is learned from; 0 stands for √β2. Default 0. */
  beta3?: HyperValue;
  /** Added outside the square root, multiplied by the step size. Default 1e-8. */
  eps?: HyperValue;
  /** The step size it begins with. Default 1e-6. */
  estimLr0?: HyperValue;
  /** Multiplies the estimate of the step size. Default 1. */
  estimLrCoef?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the step size. Default 0. */
  weightDecay?: HyperValue;
  /** Whether the learning rate stays out of the estimate's denominator, for warm-ups. Default false. */
  safeguardWarmup?: boolean;
  /** Whether the moments' bias is corrected, as in Optax; the paper does not. Default true. */
  biasCorrection?: boolean;
}

/**
 * Prodigy: AdamW with a step size `d` that estimates the distance to the solution from the distance
 * travelled along the gradients. Four state tensors, one of them the first parameters. While all
 * gradients are 0, `d` stays.
 *
 * ```text
 * \eta_t &\leftarrow d_{t-1} \cdot \alpha_t \cdot \begin{cases} \frac{\sqrt{1 - \beta_2^{t}}}{1 - \beta_1^{t}} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * b_t &\leftarrow \begin{cases} \sqrt{\beta_2} & \text{if } \beta_3 = 0 \\ \beta_3 & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot d_{t-1} \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot (d_{t-1} \cdot g_t)^{2} \\
 * s_t &\leftarrow b_t \cdot s_{t-1} + \frac{\begin{cases} d_{t-1} & \text{if } \mathrm{safeguardWarmup} \\ \eta_t & \text{otherwise} \end{cases} \cdot d_{t-1}}{\mathrm{estimLr}_0} \cdot g_t \\
 * r_t &\leftarrow b_t \cdot r_{t-1} + \frac{\eta_t \cdot d_{t-1}}{\mathrm{estimLr}_0} \cdot \operatorname{sum} \left( g_t \cdot (\theta_{0,t-1} - \theta_{t-1}) \right)_{\text{tree}} \\
 * q_t &\leftarrow \operatorname{sum} \left( \left| s_t \right| \right)_{\text{tree}} \\
 * d_t &\leftarrow \begin{cases} \max \left( d_{t-1}, \frac{\mathrm{estimLrCoef} \cdot r_t}{q_t} \right) & \text{if } q_t > 0 \\ d_{t-1} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\eta_t \cdot (\frac{m_t}{\sqrt{v_t} + d_t \cdot \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (\theta_{0,t-1}, m_t, v_t, s_t, r_t, d_t)
 * ```
 *
 * Source: Mishchenko and Defazio 2023, Prodigy: An Expeditiously Adaptive Parameter-Free Learner,
 * arXiv 2306.06101.
 *
 * @example
 * ```ts
 * import { prodigy } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = prodigy();
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 200; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assert(state.d > 0.01);
 * assert(x.every((value) => Math.abs(value) < 0.5));
 * ```
 */
export const prodigy: OptimizerFactory<
  ProdigyOptions,
  { theta0: "leaf"; m: "leaf"; v: "leaf"; s: "leaf"; r: "tree"; d: "tree" }
> = /* @__PURE__ */ withBetas(
  /* @__PURE__ */ optimizer({
    name: "prodigy",
    doc: "AdamW with a step size learned from the distance travelled; four state tensors.",
    source:
      "Mishchenko and Defazio 2023, Prodigy: An Expeditiously Adaptive Parameter-Free Learner, arXiv 2306.06101",
    hyper: {
      learningRate: 1,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      beta3: { default: 0, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      estimLr0: { default: 1e-6, domain: "(0, inf)" },
      estimLrCoef: { default: 1, domain: "[0, inf)" },
      weightDecay: 0,
      safeguardWarmup: false,
      biasCorrection: true,
    },
    state: {
      theta0: "w",
      m: 0,
      v: 0,
      s: 0,
      r: { over: "tree" },
      d: { init: "estimLr0", over: "tree" },
    },
    step: `
    eta = d*learningRate*where(biasCorrection, sqrt(1 - b2^t)/(1 - b1^t), 1)
    b = where(beta3 == 0, sqrt(b2), beta3)
    m = b1*m + (1 - b1)*d*g
    v = b2*v + (1 - b2)*(d*g)^2
    s = b*s + where(safeguardWarmup, d, eta)*d/estimLr0*g
    r = b*r + eta*d/estimLr0*globalSum(g*(theta0 - w))
    q = globalSum(abs(s))
    d = where(q > 0, max(d, estimLrCoef*r/q), d)
    u = -eta*(m/(sqrt(v) + d*eps) + weightDecay*w)
  `,
  }),
);

/** What the option `betas` says, in the two hyperparameters that the program has for it. */
function withBetas<
  Options extends { readonly betas?: readonly [HyperValue, HyperValue] },
  S extends StateKinds,
>(
  inner: OptimizerFactory<Record<string, unknown>>,
): OptimizerFactory<Options, S> {
  return deciding<Options, S>(inner, ["b1", "b2"], ["betas"], ({ betas, ...given }, doing) => {
    if (betas === undefined) return given;
    requirePair("betas", betas, "decays of two moments", doing);
    return { ...given, b1: betas[0], b2: betas[1] };
  });
}
