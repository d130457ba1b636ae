import { required } from "../dsl/program.ts";
import { optimizer, type OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/hyper.ts";

/** Options of {@linkcode clipByGlobalNorm}. */
export interface ClipByGlobalNormOptions {
  /** The largest norm let through. */
  maxNorm: HyperValue;
}

/**
 * Scales the gradients of the whole tree down to a norm of `maxNorm` where they exceed it.
 *
 * ```text
 * n_t &\leftarrow \left\lVert g_t \right\rVert_{\text{tree}} \\
 * u_t &\leftarrow \begin{cases} 1 & \text{if } n_t < \mathrm{maxNorm} \\ \frac{\mathrm{maxNorm}}{n_t} & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Pascanu et al. 2013, On the difficulty of training recurrent neural networks.
 *
 * @example
 * ```ts
 * import { clipByGlobalNorm } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const clip = clipByGlobalNorm({ maxNorm: 1 });
 * const gradients = { a: Float32Array.of(3), b: Float32Array.of(4) };
 * const [updates] = clip.update(gradients, clip.init(gradients));
 * assertEquals(updates, { a: Float32Array.of(0.6), b: Float32Array.of(0.8) });
 * ```
 */
export const clipByGlobalNorm: OptimizerFactory<ClipByGlobalNormOptions> = optimizer({
  name: "clipByGlobalNorm",
  doc: "Scales all gradients down to a common norm.",
  source: "Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
  hyper: { maxNorm: required },
  step: `
    n = globalNorm(g)
    u = where(n < maxNorm, 1, maxNorm/n)*g
  `,
});
