import { required } from "../dsl/program.ts";
import {
  deciding,
  type MaskOption,
  type MuDTypeOption,
  type OptimizerFactory,
} from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode soap}. */
export interface SoapOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.95. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.95. */
  b2?: HyperValue;
  /** Decay of what the bases are of. Default: `b2`. */
  shampooBeta?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0.01. */
  weightDecay?: HyperValue;
  /** How often the bases are brought nearer to eigenvectors. Default 10. */
  preconditionFrequency?: HyperValue;
  /** Longer sides of a matrix keep the basis that they have. Default 10000. */
  maxPrecondDim?: number;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

// Sides that are longer have no bases: what is known for good is that they have none.
const ROWS = "min(rows, maxPrecondDim) x min(rows, maxPrecondDim)";
const COLUMNS = "min(columns, maxPrecondDim) x min(columns, maxPrecondDim)";
const IDENTITY = "where(index(axis=0) == index(axis=1), 1, 0)";

const document = {
  name: "soap",
  doc:
    "Adam in the eigenbases of Shampoo; two state tensors, and two square ones a side of a matrix.",
  source: "Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321",
  hyper: {
    learningRate: required,
    b1: { default: 0.95, domain: "[0, 1)" },
    b2: { default: 0.95, domain: "[0, 1)" },
    shampooBeta: { default: 0.95, domain: "[0, 1)" },
    eps: { default: 1e-8, domain: "(0, inf)" },
    weightDecay: 0.01,
    preconditionFrequency: { default: 10, domain: "integer [1, inf)" },
    maxPrecondDim: { default: 10000, domain: "integer [1, inf)" },
    matrices: true,
  },
  state: {
    m: 0,
    v: 0,
    L: { shape: ROWS },
    R: { shape: COLUMNS },
    A: { shape: ROWS, init: IDENTITY },
    B: { shape: COLUMNS, init: IDENTITY },
  },
} as const;

/** The text of what becomes of a value by the sides that have bases: both, the left or right one, or none. */
const bySides = (both: string, left: string, right: string, none: string) =>
  `where(isMatrix & max(rows, columns) <= maxPrecondDim, ${both}, ` +
  `where(isMatrix & rows <= maxPrecondDim, ${left}, ` +
  `where(isMatrix & columns <= maxPrecondDim, ${right}, ${none})))`;

/** The text of the places to which the columns of a basis go that are as long as `e` says, the longest first. */
const order = (e: string, basis: string) =>
  `where(transpose(sum(where(transpose(${e}) > ${e} | transpose(${e}) == ${e} & index(axis=0) < index(axis=1), 1, 0), ` +
  `axis=0) + 0*${basis}) == index(axis=1), 1, 0)`;

