import { parseProgram } from "../dsl/check.ts";
import { required } from "../dsl/program.ts";
import {
  factoryOf,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { defined, isTorch, type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";

/** Options of {@linkcode adam}. */
export interface AdamOptions extends MuDTypeOption, LikeOption {
  /** Step size α. */
  learningRate: HyperValue;
  /** Decay β1 of the first moment. Default 0.9. */
  b1?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Added inside the square root. Default 0. */
  epsRoot?: HyperValue;
  /** Whether the first moment looks one step ahead. Default false. */
  nesterov?: boolean;
}

/** Options of {@linkcode adamw}. */
export interface AdamWOptions extends AdamOptions, MaskOption {
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 1e-4; PyTorch's 0.01. */
  weightDecay?: HyperValue;
}

/**
 * AdamW: bias-corrected moments and decoupled weight decay, with two state tensors `m` and `v`.
 * Bias corrections are formed in float64, where Optax forms them in float32.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101.
 *
 * @example
 * ```ts
 * import { adamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adamw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5079", "1.5029", "2.5016"]);
 * ```
 */
export const adamw: OptimizerFactory<AdamWOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ withTorch(
    /* @__PURE__ */ optimizer({
      name: "adamw",
      doc: "Bias-corrected moments with decoupled weight decay; two state tensors.",
      source: "Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, arXiv 1711.05101",
      hyper: {
        learningRate: required,
        b1: { default: 0.9, domain: "[0, 1)" },
        b2: { default: 0.999, domain: "[0, 1)" },
        eps: { default: 1e-8, domain: "[0, inf)" },
        epsRoot: { default: 0, domain: "[0, inf)" },
        weightDecay: 1e-4,
        nesterov: false,
      },
      state: { m: 0, v: 0 },
      step: `
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = where(nesterov, b1/(1 - b1^(t + 1))*m + (1 - b1)/(1 - b1^t)*g, 1/(1 - b1^t)*m)
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*(mhat/(sqrt(vhat + epsRoot) + eps) + weightDecay*w)
  `,
    }),
    { weightDecay: 0.01 },
  );

/**
 * Adam: bias-corrected moments of the gradient, with two state tensors `m` and `v`.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980.
 *
 * @example
 * ```ts
 * import { adam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adam({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.5080", "1.5030", "2.5018"]);
 * ```
 */
export const adam: OptimizerFactory<AdamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ withTorch(
    /* @__PURE__ */ fixed(
      adamw,
      {
        name: "adam",
        doc: "Bias-corrected moments; two state tensors.",
        source: "Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980",
      },
      { weightDecay: 0 },
    ),
  );

/** What {@linkcode nadam} and {@linkcode nadamw} have besides. */
export interface MomentumDecayOption {
  /**
   * How fast the part μ that the first moment looks ahead by warms up: ψ in `μ = β1·(1 - 0.96^(ψ·t)/2)`.
   * Default: μ is β1 from the first step on; PyTorch's 0.004.
   */
  momentumDecay?: HyperValue;
}

/** Options of {@linkcode nadamw}. */
export type NAdamWOptions = Omit<AdamWOptions, "nesterov"> & MomentumDecayOption;

const warmed = /* @__PURE__ */ factoryOf(() =>
  parseProgram({
    name: "nadamw",
    doc: "AdamW with a first moment that looks ahead by a part that warms up; two state tensors.",
    source: "Dozat 2016, Incorporating Nesterov Momentum into Adam",
    hyper: {
      learningRate: required,
      b1: { default: 0.9, domain: "[0, 1)" },
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
      epsRoot: { default: 0, domain: "[0, inf)" },
      weightDecay: 1e-4,
      momentumDecay: { default: 0.004, domain: "[0, inf]" },
    },
    state: { m: 0, v: 0, product: { init: 1, over: "tree" } },
    step: `
    mu = b1*(1 - 0.5*0.96^(t*momentumDecay))
    ahead = b1*(1 - 0.5*0.96^((t + 1)*momentumDecay))
    product = product*mu
    m = b1*m + (1 - b1)*g
    v = b2*v + (1 - b2)*g^2
    mhat = ahead/(1 - product*ahead)*m + (1 - mu)/(1 - product)*g
    vhat = 1/(1 - b2^t)*v
    u = -learningRate*(mhat/(sqrt(vhat + epsRoot) + eps) + weightDecay*w)
  `,
  })
);

/** `constant`, or where `momentumDecay` is given or PyTorch's rule asked for, the one that warms up. */
function withMomentumDecay<Options extends MomentumDecayOption, S extends StateKinds>(
  constant: OptimizerFactory<Record<string, unknown>>,
  warming: OptimizerFactory<Record<string, unknown>>,
): OptimizerFactory<Options, S> {
  return resolving<Options, S>(
    () => constant.program,
    (options, doing) => {
      const { like, ...given } = defined(options);
      return isTorch(like, doing) || "momentumDecay" in given ? warming(given) : constant(given);
    },
    (program) => [...namesOf(program), "momentumDecay", "like"],
  );
}

/**
 * NAdamW: {@linkcode adamw} whose first moment looks one step ahead. Its decay β1 is constant, unless
 * `momentumDecay` warms it up as the paper of Nadam and PyTorch do.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Dozat 2016, Incorporating Nesterov Momentum into Adam.
 *
 * @example
 * ```ts
 * import { nadamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = nadamw({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.4529", "1.4347", "2.4297"]);
 * ```
 */
export const nadamw: OptimizerFactory<
  NAdamWOptions,
  { m: "leaf"; v: "leaf"; product?: "tree" }
> = /* @__PURE__ */ withMomentumDecay(
  /* @__PURE__ */ fixed(adamw, {
    name: "nadamw",
    doc: "AdamW with a first moment that looks ahead; two state tensors.",
    source: "Dozat 2016, Incorporating Nesterov Momentum into Adam",
  }, { nesterov: true }),
  warmed,
);

/** Options of {@linkcode nadam}. */
export type NAdamOptions = Omit<AdamOptions, "nesterov"> & MomentumDecayOption;

/**
 * Nadam: {@linkcode adam} whose first moment looks one step ahead. Its decay β1 is constant, unless
 * `momentumDecay` warms it up as the paper and PyTorch do.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow -\alpha_t \cdot (\frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon}) \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Dozat 2016, Incorporating Nesterov Momentum into Adam.
 *
 * @example
 * ```ts
 * import { nadam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = nadam({ learningRate: 0.1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * for (let step = 0; step < 5; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Array.from(x, (value) => value.toFixed(4)), ["0.4529", "1.4348", "2.4299"]);
 * ```
 */
export const nadam: OptimizerFactory<
  NAdamOptions,
  { m: "leaf"; v: "leaf"; product?: "tree" }
> = /* @__PURE__ */ withMomentumDecay(
  /* @__PURE__ */ fixed(adamw, {
    name: "nadam",
    doc: "Adam with a first moment that looks ahead; two state tensors.",
    source: "Dozat 2016, Incorporating Nesterov Momentum into Adam",
  }, { weightDecay: 0, nesterov: true }),
  /* @__PURE__ */ fixed(warmed, {
    name: "nadam",
    doc: "Adam with a first moment that looks ahead by a part that warms up; two state tensors.",
  }, { weightDecay: 0 }),
);

/** Options of {@linkcode scaleByAdam}. */
export type ScaleByAdamOptions = Omit<AdamOptions, "learningRate" | "like">;

/**
 * The direction of {@linkcode adam}, to be scaled by what follows in a chain. The direction keeps
 * the sign of the gradient: an optimizer subtracts it.
 *
 * ```text
 * m_t &\leftarrow \beta_1 \cdot m_{t-1} + (1 - \beta_1) \cdot g_t \\
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \hat{m}_t &\leftarrow \begin{cases} \frac{\beta_1}{1 - \beta_1^{t + 1}} \cdot m_t + \frac{1 - \beta_1}{1 - \beta_1^{t}} \cdot g_t & \text{if } \mathrm{nesterov} \\ \frac{1}{1 - \beta_1^{t}} \cdot m_t & \text{otherwise} \end{cases} \\
 * \hat{v}_t &\leftarrow \frac{1}{1 - \beta_2^{t}} \cdot v_t \\
 * u_t &\leftarrow \frac{\hat{m}_t}{\sqrt{\hat{v}_t + \bar{\epsilon}} + \epsilon} \\
 * S_t &\leftarrow (m_t, v_t)
 * ```
 *
 * Source: Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980.
 *
 * @example
 * ```ts
 * import { scaleByAdam } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scaleByAdam();
 * let state = opt.init(Float32Array.of(0, 0));
 * let updates = Float32Array.of(0, 0);
 * for (const gradient of [1, 3]) {
 *   [updates, state] = opt.update(Float32Array.of(gradient, -1), state);
 * }
 * assertEquals(Array.from(updates, (value) => value.toFixed(4)), ["0.9178", "-1.0000"]);
 * ```
 */
export const scaleByAdam: OptimizerFactory<ScaleByAdamOptions, { m: "leaf"; v: "leaf" }> =
  /* @__PURE__ */ fixed(adamw, {
    name: "scaleByAdam",
    doc: "The direction of Adam; two state tensors.",
    source: "Kingma and Ba 2015, Adam: A Method for Stochastic Optimization, arXiv 1412.6980",
  }, { learningRate: -1, weightDecay: 0 });
