import type { OptimizerFactory } from "../runtime/define.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { type AdamHyper, besideAdam, withAdam, type WithAdamOptions } from "./beside_adam.ts";
import { POLAR_NAMES, polarForm, type PolarOptions } from "./polar.ts";

/** Options of {@linkcode adamuon}. */
export interface AdaMuonOptions extends PolarOptions, WithAdamOptions {
  /** Step size α of matrices. */
  learningRate: HyperValue;
  /** Decay β of the momentum, and of the second moment. Default 0.95. */
  beta?: HyperValue;
  /** Added to roots and norms. Default 1e-8. */
  eps?: HyperValue;
  /** Decoupled weight decay λ of matrices, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** Whether momenta look one step ahead. Default true. */
  nesterov?: boolean;
}

/**
 * AdaMuon: the orthogonalised sign of a momentum, each element divided by the root of its second moment;
 * the update has the root mean square 0.2, as AdamW's. Two state tensors. As with {@linkcode muon},
 * parameters that are no matrices go to AdamW.
 *
 * ```text
 * m_t &\leftarrow \beta \cdot m_{t-1} + (1 - \beta) \cdot g_t \\
 * s_t &\leftarrow \operatorname{sign} \left( \begin{cases} \beta \cdot m_t + (1 - \beta) \cdot g_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \right) \\
 * x_t &\leftarrow \frac{\begin{cases} s_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ s_t & \text{otherwise} \end{cases}}{\left\lVert s_t \right\rVert + 10^{-7}} \\
 * \textbf{repeat } 5 & \\
 * \quad x_t &\leftarrow 3.4445 \cdot x_t + (-4.775 \cdot (x_t x_t^{\top}) + 2.0315 \cdot (x_t x_t^{\top} (x_t x_t^{\top}))) x_t \\
 * o_t &\leftarrow \begin{cases} x_t^{\top} & \text{if } \mathrm{rows} > \mathrm{columns} \\ x_t & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow \beta \cdot v_{t-1} + (1 - \beta) \cdot o_t^{2} \\
 * p_t &\leftarrow \frac{o_t}{\sqrt{v_t} + \epsilon} \\
 * o_t &\leftarrow -\alpha_t \cdot (\frac{0.2 \cdot \sqrt{\mathrm{size}}}{\left\lVert p_t \right\rVert + \epsilon} \cdot p_t + \lambda \cdot \theta_{t-1}) \\
 * \mathrm{m\_adam}_t &\leftarrow \mathrm{b1\_adam} \cdot \mathrm{m\_adam}_{t-1} + (1 - \mathrm{b1\_adam}) \cdot g_t \\
 * \mathrm{v\_adam}_t &\leftarrow \mathrm{b2\_adam} \cdot \mathrm{v\_adam}_{t-1} + (1 - \mathrm{b2\_adam}) \cdot g_t^{2} \\
 * u_t &\leftarrow \begin{cases} o_t & \text{if } \mathrm{matrices} \land \mathrm{rank} = 2 \\ -\mathrm{learningRate\_adam} \cdot (\frac{\begin{cases} \frac{\mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t + 1}} \cdot \mathrm{m\_adam}_t + \frac{1 - \mathrm{b1\_adam}}{1 - \mathrm{b1\_adam}^{t}} \cdot g_t & \text{if } \mathrm{nesterov\_adam} \\ \frac{1}{1 - \mathrm{b1\_adam}^{t}} \cdot \mathrm{m\_adam}_t & \text{otherwise} \end{cases}}{\sqrt{\frac{1}{1 - \mathrm{b2\_adam}^{t}} \cdot \mathrm{v\_adam}_t + \mathrm{epsRoot\_adam}} + \mathrm{eps\_adam}} + \mathrm{weightDecay\_adam} \cdot \theta_{t-1}) & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t, \mathrm{m\_adam}_t, \mathrm{v\_adam}_t)
 * ```
 *
 * Source: Si et al. 2025, AdaMuon: Adaptive Muon Optimizer, arXiv 2507.11005.
 *
 * @example
 * ```ts
 * import { adamuon } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamuon({ learningRate: 0.5 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * opt.step(params, { data: Float32Array.of(3, 2, 1, -2), shape: [2, 2] }, opt.init(params));
 * const meanSquare = params.data.reduce((sum, value) => sum + value ** 2, 0) / 4;
 * assertEquals(Math.sqrt(meanSquare).toFixed(6), "0.100000");
 * ```
 *
 * @throws {GradusError} if an option that chooses steps is not valid.
 */
export const adamuon: OptimizerFactory<
  AdaMuonOptions,
  { m: "leaf"; v: "leaf"; m_adam: "leaf"; v_adam: "leaf" },
  "learningRate" | "beta" | "eps" | "weightDecay" | AdamHyper
> = /* @__PURE__ */ withAdam(
  (options, doing) => {
    const { polar } = polarForm(options, "none", doing);
    return besideAdam({
      name: "adamuon",
      doc: "The orthogonalised sign of a momentum over a second moment; two state tensors.",
      source: "Si et al. 2025, AdaMuon: Adaptive Muon Optimizer, arXiv 2507.11005",
      hyper: {
        learningRate: "required",
        beta: { default: 0.95, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "(0, inf)" },
        weightDecay: 0,
        nesterov: true,
      },
      state: { m: 0, v: 0 },
      before: `
      m = beta*m + (1 - beta)*g
      s = sign(where(nesterov, beta*m + (1 - beta)*g, m))
      ${polar("s", "1e-7")}
      v = beta*v + (1 - beta)*o^2
      p = o/(sqrt(v) + eps)
      o = -learningRate*(0.2*sqrt(size)/(norm(p) + eps)*p + weightDecay*w)
    `,
    });
  },
  POLAR_NAMES,
);
