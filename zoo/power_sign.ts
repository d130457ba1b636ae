import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options that {@linkcode powerSign} and {@linkcode addSign} share. */
export interface SignAgreementOptions extends MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β of the momentum. Default 0.9. */
  beta?: HyperValue;
  /** How much agreement counts: the paper's f(t), often a schedule from 1 to 0. Default 1. */
  signDecay?: HyperValue;
}

/** Options of {@linkcode powerSign}. */
export interface PowerSignOptions extends SignAgreementOptions {
  /** What a gradient that agrees with the momentum is multiplied by. Default e. */
  base?: HyperValue;
}

/**
 * PowerSign: gradients that agree in sign with their momentum count more, by a factor, and those
 * that disagree less; one state tensor `m`. The paper's power, of the base by f(t)·sign(g)·sign(m), has
 * three values in a step, which are told apart by cases: no element needs a power of its own.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * s_t &\leftarrow \operatorname{sign} \left( g_t \right) \cdot \operatorname{sign} \left( m_t \right) \\
 * a_t &\leftarrow \mathrm{base}^{\mathrm{signDecay}} \\
 * u_t &\leftarrow -\alpha_t \cdot \begin{cases} a_t & \text{if } s_t > 0 \\ \begin{cases} \frac{1}{a_t} & \text{if } s_t < 0 \\ 1 & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Bello et al. 2017, Neural Optimizer Search with Reinforcement Learning, arXiv 1709.07417.
 *
 * @example
 * ```ts
 * import { powerSign } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = powerSign({ learningRate: 0.5, base: 2 });
 * const x = Float32Array.of(4);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(2), state); // agrees: counts twice
 * opt.step(x, Float32Array.of(-1), state); // does not: counts half
 * assertEquals(x, Float32Array.of(2.25));
 * ```
 */
export const powerSign: OptimizerFactory<PowerSignOptions, { m: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "powerSign",
    doc: "Gradients that agree in sign with their momentum count more; one state tensor.",
    source:
      "Bello et al. 2017, Neural Optimizer Search with Reinforcement Learning, arXiv 1709.07417",
    hyper: {
      learningRate: required,
      base: { default: Math.E, domain: "(0, inf)" },
      beta: { default: 0.9, domain: "[0, 1)" },
      signDecay: 1,
    },
    state: { m: 0 },
    step: `
    m = beta*m + (1 - beta)*g
    s = sign(g)*sign(m)
    a = base^signDecay
    u = -learningRate*where(s > 0, a, where(s < 0, 1/a, 1))*g
  `,
  });

/** Options of {@linkcode addSign}. */
export interface AddSignOptions extends SignAgreementOptions {
  /** How much of the gradient itself counts. Default 1. */
  alpha?: HyperValue;
}

/**
 * AddSign: gradients that agree in sign with their momentum count more, by a term, and those that
 * disagree less; one state tensor `m`.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\alpha + \mathrm{signDecay} \cdot \operatorname{sign} \left( g_t \right) \cdot \operatorname{sign} \left( m_t \right)) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Bello et al. 2017, Neural Optimizer Search with Reinforcement Learning, arXiv 1709.07417.
 *
 * @example
 * ```ts
 * import { addSign } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = addSign({ learningRate: 0.5 });
 * const x = Float32Array.of(4);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(2), state); // agrees: counts twice
 * opt.step(x, Float32Array.of(-1), state); // does not: is left out
 * assertEquals(x, Float32Array.of(2));
 * ```
 */
export const addSign: OptimizerFactory<AddSignOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "addSign",
  doc: "Gradients that agree in sign with their momentum count more; one state tensor.",
  source:
    "Bello et al. 2017, Neural Optimizer Search with Reinforcement Learning, arXiv 1709.07417",
  hyper: {
    learningRate: required,
    alpha: 1,
    beta: { default: 0.9, domain: "[0, 1)" },
    signDecay: 1,
  },
  state: { m: 0 },
  step: `
    m = beta*m + (1 - beta)*g
    u = -learningRate*(alpha + signDecay*sign(g)*sign(m))*g
  `,
});
