import { parseProgram } from "../dsl/check.ts";
import { type Program, required } from "../dsl/program.ts";
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
import type { StateKinds } from "../runtime/trees/typed.ts";

/** Options of {@linkcode shampoo}. */
export interface ShampooOptions extends MaskOption, MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the factors; 1 for sums that do not decay. Default 1. */
  b2?: HyperValue;
  /**
   * Added to the diagonal of the factors; in float32, whose rounding leaves factors without an inverse, a millionth of
   * their norm is added besides. Default 1e-12.
   */
  eps?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** How often the roots of the factors are computed. Default 10. */
  preconditionFrequency?: HyperValue;
  /** The first step that uses the roots, if there are some by then. Default 1. */
  startPreconditioningStep?: HyperValue;
  /** Matrices with a longer side are stepped as what is no matrix. Default 8192. */
  maxPreconditionerDim?: number;
  /**
   * Whose norm the step of a matrix has, and whose step other parameters make: `"adam"`, `"adagrad"`, or
   * `"none"`: its own, and that of the first moment. Default `"adam"`.
   */
  grafting?: "adam" | "adagrad" | "none";
  /** Decay of the second moment of Adam's. Default 0.999. */
  graftingB2?: HyperValue;
  /** Added outside the root of the second moment. Default 1e-8. */
  graftingEps?: HyperValue;
  /** Which parameters are matrices, and how: {@linkcode Matrices}. Default `true`: those of two axes. */
  matrices?: MatricesOption;
}

type Grafting = Exclude<ShampooOptions["grafting"], undefined>;

const SECOND: Readonly<Record<Grafting, string>> = {
  adam: `
    v = graftingB2*v + (1 - graftingB2)*g^2
    d = m/(sqrt(1/(1 - graftingB2^t)*v) + graftingEps)`,
  adagrad: `
    v = v + g^2
    d = m/(sqrt(v) + graftingEps)`,
  none: "d = m",
};
const ROWS = "min(rows, maxPreconditionerDim) x min(rows, maxPreconditionerDim)";
const COLUMNS = "min(columns, maxPreconditionerDim) x min(columns, maxPreconditionerDim)";
const IS_STEPPED = "matrices & rank == 2 & max(rows, columns) <= maxPreconditionerDim";
/** The factor that a step of Newton's multiplies the root of M^(-1/4) by. */
const factor = (M: string) => `(where(index(axis=0) == index(axis=1), 1.25, 0) - 0.25*${M})`;
const times = (M: string) => {
  const [T, all] = [factor(M), `(${factor(M)}@${factor(M)})`];
  return { root: T, rest: `${all}@${all}@${M}` };
};
/**
 * A factor with what is added to its diagonal, and its largest eigenvalue or more. Numbers of so few digits that they
 * cannot tell 1e-10 of a size make eigenvalues of 0 negative, which the iteration blows up: a millionth more is added.
 */
const sized = (L: string) => {
  const k = "where(b2 == 1, 1, 1 - b2^t)";
  const size = `(norm(${L})/${k})`;
  const ridge = `(eps + where(${size} + 1e-10*${size} == ${size}, 1e-6*${size}, 0))`;
  return {
    matrix: `(1/${k}*${L} + where(index(axis=0) == index(axis=1), ${ridge}, 0))`,
    size: `(${size} + ${ridge})`,
  };
};
const begin = (L: string, P: string) =>
  `every(preconditionFrequency, where(index(axis=0) == index(axis=1), (2.5/${
    sized(L).size
  })^0.25, 0), ${P}, t)`;

