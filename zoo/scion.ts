import { GradusError, shown } from "../dsl/errors.ts";
import { parseProgram } from "../dsl/check.ts";
import { type Program, required } from "../dsl/program.ts";
import {
  factory,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { requireChoice } from "../runtime/options.ts";
import type { HyperValue, Mask, MatricesOption } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { POLAR_NAMES, polarForm, type PolarOptions } from "./polar.ts";

/** What a matrix of outputs × inputs is measured by: options of {@linkcode scion}. */
export interface ScionNormOptions {
  /**
   * The norm of matrices: `"spectral"`, the largest singular value; `"sign"`, the largest element;
   * `"rowNorm"` and `"colNorm"`, the largest norm of a row or column. Default `"spectral"`.
   */
  norm?: "spectral" | "sign" | "rowNorm" | "colNorm";
  /**
   * Whether a step is measured against the number of inputs. Default: true, but false for `"colNorm"`,
   * which is for first layers.
   */
  normalized?: boolean;
  /** Whether a step in the spectral norm is no smaller than 1, whatever the shape. Default false. */
  max?: boolean;
  /**
   * Whether matrices are kept as inputs × outputs, such as embeddings are; of `"rowNorm"` and
   * `"colNorm"`. Default false.
   */
  transpose?: boolean;
}

/** Options of {@linkcode scion}. */
export interface ScionOptions extends MuDTypeOption, PolarOptions, ScionNormOptions {
  /** Step size α. */
  learningRate: HyperValue;
  /** The weight of a gradient in the momentum: 1 keeps none. Default 0.1. */
  momentum?: HyperValue;
  /** The radius ρ of the ball that parameters are drawn into. Default 1. */
  scale?: HyperValue;
  /** Whether parameters are not drawn to 0. Default false. */
  unconstrained?: Mask;
  /**
   * Which parameters are matrices, given as a mask is, and how: {@linkcode Matrices}. Default `true`:
   * parameters of two axes. `{ reductionAxis: 0, outputAxis: [1, 2, 3] }` makes a matrix of outputs × inputs
   * of a kernel that has its outputs first.
   */
  matrices?: MatricesOption;
}

/** The text of the steepest step of a matrix by what options say of its norm. */
function stepOf(options: ScionOptions, doing: string): string {
  const { norm = "spectral", max = false, transpose = false } = options;
  const { normalized = norm !== "colNorm" } = options;
  requireChoice("norm", norm, ["spectral", "sign", "rowNorm", "colNorm"], doing);
  for (const [name, value] of Object.entries({ max, transpose, normalized })) {
    if (typeof value === "boolean") continue;
    throw new GradusError(`${doing}: \`${name}\` must be true or false: given ${shown(value)}`);
  }
  if (max && norm !== "spectral") {
    throw new GradusError(`${doing}: \`max\` is of the norm "spectral": given "${norm}"`);
  }
  if (transpose && !["rowNorm", "colNorm"].includes(norm)) {
    throw new GradusError(
      `${doing}: \`transpose\` is of the norms "rowNorm" and "colNorm": given "${norm}"`,
    );
  }
  const [inputs, row, column] = transpose ? ["rows", 0, 1] : ["columns", 1, 0];
  if (norm === "sign") return `d = sign(m)${normalized ? "/columns" : ""}`;
  if (norm === "rowNorm") {
    const size = `sqrt(${normalized ? `${inputs}*` : ""}sum(m^2, axis=${row}))`;
    return `d = m/(${size} + 1e-8)`;
  }
  if (norm === "colNorm") {
    return `d = m/(${normalized ? `${inputs}*` : ""}sqrt(mean(m^2, axis=${column})) + 1e-8)`;
  }
  const { polar } = polarForm(options, "none", doing);
  const scale = `sqrt(${normalized ? "rows/columns" : "rows"})`;
  return `
    ${polar("m", "1e-7")}
    d = ${max ? `max(1, ${scale})` : scale}*o
  `;
}

const programOf = (options: ScionOptions, doing: string): Program =>
  parseProgram({
    name: "scion",
    doc: "The steepest step in a ball that fits the parameter; one state tensor.",
    source: "Pethick et al. 2025, Training Deep Learning Models with Norm-Constrained LMOs, " +
      "arXiv 2502.07529",
    hyper: {
      learningRate: required,
      momentum: { default: 0.1, domain: "(0, 1]" },
      scale: { default: 1, domain: "[0, inf)" },
      unconstrained: false,
      matrices: true,
    },
    state: { m: 0 },
    step: `
    m = (1 - momentum)*m + momentum*g
    ${stepOf(options, doing)}
    r = m/(sqrt(mean(m^2)) + 1e-8)
    u = -learningRate*(scale*where(matrices & rank == 2, d, r) + where(unconstrained, 0, 1)*w)
  `,
  });

/**
 * Scion: a step to that point of a ball, in a norm that fits the parameter, where a momentum is steepest;
 * one state tensor. The ball of a matrix of outputs × inputs is that of `norm`, that of other parameters
 * has a root mean square of 1. With `unconstrained`, a step of that length. Another norm, such as
 * `"sign"` for the last layer, is that of a {@linkcode partition}.
 *
 * ```text
 * m_t &\leftarrow (1 - \mu) \cdot m_{t-1} + \mu \cdot g_t \\
 * x_t &\leftarrow \frac{\begin{cases} m_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ m_t & \text{otherwise} \end{cases}}{\left\lVert m_t \right\rVert + 10^{-7}} \\
 * \textbf{repeat } 5 & \\
 * \quad x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow \sqrt{\frac{\mathrm{rows}}{\mathrm{columns}}} \cdot o_t \\
 * r_t &\leftarrow \frac{m_t}{\sqrt{\operatorname{mean} \left( m_t^{2} \right)} + 10^{-8}} \\
 * u_t &\leftarrow -\alpha_t \cdot (\mathrm{scale} \cdot \begin{cases} d_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ r_t & \text{otherwise} \end{cases} + \begin{cases} 0 & \text{if } \mathrm{unconstrained} \\ 1 & \text{otherwise} \end{cases} \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Pethick et al. 2025, Training Deep Learning Models with Norm-Constrained LMOs, arXiv 2502.07529.
 *
 * @example
 * ```ts
 * import { partition, scion } from "@gradus/gradus";
 *
 * const learningRate = 2 ** -12;
 * const opt = partition({
 *   body: scion({ learningRate, scale: 50 }),
 *   head: scion({ learningRate, scale: 3000, norm: "sign" }),
 * }, { body: "body", head: "head" });
 * ```
 *
 * @throws {GradusError} if an option of a norm is not valid.
 */
export const scion: OptimizerFactory<ScionOptions, { m: "leaf" }> = /* @__PURE__ */ withNorms();

/** Options that choose the form of the program. */
function withNorms<S extends StateKinds>(): OptimizerFactory<ScionOptions, S> {
  const form = [...POLAR_NAMES, "norm", "normalized", "max", "transpose"];
  return resolving<ScionOptions, S>(() => programOf({ learningRate: 0 }, ""), (options, doing) => {
    const others = Object.entries(options).filter(([name]) => !form.includes(name));
    return factory(programOf(options, doing))(Object.fromEntries(others));
  }, (program) => [...namesOf(program), ...form]);
}
