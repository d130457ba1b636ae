import { type Document, required } from "../dsl/program.ts";
import type { MuDTypeOption, OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode scaleBySm3}. */
export interface ScaleBySm3Options extends MuDTypeOption {
  /** Decay β1 of the average of directions; 0 keeps none. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the sums; 1 for sums that do not decay. Default 1. */
  b2?: HyperValue;
  /** Added inside the square root. Default 1e-8. */
  eps?: HyperValue;
}

/** Options of {@linkcode sm3}. */
export interface Sm3Options extends MuDTypeOption {
  /** Step size. */
  learningRate: HyperValue;
  /** Decay of the average of directions; 0 keeps none. Default 0.9. */
  momentum?: HyperValue;
  /** Added inside the square root. Default 1e-8. */
  eps?: HyperValue;
}

const source = "Anil et al. 2019, Memory-Efficient Adaptive Optimization, arXiv 1901.11150";
const MOST_AXES = 32;

/** What `write` says of each axis `k`, and of the list of all others. */
const each = <T>(write: (k: number, others: readonly [`:${number}`, `${number}:`]) => T): T[] =>
  Array.from({ length: MOST_AXES }, (_, k) => write(k, [`:${k}`, `${k + 1}:`]));

const state: Document["state"] = {
  .../* @__PURE__ */ Object.fromEntries(/* @__PURE__ */ each((k, over) => [`a${k}`, { over }])),
  m: 0,
};

/** The average `m` of directions, by the name of its decay and how squares are added to sums, and an update. */
const average = (decay: string, sum: string, update: string) => `
  v = a0
  ${each((k) => `v = where(rank > ${k}, min(v, a${k}), v)`).join("\n")}
  v = ${sum}
  ${each((k, others) => `a${k} = max(max(v, axis=(${others})), 0)`).join("\n")}
  m = ${decay}*m + (1 - ${decay})*where(v > 0, g/sqrt(v + eps), 0)
  u = ${update}
`;

/**
 * SM3: AdaGrad whose sum for an element is the least of one number an axis that it lies on, each the
 * largest sum along it: one state tensor, and a number a row, a column and so on. A vector's sums are its
 * own. A direction is 0 where all gradients have been. States: `a0`, `a1`, … for as many axes as there
 * are, up to 32, and `m`.
 *
 * ```text
 * v_t &\leftarrow \min_k a_{k,t-1} \quad (k = 0, …, \mathrm{rank} - 1) \\
 * v_t &\leftarrow v_t + g_t^{2} \\
 * a_{k,t} &\leftarrow \max \left( v_t \right)_{\text{all axes but } k} \\
 * m_t &\leftarrow \mu \cdot m_{t-1} + (1 - \mu) \cdot \begin{cases} \frac{g_t}{\sqrt{v_t + \epsilon}} & \text{if } v_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot m_t
 * ```
 *
 * Source: Anil et al. 2019, Memory-Efficient Adaptive Optimization, arXiv 1901.11150.
 *
 * @example
 * ```ts
 * import { sm3 } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = sm3({ learningRate: 1, momentum: 0, eps: 0 });
 * const params = { data: new Float32Array(4), shape: [2, 2] };
 * const state = opt.init(params);
 * opt.step(params, { data: Float32Array.of(1, 2, 3, 0), shape: [2, 2] }, state);
 * assertEquals(params.data, Float32Array.of(-1, -1, -1, 0));
 * assertEquals(state.a0, { data: Float32Array.of(4, 9), shape: [2, 1] });
 * ```
 */
export const sm3: OptimizerFactory<Sm3Options> = /* @__PURE__ */ optimizer({
  name: "sm3",
  doc: "AdaGrad with one sum a row and a column; one state tensor with momentum, none without.",
  source,
  hyper: {
    learningRate: required,
    momentum: { default: 0.9, domain: "[0, 1)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
  },
  state,
  step: /* @__PURE__ */ average("momentum", "v + g^2", "-learningRate*m"),
});

/**
 * The direction of {@linkcode sm3}; `b1` is its `momentum`. With a `b2` below 1 the sums are averages.
 *
 * ```text
 * v_t &\leftarrow \min_k a_{k,t-1} \quad (k = 0, …, \mathrm{rank} - 1) \\
 * v_t &\leftarrow \beta_2 \cdot v_t + \begin{cases} 1 & \text{if } \beta_2 = 1 \\ 1 - \beta_2 & \text{otherwise} \end{cases} \cdot g_t^{2} \\
 * a_{k,t} &\leftarrow \max \left( v_t \right)_{\text{all axes but } k} \\
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot \begin{cases} \frac{g_t}{\sqrt{v_t + \epsilon}} & \text{if } v_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow m_t
 * ```
 *
 * Source: Anil et al. 2019, Memory-Efficient Adaptive Optimization, arXiv 1901.11150.
 *
 * @example
 * ```ts
 * import { scaleBySm3 } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleBySm3({ b1: 0, eps: 0 });
 * const gradients = Float32Array.of(5, -3, 0);
 * assertEquals(
 *   transform.update(gradients, transform.init(gradients))[0],
 *   Float32Array.of(1, -1, 0),
 * );
 * ```
 */
export const scaleBySm3: OptimizerFactory<ScaleBySm3Options> = /* @__PURE__ */ optimizer({
  name: "scaleBySm3",
  doc: "The direction of SM3.",
  source,
  hyper: {
    b1: { default: 0.9, domain: "[0, 1)" },
    b2: { default: 1, domain: "[0, 1]" },
    eps: { default: 1e-8, domain: "[0, inf)" },
  },
  state,
  step: /* @__PURE__ */ average("b1", "b2*v + where(b2 == 1, 1, 1 - b2)*g^2", "m"),
});
