import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleByRms} and {@linkcode scaleByStddev}. */
export interface ScaleByRmsOptions {
  /** Decay of the averages. Default 0.9. */
  decay?: HyperValue;
  /** Keeps the denominator from 0. Default 1e-8. */
  eps?: HyperValue;
  /** What the average of squares begins with. Default 0. */
  initialScale?: HyperValue;
  /** Whether ε is added inside the square root. Default true. */
  epsInSqrt?: boolean;
  /** Whether averages are corrected for having begun at 0. Default false. */
  biasCorrection?: boolean;
}

/** Options of {@linkcode rmsprop}. */
export interface RmspropOptions extends ScaleByRmsOptions, MuDTypeOption, LikeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Whether the square of the averaged gradient is subtracted: one more state. Default false. */
  centered?: boolean;
  /** Decay μ of a trace of the updates: one more state unless 0. Default 0. */
  momentum?: HyperValue;
  /** Whether the trace looks one step ahead. Default false. */
  nesterov?: boolean;
  /** Whether the trace is of steps, or of directions that the step size multiplies later. Default true. */
  traceOfSteps?: boolean;
}

/**
 * RMSProp: each element is divided by the root of its averaged squared gradients `v`; `gbar` and `m`
 * are kept only if centered and with momentum. The learning rate comes before the momentum. A variance
 * that rounding makes negative is 0 here, where Optax has NaN of it.
 *
 * ```text
 * v_t &\leftarrow \mathrm{decay} \cdot v_{t-1} + (1 - \mathrm{decay}) \cdot g_t^{2} \\
 * \bar{g}_t &\leftarrow \mathrm{decay} \cdot \bar{g}_{t-1} + (1 - \mathrm{decay}) \cdot g_t \\
 * c_t &\leftarrow \begin{cases} \frac{1}{1 - \mathrm{decay}^{t}} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * s_t &\leftarrow \begin{cases} \max \left( c_t \cdot v_t - (c_t \cdot \bar{g}_t)^{2}, 0 \right) & \text{if } \mathrm{centered} \\ c_t \cdot v_t & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \begin{cases} -\alpha_t & \text{if } \mathrm{traceOfSteps} \\ 1 & \text{otherwise} \end{cases} \cdot (\frac{g_t}{\begin{cases} \sqrt{s_t + \epsilon} & \text{if } \mathrm{epsInSqrt} \\ \sqrt{s_t} + \epsilon & \text{otherwise} \end{cases}}) \\
 * m_t &\leftarrow d_t + \mu \cdot m_{t-1} \\
 * u_t &\leftarrow \begin{cases} 1 & \text{if } \mathrm{traceOfSteps} \\ -\alpha_t & \text{otherwise} \end{cases} \cdot \begin{cases} d_t + \mu \cdot m_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (v_t, \bar{g}_t, m_t)
 * ```
 *
 * Source: Tieleman and Hinton 2012, Lecture 6.5: RMSProp; centered: Graves 2013, Generating
 * Sequences With Recurrent Neural Networks, arXiv 1308.0850.
 *
 * @example
 * ```ts
 * import { rmsprop } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = rmsprop({ learningRate: 0.5, decay: 0.75, epsInSqrt: false, momentum: 0.5 });
 * const x = Float32Array.of(4);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(2), state); // g/√v is 2
 * opt.step(x, Float32Array.of(0), state);
 * assertEquals(x[0].toFixed(6), "2.500000");
 * ```
 */
export const rmsprop: OptimizerFactory<RmspropOptions, { v: "leaf"; gbar?: "leaf"; m?: "leaf" }> =
  /* @__PURE__ */ withTorch(
    /* @__PURE__ */ optimizer({
      name: "rmsprop",
      doc: "Divides by the root of the averaged squared gradients; one to three state tensors.",
      source:
        "Tieleman and Hinton 2012, Lecture 6.5: RMSProp; centered: Graves 2013, arXiv 1308.0850",
      hyper: {
        learningRate: required,
        decay: { default: 0.9, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "[0, inf)" },
        initialScale: { default: 0, domain: "[0, inf)" },
        epsInSqrt: true,
        centered: false,
        momentum: { default: 0, domain: "(-1, 1]" },
        nesterov: false,
        biasCorrection: false,
        traceOfSteps: true,
      },
      state: { v: "initialScale", gbar: 0, m: 0 },
      step: `
    v = decay*v + (1 - decay)*g^2
    gbar = decay*gbar + (1 - decay)*g
    c = where(biasCorrection, 1/(1 - decay^t), 1)
    s = where(centered, max(c*v - (c*gbar)^2, 0), c*v)
    d = where(traceOfSteps, -learningRate, 1)*(g/where(epsInSqrt, sqrt(s + eps), sqrt(s) + eps))
    m = d + momentum*m
    u = where(traceOfSteps, 1, -learningRate)*where(nesterov, d + momentum*m, m)
  `,
    }),
    { decay: 0.99, epsInSqrt: false, traceOfSteps: false },
  );

