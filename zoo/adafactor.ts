import {
  deciding,
  type MaskOption,
  type MuDTypeOption,
  namesOf,
  type OptimizerFactory,
  resolving,
} from "../runtime/define.ts";
import { fixed, optimizer } from "../runtime/lazy.ts";
import { extentMask } from "../runtime/trees/extent_mask.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";
import { isTorch, type LikeOption } from "./like.ts";

/** What {@linkcode adafactor} and {@linkcode scaleByFactoredRms} have in common. */
export interface FactoredOptions {
  /** Whether second moments are factored where the shape allows. Default true. */
  factored?: boolean;
  /** The least extent of a tensor's second largest axis for its moment to be factored. Default 128. */
  minDimSizeToFactor?: number;
  /** How fast the decay of the second moment nears 1: it is 1 - t^-decayRate. Default 0.8. */
  decayRate?: HyperValue;
}

/** Options of {@linkcode scaleByFactoredRms}. */
export interface ScaleByFactoredRmsOptions extends FactoredOptions {
  /** The step from which the decay counts. Default 0. */
  stepOffset?: HyperValue;
  /** Added to the squared gradient. Default 1e-30. */
  epsilon?: HyperValue;
}

/** Options of {@linkcode adafactor}. */
export interface AdafactorOptions extends FactoredOptions, MaskOption, MuDTypeOption, LikeOption {
  /** Step size. Default 1. */
  learningRate?: HyperValue;
  /** The step from which the decay counts. Default 0. */
  decayOffset?: HyperValue;
  /** Added to the squared gradient. Default 1e-30. */
  eps?: HyperValue;
  /** Whether steps are in proportion to the parameter's root mean square, at least 1e-3. Default true. */
  multiplyByParameterScale?: boolean;
  /** The largest root mean square of a step before it is scaled; 0 for any. Default 1. */
  clippingThreshold?: HyperValue;
  /** Decay of the average of steps; 0 keeps none. Default 0. */
  momentum?: HyperValue;
  /** Decoupled weight decay, not multiplied by the learning rate, as PyTorch's is. Default 0. */
  weightDecayRate?: HyperValue;
  /** PyTorch's rule alone: what the parameter's root mean square counts as at least. Default 1e-3. */
  epsScale?: HyperValue;
}

const source =
  "Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, arXiv 1804.04235";

// The program is told where a leaf is factored, rather than how long its axes must be.
const whole: OptimizerFactory<Record<string, unknown>> = /* @__PURE__ */ optimizer(
  {
    name: "adafactor",
    doc:
      "A second moment in a row and a column, no more than that per matrix; steps by relative size.",
    source,
    hyper: {
      learningRate: 1,
      factored: true,
      decayRate: { default: 0.8, domain: "[0, inf)" },
      decayOffset: 0,
      multiplyByParameterScale: true,
      clippingThreshold: { default: 1, domain: "[0, inf]" },
      momentum: { default: 0, domain: "[0, 1)" },
      weightDecayRate: 0,
      eps: { default: 1e-30, domain: "[0, inf)" },
    },
    state: { r: { over: "largest" }, c: { over: "secondLargest" }, v: 0, m: 0 },
    step: `
    beta = 1 - (t - decayOffset)^(-decayRate)
    s = g^2 + eps
    r = beta*r + (1 - beta)*mean(s, axis=largest)
    c = beta*c + (1 - beta)*mean(s, axis=secondLargest)
    v = beta*v + (1 - beta)*s
    p = 1/sqrt(r/mean(r, axis=secondLargest))*(1/sqrt(c))
    d = where(factored & rank > 1, p*g, g/sqrt(v))
    k = where(clippingThreshold > 0, max(sqrt(mean(d^2))/clippingThreshold, 1), 1)
    a = -learningRate*where(multiplyByParameterScale, max(sqrt(mean(w^2)), 0.001), 1)/k
    m = momentum*m + (1 - momentum)*a*d
    u = m - weightDecayRate*w
  `,
  },
);

