import { required } from "../dsl/program.ts";
import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode addNoise}. */
export interface AddNoiseOptions {
  /** Variance η of the noise at the first step. */
  eta: HyperValue;
  /** Power γ by which the variance falls. */
  gamma: HyperValue;
  /** Which noise: equal seeds give equal noise, also within a chain. */
  seed: HyperValue;
}

/**
 * Adds normal noise to the gradients, of variance η/t^γ: independent numbers for every element and step,
 * which are a function of the seed, the count and the element's place alone. No state is kept for them,
 * and a run that is resumed goes on with the same ones, on every backend.
 *
 * ```text
 * u_t &\leftarrow g_t + \sqrt{\frac{\eta}{t^{\gamma}}} \cdot \mathcal{N}_t \left( \mathrm{seed} \right)
 * ```
 *
 * Source: Neelakantan et al. 2015, Adding Gradient Noise Improves Learning for Very Deep Networks,
 * arXiv 1511.06807.
 *
 * @example
 * ```ts
 * import { addNoise } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const noise = addNoise({ eta: 1, gamma: 0.55, seed: 0 });
 * const gradients = Float32Array.of(0, 0, 0);
 * const [updates] = noise.update(gradients, noise.init(gradients));
 * assertEquals(Array.from(updates, (value) => value.toFixed(2)), ["-0.21", "-0.48", "-0.27"]);
 * ```
 */
export const addNoise: OptimizerFactory<AddNoiseOptions> = /* @__PURE__ */ optimizer({
  name: "addNoise",
  doc: "Adds normal noise whose variance falls with the steps.",
  source:
    "Neelakantan et al. 2015, Adding Gradient Noise Improves Learning for Very Deep Networks, " +
    "arXiv 1511.06807",
  hyper: {
    eta: { default: required, domain: "[0, inf)" },
    gamma: required,
    seed: { default: required, domain: "integer [0, 4294967295]" },
  },
  step: `
    u = g + sqrt(eta/t^gamma)*normal(seed)
  `,
});

/** Options of {@linkcode noisySgd}. */
export interface NoisySgdOptions {
  /** Step size α. */
  learningRate: HyperValue;
  /** Variance η of the noise at the first step. Default 0.01. */
  eta?: HyperValue;
  /** Power γ by which the variance falls. Default 0.55. */
  gamma?: HyperValue;
  /** Which noise: equal seeds give equal noise. Default 0. */
  seed?: HyperValue;
}

/**
 * Gradient descent with normal noise added to the gradients, of variance η/t^γ; see
 * {@linkcode addNoise} for what the noise is.
 *
 * ```text
 * u_t &\leftarrow -\alpha_t \cdot (g_t + \sqrt{\frac{\eta}{t^{\gamma}}} \cdot \mathcal{N}_t \left( \mathrm{seed} \right))
 * ```
 *
 * Source: Neelakantan et al. 2015, Adding Gradient Noise Improves Learning for Very Deep Networks,
 * arXiv 1511.06807.
 *
 * @example
 * ```ts
 * import { noisySgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = noisySgd({ learningRate: 0.1, seed: 1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   losses.push(x.reduce((sum, value) => sum + value * value, 0).toFixed(2));
 * }
 * assertEquals(losses, ["9.11", "5.82", "3.72", "2.37", "1.54"]);
 * ```
 */
export const noisySgd: OptimizerFactory<NoisySgdOptions> = /* @__PURE__ */ optimizer({
  name: "noisySgd",
  doc: "Gradient descent with normal noise whose variance falls with the steps.",
  source:
    "Neelakantan et al. 2015, Adding Gradient Noise Improves Learning for Very Deep Networks, " +
    "arXiv 1511.06807",
  hyper: {
    learningRate: required,
    eta: { default: 0.01, domain: "[0, inf)" },
    gamma: 0.55,
    seed: { default: 0, domain: "integer [0, 4294967295]" },
  },
  step: `
    u = -learningRate*(g + sqrt(eta/t^gamma)*normal(seed))
  `,
});
