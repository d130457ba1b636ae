import { parseProgram } from "../dsl/check.ts";
import { type Document, required } from "../dsl/program.ts";
import {
  deciding,
  factoryOf,
  type MaskOption,
  type MuDTypeOption,
  type OptimizerFactory,
} from "../runtime/define.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode apolloMini}. */
export interface ApolloMiniOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-6. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** What updates of matrices are multiplied by the root of. Default 1; 128 for {@linkcode apolloMini}. */
  scale?: HyperValue;
  /** For how many steps a projection stays. Default 200. */
  updateProjGap?: HyperValue;
  /** How many times larger than the one before an update may be; Infinity for any. Default 1.01. */
  gamma?: HyperValue;
  /** Which random numbers. Default 0. */
  seed?: HyperValue;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

/** Options of {@linkcode apollo}. */
export interface ApolloOptions extends ApolloMiniOptions {
  /** How many columns a projection has, or as many as the matrix has rows or columns. Default 256. */
  rank?: number;
}

/** The text by how many columns a projection has, and by what sizes `s` of its moments a matrix is scaled. */
const document = (
  notes: Pick<Document, "name" | "doc">,
  columns: string,
  step: string,
  hyper: Document["hyper"],
): Document => ({
  ...notes,
  source: "Zhu et al. 2024, APOLLO: SGD-like Memory, AdamW-level Performance, arXiv 2412.05270",
  hyper: {
    learningRate: required,
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 0.999, domain: "[0, 1)" },
    eps: { default: 1e-6, domain: "(0, inf)" },
    weightDecay: 0,
    ...hyper,
    updateProjGap: { default: 200, domain: "integer [1, inf)" },
    gamma: { default: 1.01, domain: "[1, inf]" },
    seed: { default: 0, domain: "integer [0, inf)" },
    matrices: true,
  },
  state: {
    m: { shape: `max(rows, columns) x ${columns}` },
    v: { shape: `max(rows, columns) x ${columns}` },
    before: { over: "tensor" },
    p: 0,
    q: 0,
  },
  step: `
    x = where(rows < columns, transpose(g), g)
    y = x@normal(seed, floor(count/updateProjGap))${columns === "1" ? "" : `/sqrt(${columns})`}
    m = b1*m + (1 - b1)*y
    v = b2*v + (1 - b2)*y^2
    n = m/(sqrt(v) + eps)
    ${step}
    x = s*x
    limit = where(t == 1, 1, max(norm(x)/(before + 1e-8)/gamma, 1))
    before = where(matrices & rank == 2, norm(x)/limit, before)
    p = b1*p + (1 - b1)*g
    q = b2*q + (1 - b2)*g^2
    d = where(matrices & rank == 2, sqrt(scale)/limit*where(rows < columns, transpose(x), x), p/(sqrt(q) + eps))
    d = learningRate*sqrt(1 - b2^t)/(1 - b1^t)*d
    u = -d - learningRate*weightDecay*(w - d)
  `,
});

/**
 * APOLLO: {@linkcode adamw} with a step size a row of a matrix, or a column if there are more of them, in
 * place of one an element. It is told by the moments `m` and `v` of the gradient times a few random columns,
 * which are drawn anew now and then and are not stored. An update may be little larger than the one before.
 * Parameters that are no matrices go to AdamW, whose moments are `p` and `q`.
 *
 * ```text
 * x_t &\leftarrow \begin{cases} g_t^{\top} & \text{if } \mathrm{rows} < \mathrm{columns} \\ g_t & \text{otherwise} \end{cases} \\
 * y_t &\leftarrow \frac{x_t \mathcal{N} \left( \mathrm{seed}, \left\lfloor \frac{(t - 1)}{\mathrm{updateProjGap}} \right\rfloor \right)}{\sqrt{\min \left( \min \left( r, \mathrm{rows} \right), \mathrm{columns} \right)}} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot y_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot y_t^{2} \\
 * n_t &\leftarrow \frac{m_t}{\sqrt{v_t} + \epsilon} \\
 * s_t &\leftarrow \frac{\sqrt{\operatorname{sum} \left( n_t^{2} \right)_{\text{axis } 1}}}{\sqrt{\operatorname{sum} \left( y_t^{2} \right)_{\text{axis } 1}} + 10^{-8}} \\
 * x_t &\leftarrow s_t \cdot x_t \\
 * \mathrm{limit}_t &\leftarrow \begin{cases} 1 & \text{if } t = 1 \\ \max \left( \frac{\frac{\left\lVert x_t \right\rVert}{\mathrm{before}_{t-1} + 10^{-8}}}{\gamma}, 1 \right) & \text{otherwise} \end{cases} \\
 * \mathrm{before}_t &\leftarrow \begin{cases} \frac{\left\lVert x_t \right\rVert}{\mathrm{limit}_t} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \mathrm{before}_{t-1} & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \beta_1 \cdot p_{t-1} + (1 - \beta_1) \cdot g_t \\
 * q_t &\leftarrow \beta_2 \cdot q_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * d_t &\leftarrow \begin{cases} \frac{\sqrt{\mathrm{scale}}}{\mathrm{limit}_t} \cdot \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} < \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \frac{p_t}{\sqrt{q_t} + \epsilon} & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{\alpha_t \cdot \sqrt{1 - \beta_2^{t}}}{1 - \beta_1^{t}} \cdot d_t \\
 * u_t &\leftarrow -d_t - \alpha_t \cdot \lambda \cdot (\theta_{t-1} - d_t) \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{before}_t, p_t, q_t)
 * ```
 *
 * Source: Zhu et al. 2024, APOLLO: SGD-like Memory, AdamW-level Performance, arXiv 2412.05270.
 *
 * @example
 * ```ts
 * import { apollo } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = apollo({ learningRate: 0.01, rank: 2 });
 * const params = { data: new Float32Array(12), shape: [3, 4] };
 * const state = opt.init(params);
 * opt.step(params, { data: new Float32Array(12).fill(1), shape: [3, 4] }, state);
 * assertEquals(state.m.shape, [4, 2]);
 * ```
 */