// A moment is factored over the last two axes wherever there are two; rates fall by themselves.
const torch: OptimizerFactory<Record<string, unknown>> = /* @__PURE__ */ optimizer({
  name: "adafactor",
  doc: "Adafactor as PyTorch has it: over the last two axes, with a rate of at most 1/√t.",
  source,
  hyper: {
    learningRate: 0.01,
    decayRate: { default: 0.8, domain: "[0, inf)" },
    eps: { default: 1.1920928955078125e-7, domain: "[0, inf)" },
    epsScale: { default: 1e-3, domain: "[0, inf)" },
    clippingThreshold: { default: 1, domain: "[1, inf]" },
    weightDecayRate: 0,
  },
  state: { r: { over: -1 }, c: { over: -2 }, v: 0 },
  step: `
    beta = t^(-decayRate)
    r = (1 - beta)*r + beta*mean(g^2, axis=-1)
    c = (1 - beta)*c + beta*mean(g^2, axis=-2)
    v = (1 - beta)*v + beta*g^2
    s = where(rank > 1, r*c/max(mean(r, axis=-2), eps), v)
    d = g/sqrt(max(s, eps^2))
    a = max(epsScale, sqrt(mean(w^2)))*min(learningRate, 1/sqrt(t))
    u = -a/max(1, sqrt(mean(d^2))/clippingThreshold)*d - learningRate*weightDecayRate*w
  `,
});

/**
 * Adafactor: the second moment of a tensor as the product of a row and a column, means of it over its
 * largest and its second largest axis; a tensor whose second largest axis is shorter than
 * `minDimSizeToFactor` keeps the whole, `v`. Steps are clipped, and scaled by the parameter. The decay
 * of weights, which is not multiplied by the learning rate, is Optax's; the paper has none. The paper's
 * step size is the schedule `(count) => Math.min(1e-2, 1 / Math.sqrt(count + 1))`.
 *
 * ```text
 * \beta_t &\leftarrow 1 - (t - \mathrm{decayOffset})^{-\mathrm{decayRate}} \\
 * s_t &\leftarrow g_t^{2} + \epsilon \\
 * r_t &\leftarrow \beta_t \cdot r_{t-1} + (1 - \beta_t) \cdot \operatorname{mean} \left( s_t \right)_{\text{axis } \text{largest}} \\
 * c_t &\leftarrow \beta_t \cdot c_{t-1} + (1 - \beta_t) \cdot \operatorname{mean} \left( s_t \right)_{\text{axis } \text{second largest}} \\
 * v_t &\leftarrow \beta_t \cdot v_{t-1} + (1 - \beta_t) \cdot s_t \\
 * p_t &\leftarrow \frac{1}{\sqrt{\frac{r_t}{\operatorname{mean} \left( r_t \right)_{\text{axis } \text{second largest}}}}} \cdot (\frac{1}{\sqrt{c_t}}) \\
 * d_t &\leftarrow \begin{cases} p_t \cdot g_t & \text{if } \mathrm{factored} \land \mathrm{rank} > 1 \\ \frac{g_t}{\sqrt{v_t}} & \text{otherwise} \end{cases} \\
 * k_t &\leftarrow \begin{cases} \max \left( \frac{\sqrt{\operatorname{mean} \left( d_t^{2} \right)}}{\mathrm{clippingThreshold}}, 1 \right) & \text{if } \mathrm{clippingThreshold} > 0 \\ 1 & \text{otherwise} \end{cases} \\
 * a_t &\leftarrow \frac{-\alpha_t \cdot \begin{cases} \max \left( \sqrt{\operatorname{mean} \left( \theta_{t-1}^{2} \right)}, 0.001 \right) & \text{if } \mathrm{multiplyByParameterScale} \\ 1 & \text{otherwise} \end{cases}}{k_t} \\
 * m_t &\leftarrow \mu \cdot m_{t-1} + (1 - \mu) \cdot a_t \cdot d_t \\
 * u_t &\leftarrow m_t - \mathrm{weightDecayRate} \cdot \theta_{t-1} \\
 * S_t &\leftarrow (r_t, c_t, v_t, m_t)
 * ```
 *
 * Source: Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost,
 * arXiv 1804.04235.
 *
 * @example
 * ```ts
 * import { adafactor } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = adafactor({ learningRate: 0.5, minDimSizeToFactor: 2 });
 * const params = { data: Float32Array.of(1, 1, 1, 1, 1, 1), shape: [2, 3] };
 * const gradients = { data: Float32Array.of(1, 2, 2, -2, -4, -4), shape: [2, 3] };
 * const state = opt.init(params);
 * opt.step(params, gradients, state);
 * assertEquals(state.r, { data: Float32Array.of(3, 12), shape: [2, 1] });
 * assertEquals(Array.from(params.data, (value) => value.toFixed(4)), [
 *   ...["0.5000", "0.5000", "0.5000"],
 *   ...["1.5000", "1.5000", "1.5000"],
 * ]);
 * ```
 */
