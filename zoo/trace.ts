import { required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode ema}. */
export interface EmaOptions extends MuDTypeOption {
  /** The decay β of the average. */
  decay: HyperValue;
  /** Whether the average is corrected for its start at 0. Default true. */
  debias?: boolean;
}

/**
 * The exponential moving average of the updates; the state `m` itself is not corrected.
 *
 * ```text
 * m_t &\leftarrow (1 - \mathrm{decay}) \cdot g_t + \mathrm{decay} \cdot m_{t-1} \\
 * u_t &\leftarrow \begin{cases} \frac{1}{1 - \mathrm{decay}^{t}} & \text{if } \mathrm{debias} \\ 1 & \text{otherwise} \end{cases} \cdot m_t \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Kingma and Ba 2015, Adam, arXiv 1412.6980, section 3.
 *
 * @example
 * ```ts
 * import { ema } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = ema({ decay: 0.5 });
 * let state = opt.init(Float32Array.of(0));
 * let updates;
 * [updates, state] = opt.update(Float32Array.of(5), state);
 * assertEquals(updates, Float32Array.of(5));
 * [updates, state] = opt.update(Float32Array.of(8), state);
 * assertEquals(updates, Float32Array.of(7));
 * ```
 */
export const ema: OptimizerFactory<EmaOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "ema",
  doc: "The exponential moving average of the updates.",
  source: "Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980",
  hyper: { decay: { default: required, domain: "[0, 1)" }, debias: true },
  state: { m: 0 },
  step: `
    m = (1 - decay)*g + decay*m
    u = where(debias, 1/(1 - decay^t), 1)*m
  `,
});

/** Options of {@linkcode trace}. */
export interface TraceOptions extends MuDTypeOption {
  /** The decay μ of the trace. */
  decay: HyperValue;
  /** Whether the trace looks one step ahead. Default false. */
  nesterov?: boolean;
}

/**
 * The decaying sum of the updates, in the state `m`: momentum.
 *
 * ```text
 * m_t &\leftarrow g_t + \mathrm{decay} \cdot m_{t-1} \\
 * u_t &\leftarrow \begin{cases} g_t + \mathrm{decay} \cdot m_t & \text{if } \mathrm{nesterov} \\ m_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (m_t)
 * ```
 *
 * Source: Sutskever et al. 2013, On the importance of initialization and momentum in deep learning.
 *
 * @example
 * ```ts
 * import { trace } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = trace({ decay: 0.5 });
 * let state = opt.init(Float32Array.of(0));
 * [, state] = opt.update(Float32Array.of(2), state);
 * const [updates] = opt.update(Float32Array.of(2), state);
 * assertEquals(updates, Float32Array.of(3));
 * ```
 */
export const trace: OptimizerFactory<TraceOptions, { m: "leaf" }> = /* @__PURE__ */ optimizer({
  name: "trace",
  doc: "The decaying sum of the updates.",
  source:
    "Sutskever et al. 2013, On the importance of initialization and momentum in deep learning",
  hyper: { decay: { default: required, domain: "(-1, 1]" }, nesterov: false },
  state: { m: 0 },
  step: `
    m = g + decay*m
    u = where(nesterov, g + decay*m, m)
  `,
});

/** Options of {@linkcode applyEvery}. */
export interface ApplyEveryOptions {
  /** How many updates are summed. Default 1. */
  k?: HyperValue;
}

/**
 * Sums updates in the state `acc` and lets the sum out every k-th time, 0 in between.
 *
 * ```text
 * \mathrm{emits}_t &\leftarrow t - k \cdot \left\lfloor \frac{t}{k} \right\rfloor = 0 \\
 * \mathrm{acc}_t &\leftarrow \mathrm{acc}_{t-1} + g_t \\
 * u_t &\leftarrow \begin{cases} \mathrm{acc}_t & \text{if } \mathrm{emits}_t \\ 0 & \text{otherwise} \end{cases} \\
 * \mathrm{acc}_t &\leftarrow \begin{cases} 0 & \text{if } \mathrm{emits}_t \\ \mathrm{acc}_t & \text{otherwise} \end{cases} \\
 * S_t &\leftarrow (\mathrm{acc}_t)
 * ```
 *
 * Source: gradient accumulation.
 *
 * @example
 * ```ts
 * import { applyEvery } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = applyEvery({ k: 2 });
 * let state = opt.init(Float32Array.of(0));
 * let updates;
 * [updates, state] = opt.update(Float32Array.of(2), state);
 * assertEquals(updates, Float32Array.of(0));
 * [updates, state] = opt.update(Float32Array.of(3), state);
 * assertEquals(updates, Float32Array.of(5));
 * ```
 */
export const applyEvery: OptimizerFactory<ApplyEveryOptions, { acc: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "applyEvery",
    doc: "Sums updates and lets the sum out every k-th time.",
    source: "Gradient accumulation",
    hyper: { k: { default: 1, domain: "integer [1, inf)" } },
    state: { acc: 0 },
    step: `
    emits = t - k*floor(t/k) == 0
    acc = acc + g
    u = where(emits, acc, 0)
    acc = where(emits, 0, acc)
  `,
  });
