import { deciding, type OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { requireChoice } from "../runtime/options.ts";

/** Options of {@linkcode scaleByPolyak}. */
export interface ScaleByPolyakOptions {
  /** The largest step size. Default 1. */
  maxLearningRate?: HyperValue;
  /** The least value the loss can have. Default 0. */
  fMin?: HyperValue;
  /** Added to the squared norm of the gradient. Default 0. */
  eps?: HyperValue;
  /** What a loss below `fMin` does: `"sps"` takes a step back, `"sps+"` none. Default `"sps"`. */
  variant?: "sps" | "sps+";
}

/** Options of {@linkcode polyakSgd}. */
export interface PolyakSgdOptions extends ScaleByPolyakOptions {
  /** Multiplies the gradient before its norm is taken. Default 1. */
  scaling?: HyperValue;
}

const source =
  "Loizou et al. 2021, Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast Convergence, arXiv 2002.10542";

/**
 * Gradient descent with the step size of Polyak: what the loss `value`, an input of each step, is above
 * its least, by the squared norm of the gradient of the whole tree. No state, and no step where the
 * gradient is 0, the one place where the paper's is undefined; Optax takes none below a norm of 1.5e-8
 * either.
 *
 * ```text
 * n_t &\leftarrow \mathrm{scaling}^{2} \cdot \left\lVert g_t \right\rVert_{\text{tree}}^{2} + \epsilon \\
 * \mathrm{gap}_t &\leftarrow \begin{cases} \max \left( \mathrm{value} - \mathrm{fMin}, 0 \right) & \text{if } \mathrm{positive} \\ \mathrm{value} - \mathrm{fMin} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\mathrm{scaling} \cdot \begin{cases} \min \left( \frac{\mathrm{gap}_t}{n_t}, \mathrm{maxLearningRate} \right) & \text{if } n_t > 0 \\ 0 & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Loizou et al. 2021, Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast
 * Convergence, arXiv 2002.10542.
 *
 * @example
 * ```ts
 * import { polyakSgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = polyakSgd();
 * const x = Float32Array.of(1, 2, 3);
 * const value = x.reduce((sum, value) => sum + value * value, 0);
 * opt.step(x, x.map((value) => 2 * value), opt.init(x), { value });
 * assertEquals(x, Float32Array.of(0.5, 1, 1.5));
 * ```
 */
export const polyakSgd: OptimizerFactory<PolyakSgdOptions> = /* @__PURE__ */ withVariants(
  /* @__PURE__ */ optimizer({
    name: "polyakSgd",
    doc: "Gradient descent with a step size from the loss; no state.",
    source,
    hyper: {
      maxLearningRate: { default: 1, domain: "[0, inf]" },
      scaling: 1,
      fMin: 0,
      eps: { default: 0, domain: "[0, inf)" },
      positive: false,
    },
    inputs: { value: "scalar" },
    step: `
    n = scaling^2*globalNorm(g)^2 + eps
    gap = where(positive, max(value - fMin, 0), value - fMin)
    u = -scaling*where(n > 0, min(gap/n, maxLearningRate), 0)*g
  `,
  }),
);

/**
 * The step of {@linkcode polyakSgd} in the direction of the gradient, to be turned by what follows.
 *
 * ```text
 * n_t &\leftarrow \left\lVert g_t \right\rVert_{\text{tree}}^{2} + \epsilon \\
 * \mathrm{gap}_t &\leftarrow \begin{cases} \max \left( \mathrm{value} - \mathrm{fMin}, 0 \right) & \text{if } \mathrm{positive} \\ \mathrm{value} - \mathrm{fMin} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \begin{cases} \min \left( \frac{\mathrm{gap}_t}{n_t}, \mathrm{maxLearningRate} \right) & \text{if } n_t > 0 \\ 0 & \text{otherwise} \end{cases} \cdot g_t
 * ```
 *
 * Source: Loizou et al. 2021, Stochastic Polyak Step-size for SGD: An Adaptive Learning Rate for Fast
 * Convergence, arXiv 2002.10542.
 *
 * @example
 * ```ts
 * import { scaleByPolyak } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByPolyak();
 * const gradients = Float32Array.of(3, 4);
 * const [updates] = transform.update(gradients, transform.init(gradients), gradients, { value: 12.5 });
 * assertEquals(updates, Float32Array.of(1.5, 2));
 * ```
 */
export const scaleByPolyak: OptimizerFactory<ScaleByPolyakOptions> = /* @__PURE__ */ withVariants(
  /* @__PURE__ */ fixed(
    polyakSgd,
    { name: "scaleByPolyak", doc: "Scales the gradient by a step size from the loss." },
    { scaling: -1 },
  ),
);

/** What the option `variant` says, in the truth value that the program has for it. */
function withVariants<Options extends ScaleByPolyakOptions>(
  inner: OptimizerFactory<Record<string, unknown>>,
): OptimizerFactory<Options> {
  return deciding<Options>(
    inner,
    ["positive"],
    ["variant"],
    ({ variant = "sps", ...given }, doing) => {
      requireChoice("variant", variant, ["sps", "sps+"], doing);
      return { ...given, positive: variant === "sps+" };
    },
  );
}
