import type { OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import { type LikeOption, withTorch } from "./like.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { required } from "../dsl/program.ts";

/** Options of {@linkcode rprop}. */
export interface RpropOptions extends LikeOption {
  /** The first step size of every element; what it is later has no effect. */
  learningRate: HyperValue;
  /** What a step size is multiplied by when its gradient turns. Default 0.5. */
  etaMinus?: HyperValue;
  /** What a step size is multiplied by when its gradient keeps its sign. Default 1.2. */
  etaPlus?: HyperValue;
  /** What step sizes do not fall below. Default 1e-6. */
  minStepSize?: HyperValue;
  /** What step sizes do not rise above. Default 50. */
  maxStepSize?: HyperValue;
  /** Whether the first step sizes are held to that too, as PyTorch's are. Default false. */
  boundsFirst?: boolean;
}

const hyper = {
  learningRate: required,
  etaMinus: { default: 0.5, domain: "(0, 1)" },
  etaPlus: { default: 1.2, domain: "(1, inf)" },
  minStepSize: { default: 1e-6, domain: "[0, inf)" },
  maxStepSize: { default: 50, domain: "(0, inf]" },
  boundsFirst: false,
} as const;
const state = { h: "learningRate", p: 0 } as const;
const along = (update: string) => `
  s = p*sign(g)
  b = where(boundsFirst, clip(h, minStepSize, maxStepSize), h)
  h = where(s > 0, min(etaPlus*h, maxStepSize), where(s < 0, max(etaMinus*h, minStepSize), b))
  p = where(s < 0, 0, sign(g))
  u = ${update}
`;
const source = "Riedmiller and Braun 1993, A Direct Adaptive Method for Faster Backpropagation " +
  "Learning: The RPROP Algorithm";

/**
 * Rprop: a step size for each element, which grows while its gradient keeps its sign and shrinks when
 * it turns; then the element rests for a step. Two state tensors, the step size `h` and the last
 * sign `p`. Optax's emits each step one update late; this is the paper's.
 *
 * ```text
 * s_t &\leftarrow p_{t-1} \cdot \operatorname{sign} \left( g_t \right) \\
 * b_t &\leftarrow \begin{cases} \operatorname{clip} \left( h_{t-1}, \mathrm{minStepSize}, \mathrm{maxStepSize} \right) & \text{if } \mathrm{boundsFirst} \\ h_{t-1} & \text{otherwise} \end{cases} \\
 * h_t &\leftarrow \begin{cases} \min \left( \mathrm{etaPlus} \cdot h_{t-1}, \mathrm{maxStepSize} \right) & \text{if } s_t > 0 \\ \begin{cases} \max \left( \mathrm{etaMinus} \cdot h_{t-1}, \mathrm{minStepSize} \right) & \text{if } s_t < 0 \\ b_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \begin{cases} 0 & \text{if } s_t < 0 \\ \operatorname{sign} \left( g_t \right) & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -h_t \cdot p_t \\
 * S_t &\leftarrow (h_t, p_t)
 * ```
 *
 * Source: Riedmiller and Braun 1993, A Direct Adaptive Method for Faster Backpropagation Learning: The
 * RPROP Algorithm.
 *
 * @example
 * ```ts
 * import { rprop } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = rprop({ learningRate: 0.1 });
 * const x = Float64Array.of(0);
 * const state = opt.init(x);
 * const path = [1, 1, 1, -1, 1].map((g) => {
 *   opt.step(x, Float64Array.of(g), state);
 *   return x[0].toFixed(3);
 * });
 * assertEquals(path, ["-0.100", "-0.220", "-0.364", "-0.364", "-0.436"]);
 * ```
 */
export const rprop: OptimizerFactory<RpropOptions, { h: "leaf"; p: "leaf" }> =
  /* @__PURE__ */ withTorch(
    /* @__PURE__ */ optimizer({
      name: "rprop",
      doc: "A step size for each element by whether its gradient turns; two state tensors.",
      source,
      hyper,
      state,
      step: /* @__PURE__ */ along("-h*p"),
    }),
    { boundsFirst: true },
  );

/**
 * The steps of {@linkcode rprop}, not flipped: along the gradient.
 *
 * ```text
 * s_t &\leftarrow p_{t-1} \cdot \operatorname{sign} \left( g_t \right) \\
 * b_t &\leftarrow \begin{cases} \operatorname{clip} \left( h_{t-1}, \mathrm{minStepSize}, \mathrm{maxStepSize} \right) & \text{if } \mathrm{boundsFirst} \\ h_{t-1} & \text{otherwise} \end{cases} \\
 * h_t &\leftarrow \begin{cases} \min \left( \mathrm{etaPlus} \cdot h_{t-1}, \mathrm{maxStepSize} \right) & \text{if } s_t > 0 \\ \begin{cases} \max \left( \mathrm{etaMinus} \cdot h_{t-1}, \mathrm{minStepSize} \right) & \text{if } s_t < 0 \\ b_t & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * p_t &\leftarrow \begin{cases} 0 & \text{if } s_t < 0 \\ \operatorname{sign} \left( g_t \right) & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow h_t \cdot p_t \\
 * S_t &\leftarrow (h_t, p_t)
 * ```
 *
 * Source: Riedmiller and Braun 1993, A Direct Adaptive Method for Faster Backpropagation Learning: The
 * RPROP Algorithm.
 *
 * @example
 * ```ts
 * import { scaleByRprop } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const scale = scaleByRprop({ learningRate: 0.5 });
 * const gradients = Float32Array.of(3, -0.1);
 * const [updates] = scale.update(gradients, scale.init(gradients));
 * assertEquals(updates, Float32Array.of(0.5, -0.5));
 * ```
 */
export const scaleByRprop: OptimizerFactory<Omit<RpropOptions, "like">, { h: "leaf"; p: "leaf" }> =
  /* @__PURE__ */ optimizer({
    name: "scaleByRprop",
    doc: "The steps of Rprop, along the gradient.",
    source,
    hyper,
    state,
    step: /* @__PURE__ */ along("h*p"),
  });
