import { parseProgram } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { type Program, required } from "../dsl/program.ts";
import { schedule } from "../dsl/schedules/schedule.ts";
import {
  factory,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { requireChoice } from "../runtime/options.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode kron}. */
export interface KronOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decoupled weight decay λ of what has two axes or more, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /**
   * How many updates of the preconditioners a step makes: one every `1/probability` steps, one number for all
   * parameters. Default: the schedule `clip(exp(-0.001*(count - 500)), 0.03, 1)`.
   */
  preconditionerUpdateProbability?: HyperValue;
  /** Longer sides of a matrix have a diagonal preconditioner. Default 8192. */
  maxSizeTriangular?: number;
  /**
   * Which sides have a diagonal preconditioner besides: `"none"`, the longest if there is one
   * (`"smartOneDiag"`), the longest, of equals the columns (`"oneDiag"`), or both (`"allDiag"`).
   * Default `"none"`.
   */
  memorySaveMode?: "none" | "smartOneDiag" | "oneDiag" | "allDiag";
  /** Whether preconditioners are fitted to the first moment, and not to gradients. Default true. */
  momentumIntoPrecondUpdate?: boolean;
  /** Step size of the preconditioners. Default 0.1. */
  precondLr?: HyperValue;
  /** What the preconditioner multiplies by at first, without its square. Default 1. */
  precondInitScale?: number;
  /** Which random numbers the preconditioners are fitted with. Default 0. */
  seed?: HyperValue;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

type Mode = Exclude<KronOptions["memorySaveMode"], undefined>;

/** Of a mode, when the left and the right side may be triangular. */
const TRIANGULAR: Readonly<Record<Mode, readonly [string, string]>> = {
  none: ["", ""],
  smartOneDiag: [" & rows <= columns", " & columns <= rows"],
  oneDiag: [" & rows <= columns", " & columns < rows"],
  allDiag: [" & rows < 0", " & rows < 0"],
};
const IS_DIAGONAL = "index(axis=0) == index(axis=1)";
const IS_MATRIX = "matrices & rank == 2";
const DUE = "ceil(1/preconditionerUpdateProbability)";
const noisy = (x: string) => `${x} + 2^-11.5*mean(abs(${x}))*normal(seed)`;

/** A diagonal factor after an update; `of` sums up the elements that it is of. */
const fitted = (q: string, of: (x: string) => string) =>
  `(${q} - precondLr*${q}*${of("A^2 - B^2")}/max(max(${of("A^2 + B^2")}), 1e-37))`;

/** What the triangular factor of a side loses at an update, where `P` and `N` are its products of A and of B. */
function loss(P: string, N: string): string {
  const s = "1/max(norm(A)^2 + norm(B)^2, 1e-37)";
  const T = `(${s}*(${P} + ${N}))`;
  const column = `sum((${P} + ${N})^2, axis=0)`;
  const along = (power: string) => `norm(where(${column} == max(${column}), ${power}, 0))`;
  return `precondLr*${s}*${along(`${T}@${T}`)}/max(${along(`${T}@${T}@${T}`)}, 1e-30)` +
    `*where(index(axis=0) <= index(axis=1), ${P} - ${N}, 0)`;
}

function programOf(mode: Mode, maxSize: number, ofMoment: boolean): Program {
  const left = `rows <= ${maxSize}${TRIANGULAR[mode][0]}`;
  const right = `columns <= ${maxSize}${TRIANGULAR[mode][1]}`;
  /** What comes of x by both sides of a matrix, or by what is beside each element. */
  const sides = (x: string, L: string, a: string, R: string, b: string, q: string) => {
    const half = `where(${left}, ${L}@${x}, ${a}*${x})`;
    return `where(${IS_MATRIX}, where(${right}, ${half}@${R}, ${b}*${half}), ${q}*${x})`;
  };
  const sizes = (side: string) => `min(${side}, ${maxSize}) x min(${side}, ${maxSize})`;
  const moment = (x: string) => `1/(1 - b1^t)*${x}`;
  const P = moment(sides(
    ofMoment ? `every(${DUE}, ${noisy("m")}, m, n)` : "m",
    ...["transpose(L)@L", "a^2", "transpose(R)@R", "b^2", "q^2"] as const,
  ));
  const whitened = (x: string) => sides(`(${noisy(x)})`, "L", "a", "transpose(R)", "b", "q");
  const largest = `where(rows == 0, 1, where(${left}, max(abs(L)), max(a)))`;
  return parseProgram({
    name: "kron",
    doc: "A momentum times Kronecker factors that whiten it, fitted on the way.",
    source: "Li 2018, Preconditioned Stochastic Gradient Descent, arXiv 1512.04202; " +
      "Pooladzandi and Li 2024, Curvature-Informed SGD via General Purpose Lie-Group Preconditioners, arXiv 2402.04553",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      weightDecay: 0,
      preconditionerUpdateProbability: { default: 1, domain: "(0, 1]" },
      precondLr: { default: 0.1, domain: "[0, inf)" },
      precondInitScale: { default: 1, domain: "(0, inf)" },
      seed: { default: 0, domain: "integer [0, inf)" },
      matrices: true,
    },
    state: {
      m: 0,
      n: { over: "tree" },
      a: { over: 1, init: "precondInitScale" },
      b: { over: 0, init: 1 },
      L: { shape: sizes("rows"), init: `where(${IS_DIAGONAL}, precondInitScale, 0)` },
      R: { shape: sizes("columns"), init: `where(${IS_DIAGONAL}, 1, 0)` },
      q: "precondInitScale",
    },
    step: `
    m = b1*m + (1 - b1)*g
    n = where(n + 1 >= 1/preconditionerUpdateProbability, 0, n + 1)
    X = where(${IS_DIAGONAL}, 1/L, 0)
    Y = where(${IS_DIAGONAL}, 1/R, 0)
    repeat ${Math.max(1, Math.ceil(Math.log2(maxSize)))} {
      X = 2*X - X@(L@X)
      Y = 2*Y - Y@(R@Y)
    }
    A = ${ofMoment ? moment(whitened("m")) : whitened("g")}
    B = ${sides("normal(seed)", "transpose(X)", "1/a", "Y", "1/b", "1/q")}
    b = where(${IS_MATRIX} & !(${right}), every(${DUE}, ${largest}*${
      fitted("b", (x) => `sum(${x}, axis=0)`)
    }, b, n), b)
    R = every(${DUE}, ${largest}*(R - ${loss("transpose(A)@A", "transpose(B)@B")}@R), R, n)
    a = where(${IS_MATRIX} & !(${left}), every(${DUE}, 1/max(a)*${
      fitted("a", (x) => `sum(${x}, axis=1)`)
    }, a, n), a)
    L = every(${DUE}, 1/max(abs(L))*(L - ${loss("A@transpose(A)", "B@transpose(B)")}@L), L, n)
    q = where(${IS_MATRIX}, q, every(${DUE}, ${fitted("q", (x) => `(${x})`)}, q, n))
    u = -learningRate*(min(1, 1.1/(sqrt(mean((${P})^2)) + 1e-12))*${P} + weightDecay*w)
  `,
  });
}