export const apollo: OptimizerFactory<
  ApolloOptions,
  { m: "leaf"; v: "leaf"; before: "leaf"; p: "leaf"; q: "leaf" }
> = /* @__PURE__ */ deciding(
  /* @__PURE__ */ factoryOf(
    () =>
      parseProgram(document(
        {
          name: "apollo",
          doc: "AdamW for rows of matrices, each by the moments of few random projections of it.",
        },
        "min(r, rows, columns)",
        "s = sqrt(sum(n^2, axis=1))/(sqrt(sum(y^2, axis=1)) + 1e-8)",
        {
          r: { default: 256, domain: "integer [1, inf)" },
          scale: { default: 1, domain: "[0, inf)" },
        },
      )),
  ),
  ["r"],
  ["rank"],
  ({ rank, ...options }) => ({ ...options, r: rank }),
);

/**
 * APOLLO-Mini: {@linkcode apollo} with one step size a matrix, by one random column.
 *
 * ```text
 * x_t &\leftarrow \begin{cases} g_t^{\top} & \text{if } \mathrm{rows} < \mathrm{columns} \\ g_t & \text{otherwise} \end{cases} \\
 * y_t &\leftarrow x_t \mathcal{N} \left( \mathrm{seed}, \left\lfloor \frac{(t - 1)}{\mathrm{updateProjGap}} \right\rfloor \right) \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot y_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot y_t^{2} \\
 * n_t &\leftarrow \frac{m_t}{\sqrt{v_t} + \epsilon} \\
 * s_t &\leftarrow \frac{\left\lVert n_t \right\rVert}{\left\lVert y_t \right\rVert + 10^{-8}} \\
 * x_t &\leftarrow s_t \cdot x_t \\
 * \mathrm{limit}_t &\leftarrow \begin{cases} 1 & \text{if } t = 1 \\ \max \left( \frac{\frac{\left\lVert x_t \right\rVert}{\mathrm{before}_{t-1} + 10^{-8}}}{\gamma}, 1 \right) & \text{otherwise} \end{cases} \\
 * \mathrm{before}_t &\leftarrow \begin{cases} \frac{\left\lVert x_t \right\rVert}{\mathrm{limit}_t} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \mathrm{before}_{t-1} & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \beta_1 \cdot p_{t-1} + (1 - \beta_1) \cdot g_t \\
 * q_t &\leftarrow \beta_2 \cdot q_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * d_t &\leftarrow \begin{cases} \frac{\sqrt{\mathrm{scale}}}{\mathrm{limit}_t} \cdot \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} < \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \frac{p_t}{\sqrt{q_t} + \epsilon} & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{\alpha_t \cdot \sqrt{1 - \beta_2^{t}}}{1 - \beta_1^{t}} \cdot d_t \\
 * u_t &\leftarrow -d_t - \alpha_t \cdot \lambda \cdot (\theta_{t-1} - d_t) \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{before}_t, p_t, q_t)
 * ```
 *
 * Source: Zhu et al. 2024, APOLLO: SGD-like Memory, AdamW-level Performance, arXiv 2412.05270.
 *
 * @example
 * ```ts
 * import { apolloMini } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = apolloMini({ learningRate: 0.01 });
 * const params = { data: new Float32Array(12), shape: [3, 4] };
 * assertEquals(opt.init(params).m.shape, [4, 1]);
 * ```
 */
export const apolloMini: OptimizerFactory<
  ApolloMiniOptions,
  { m: "leaf"; v: "leaf"; before: "leaf"; p: "leaf"; q: "leaf" }
> = /* @__PURE__ */ factoryOf(
  () =>
    parseProgram(document(
      {
        name: "apolloMini",
        doc: "AdamW for matrices as wholes, each by the moments of one random projection of it.",
      },
      "1",
      "s = norm(n)/(norm(y) + 1e-8)",
      { scale: { default: 128, domain: "[0, inf)" } },
    )),
);