/**
 * SOAP: Adam in the bases `A` and `B` in which Shampoo's factors `L` and `R` of a matrix are nearly
 * diagonal. A step of a power iteration and a QR decomposition brings them nearer, now and then, as the first
 * step does from the identity, where its authors decompose; the bases are all that this step makes. The first
 * moment is kept in no basis, the second in the present one. Parameters that are no matrices are stepped by
 * Adam; they do not move at the first step either.
 *
 * ```text
 * \mathrm{isMatrix}_t &\leftarrow \mathrm{matrices} \land \mathrm{rank} = 2 \\
 * m_t &\leftarrow \begin{cases} m_{t-1} & \text{if } (t - 1) = 0 \\ \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow \begin{cases} v_{t-1} & \text{if } (t - 1) = 0 \\ \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot \begin{cases} A_{t-1}^{\top} g_t B_{t-1} & \text{if } \mathrm{isMatrix}_t \land \max \left( \mathrm{rows}, \mathrm{columns} \right) \le \mathrm{maxPrecondDim} \\ \begin{cases} A_{t-1}^{\top} g_t & \text{if } \mathrm{isMatrix}_t \land \mathrm{rows} \le \mathrm{maxPrecondDim} \\ \begin{cases} g_t B_{t-1} & \text{if } \mathrm{isMatrix}_t \land \mathrm{columns} \le \mathrm{maxPrecondDim} \\ g_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases}^{2} & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \frac{\begin{cases} A_{t-1}^{\top} m_t B_{t-1} & \text{if } \mathrm{isMatrix}_t \land \max \left( \mathrm{rows}, \mathrm{columns} \right) \le \mathrm{maxPrecondDim} \\ \begin{cases} A_{t-1}^{\top} m_t & \text{if } \mathrm{isMatrix}_t \land \mathrm{rows} \le \mathrm{maxPrecondDim} \\ \begin{cases} m_t B_{t-1} & \text{if } \mathrm{isMatrix}_t \land \mathrm{columns} \le \mathrm{maxPrecondDim} \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases}}{\sqrt{v_t} + \epsilon} \\
 * d_t &\leftarrow \frac{\alpha_t \cdot \sqrt{1 - \beta_2^{(t - 1)}}}{1 - \beta_1^{(t - 1)}} \cdot \begin{cases} A_{t-1} d_t B_{t-1}^{\top} & \text{if } \mathrm{isMatrix}_t \land \max \left( \mathrm{rows}, \mathrm{columns} \right) \le \mathrm{maxPrecondDim} \\ \begin{cases} A_{t-1} d_t & \text{if } \mathrm{isMatrix}_t \land \mathrm{rows} \le \mathrm{maxPrecondDim} \\ \begin{cases} d_t B_{t-1}^{\top} & \text{if } \mathrm{isMatrix}_t \land \mathrm{columns} \le \mathrm{maxPrecondDim} \\ d_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \begin{cases} 0 & \text{if } (t - 1) = 0 \\ -d_t - \alpha_t \cdot \lambda \cdot (\theta_{t-1} - d_t) & \text{otherwise} \end{cases} \\
 * L_t &\leftarrow \mathrm{shampooBeta} \cdot L_{t-1} + (1 - \mathrm{shampooBeta}) \cdot (g_t g_t^{\top}) \\
 * R_t &\leftarrow \mathrm{shampooBeta} \cdot R_{t-1} + (1 - \mathrm{shampooBeta}) \cdot (g_t^{\top} g_t) \\
 * e_t &\leftarrow \operatorname{sum} \left( A_{t-1} \cdot (L_t A_{t-1}) \right)_{\text{axis } 0} + 0 \cdot A_{t-1} \\
 * S_t &\leftarrow \begin{cases} 1 & \text{if } (\operatorname{sum} \left( \begin{cases} 1 & \text{if } e_t^{\top} > e_t \lor e_t^{\top} = e_t \land \operatorname{index}_{0} < \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} \right)_{\text{axis } 0} + 0 \cdot A_{t-1})^{\top} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} \\
 * f_t &\leftarrow \operatorname{sum} \left( B_{t-1} \cdot (R_t B_{t-1}) \right)_{\text{axis } 0} + 0 \cdot B_{t-1} \\
 * T_t &\leftarrow \begin{cases} 1 & \text{if } (\operatorname{sum} \left( \begin{cases} 1 & \text{if } f_t^{\top} > f_t \lor f_t^{\top} = f_t \land \operatorname{index}_{0} < \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} \right)_{\text{axis } 0} + 0 \cdot B_{t-1})^{\top} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow \begin{cases} \begin{cases} S_t^{\top} v_t T_t & \text{if } \mathrm{isMatrix}_t \land \max \left( \mathrm{rows}, \mathrm{columns} \right) \le \mathrm{maxPrecondDim} \\ \begin{cases} S_t^{\top} v_t & \text{if } \mathrm{isMatrix}_t \land \mathrm{rows} \le \mathrm{maxPrecondDim} \\ \begin{cases} v_t T_t & \text{if } \mathrm{isMatrix}_t \land \mathrm{columns} \le \mathrm{maxPrecondDim} \\ v_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{if } \mathrm{preconditionFrequency} \mid (t - 1) \\ v_t & \text{otherwise} \end{cases} \\
 * A_t &\leftarrow \begin{cases} \operatorname{qr} \left( L_t A_{t-1} S_t \right) & \text{if } \mathrm{preconditionFrequency} \mid (t - 1) \\ A_{t-1} & \text{otherwise} \end{cases} \\
 * B_t &\leftarrow \begin{cases} \operatorname{qr} \left( R_t B_{t-1} T_t \right) & \text{if } \mathrm{preconditionFrequency} \mid (t - 1) \\ B_{t-1} & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t, L_t, R_t, A_t, B_t)
 * ```
 *
 * Source: Vyas et al. 2024, SOAP: Improving and Stabilizing Shampoo using Adam, arXiv 2409.11321.
 *
 * @example
 * ```ts
 * import { soap } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = soap({ learningRate: 0.1, weightDecay: 0, preconditionFrequency: 1 });
 * const x = { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] };
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 6; step++) {
 *   opt.step(x, { data: x.data.map((value) => 2 * value), shape: [2, 2] }, state);
 *   losses.push(x.data.reduce((sum, value) => sum + value * value, 0).toPrecision(3));
 * }
 * assertEquals(losses, ["30.0", "28.9", "27.7", "26.7", "25.7", "24.7"]);
 * ```
 */
export const soap: OptimizerFactory<
  SoapOptions,
  { m: "leaf"; v: "leaf"; L: "leaf"; R: "leaf"; A: "leaf"; B: "leaf" }
> = /* @__PURE__ */ made();

/** The factory: a call of its own, so that a bundle without it leaves all of this out. */
function made(): typeof soap {
  return deciding(
    optimizer({
      ...document,
      step: `
    isMatrix = matrices & rank == 2
    m = where(count == 0, m, b1*m + (1 - b1)*g)
    v = where(count == 0, v, b2*v + (1 - b2)*${
        bySides("transpose(A)@g@B", "transpose(A)@g", "g@B", "g")
      }^2)
    d = ${bySides("transpose(A)@m@B", "transpose(A)@m", "m@B", "m")}/(sqrt(v) + eps)
    d = learningRate*sqrt(1 - b2^count)/(1 - b1^count)*${
        bySides("A@d@transpose(B)", "A@d", "d@transpose(B)", "d")
      }
    u = where(count == 0, 0, -d - learningRate*weightDecay*(w - d))
    L = shampooBeta*L + (1 - shampooBeta)*(g@transpose(g))
    R = shampooBeta*R + (1 - shampooBeta)*(transpose(g)@g)
    e = sum(A*(L@A), axis=0) + 0*A
    S = ${order("e", "A")}
    f = sum(B*(R@B), axis=0) + 0*B
    T = ${order("f", "B")}
    v = every(preconditionFrequency, ${
        bySides("transpose(S)@v@T", "transpose(S)@v", "v@T", "v")
      }, v)
    A = every(preconditionFrequency, qr(L@A@S), A)
    B = every(preconditionFrequency, qr(R@B@T), B)
  `,
    }) as OptimizerFactory<never> as OptimizerFactory<Record<string, unknown>>,
    [],
    [],
    ({ shampooBeta, ...options }) => ({ ...options, shampooBeta: shampooBeta ?? options.b2 }),
  );
}
