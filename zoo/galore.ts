import { required } from "../dsl/program.ts";
import {
  deciding,
  type MaskOption,
  type MuDTypeOption,
  type OptimizerFactory,
} from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode galore}. */
export interface GaloreOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** How many singular vectors are kept, or as many as the matrix has. Default 128. */
  rank?: number;
  /** For how many steps they are kept. Default 200. */
  updateProjGap?: HyperValue;
  /** What updates of matrices are multiplied by. Default 0.25. */
  scale?: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-6. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Which random numbers the search for singular vectors begins with. Default 0. */
  seed?: HyperValue;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

/**
 * GaLore: {@linkcode adamw} of a gradient matrix times its largest singular vectors `P`, right ones, or
 * left ones if there are fewer rows; they are found anew now and then, by ten steps of a power iteration with
 * QR decompositions. The moments `m` and `v` have that many columns, and stay when `P` changes. Parameters
 * that are no matrices go to AdamW, whose moments are `r` and `s`.
 *
 * ```text
 * x_t &\leftarrow \begin{cases} g_t^{\top} & \text{if } \mathrm{rows} < \mathrm{columns} \\ g_t & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \mathcal{N}_t \left( \mathrm{seed} \right) \\
 * \textbf{repeat } 10 & \\
 * \quad p_t &\leftarrow \operatorname{qr} \left( x_t^{\top} (x_t p_t) \right) \\
 * P_t &\leftarrow \begin{cases} p_t & \text{if } \mathrm{updateProjGap} \mid (t - 1) \\ P_{t-1} & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot (x_t P_t) \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot (x_t P_t)^{2} \\
 * n_t &\leftarrow \mathrm{scale} \cdot (\frac{m_t}{\sqrt{v_t} + \epsilon} P_t^{\top}) \\
 * r_t &\leftarrow \beta_1 \cdot r_{t-1} + (1 - \beta_1) \cdot g_t \\
 * s_t &\leftarrow \beta_2 \cdot s_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * d_t &\leftarrow \begin{cases} \begin{cases} n_t^{\top} & \text{if } \mathrm{rows} < \mathrm{columns} \\ n_t & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \frac{r_t}{\sqrt{s_t} + \epsilon} & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{\alpha_t \cdot \sqrt{1 - \beta_2^{t}}}{1 - \beta_1^{t}} \cdot d_t \\
 * u_t &\leftarrow -d_t - \alpha_t \cdot \lambda \cdot (\theta_{t-1} - d_t) \\
 * S_t &\leftarrow (m_t, v_t, P_t, r_t, s_t)
 * ```
 *
 * Source: Zhao et al. 2024, GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection, arXiv
 * 2403.03507.
 *
 * @example
 * ```ts
 * import { galore } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = galore({ learningRate: 0.01, rank: 2 });
 * const params = { data: new Float32Array(12), shape: [3, 4] };
 * const state = opt.init(params);
 * opt.step(params, { data: new Float32Array(12).fill(1), shape: [3, 4] }, state);
 * assertEquals([state.m.shape, state.P.shape], [[4, 2], [3, 2]]);
 * ```
 */
export const galore: OptimizerFactory<
  GaloreOptions,
  { m: "leaf"; v: "leaf"; P: "leaf"; r: "leaf"; s: "leaf" }
> = /* @__PURE__ */ deciding(
  /* @__PURE__ */ optimizer({
    name: "galore",
    doc: "AdamW of gradients projected on their largest singular vectors.",
    source:
      "Zhao et al. 2024, GaLore: Memory-Efficient LLM Training by Gradient Low-Rank Projection, arXiv 2403.03507",
    hyper: {
      learningRate: required,
      k: { default: 128, domain: "integer [1, inf)" },
      updateProjGap: { default: 200, domain: "integer [1, inf)" },
      scale: { default: 0.25, domain: "[0, inf)" },
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "(0, inf)" },
      weightDecay: 0,
      seed: { default: 0, domain: "integer [0, inf)" },
      matrices: true,
    },
    state: {
      m: { shape: "max(rows, columns) x min(k, rows, columns)" },
      v: { shape: "max(rows, columns) x min(k, rows, columns)" },
      P: { shape: "min(columns, rows) x min(k, rows, columns)" },
      r: 0,
      s: 0,
    },
    step: `
    x = where(rows < columns, transpose(g), g)
    p = normal(seed)
    repeat 10 {
      p = qr(transpose(x)@(x@p))
    }
    P = every(updateProjGap, p, P)
    m = b1*m + (1 - b1)*(x@P)
    v = b2*v + (1 - b2)*(x@P)^2
    n = scale*(m/(sqrt(v) + eps)@transpose(P))
    r = b1*r + (1 - b1)*g
    s = b2*s + (1 - b2)*g^2
    d = where(matrices & rank == 2, where(rows < columns, transpose(n), n), r/(sqrt(s) + eps))
    d = learningRate*sqrt(1 - b2^t)/(1 - b1^t)*d
    u = -d - learningRate*weightDecay*(w - d)
  `,
  }) as OptimizerFactory<never> as OptimizerFactory<Record<string, unknown>>,
  ["k"],
  ["rank"],
  ({ rank, ...options }) => ({ ...options, k: rank }),
);
