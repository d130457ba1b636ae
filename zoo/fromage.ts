import { required } from "../dsl/program.ts";
import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode fromage}. */
export interface FromageOptions {
  /** Step size η: the step of a tensor as a part of its norm. */
  learningRate: HyperValue;
  /** What norms below it count as. Default 1e-6. */
  minNorm?: HyperValue;
}

/**
 * Fromage: a step in proportion to the tensor's norm, then the whole scaled by 1/√(1 + η²) so that norms
 * do not grow. No state. A gradient of 0 counts as 0 also where `minNorm` is 0.
 *
 * ```text
 * k_t &\leftarrow \frac{1}{\sqrt{1 + \alpha_t^{2}}} \\
 * q_t &\leftarrow \max \left( \left\lVert g_t \right\rVert, \mathrm{minNorm} \right) \\
 * u_t &\leftarrow -\alpha_t \cdot k_t \cdot \max \left( \left\lVert \theta_{t-1} \right\rVert, \mathrm{minNorm} \right) \cdot (\frac{g_t}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}}) + (k_t - 1) \cdot \theta_{t-1}
 * ```
 *
 * Source: Bernstein et al. 2020, On the distance between two neural networks and the stability of
 * learning, arXiv 2002.03432.
 *
 * @example
 * ```ts
 * import { fromage } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = fromage({ learningRate: 0.75 });
 * const x = Float32Array.of(5, 0);
 * opt.step(x, Float32Array.of(0, 2), opt.init(x));
 * assertEquals(x, Float32Array.of(4, -3));
 * ```
 */
export const fromage: OptimizerFactory<FromageOptions> = /* @__PURE__ */ optimizer({
  name: "fromage",
  doc: "Steps in proportion to each tensor's norm, which they do not raise; no state.",
  source:
    "Bernstein et al. 2020, On the distance between two neural networks and the stability of learning, arXiv 2002.03432",
  hyper: { learningRate: required, minNorm: { default: 1e-6, domain: "[0, inf)" } },
  step: `
    k = 1/sqrt(1 + learningRate^2)
    q = max(norm(g), minNorm)
    u = -learningRate*k*max(norm(w), minNorm)*(g/where(q == 0, 1, q)) + (k - 1)*w
  `,
});
