import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode signSgd}. */
export interface SignSgdOptions {
  /** Step size α: how far every element moves. */
  learningRate: HyperValue;
}

/**
 * Descent along the sign of the gradient; no state.
 *
 * ```text
 * u_t &\leftarrow -\alpha_t \cdot \operatorname{sign} \left( g_t \right)
 * ```
 *
 * Source: Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems, arXiv
 * 1802.04434.
 *
 * @example
 * ```ts
 * import { signSgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = signSgd({ learningRate: 0.5 });
 * const x = Float32Array.of(1, 1, 1);
 * opt.step(x, Float32Array.of(100, 0, -0.001), opt.init(x));
 * assertEquals(x, Float32Array.of(0.5, 1, 1.5));
 * ```
 */
export const signSgd: OptimizerFactory<SignSgdOptions> = /* @__PURE__ */ optimizer({
  name: "signSgd",
  doc: "Descent along the sign of the gradient; no state.",
  source:
    "Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems, arXiv 1802.04434",
  hyper: { learningRate: required },
  step: "u = -learningRate*sign(g)",
});

/**
 * The sign of the gradient: the direction of {@linkcode signSgd}.
 *
 * ```text
 * u_t &\leftarrow \operatorname{sign} \left( g_t \right)
 * ```
 *
 * Source: Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems, arXiv
 * 1802.04434.
 *
 * @example
 * ```ts
 * import { chain, scaleBySign, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(scaleBySign(), sgd({ learningRate: 0.5 }));
 * const x = Float32Array.of(1, 1, 1);
 * opt.step(x, Float32Array.of(100, 0, -0.001), opt.init(x));
 * assertEquals(x, Float32Array.of(0.5, 1, 1.5));
 * ```
 */
export const scaleBySign: OptimizerFactory<Record<never, never>> = /* @__PURE__ */ fixed(
  signSgd,
  { name: "scaleBySign", doc: "The sign of the gradient." },
  { learningRate: -1 },
);

/** Options of {@linkcode signum}. */
export interface SignumOptions extends MuDTypeOption {
  /** Step size α: how far every element moves. */
  learningRate: HyperValue;
  /** Decay β of the momentum. Default 0.9. */
  beta?: HyperValue;
}

/**
 * Signum: the sign of the momentum, with one state tensor `m`. It is {@linkcode lion} with both of
 * Lion's coefficients β and no weight decay.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * u_t &\leftarrow -\alpha_t \cdot \operatorname{sign} \left( m_t \right) \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems, arXiv
 * 1802.04434.
 *
 * @example
 * ```ts
 * import { signum } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = signum({ learningRate: 0.25 });
 * const x = Float32Array.of(1);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(2), state);
 * opt.step(x, Float32Array.of(-1), state); // the momentum still points the other way
 * assertEquals(x, Float32Array.of(0.5));
 * ```
 */
export const signum: OptimizerFactory<SignumOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "signum",
  doc: "Sign of the momentum; one state tensor.",
  source:
    "Bernstein et al. 2018, signSGD: Compressed Optimisation for Non-Convex Problems, arXiv 1802.04434",
  hyper: { learningRate: required, beta: { default: 0.9, domain: "[0, 1)" } },
  state: { m: 0 },
  step: `
    m = beta*m + (1 - beta)*g
    u = -learningRate*sign(m)
  `,
});
