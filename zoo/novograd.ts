import { required } from "../dsl/program.ts";
import type { MaskOption, MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleByNovograd}. */
export interface ScaleByNovogradOptions extends MaskOption, MuDTypeOption {
  /** Decay β1 of the trace. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the squared norm. Default 0.25. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Weight decay λ, a part of what the trace takes in. Default 0. */
  weightDecay?: HyperValue;
}

/** Options of {@linkcode novograd}. */
export interface NovogradOptions extends ScaleByNovogradOptions {
  /** Step size α. */
  learningRate: HyperValue;
  /** Added outside the square root. Default 1e-6. */
  eps?: HyperValue;
}

const source =
  "Ginsburg et al. 2019, Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training of Deep Networks, arXiv 1905.11286";

/**
 * NovoGrad: momentum over gradients that are normalised tensor by tensor: one state tensor, and one
 * number a tensor, which begins as the first gradient's squared norm. While all gradients of a tensor
 * have been 0, it takes in 0, whatever ε is.
 *
 * ```text
 * n_t &\leftarrow \left\lVert g_t \right\rVert^{2} \\
 * v_t &\leftarrow \begin{cases} n_t & \text{if } t = 1 \\ \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot n_t & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \sqrt{v_t + \bar{\epsilon}} + \epsilon \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (\frac{1}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \cdot g_t + \lambda \cdot \theta_{t-1}) \\
 * u_t &\leftarrow -\alpha_t \cdot m_t \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Ginsburg et al. 2019, Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training
 * of Deep Networks, arXiv 1905.11286.
 *
 * @example
 * ```ts
 * import { novograd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = novograd({ learningRate: 0.5, eps: 0 });
 * const x = Float32Array.of(1, 1);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(0, 8), state);
 * assertEquals(x, Float32Array.of(1, 0.5));
 * assertEquals(state.v, Float32Array.of(64));
 * ```
 */
export const novograd: OptimizerFactory<NovogradOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "novograd",
    doc: "Momentum over gradients normalised by tensor; one state tensor and one number a tensor.",
    source,
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.25, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      epsRoot: { default: 0, domain: "[0, inf)" },
      weightDecay: 0,
    },
    state: { m: 0, v: { over: "tensor" } },
    step: `
    n = norm(g)^2
    v = where(t == 1, n, b2*v + (1 - b2)*n)
    q = sqrt(v + epsRoot) + eps
    m = b1*m + (1/where(q == 0, 1, q)*g + weightDecay*w)
    u = -learningRate*m
  `,
  });

/**
 * The direction of {@linkcode novograd}: its trace, to be scaled by what follows. The default of `eps`
 * is 1e-8, as in Optax.
 *
 * ```text
 * n_t &\leftarrow \left\lVert g_t \right\rVert^{2} \\
 * v_t &\leftarrow \begin{cases} n_t & \text{if } t = 1 \\ \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot n_t & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \sqrt{v_t + \bar{\epsilon}} + \epsilon \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (\frac{1}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \cdot g_t + \lambda \cdot \theta_{t-1}) \\
 * u_t &\leftarrow m_t \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Ginsburg et al. 2019, Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training
 * of Deep Networks, arXiv 1905.11286.
 *
 * @example
 * ```ts
 * import { scaleByNovograd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByNovograd({ eps: 0 });
 * const gradients = Float32Array.of(0, 8);
 * const [updates] = transform.update(gradients, transform.init(gradients), gradients);
 * assertEquals(updates, Float32Array.of(0, 1));
 * ```
 */
export const scaleByNovograd: OptimizerFactory<ScaleByNovogradOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ fixed(
    novograd,
    { name: "scaleByNovograd", doc: "The direction of NovoGrad.", defaults: { eps: 1e-8 } },
    { learningRate: -1 },
  );
