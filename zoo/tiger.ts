import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode tiger}. */
export interface TigerOptions extends MaskOption, MuDTypeOption {
  /** Step size α; the author gives each tensor its own, by a tree over the parameters. */
  learningRate: HyperValue;
  /** Decay β of the momentum. Default 0.965. */
  beta?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0.01. */
  weightDecay?: HyperValue;
}

/**
 * Tiger: Lion with one coefficient, which is Signum with weight decay; one state tensor `m`. What the
 * author's code does besides is left to the caller: step sizes by the names of tensors, gradients
 * accumulated in `m`, and what follows a NaN.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{sign} \left( m_t \right) + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Su 2023, Tiger: A Tight-fisted Optimizer.
 *
 * @example
 * ```ts
 * import { tiger } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = tiger({ learningRate: 0.5, weightDecay: 0.5 });
 * const x = Float32Array.of(2, -2);
 * opt.step(x, Float32Array.of(1, 1), opt.init(x));
 * assertEquals(x, Float32Array.of(1, -2));
 * ```
 */
export const tiger: OptimizerFactory<TigerOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "tiger",
  doc: "Sign of the momentum with weight decay; one state tensor.",
  source: "Su 2023, Tiger: A Tight-fisted Optimizer",
  hyper: { learningRate: required, beta: { default: 0.965, domain: "[0, 1)" }, weightDecay: 0.01 },
  state: { m: 0 },
  step: `
    m = beta*m + (1 - beta)*g
    u = -learningRate*(sign(m) + weightDecay*w)
  `,
});