function programOf(grafting: Grafting): Program {
  const step = grafting === "none" ? "P@m@Q" : "norm(d)/(norm(P@m@Q) + 1e-16)*(P@m@Q)";
  return parseProgram({
    name: "shampoo",
    doc: "A momentum times inverse roots of second moments of rows and of columns.",
    source:
      "Gupta et al. 2018, Shampoo: Preconditioned Stochastic Tensor Optimization, arXiv 1802.09568; " +
      "Anil et al. 2020, Scalable Second Order Optimization for Deep Learning, arXiv 2002.09018",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 1, domain: "(0, 1]" },
      eps: { default: 1e-12, domain: "(0, inf)" },
      weightDecay: 0,
      preconditionFrequency: { default: 10, domain: "integer [1, inf)" },
      startPreconditioningStep: { default: 1, domain: "[1, inf]" },
      maxPreconditionerDim: { default: 8192, domain: "integer [1, inf)" },
      ...grafting === "adam" ? { graftingB2: { default: 0.999, domain: "[0, 1)" } } : {},
      ...grafting === "none" ? {} : { graftingEps: { default: 1e-8, domain: "(0, inf)" } },
      matrices: true,
    },
    state: {
      m: 0,
      ...grafting === "none" ? {} : { v: 0 },
      L: { shape: ROWS },
      R: { shape: COLUMNS },
      P: { shape: ROWS },
      Q: { shape: COLUMNS },
    },
    step: `
    m = b1*m + (1 - b1)*g
    ${SECOND[grafting]}
    L = b2*L + where(b2 == 1, 1, 1 - b2)*(g@transpose(g))
    R = b2*R + where(b2 == 1, 1, 1 - b2)*(transpose(g)@g)
    M = 2.5/${sized("L").size}*${sized("L").matrix}
    N = 2.5/${sized("R").size}*${sized("R").matrix}
    P = ${begin("L", "P")}
    Q = ${begin("R", "Q")}
    repeat 40 {
      P = every(preconditionFrequency, P@${times("M").root}, P, t)
      Q = every(preconditionFrequency, Q@${times("N").root}, Q, t)
      M = ${times("M").rest}
      N = ${times("N").rest}
    }
    u = -learningRate*(1/(1 - b1^t)*where(${IS_STEPPED}, where(t >= max(startPreconditioningStep, preconditionFrequency), ${step}, d), d) + weightDecay*w)
  `,
  });
}