export const adafactor: OptimizerFactory<
  AdafactorOptions,
  { r?: "leaf"; c?: "leaf"; v: "leaf"; m?: "leaf" }
> = /* @__PURE__ */ eitherRule(/* @__PURE__ */ factoredByShape(whole));

/**
 * Scales the gradient by the root of {@linkcode adafactor}'s factored second moment. `stepOffset` and
 * `epsilon` are the hyperparameters that it has as `decayOffset` and `eps`.
 *
 * ```text
 * \beta_t &\leftarrow 1 - (t - \mathrm{decayOffset})^{-\mathrm{decayRate}} \\
 * s_t &\leftarrow g_t^{2} + \epsilon \\
 * r_t &\leftarrow \beta_t \cdot r_{t-1} + (1 - \beta_t) \cdot \operatorname{mean} \left( s_t \right)_{\text{axis } \text{largest}} \\
 * c_t &\leftarrow \beta_t \cdot c_{t-1} + (1 - \beta_t) \cdot \operatorname{mean} \left( s_t \right)_{\text{axis } \text{second largest}} \\
 * v_t &\leftarrow \beta_t \cdot v_{t-1} + (1 - \beta_t) \cdot s_t \\
 * p_t &\leftarrow \frac{1}{\sqrt{\frac{r_t}{\operatorname{mean} \left( r_t \right)_{\text{axis } \text{second largest}}}}} \cdot (\frac{1}{\sqrt{c_t}}) \\
 * d_t &\leftarrow \begin{cases} p_t \cdot g_t & \text{if } \mathrm{factored} \land \mathrm{rank} > 1 \\ \frac{g_t}{\sqrt{v_t}} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow d_t \\
 * S_t &\leftarrow (r_t, c_t, v_t)
 * ```
 *
 * Source: Shazeer and Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost,
 * arXiv 1804.04235.
 *
 * @example
 * ```ts
 * import { scaleByFactoredRms } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByFactoredRms();
 * const gradients = Float32Array.of(4, -2);
 * const [updates, state] = transform.update(gradients, transform.init(gradients));
 * assertEquals(updates, Float32Array.of(1, -1));
 * assertEquals(state.v, Float32Array.of(16, 4));
 * ```
 */
export const scaleByFactoredRms: OptimizerFactory<
  ScaleByFactoredRmsOptions,
  { r?: "leaf"; c?: "leaf"; v: "leaf" },
  "decayRate" | "decayOffset" | "eps"
> = /* @__PURE__ */ factoredByShape(
  /* @__PURE__ */ deciding(
    /* @__PURE__ */ fixed(whole, {
      name: "scaleByFactoredRms",
      doc: "Scales by a second moment in factors.",
    }, {
      learningRate: -1,
      multiplyByParameterScale: false,
      clippingThreshold: 0,
      momentum: 0,
      weightDecayRate: 0,
    }),
    ["decayOffset", "eps"],
    ["stepOffset", "epsilon"],
    ({ stepOffset, epsilon, ...given }) => ({ ...given, decayOffset: stepOffset, eps: epsilon }),
  ) as OptimizerFactory<Record<string, unknown>>,
);

/** `inner`, or PyTorch's rule where the option `like` asks for it. */
function eitherRule<S extends StateKinds>(
  inner: OptimizerFactory<Record<string, unknown>>,
): OptimizerFactory<AdafactorOptions, S> {
  return resolving<AdafactorOptions, S>(
    () => whole.program,
    ({ like, ...given }, doing) => (isTorch(like, doing) ? torch : inner)(given),
    (program) => [...namesOf(program), "minDimSizeToFactor", "epsScale", "like"],
  );
}

/** Optimizers that are told which leaves are factored by how short an axis may be. */
function factoredByShape<
  Options extends FactoredOptions,
  S extends StateKinds,
  Hyper extends string,
>(
  inner: OptimizerFactory<Record<string, unknown>>,
): OptimizerFactory<Options, S, Hyper> {
  return deciding<Options, S, Hyper>(
    inner,
    [],
    ["minDimSizeToFactor"],
    ({ minDimSizeToFactor = 128, factored = true, ...options }) => {
      // Without elements there are no means to keep.
      const mask = extentMask(Math.max(minDimSizeToFactor, 1), "Cannot choose what is factored");
      return { ...options, factored: factored && mask };
    },
  );
}
