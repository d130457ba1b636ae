import { GradusError, shown } from "../dsl/errors.ts";
import type { Program } from "../dsl/program.ts";
import { parseProgram } from "../dsl/check.ts";
import { printProgram } from "../dsl/print.ts";
import { weave } from "../dsl/weave.ts";
import {
  deciding,
  factory,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { bind } from "../runtime/optimizer.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { requireChoice } from "../runtime/options.ts";
import type { StateStorage } from "../runtime/trees/state_storage.ts";
import { adamw } from "./adam.ts";

/** Coefficients (a, b, c) of one step X ← aX + (bA + cA²)X, A = XXᵀ, of Newton and Schulz. */
export type NsCoefficients = readonly [a: number, b: number, c: number];

/** Options of {@linkcode muon}. */
export interface MuonOptions extends MaskOption, MuDTypeOption {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /**
   * The steps of the orthogonalisation: coefficients for all of them, one triple a step, or the names
   * `"standard"` (Jordan's) and `"dion"` (five of their own). Default `"standard"`.
   */
  nsCoeffs?: NsCoefficients | readonly NsCoefficients[] | "standard" | "dion";
  /** How many steps, where the coefficients do not say. Default 5. */
  nsSteps?: number;
  /** Decay β of the momentum. Default 0.95. */
  beta?: HyperValue;
  /** Added to the norm that a matrix is divided by, and to AdamW's root. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether momenta look one step ahead. Default true. */
  nesterov?: boolean;
  /** Whether the update is scaled by its product with the momentum. Default false. */
  adaptive?: boolean;
  /**
   * What a matrix is divided by at first: its Frobenius norm, or the root of that of XXᵀ, Schatten's
   * 4-norm, which is nearer to the largest singular value. Default `"frobenius"`.
   */
  preconditioning?: "frobenius" | "schatten";
  /**
   * The root mean square that updates of matrices come to have; 0 scales by √max(1, columns/rows)
   * instead. Default 0.
   */
  consistentRms?: HyperValue;
  /**
   * Which parameters are orthogonalised, given as a mask is, and how: {@linkcode Matrices}. All others go to
   * AdamW. Default `true`, as in Optax: parameters of two axes. Those of more, such as the kernel of a
   * convolution, are matrices only where this says how: `"flatten"` makes of `[3, 3, 4, 8]` one of 36 x 8, as the
   * paper does; `"last two"` 9 of 4 x 8; `{ reductionAxis: [1, 2, 3], outputAxis: 0 }` takes a kernel that has its
   * outputs first, as PyTorch's. `explain` shows what each parameter is seen as.
   */
  matrices?: MatricesOption;
  /** AdamW's step size. Default: `learningRate`. */
  adamLearningRate?: HyperValue;
  /** AdamW's β1. Default 0.9. */
  adamB1?: HyperValue;
  /** AdamW's β2. Default 0.999. */
  adamB2?: HyperValue;
  /** Added inside AdamW's root. Default 0. */
  adamEpsRoot?: HyperValue;
  /** AdamW's weight decay, which no mask limits. Default 0. */
  adamWeightDecay?: HyperValue;
}

/** The hyperparameters of {@linkcode muon}: AdamW's have the suffix `_adam`. */
export type MuonHyper =
  | "learningRate"
  | "beta"
  | "eps"
  | "weightDecay"
  | "consistentRms"
  | `${"learningRate" | "b1" | "b2" | "eps" | "epsRoot" | "weightDecay"}_adam`;

const STANDARD: NsCoefficients = [3.4445, -4.775, 2.0315];
const DION: readonly NsCoefficients[] = [
  [4.0848, -6.8946, 2.927],
  [3.9505, -6.3029, 2.6377],
  [3.7418, -5.5913, 2.3037],
  [2.8769, -3.1427, 1.2046],
  [2.8366, -3.0525, 1.2012],
];
const MOST_STEPS = 50;

function programOf(steps: readonly NsCoefficients[], isSchatten: boolean): Program {
  const size = isSchatten ? "sqrt(norm(mhat@transpose(mhat)))" : "norm(mhat)";
  const { program } = weave(
    {
      name: "muon",
      hyper: {
        learningRate: "required",
        beta: { default: 0.95, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "[0, inf)" },
        weightDecay: 0,
        consistentRms: { default: 0, domain: "[0, inf)" },
        nesterov: true,
        adaptive: false,
        matrices: true,
      },
      state: { m: 0 },
      before: `
      m = beta*m + (1 - beta)*g
      mhat = where(nesterov, beta/(1 - beta^(t + 1))*m + (1 - beta)/(1 - beta^t)*g, 1/(1 - beta^t)*m)
      q = ${size} + eps
      x = where(rows > columns, transpose(mhat), mhat)/where(q == 0, 1, q)
      ${
        steps.map(([a, b, c]) =>
          `x = ${a}*x + (${b}*(x@transpose(x)) + ${c}*((x@transpose(x))@(x@transpose(x))))@x`
        ).join("\n")
      }
      scale = where(consistentRms == 0, sqrt(max(1, columns/rows)), consistentRms*sqrt(max(rows, columns)))
      o = where(rows > columns, transpose(x), x)
      o = -learningRate*(scale*where(adaptive, sum(mhat*o), 1)*o + weightDecay*w)
    `,
      after: "u = where(matrices & rank == 2, o, u)",
    },
    adamw.program,
    "adam",
  );
  return parseProgram({
    ...printProgram(program),
    name: "muon",
    doc: "Orthogonalised momentum for matrices, one state tensor; AdamW for other parameters.",
    source: "Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks",
  });
}

/**
 * Muon: for each matrix the momentum with its singular values brought near 1 by steps of Newton and
 * Schulz; parameters that are no matrices go to AdamW, whose symbols have the suffix `_adam`. A matrix
 * keeps `m`, others `m_adam` and `v_adam`. `mask` limits `weightDecay`, as everywhere; what is a matrix, such
 * as all but the first and the last layer, and how parameters of more than two axes are, is `matrices`. A
 * momentum of 0 stays so, whatever ε is.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta}{1 - \beta^{t + 1}} \cdot m_t + \frac{1 - \beta}{1 - \beta^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \left\lVert \hat{m}_t \right\rVert + \epsilon \\
 * x_t &\leftarrow \frac{\begin{cases} \hat{m}_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ \hat{m}_t & \text{otherwise} \end{cases}}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \\
 * x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * \mathrm{scale}_t &\leftarrow \begin{cases} \sqrt{\max \left( 1, \frac{\mathrm{columns}}{\mathrm{rows}} \right)} & \text{if } \mathrm{consistentRms} = 0 \\ \mathrm{consistentRms} \cdot \sqrt{\max \left( \mathrm{rows}, \mathrm{columns} \right)} & \text{otherwise} \end{cases} \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * o_t &\leftarrow -\alpha_t \cdot (\mathrm{scale}_t \cdot \begin{cases} \operatorname{sum} \left( \hat{m}_t \cdot o_t \right) & \text{if } \mathrm{adaptive} \\ 1 & \text{otherwise} \end{cases} \cdot o_t + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{m\_adam}_t &\leftarrow \mathrm{b1\_adam} \cdot \mathrm{m\_adam}_{t-1} + (1 - \mathrm{b1\_adam}) \cdot g_t \\
 * \mathrm{v\_adam}_t &\leftarrow \mathrm{b2\_adam} \cdot \mathrm{v\_adam}_{t-1} + (1 - \mathrm{b2\_adam}) \cdot g_t^{2} \\
 * \mathrm{mhat\_adam}_t &\leftarrow \begin{cases} \frac{\mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t + 1}} \cdot \mathrm{m\_adam}_t + \frac{1 - \mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t}} \cdot g_t & \text{if } \mathrm{nesterov\_adam} \\ \frac{1}{1 - \mathrm{b1\_adam}^{t}} \cdot \mathrm{m\_adam}_t & \text{otherwise} \end{cases} \\
 * \mathrm{vhat\_adam}_t &\leftarrow \frac{1}{1 - \mathrm{b2\_adam}^{t}} \cdot \mathrm{v\_adam}_t \\
 * u_t &\leftarrow -\mathrm{learningRate\_adam} \cdot (\frac{\mathrm{mhat\_adam}_t}{\sqrt{\mathrm{vhat\_adam}_t + \mathrm{epsRoot\_adam}} + \mathrm{eps\_adam}} + \mathrm{weightDecay\_adam} \cdot \theta_{t-1}) \\
 * u_t &\leftarrow \begin{cases} o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ u_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, \mathrm{m\_adam}_t, \mathrm{v\_adam}_t)
 * ```
 *
 * Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks; scale by
 * `consistentRms`: Liu et al. 2025, Muon is Scalable for LLM Training, arXiv 2502.16982.
 *
 * @example
 * ```ts
 * import { muon } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = muon({ learningRate: 0.5, nsCoeffs: [2, -1.5, 0.5], nsSteps: 20 });
 * const params = { weight: { data: new Float32Array(4), shape: [2, 2] }, bias: Float32Array.of(0) };
 * const gradients = {
 *   weight: { data: Float32Array.of(3, 0, 0, -2), shape: [2, 2] },
 *   bias: Float32Array.of(7),
 * };
 * opt.step(params, gradients, opt.init(params));
 * // An orthogonal matrix, half of it: the singular values 3 and 2 have become 1.
 * const expected = [-0.5, 0, 0, 0.5];
 * assert(expected.every((value, i) => Math.abs(params.weight.data[i] - value) < 1e-5));
 * ```
 *
 * @throws {GradusError} if `nsCoeffs` or `nsSteps` is not valid.
 */
export const muon: OptimizerFactory<
  MuonOptions,
  { m: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  MuonHyper
> = /* @__PURE__ */ withAdam(
  /* @__PURE__ */ programOf(/* @__PURE__ */ stepsOf("standard", 5), false),
);

/** Options for what the program has under names of AdamW's, or forms once. */
function withAdam<S extends StateKinds>(
  program: Program,
): OptimizerFactory<MuonOptions, S, MuonHyper> {
  const names = [
    ...namesOf(program).filter((name) => !name.endsWith("_adam")),
    ...["nsCoeffs", "nsSteps", "preconditioning"],
    ...["adamLearningRate", "adamB1", "adamB2", "adamEpsRoot", "adamWeightDecay"],
  ];
  return resolving<MuonOptions, S, MuonHyper>(
    program,
    ({ nsCoeffs = "standard", nsSteps = 5, preconditioning = "frobenius", ...rest }, doing) => {
      const { adamLearningRate, adamB1, adamB2, adamEpsRoot, adamWeightDecay, ...own } = rest;
      requireChoice("preconditioning", preconditioning, ["frobenius", "schatten"], doing);
      const adam = {
        learningRate_adam: adamLearningRate ?? own.learningRate,
        b1_adam: adamB1,
        b2_adam: adamB2,
        eps_adam: own.eps,
        epsRoot_adam: adamEpsRoot,
        weightDecay_adam: adamWeightDecay ?? 0,
        nesterov_adam: own.nesterov ?? true,
      };
      const program = programOf(stepsOf(nsCoeffs, nsSteps), preconditioning === "schatten");
      const decide = (options: Record<string, unknown>) => ({ ...options, ...adam });
      const made = deciding(factory(program), Object.keys(adam), [], decide)({ ...own });
      // The type of the momentum is that of AdamW's too.
      const type = made.storage.get("m");
      if (type === undefined) return made;
      const storage: StateStorage = new Map([["m", type], ["m_adam", type]]);
      return bind({ program, settings: made.settings, storage });
    },
    names,
  );
}

function stepsOf(
  coefficients: MuonOptions["nsCoeffs"],
  count: number,
): readonly NsCoefficients[] {
  const given = coefficients === "standard"
    ? STANDARD
    : coefficients === "dion"
    ? DION
    : coefficients;
  const isTriple = (each: unknown): each is NsCoefficients =>
    Array.isArray(each) && each.length === 3 && each.every((value) => Number.isFinite(value));
  if (isTriple(given)) {
    if (!Number.isInteger(count) || count < 1 || count > MOST_STEPS) {
      throw new GradusError(
        `Cannot make "muon": \`nsSteps\` must be a whole number from 1 to ${MOST_STEPS}: ` +
          `given ${shown(count)}`,
      );
    }
    return new Array(count).fill(given);
  }
  const isList = Array.isArray(given) && given.length > 0 && given.length <= MOST_STEPS &&
    given.every(isTriple);
  if (isList) return given;
  throw new GradusError(
    `Cannot make "muon": \`nsCoeffs\` must be three numbers, a list of such, "standard" or "dion": ` +
      `given ${shown(coefficients)}`,
  );
}