/**
 * PSGD Kron: a first moment times a preconditioner that whitens it, a Kronecker product of one triangular
 * factor a side of a matrix, `L` and `R`. The factors are fitted at each step at first, and seldom later:
 * where the moment is multiplied by the preconditioner, and noise divided by it, both have the same
 * covariance in the end. The root mean square of an update is at most 1.1 α. A long side has a diagonal
 * factor, `a` or `b`; what is no matrix has `q`, a number for each element. The inverses of the triangular
 * factors are those of Newton's iteration from the diagonal, which is exact for them after as many turns as
 * the logarithm of their size. The scale of both sides is kept in the right one: how it is shared does not
 * change what they come to. A parameter of more axes can be seen as one matrix, but not as several.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * n_t &\leftarrow \begin{cases} 0 & \text{if } n_{t-1} + 1 \ge \frac{1}{\mathrm{preconditionerUpdateProbability}} \\ n_{t-1} + 1 & \text{otherwise} \end{cases} \\
 * X_t &\leftarrow \begin{cases} \frac{1}{L_{t-1}} & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} \\
 * Y_t &\leftarrow \begin{cases} \frac{1}{R_{t-1}} & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} \\
 * \textbf{repeat } 13 & \\
 * \quad X_t &\leftarrow 2 \cdot X_t - X_t (L_{t-1} X_t) \\
 * \quad Y_t &\leftarrow 2 \cdot Y_t - Y_t (R_{t-1} Y_t) \\
 * A_t &\leftarrow \frac{1}{1 - \beta_1^{t}} \cdot \begin{cases} \begin{cases} \begin{cases} L_{t-1} (m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right)) & \text{if } \mathrm{rows} \le 8192 \\ a_{t-1} \cdot (m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right)) & \text{otherwise} \end{cases} R_{t-1}^{\top} & \text{if } \mathrm{columns} \le 8192 \\ b_{t-1} \cdot \begin{cases} L_{t-1} (m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right)) & \text{if } \mathrm{rows} \le 8192 \\ a_{t-1} \cdot (m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right)) & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ q_{t-1} \cdot (m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right)) & \text{otherwise} \end{cases} \\
 * B_t &\leftarrow \begin{cases} \begin{cases} \begin{cases} X_t^{\top} \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \mathrm{rows} \le 8192 \\ \frac{1}{a_{t-1}} \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{otherwise} \end{cases} Y_t & \text{if } \mathrm{columns} \le 8192 \\ \frac{1}{b_{t-1}} \cdot \begin{cases} X_t^{\top} \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \mathrm{rows} \le 8192 \\ \frac{1}{a_{t-1}} \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \frac{1}{q_{t-1}} \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{otherwise} \end{cases} \\
 * b_t &\leftarrow \begin{cases} \begin{cases} \begin{cases} 1 & \text{if } \mathrm{rows} = 0 \\ \begin{cases} \max \left( \left| L_{t-1} \right| \right) & \text{if } \mathrm{rows} \le 8192 \\ \max \left( a_{t-1} \right) & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \cdot (b_{t-1} - \frac{\mathrm{precondLr} \cdot b_{t-1} \cdot \operatorname{sum} \left( A_t^{2} - B_t^{2} \right)_{\text{axis } 0}}{\max \left( \max \left( \operatorname{sum} \left( A_t^{2} + B_t^{2} \right)_{\text{axis } 0} \right), 10^{-37} \right)}) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ b_{t-1} & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \land \lnot (\mathrm{columns} \le 8192) \\ b_{t-1} & \text{otherwise} \end{cases} \\
 * R_t &\leftarrow \begin{cases} \begin{cases} 1 & \text{if } \mathrm{rows} = 0 \\ \begin{cases} \max \left( \left| L_{t-1} \right| \right) & \text{if } \mathrm{rows} \le 8192 \\ \max \left( a_{t-1} \right) & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \cdot (R_{t-1} - \frac{\frac{\mathrm{precondLr} \cdot 1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot \left\lVert \begin{cases} \frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t^{\top} A_t + B_t^{\top} B_t) (\frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t^{\top} A_t + B_t^{\top} B_t)) & \text{if } \operatorname{sum} \left( (A_t^{\top} A_t + B_t^{\top} B_t)^{2} \right)_{\text{axis } 0} = \max \left( \operatorname{sum} \left( (A_t^{\top} A_t + B_t^{\top} B_t)^{2} \right)_{\text{axis } 0} \right) \\ 0 & \text{otherwise} \end{cases} \right\rVert}{\max \left( \left\lVert \begin{cases} \frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t^{\top} A_t + B_t^{\top} B_t) (\frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t^{\top} A_t + B_t^{\top} B_t)) (\frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t^{\top} A_t + B_t^{\top} B_t)) & \text{if } \operatorname{sum} \left( (A_t^{\top} A_t + B_t^{\top} B_t)^{2} \right)_{\text{axis } 0} = \max \left( \operatorname{sum} \left( (A_t^{\top} A_t + B_t^{\top} B_t)^{2} \right)_{\text{axis } 0} \right) \\ 0 & \text{otherwise} \end{cases} \right\rVert, 10^{-30} \right)} \cdot \begin{cases} A_t^{\top} A_t - B_t^{\top} B_t & \text{if } \operatorname{index}_{0} \le \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} R_{t-1}) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ R_{t-1} & \text{otherwise} \end{cases} \\
 * a_t &\leftarrow \begin{cases} \begin{cases} \frac{1}{\max \left( a_{t-1} \right)} \cdot (a_{t-1} - \frac{\mathrm{precondLr} \cdot a_{t-1} \cdot \operatorname{sum} \left( A_t^{2} - B_t^{2} \right)_{\text{axis } 1}}{\max \left( \max \left( \operatorname{sum} \left( A_t^{2} + B_t^{2} \right)_{\text{axis } 1} \right), 10^{-37} \right)}) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ a_{t-1} & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \land \lnot (\mathrm{rows} \le 8192) \\ a_{t-1} & \text{otherwise} \end{cases} \\
 * L_t &\leftarrow \begin{cases} \frac{1}{\max \left( \left| L_{t-1} \right| \right)} \cdot (L_{t-1} - \frac{\frac{\mathrm{precondLr} \cdot 1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot \left\lVert \begin{cases} \frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t A_t^{\top} + B_t B_t^{\top}) (\frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t A_t^{\top} + B_t B_t^{\top})) & \text{if } \operatorname{sum} \left( (A_t A_t^{\top} + B_t B_t^{\top})^{2} \right)_{\text{axis } 0} = \max \left( \operatorname{sum} \left( (A_t A_t^{\top} + B_t B_t^{\top})^{2} \right)_{\text{axis } 0} \right) \\ 0 & \text{otherwise} \end{cases} \right\rVert}{\max \left( \left\lVert \begin{cases} \frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t A_t^{\top} + B_t B_t^{\top}) (\frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t A_t^{\top} + B_t B_t^{\top})) (\frac{1}{\max \left( \left\lVert A_t \right\rVert^{2} + \left\lVert B_t \right\rVert^{2}, 10^{-37} \right)} \cdot (A_t A_t^{\top} + B_t B_t^{\top})) & \text{if } \operatorname{sum} \left( (A_t A_t^{\top} + B_t B_t^{\top})^{2} \right)_{\text{axis } 0} = \max \left( \operatorname{sum} \left( (A_t A_t^{\top} + B_t B_t^{\top})^{2} \right)_{\text{axis } 0} \right) \\ 0 & \text{otherwise} \end{cases} \right\rVert, 10^{-30} \right)} \cdot \begin{cases} A_t A_t^{\top} - B_t B_t^{\top} & \text{if } \operatorname{index}_{0} \le \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} L_{t-1}) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ L_{t-1} & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \begin{cases} q_{t-1} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ \begin{cases} q_{t-1} - \frac{\mathrm{precondLr} \cdot q_{t-1} \cdot (A_t^{2} - B_t^{2})}{\max \left( \max \left( A_t^{2} + B_t^{2} \right), 10^{-37} \right)} & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ q_{t-1} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\min \left( 1, \frac{1.1}{\sqrt{\operatorname{mean} \left( (\frac{1}{1 - \beta_1^{t}} \cdot \begin{cases} \begin{cases} \begin{cases} L_t^{\top} L_t \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{if } \mathrm{rows} \le 8192 \\ a_t^{2} \cdot \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} R_t^{\top} R_t & \text{if } \mathrm{columns} \le 8192 \\ b_t^{2} \cdot \begin{cases} L_t^{\top} L_t \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{if } \mathrm{rows} \le 8192 \\ a_t^{2} \cdot \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ q_t^{2} \cdot \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases})^{2} \right)} + 10^{-12}} \right) \cdot 1}{1 - \beta_1^{t}} \cdot \begin{cases} \begin{cases} \begin{cases} L_t^{\top} L_t \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{if } \mathrm{rows} \le 8192 \\ a_t^{2} \cdot \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} R_t^{\top} R_t & \text{if } \mathrm{columns} \le 8192 \\ b_t^{2} \cdot \begin{cases} L_t^{\top} L_t \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{if } \mathrm{rows} \le 8192 \\ a_t^{2} \cdot \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ q_t^{2} \cdot \begin{cases} m_t + 2^{-11.5} \cdot \operatorname{mean} \left( \left| m_t \right| \right) \cdot \mathcal{N}_t \left( \mathrm{seed} \right) & \text{if } \left\lceil \frac{1}{\mathrm{preconditionerUpdateProbability}} \right\rceil \mid n_t \\ m_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, n_t, a_t, b_t, L_t, R_t, q_t)
 * ```
 *
 * Source: Li 2018, Preconditioned Stochastic Gradient Descent, arXiv 1512.04202; Kronecker factors:
 * Pooladzandi and Li 2024, Curvature-Informed SGD via General Purpose Lie-Group Preconditioners, arXiv
 * 2402.04553.
 *
 * @example
 * ```ts
 * import { kron } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = kron({ learningRate: 0.1 });
 * // A valley that is a hundred times as steep on one side.
 * const slopes = [1, 100, 1, 100];
 * const x = { data: Float32Array.of(3, 3, 3, 3), shape: [2, 2] };
 * const state = opt.init(x);
 * for (let step = 0; step < 100; step++) {
 *   opt.step(x, { data: x.data.map((value, i) => slopes[i] * value), shape: [2, 2] }, state);
 * }
 * assert(x.data.every((value) => Math.abs(value) < 0.5));
 * ```
 *
 * @throws {GradusError} if an option that chooses the program is not valid.
 */
