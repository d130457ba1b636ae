/** Muon, and its direction alone. */
import {
  factory,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { parseProgram } from "../dsl/check.ts";
import type { HyperValue, MatricesOption } from "../runtime/trees/hyperparameters.ts";
import { type AdamHyper, besideAdam, withAdam, type WithAdamOptions } from "./beside_adam.ts";
import { type LikeOption, withTorch } from "./like.ts";
import {
  type MatrixScaling,
  POLAR_NAMES,
  type PolarForm,
  polarForm,
  type PolarOptions,
} from "./polar.ts";

/** Options of {@linkcode muon}. */
export interface MuonOptions extends PolarOptions, WithAdamOptions, LikeOption {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** Decay β of the momentum. Default 0.95. */
  beta?: HyperValue;
  /** Added to the norm that a matrix is divided by, and to AdamW's root. Default 1e-8. */
  eps?: HyperValue;
  /**
   * Whether a norm is at least ε, as torch has it, rather than larger by ε; of the preconditionings
   * `"frobenius"` and `"spectral"`; others always are. Default false.
   */
  epsAsFloor?: boolean;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether momenta look one step ahead. Default true. */
  nesterov?: boolean;
  /** Whether the momentum of matrices is corrected for its beginning at 0. Default true. */
  biasCorrection?: boolean;
  /** Whether the update is scaled by its product with the momentum. Default false. */
  adaptive?: boolean;
  /**
   * What updates of matrices are multiplied by. Default `"transposed"`, for matrices of inputs × outputs;
   * torch's default is `"original"`, for those of outputs × inputs.
   */
  scaling?: MatrixScaling;
  /** The root mean square that updates of matrices come to have; 0 scales as `scaling` says. Default 0. */
  consistentRms?: HyperValue;
}

/** Statements that make `o` of a matrix: its momentum with singular values near 1. */
const direction = ({ polar }: PolarForm) => `
      m = beta*m + (1 - beta)*g
      k = where(biasCorrection, 1 - beta^t, 1)
      mhat = where(nesterov, beta/where(biasCorrection, 1 - beta^(t + 1), 1)*m + (1 - beta)/k*g, 1/k*m)
      ${polar("mhat", "eps", true)}
    `;

const DIRECTION_HYPER = {
  beta: { default: 0.95, domain: "[0, 1)" },
  eps: { default: 1e-8, domain: "[0, inf)" },
  nesterov: true,
  biasCorrection: true,
  adaptive: false,
} as const;

/** The hyperparameters of {@linkcode muon}: AdamW's have the suffix `_adam`. */
export type MuonHyper =
  | ("learningRate" | "beta" | "eps" | "weightDecay" | "consistentRms")
  | AdamHyper;

/**
 * Muon: for each matrix the momentum with its singular values brought near 1 by steps of Newton and
 * Schulz; parameters that are no matrices go to AdamW, whose symbols have the suffix `_adam`. A matrix
 * keeps `m`, others `m_adam` and `v_adam`. `mask` limits `weightDecay`, as everywhere; what is a matrix, such
 * as all but the first and the last layer, and how parameters of more than two axes are, is `matrices`. A
 * momentum of 0 stays so, whatever ε is.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * k_t &\leftarrow \begin{cases} 1 - \beta^{t} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta}{\begin{cases} 1 - \beta^{t + 1} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases}} \cdot m_t + \frac{1 - \beta}{k_t} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{k_t} \cdot m_t & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \begin{cases} \max \left( \left\lVert \hat{m}_t \right\rVert, \epsilon \right) & \text{if } \mathrm{epsAsFloor} \\ \left\lVert \hat{m}_t \right\rVert + \epsilon & \text{otherwise} \end{cases} \\
 * x_t &\leftarrow \frac{\begin{cases} \hat{m}_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ \hat{m}_t & \text{otherwise} \end{cases}}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \\
 * \textbf{repeat } 5 & \\
 * \quad x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * \mathrm{scale}_t &\leftarrow \begin{cases} \sqrt{\max \left( 1, \frac{\mathrm{columns}}{\mathrm{rows}} \right)} & \text{if } \mathrm{consistentRms} = 0 \\ \mathrm{consistentRms} \cdot \sqrt{\max \left( \mathrm{rows}, \mathrm{columns} \right)} & \text{otherwise} \end{cases} \\
 * o_t &\leftarrow -\alpha_t \cdot (\mathrm{scale}_t \cdot \begin{cases} \operatorname{sum} \left( \hat{m}_t \cdot o_t \right) & \text{if } \mathrm{adaptive} \\ 1 & \text{otherwise} \end{cases} \cdot o_t + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{m\_adam}_t &\leftarrow \mathrm{b1\_adam} \cdot \mathrm{m\_adam}_{t-1} + (1 - \mathrm{b1\_adam}) \cdot g_t \\
 * \mathrm{v\_adam}_t &\leftarrow \mathrm{b2\_adam} \cdot \mathrm{v\_adam}_{t-1} + (1 - \mathrm{b2\_adam}) \cdot g_t^{2} \\
 * u_t &\leftarrow \begin{cases} o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ -\mathrm{learningRate\_adam} \cdot (\frac{\begin{cases} \frac{\mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t + 1}} \cdot \mathrm{m\_adam}_t + \frac{1 - \mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t}} \cdot g_t & \text{if } \mathrm{nesterov\_adam} \\ \frac{1}{1 - \mathrm{b1\_adam}^{t}} \cdot \mathrm{m\_adam}_t & \text{otherwise} \end{cases}}{\sqrt{\frac{1}{1 - \mathrm{b2\_adam}^{t}} \cdot \mathrm{v\_adam}_t + \mathrm{epsRoot\_adam}} + \mathrm{eps\_adam}} + \mathrm{weightDecay\_adam} \cdot \theta_{t-1}) & \text{otherwise} \end{cases} \\
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
> = /* @__PURE__ */ withTorch(
  /* @__PURE__ */ withAdam(
    (options, doing) => {
      const form = polarForm(options, "transposed", doing);
      return besideAdam({
        name: "muon",
        doc: "Orthogonalised momentum for matrices, one state tensor; AdamW for other parameters.",
        source: "Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks",
        hyper: {
          learningRate: "required",
          ...DIRECTION_HYPER,
          weightDecay: 0,
          consistentRms: { default: 0, domain: "[0, inf)" },
          ...form.isPadded ? { epsAsFloor: false } : {},
        },
        state: { m: 0 },
        before: `
      ${direction(form)}
      scale = where(consistentRms == 0, ${form.scale}, consistentRms*sqrt(max(rows, columns)))
      o = -learningRate*(scale*where(adaptive, sum(mhat*o), 1)*o + weightDecay*w)
    `,
      });
    },
    /* @__PURE__ */ POLAR_NAMES.concat("scaling"),
  ),
  {
    eps: 1e-7,
    epsAsFloor: true,
    weightDecay: 0.1,
    biasCorrection: false,
    scaling: "original",
  },
);

/** Options of {@linkcode scaleByMuon}. */
export interface ScaleByMuonOptions extends PolarOptions, MuDTypeOption {
  /** Decay β of the momentum. Default 0.95. */
  beta?: HyperValue;
  /** Added to the norm that a matrix is divided by. Default 1e-8. */
  eps?: HyperValue;
  /** Whether a norm is at least ε rather than larger by ε, as {@linkcode MuonOptions} says. Default false. */
  epsAsFloor?: boolean;
  /** Whether the momentum looks one step ahead. Default true. */
  nesterov?: boolean;
  /** Whether the momentum is corrected for its beginning at 0. Default true. */
  biasCorrection?: boolean;
  /** Whether the update is scaled by its product with the momentum. Default false. */
  adaptive?: boolean;
  /** Which parameters are matrices, and how, as {@linkcode WithAdamOptions} says. Default true. */
  matrices?: MatricesOption;
}

/**
 * The direction of {@linkcode muon}, uphill and without its scale: of each matrix the momentum with its
 * singular values brought near 1. Updates of parameters that are no matrices stay as they are.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * k_t &\leftarrow \begin{cases} 1 - \beta^{t} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta}{\begin{cases} 1 - \beta^{t + 1} & \text{if } \mathrm{biasCorrection} \\ 1 & \text{otherwise} \end{cases}} \cdot m_t + \frac{1 - \beta}{k_t} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{k_t} \cdot m_t & \text{otherwise} \end{cases} \\
 * q_t &\leftarrow \begin{cases} \max \left( \left\lVert \hat{m}_t \right\rVert, \epsilon \right) & \text{if } \mathrm{epsAsFloor} \\ \left\lVert \hat{m}_t \right\rVert + \epsilon & \text{otherwise} \end{cases} \\
 * x_t &\leftarrow \frac{\begin{cases} \hat{m}_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ \hat{m}_t & \text{otherwise} \end{cases}}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \\
 * \textbf{repeat } 5 & \\
 * \quad x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \begin{cases} \begin{cases} \operatorname{sum} \left( \hat{m}_t \cdot o_t \right) & \text{if } \mathrm{adaptive} \\ 1 & \text{otherwise} \end{cases} \cdot o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ g_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
 *
 * @example
 * ```ts
 * import { scaleByMuon } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = scaleByMuon({ nsCoeffs: [2, -1.5, 0.5], nsSteps: 20 });
 * const gradients = { data: Float32Array.of(3, 0, 0, -2), shape: [2, 2] };
 * const [updates] = opt.update(gradients, opt.init(gradients));
 * assert([1, 0, 0, -1].every((value, i) => Math.abs(updates.data[i] - value) < 1e-5));
 * ```
 *
 * @throws {GradusError} if `nsCoeffs` or `nsSteps` is not valid.
 */
export const scaleByMuon: OptimizerFactory<
  ScaleByMuonOptions,
  { m: "leaf" },
  "beta" | "eps"
> = /* @__PURE__ */ (() => {
  const programOf = (options: PolarOptions, doing: string) => {
    const form = polarForm(options, "none", doing);
    return parseProgram({
      name: "scaleByMuon",
      doc: "Orthogonalised momentum for matrices; one state tensor.",
      source: "Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks",
      hyper: {
        ...DIRECTION_HYPER,
        ...form.isPadded ? { epsAsFloor: false } : {},
        matrices: true,
      },
      state: { m: 0 },
      step: `
      ${direction(form)}
      u = where(matrices & rank == 2, where(adaptive, sum(mhat*o), 1)*o, g)
      `,
    });
  };
  return resolving<ScaleByMuonOptions, { m: "leaf" }, "beta" | "eps">(
    () => programOf({}, ""),
    (options, doing) => {
      const { nsCoeffs, nsSteps, polar, preconditioning, ...others } = options;
      const program = programOf({ nsCoeffs, nsSteps, polar, preconditioning }, doing);
      return factory<ScaleByMuonOptions>(program)(others);
    },
    (program) => [...namesOf(program), ...POLAR_NAMES],
  );
})();