/**
 * Shampoo: a momentum times the inverse fourth roots of what its gradients are in the mean, of rows on the
 * left and of columns on the right. The roots are computed now and then, by 40 steps of a coupled Newton
 * iteration: products of matrices, in place of a decomposition. A step has the norm of Adam's step, or what
 * `grafting` says; parameters that are no matrices make that step.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \mathrm{graftingB}_2 \cdot v_{t-1} + (1 - \mathrm{graftingB}_2) \cdot g_t^{2} \\
 * d_t &\leftarrow \frac{m_t}{\sqrt{\frac{1}{1 - \mathrm{graftingB}_2^{t}} \cdot v_t} + \mathrm{graftingEps}} \\
 * L_t &\leftarrow \beta_2 \cdot L_{t-1} + \begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2 & \text{otherwise} \end{cases} \cdot (g_t g_t^{\top}) \\
 * R_t &\leftarrow \beta_2 \cdot R_{t-1} + \begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2 & \text{otherwise} \end{cases} \cdot (g_t^{\top} g_t) \\
 * M_t &\leftarrow \frac{2.5}{\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + (\epsilon + \begin{cases} 0.000001 \cdot (\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) & \text{if } \frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + 10^{-10} \cdot (\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) = \frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \\ 0 & \text{otherwise} \end{cases})} \cdot (\frac{1}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \cdot L_t + \begin{cases} \epsilon + \begin{cases} 0.000001 \cdot (\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) & \text{if } \frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + 10^{-10} \cdot (\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) = \frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \\ 0 & \text{otherwise} \end{cases} & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases}) \\
 * N_t &\leftarrow \frac{2.5}{\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + (\epsilon + \begin{cases} 0.000001 \cdot (\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) & \text{if } \frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + 10^{-10} \cdot (\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) = \frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \\ 0 & \text{otherwise} \end{cases})} \cdot (\frac{1}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \cdot R_t + \begin{cases} \epsilon + \begin{cases} 0.000001 \cdot (\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) & \text{if } \frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + 10^{-10} \cdot (\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) = \frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \\ 0 & \text{otherwise} \end{cases} & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases}) \\
 * P_t &\leftarrow \begin{cases} \begin{cases} (\frac{2.5}{\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + (\epsilon + \begin{cases} 0.000001 \cdot (\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) & \text{if } \frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + 10^{-10} \cdot (\frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) = \frac{\left\lVert L_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \\ 0 & \text{otherwise} \end{cases})})^{0.25} & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} & \text{if } \mathrm{preconditionFrequency} \mid t \\ P_{t-1} & \text{otherwise} \end{cases} \\
 * Q_t &\leftarrow \begin{cases} \begin{cases} (\frac{2.5}{\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + (\epsilon + \begin{cases} 0.000001 \cdot (\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) & \text{if } \frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} + 10^{-10} \cdot (\frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}}) = \frac{\left\lVert R_t \right\rVert}{\begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2^{t} & \text{otherwise} \end{cases}} \\ 0 & \text{otherwise} \end{cases})})^{0.25} & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} & \text{if } \mathrm{preconditionFrequency} \mid t \\ Q_{t-1} & \text{otherwise} \end{cases} \\
 * \textbf{repeat } 40 & \\
 * \quad P_t &\leftarrow \begin{cases} P_t (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot M_t) & \text{if } \mathrm{preconditionFrequency} \mid t \\ P_t & \text{otherwise} \end{cases} \\
 * \quad Q_t &\leftarrow \begin{cases} Q_t (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot N_t) & \text{if } \mathrm{preconditionFrequency} \mid t \\ Q_t & \text{otherwise} \end{cases} \\
 * \quad M_t &\leftarrow (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot M_t) (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot M_t) ((\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot M_t) (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot M_t)) M_t \\
 * \quad N_t &\leftarrow (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot N_t) (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot N_t) ((\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot N_t) (\begin{cases} 1.25 & \text{if } \operatorname{index}_{0} = \operatorname{index}_{1} \\ 0 & \text{otherwise} \end{cases} - 0.25 \cdot N_t)) N_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{1}{1 - \beta_1^{t}} \cdot \begin{cases} \begin{cases} \frac{\left\lVert d_t \right\rVert}{\left\lVert P_t m_t Q_t \right\rVert + 10^{-16}} \cdot (P_t m_t Q_t) & \text{if } t \ge \max \left( \mathrm{startPreconditioningStep}, \mathrm{preconditionFrequency} \right) \\ d_t & \text{otherwise} \end{cases} & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \land \max \left( \mathrm{rows}, \mathrm{columns} \right) \le \mathrm{maxPreconditionerDim} \\ d_t & \text{otherwise} \end{cases} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t, L_t, R_t, P_t, Q_t)
 * ```
 *
 * Source: Gupta et al. 2018, Shampoo: Preconditioned Stochastic Tensor Optimization, arXiv 1802.09568;
 * iteration and grafting: Anil et al. 2020, Scalable Second Order Optimization for Deep Learning, arXiv
 * 2002.09018.
 *
 * @example
 * ```ts
 * import { shampoo } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = shampoo({ learningRate: 1, preconditionFrequency: 1, grafting: "none" });
 * const params = { data: new Float64Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float64Array.of(3, 0, 0, -2), shape: [2, 2] }, opt.init(params));
 * // The first step is orthogonal, whatever the size of gradients is.
 * assert([-1, 0, 0, 1].every((value, i) => Math.abs(params.data[i] - value) < 1e-6));
 * ```
 */
export const shampoo: OptimizerFactory<
  ShampooOptions,
  { m: "leaf"; v: "leaf"; L: "leaf"; R: "leaf"; P: "leaf"; Q: "leaf" }
> = /* @__PURE__ */ withGrafting();

/** Options that choose the form of the program. */
function withGrafting<O extends ShampooOptions, S extends StateKinds>(): OptimizerFactory<O, S> {
  return resolving<O, S>(() => programOf("adam"), ({ grafting = "adam", ...options }, doing) => {
    requireChoice("grafting", grafting, ["adam", "adagrad", "none"], doing);
    return factory(programOf(grafting))({ ...options });
  }, (program) => [...namesOf(program), "grafting"]);
}