export const kron: OptimizerFactory<
  KronOptions,
  { m: "leaf"; n: "tree"; a: "leaf"; b: "leaf"; L: "leaf"; R: "leaf"; q: "leaf" }
> = /* @__PURE__ */ made();

/** The factory: a call of its own, so that a bundle without it leaves all of this out. */
function made(): typeof kron {
  return resolving<
    KronOptions,
    { m: "leaf"; n: "tree"; a: "leaf"; b: "leaf"; L: "leaf"; R: "leaf"; q: "leaf" }
  >(() => programOf("none", 8192, true), (options, doing) => {
    const {
      memorySaveMode: mode = "none",
      maxSizeTriangular: most = 8192,
      momentumIntoPrecondUpdate: isMoment = true,
      preconditionerUpdateProbability = schedule("clip(exp(-0.001*(count - 500)), 0.03, 1)"),
      ...others
    } = options;
    requireChoice("memorySaveMode", mode, Object.keys(TRIANGULAR), doing);
    if (!Number.isSafeInteger(most) || most < 1) {
      throw new GradusError(
        `${doing}: \`maxSizeTriangular\` must be a whole number from 1: given ${shown(most)}`,
      );
    }
    if (typeof isMoment !== "boolean") {
      throw new GradusError(
        `${doing}: \`momentumIntoPrecondUpdate\` must be true or false: given ${shown(isMoment)}`,
      );
    }
    return factory(programOf(mode, most, isMoment))({ ...others, preconditionerUpdateProbability });
  }, (program) => [
    ...namesOf(program),
    ...["memorySaveMode", "maxSizeTriangular", "momentumIntoPrecondUpdate"],
  ]);
}
