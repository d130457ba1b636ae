import { required } from "../dsl/program.ts";
import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode asgd}. */
export interface AsgdOptions {
  /** The first step size. */
  learningRate: HyperValue;
  /** Decay λ of the parameters, by which step sizes fall too. Default 1e-4. */
  lambd?: HyperValue;
  /** Exponent by which step sizes fall. Default 0.75. */
  alpha?: HyperValue;
  /** The step after which parameters are averaged. Default 1e6. */
  t0?: HyperValue;
}

/**
 * ASGD: gradient descent with a falling step size, and the average `a` of the parameters after step
 * `t0`, which is what to evaluate with. A changed learning rate holds from the step after on. The rule and its defaults are those of `torch.optim.ASGD`,
 * whose `weight_decay` is `addDecayedWeights` before it in a chain.
 *
 * ```text
 * u_t &\leftarrow -\eta_{t-1} \cdot (g_t + \mathrm{lambd} \cdot \theta_{t-1}) \\
 * a_t &\leftarrow a_{t-1} + \frac{1}{\max \left( 1, (t - 1) - t_0 \right)} \cdot (\theta_{t-1} + u_t - a_{t-1}) \\
 * \eta_t &\leftarrow \frac{\alpha_t}{(1 + \mathrm{lambd} \cdot \alpha_t \cdot t)^{\alpha}} \\
 * S_t &\leftarrow (a_t, \eta_t) \\
 * \bar{\theta}_t &= a_t
 * ```
 *
 * Source: Polyak and Juditsky 1992, Acceleration of Stochastic Approximation by Averaging.
 *
 * @example
 * ```ts
 * import { asgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = asgd({ learningRate: 0.5, lambd: 0, t0: 0 });
 * const x = Float32Array.of(1);
 * const state = opt.init(x);
 * for (const gradient of [1, -1, 1, -1]) opt.step(x, Float32Array.of(gradient), state);
 * // It went to 0.5, 1, 0.5 and 1; the average is of the last three and what came before them.
 * assertEquals(opt.evaluationParams(x, state)[0].toFixed(4), "0.8333");
 * ```
 */
export const asgd: OptimizerFactory<AsgdOptions, { a: "leaf"; eta: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "asgd",
    doc: "Descent with a falling step, and the average of its parameters; one state tensor.",
    source: "Polyak and Juditsky 1992, Acceleration of Stochastic Approximation by Averaging",
    hyper: {
      learningRate: required,
      lambd: { default: 1e-4, domain: "[0, inf)" },
      alpha: { default: 0.75, domain: "[0, inf)" },
      t0: { default: 1e6, domain: "[0, inf]" },
    },
    state: { a: "w", eta: { init: "learningRate", over: "tensor" } },
    step: `
    u = -eta*(g + lambd*w)
    a = a + 1/max(1, count - t0)*(w + u - a)
    eta = learningRate/(1 + lambd*learningRate*t)^alpha
  `,
    evaluate: "a",
  });