/**
 * The gradient over the root of its averaged squares: the direction of {@linkcode rmsprop}.
 *
 * ```text
 * v_t &\leftarrow \mathrm{decay} \cdot v_{t-1} + (1 - \mathrm{decay}) \cdot g_t^{2} \\
 * c_t &\leftarrow \begin{cases} \frac{1}{1 - \mathrm{decay}^{t}} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * s_t &\leftarrow c_t \cdot v_t \\
 * d_t &\leftarrow \frac{g_t}{\begin{cases} \sqrt{s_t + \epsilon} & \text{if } \mathrm{epsInSqrt} \\ \sqrt{s_t} + \epsilon & \text{otherwise} \end{cases}} \\
 * u_t &\leftarrow d_t \\
 * S_t &\leftarrow (v_t)
 * ```
 *
 * Source: Tieleman and Hinton 2012, Lecture 6.5: RMSProp.
 *
 * @example
 * ```ts
 * import { scaleByRms } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByRms({ decay: 0.75, eps: 0 });
 * const gradients = Float32Array.of(3, -0.1);
 * const [updates] = scale.update(gradients, scale.init(gradients));
 * assertEquals(Array.from(updates, (value) => value.toFixed(6)), ["2.000000", "-2.000000"]);
 * ```
 */
export const scaleByRms: OptimizerFactory<ScaleByRmsOptions, { v: "leaf" }> = /* @__PURE__ */ fixed(
  rmsprop,
  {
    name: "scaleByRms",
    doc: "The gradient over the root of its averaged squares.",
    source: "Tieleman and Hinton 2012, Lecture 6.5: RMSProp",
  },
  { learningRate: -1, centered: false, momentum: 0, nesterov: false, traceOfSteps: true },
);

/**
 * The gradient over its averaged standard deviation: the direction of {@linkcode rmsprop} centered.
 *
 * ```text
 * v_t &\leftarrow \mathrm{decay} \cdot v_{t-1} + (1 - \mathrm{decay}) \cdot g_t^{2} \\
 * \bar{g}_t &\leftarrow \mathrm{decay} \cdot \bar{g}_{t-1} + (1 - \mathrm{decay}) \cdot g_t \\
 * c_t &\leftarrow \begin{cases} \frac{1}{1 - \mathrm{decay}^{t}} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * s_t &\leftarrow \max \left( c_t \cdot v_t - (c_t \cdot \bar{g}_t)^{2}, 0 \right) \\
 * d_t &\leftarrow \frac{g_t}{\begin{cases} \sqrt{s_t + \epsilon} & \text{if } \mathrm{epsInSqrt} \\ \sqrt{s_t} + \epsilon & \text{otherwise} \end{cases}} \\
 * u_t &\leftarrow d_t \\
 * S_t &\leftarrow (v_t, \bar{g}_t)
 * ```
 *
 * Source: Graves 2013, Generating Sequences With Recurrent Neural Networks, arXiv 1308.0850.
 *
 * @example
 * ```ts
 * import { scaleByStddev } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByStddev({ decay: 0.5, eps: 0 });
 * const gradients = Float32Array.of(3, -0.1);
 * const [updates] = scale.update(gradients, scale.init(gradients)); // 1/√(1/2 - 1/4)
 * assertEquals(Array.from(updates, (value) => value.toFixed(6)), ["2.000000", "-2.000000"]);
 * ```
 */
export const scaleByStddev: OptimizerFactory<ScaleByRmsOptions, { v: "leaf"; gbar: "leaf" }> =
  /* @__PURE__ */ fixed(
    rmsprop,
    {
      name: "scaleByStddev",
      doc: "The gradient over its averaged standard deviation.",
      source: "Graves 2013, Generating Sequences With Recurrent Neural Networks, arXiv 1308.0850",
    },
    { learningRate: -1, centered: true, momentum: 0, nesterov: false, traceOfSteps: true },
  );
