import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adopt}. */
export interface AdoptOptions extends MuDTypeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.9999. */
  b2?: HyperValue;
  /** The least that a gradient is divided by. Default 1e-6. */
  eps?: HyperValue;
  /** Whether the first moment looks one step ahead. Default false. */
  nesterov?: boolean;
  /** Whether divided gradients are clipped. Default true. */
  useClipping?: boolean;
  /** What they are clipped to: a schedule, or 0 for the fourth root of the count. Default 0. */
  clipValueFn?: HyperValue;
}

/**
 * ADOPT: momentum of gradients that are divided by the second moment up to the step before; two
 * state tensors. The first step only measures the second moment: its update is 0. An element whose
 * gradients have all been 0 is divided by ε: what bounds its next step is the clipping, and nothing does
 * without it.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} \frac{g_t}{\max \left( \sqrt{v_{t-1}}, \epsilon \right)} & \text{if } t > 1 \\ 0 & \text{otherwise} \end{cases} \\
 * \mathrm{most}_t &\leftarrow \begin{cases} (t - 1)^{0.25} & \text{if } \mathrm{clipValueFn} = 0 \\ \mathrm{clipValueFn} & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \begin{cases} \operatorname{clip} \left( d_t, -\mathrm{most}_t, \mathrm{most}_t \right) & \text{if } \mathrm{useClipping} \\ d_t & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot c_t \\
 * v_t &\leftarrow \begin{cases} \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} & \text{if } t > 1 \\ g_t^{2} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot \begin{cases} \beta_1 \cdot m_t + (1 - \beta_1) \cdot c_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Taniguchi et al. 2024, ADOPT: Modified Adam Can Converge with Any β2 with the Optimal
 * Rate, arXiv 2411.02853.
 *
 * @example
 * ```ts
 * import { adopt } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adopt({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.9109", "1.9102", "2.9100"]);
 * ```
 */
export const adopt: OptimizerFactory<AdoptOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "adopt",
    doc: "Momentum of gradients divided by the second moment before them; two state tensors.",
    source:
      "Taniguchi et al. 2024, ADOPT: Modified Adam Can Converge with Any β2 with the Optimal Rate, arXiv 2411.02853",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.9999, domain: "[0, 1)" },
      eps: { default: 1e-6, domain: "[0, inf)" },
      nesterov: false,
      useClipping: true,
      clipValueFn: { default: 0, domain: "[0, inf)" },
    },
    state: { m: 0, v: 0 },
    step: `
    d = where(t > 1, g/max(sqrt(v), eps), 0)
    most = where(clipValueFn == 0, count^0.25, clipValueFn)
    c = where(useClipping, clip(d, -most, most), d)
    m = b1*m + (1 - b1)*c
    v = where(t > 1, b2*v + (1 - b2)*g^2, g^2)
    u = -learningRate*where(nesterov, b1*m + (1 - b1)*c, m)
  `,
  });

/** Options of {@linkcode scaleByAdopt}. */
export type ScaleByAdoptOptions = Omit<AdoptOptions, "learningRate">;

/**
 * The direction of {@linkcode adopt}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * d_t &\leftarrow \begin{cases} \frac{g_t}{\max \left( \sqrt{v_{t-1}}, \epsilon \right)} & \text{if } t > 1 \\ 0 & \text{otherwise} \end{cases} \\
 * \mathrm{most}_t &\leftarrow \begin{cases} (t - 1)^{0.25} & \text{if } \mathrm{clipValueFn} = 0 \\ \mathrm{clipValueFn} & \text{otherwise} \end{cases} \\
 * c_t &\leftarrow \begin{cases} \operatorname{clip} \left( d_t, -\mathrm{most}_t, \mathrm{most}_t \right) & \text{if } \mathrm{useClipping} \\ d_t & \text{otherwise} \end{cases} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot c_t \\
 * v_t &\leftarrow \begin{cases} \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} & \text{if } t > 1 \\ g_t^{2} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow \begin{cases} \beta_1 \cdot m_t + (1 - \beta_1) \cdot c_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Taniguchi et al. 2024, ADOPT: Modified Adam Can Converge with Any β2 with the Optimal
 * Rate, arXiv 2411.02853.
 *
 * @example
 * ```ts
 * import { scaleByAdopt } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAdopt();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.1000", "-0.1000"]);
 * ```
 */
export const scaleByAdopt: OptimizerFactory<ScaleByAdoptOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ fixed(adopt, {
    name: "scaleByAdopt",
    doc: "The direction of ADOPT; two state tensors.",
    source:
      "Taniguchi et al. 2024, ADOPT: Modified Adam Can Converge with Any β2 with the Optimal Rate, arXiv 2411.02853",
  }, { learningRate: -1 });
