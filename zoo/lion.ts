import { required } from "../dsl/program.ts";
import {
  type MaskOption,
  type MuDTypeOption,
  optimizer,
  type OptimizerFactory,
} from "../runtime/define.ts";
import type { HyperValue } from "../runtime/hyper.ts";

/** Options of {@linkcode lion}. */
export interface LionOptions extends MaskOption, MuDTypeOption {
  /** Step size α; 3 to 10 times smaller than for AdamW. */
  learningRate: HyperValue;
  /** Weight β1 of the momentum in the direction. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the momentum. Default 0.99. */
  b2?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 1e-3. */
  weightDecay?: HyperValue;
}

/**
 * Lion: the sign of an interpolated momentum, with one state tensor `m`.
 *
 * ```text
 * c_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\operatorname{sign} \left( c_t \right) + \lambda \cdot \theta_{t-1}) \\
 * m_t &\leftarrow \beta_2 \cdot m_{t-1} + (1 - \beta_2) \cdot g_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675.
 *
 * @example
 * ```ts
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = lion({ learningRate: 0.003 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   losses.push(x.reduce((sum, value) => sum + value * value, 0).toExponential(2));
 * }
 * assertEquals(losses, ["1.40e+1", "1.39e+1", "1.39e+1", "1.39e+1", "1.38e+1"]);
 * ```
 */
export const lion: OptimizerFactory<LionOptions> = optimizer({
  name: "lion",
  doc: "Sign of an interpolated momentum; one state tensor.",
  source: "Chen et al. 2023, Symbolic Discovery of Optimization Algorithms, arXiv 2302.06675",
  hyper: { learningRate: required, b1: 0.9, b2: 0.99, weightDecay: 1e-3 },
  state: { m: 0 },
  step: `
    c = b1*m + (1 - b1)*g
    u = -learningRate*(sign(c) + weightDecay*w)
    m = b2*m + (1 - b2)*g
  `,
});
