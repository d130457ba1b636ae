import type { OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { type AdamHyper, besideAdam, withAdam, type WithAdamOptions } from "./beside_adam.ts";
import { type MatrixScaling, POLAR_NAMES, polarForm, type PolarOptions } from "./polar.ts";

/** Options of {@linkcode normuon}. */
export interface NorMuonOptions extends PolarOptions, WithAdamOptions {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** Decay β of the momentum. Default 0.95. */
  beta?: HyperValue;
  /** Decay β2 of the mean squares of rows. Default 0.95. */
  b2?: HyperValue;
  /** Added to roots and norms. Default 1e-10. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether momenta look one step ahead. Default true. */
  nesterov?: boolean;
  /** What updates of matrices are multiplied by. Default `"original"`, for matrices of outputs × inputs. */
  scaling?: MatrixScaling;
}

/**
 * NorMuon: {@linkcode muon} whose rows, the neurons of a matrix of outputs × inputs, are divided by the root
 * of an average of their mean squares, so that all of them learn; the update keeps its norm. One state
 * tensor and one number a row. As with Muon, parameters that are no matrices go to AdamW.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * \hat{m}_t &\leftarrow \begin{cases} \beta \cdot m_t + (1 - \beta) \cdot g_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * x_t &\leftarrow \frac{\begin{cases} \hat{m}_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ \hat{m}_t & \text{otherwise} \end{cases}}{\left\lVert \hat{m}_t \right\rVert + 10^{-7}} \\
 * \textbf{repeat } 5 & \\
 * \quad x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + \frac{(1 - \beta_2) \cdot \operatorname{sum} \left( o_t^{2} \right)_{\text{axis } 1:}}{\max \left( \mathrm{columns}, 1 \right)} \\
 * p_t &\leftarrow \frac{o_t}{\sqrt{v_t} + \epsilon} \\
 * o_t &\leftarrow \frac{\sqrt{\max \left( 1, \frac{\mathrm{rows}}{\mathrm{columns}} \right)} \cdot \left\lVert o_t \right\rVert}{\left\lVert p_t \right\rVert + \epsilon} \cdot p_t \\
 * o_t &\leftarrow -\alpha_t \cdot (o_t + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{m\_adam}_t &\leftarrow \mathrm{b1\_adam} \cdot \mathrm{m\_adam}_{t-1} + (1 - \mathrm{b1\_adam}) \cdot g_t \\
 * \mathrm{v\_adam}_t &\leftarrow \mathrm{b2\_adam} \cdot \mathrm{v\_adam}_{t-1} + (1 - \mathrm{b2\_adam}) \cdot g_t^{2} \\
 * u_t &\leftarrow \begin{cases} o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ -\mathrm{learningRate\_adam} \cdot (\frac{\begin{cases} \frac{\mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t + 1}} \cdot \mathrm{m\_adam}_t + \frac{1 - \mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t}} \cdot g_t & \text{if } \mathrm{nesterov\_adam} \\ \frac{1}{1 - \mathrm{b1\_adam}^{t}} \cdot \mathrm{m\_adam}_t & \text{otherwise} \end{cases}}{\sqrt{\frac{1}{1 - \mathrm{b2\_adam}^{t}} \cdot \mathrm{v\_adam}_t + \mathrm{epsRoot\_adam}} + \mathrm{eps\_adam}} + \mathrm{weightDecay\_adam} \cdot \theta_{t-1}) & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{m\_adam}_t, \mathrm{v\_adam}_t)
 * ```
 *
 * Source: Li et al. 2025, NorMuon: Making Muon more efficient and scalable, arXiv 2510.05491.
 *
 * @example
 * ```ts
 * import { normuon } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const opt = normuon({ learningRate: 0.5 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float32Array.of(3, 0, 0, -0.02), shape: [2, 2] }, opt.init(params));
 * // Where steps of Newton and Schulz leave singular values apart, rows come to be alike.
 * assert(Math.abs(params.data[0] + params.data[3]) < 1e-6);
 * ```
 *
 * @throws {GradusError} if an option that chooses steps is not valid.
 */
export const normuon: OptimizerFactory<
  NorMuonOptions,
  { m: "leaf"; v: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  "learningRate" | "beta" | "b2" | "eps" | "weightDecay" | AdamHyper
> = /* @__PURE__ */ withAdam(
  (options, doing) => {
    const { polar, scale } = polarForm(options, "original", doing);
    return besideAdam({
      name: "normuon",
      doc: "Muon with rows of one size, one state tensor and one number a row; AdamW for the rest.",
      source: "Li et al. 2025, NorMuon: Making Muon more efficient and scalable, arXiv 2510.05491",
      hyper: {
        learningRate: "required",
        beta: { default: 0.95, domain: "[0, 1)" },
        b2: { default: 0.95, domain: "[0, 1)" },
        eps: { default: 1e-10, domain: "(0, inf)" },
        weightDecay: 0,
        nesterov: true,
      },
      state: { m: 0, v: { over: "1:" } },
      before: `
      m = beta*m + (1 - beta)*g
      mhat = where(nesterov, beta*m + (1 - beta)*g, m)
      ${polar("mhat", "1e-7")}
      v = b2*v + (1 - b2)*sum(o^2, axis=1:)/max(columns, 1)
      p = o/(sqrt(v) + eps)
      o = ${scale}*norm(o)/(norm(p) + eps)*p
      o = -learningRate*(o + weightDecay*w)
    `,
    });
  },
  /* @__PURE__ */ POLAR_NAMES.concat("scaling"),
);
