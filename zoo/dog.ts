/** Step sizes from the distance travelled: nothing to tune. */
import { deciding, type MaskOption, type OptimizerFactory } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import { requireChoice, requirePair } from "../runtime/options.ts";

/** Options of {@linkcode dog}. */
export interface DogOptions extends MaskOption {
  /** Multiplies the step size. Default 1. */
  learningRate?: HyperValue;
  /**
   * How it begins, and by what number ε: `"heuristic"`, with the distance ε(1 + ‖θ0‖); `"distance"`, with
   * the distance ε; `"learningRate"`, with the step size ε. Default `["heuristic", 1e-6]`.
   */
  initStep?: readonly ["heuristic" | "distance" | "learningRate", HyperValue];
  /** Added inside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Weight decay λ, a part of the gradient. Default 0. */
  weightDecay?: HyperValue;
}

const byNumber: OptimizerFactory<Record<string, unknown>> = /* @__PURE__ */ optimizer({
  name: "dog",
  doc: "A step size from the distance travelled; one state tensor.",
  source:
    "Ivgi et al. 2023, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule, arXiv 2302.12022",
  hyper: {
    learningRate: 1,
    initStep: { default: 1e-6, domain: "[0, inf)" },
    heuristic: true,
    isRate: false,
    eps: { default: 1e-8, domain: "[0, inf)" },
    weightDecay: 0,
  },
  state: {
    theta0: "w",
    r: { init: "initStep", over: "tree" },
    v: { over: "tree" },
  },
  step: `
    d = g + weightDecay*w
    first = where(heuristic, 1 + globalNorm(w), where(isRate, 0, 1))
    r = max(where(t == 1, r*first, r), globalNorm(w - theta0))
    v = v + globalNorm(d)^2
    q = sqrt(v + eps)
    eta = where(isRate & t == 1, initStep, r/where(q == 0, 1, q))
    u = -learningRate*eta*d
  `,
});

/**
 * DoG, distance over gradients: the step size is the largest distance from the first parameters, over
 * the root of all squared gradient norms. One state tensor, the first parameters. The number of the
 * option `initStep` is the hyperparameter of that name; how it begins is `heuristic` or `isRate`. While
 * all gradients have been 0 there is no step, whatever ε is.
 *
 * ```text
 * d_t &\leftarrow g_t + \lambda \cdot \theta_{t-1} \\
 * \mathrm{first}_t &\leftarrow \begin{cases} 1 + \left\lVert \theta_{t-1} \right\rVert_{\text{tree}} & \text{if } \mathrm{heuristic} \\ \begin{cases} 0 & \text{if } \mathrm{isRate} \\ 1 & \text{otherwise} \end{cases} & \text{otherwise} \end{cases} \\
 * r_t &\leftarrow \max \left( \begin{cases} r_{t-1} \cdot \mathrm{first}_t & \text{if } t = 1 \\ r_{t-1} & \text{otherwise} \end{cases}, \left\lVert \theta_{t-1} - \theta_{0,t-1} \right\rVert_{\text{tree}} \right) \\
 * v_t &\leftarrow v_{t-1} + \left\lVert d_t \right\rVert_{\text{tree}}^{2} \\
 * q_t &\leftarrow \sqrt{v_t + \epsilon} \\
 * \eta_t &\leftarrow \begin{cases} \mathrm{initStep} & \text{if } \mathrm{isRate} \land t = 1 \\ \frac{r_t}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} & \text{otherwise} \end{cases} \\
 * u_t &\leftarrow -\alpha_t \cdot \eta_t \cdot d_t \\
 * S_t &\leftarrow (\theta_{0,t-1}, r_t, v_t)
 * ```
 *
 * Source: Ivgi et al. 2023, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule,
 * arXiv 2302.12022.
 *
 * @example
 * ```ts
 * import { dog } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = dog({ initStep: ["heuristic", 0.125], eps: 0 });
 * const x = Float32Array.of(3, 0);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(2, 0), state);
 * assertEquals(x, Float32Array.of(2.5, 0));
 * assertEquals(state.r, 0.5);
 * ```
 */
export const dog: OptimizerFactory<DogOptions, { theta0: "leaf"; r: "tree"; v: "tree" }> =
  /* @__PURE__ */ deciding(
    byNumber,
    ["heuristic", "isRate"],
    [],
    ({ initStep = ["heuristic", 1e-6], ...given }, doing) => {
      requirePair("initStep", initStep, "how it begins and a number", doing);
      const [kind, number] = initStep;
      requireChoice("initStep[0]", kind, ["heuristic", "distance", "learningRate"], doing);
      const [heuristic, isRate] = [kind === "heuristic", kind === "learningRate"];
      return { ...given, initStep: number, heuristic, isRate };
    },
  );

/** Options of {@linkcode dowg}. */
export interface DowgOptions extends MaskOption {
  /** Multiplies the step size. Default 1. */
  learningRate?: HyperValue;
  /** The squared distance it begins with. Default: `eps`. */
  initEstimSqDist?: HyperValue;
  /** Added outside the square root. Default 1e-4. */
  eps?: HyperValue;
  /** Weight decay λ, a part of the gradient. Default 0. */
  weightDecay?: HyperValue;
}

const withDistance: OptimizerFactory<Record<string, unknown>> = /* @__PURE__ */ optimizer({
  name: "dowg",
  doc: "A step size from the distance travelled and weighted gradients; one state tensor.",
  source:
    "Khaled et al. 2023, DoWG Unleashed: An Efficient Universal Parameter-Free Gradient Descent Method, arXiv 2305.16284",
  hyper: {
    learningRate: 1,
    initEstimSqDist: { default: 1e-4, domain: "[0, inf)" },
    eps: { default: 1e-4, domain: "[0, inf)" },
    weightDecay: 0,
  },
  state: { theta0: "w", r: { init: "initEstimSqDist", over: "tree" }, v: { over: "tree" } },
  step: `
    d = g + weightDecay*w
    r = max(r, globalNorm(w - theta0)^2)
    v = v + r*globalNorm(d)^2
    q = sqrt(v) + eps
    u = -learningRate*r/where(q == 0, 1, q)*d
  `,
});

/**
 * DoWG, distance over weighted gradients: as {@linkcode dog}, with each squared gradient norm weighted by
 * the squared distance at its step. One state tensor, the first parameters. While all gradients have
 * been 0 there is no step, whatever ε is.
 *
 * ```text
 * d_t &\leftarrow g_t + \lambda \cdot \theta_{t-1} \\
 * r_t &\leftarrow \max \left( r_{t-1}, \left\lVert \theta_{t-1} - \theta_{0,t-1} \right\rVert_{\text{tree}}^{2} \right) \\
 * v_t &\leftarrow v_{t-1} + r_t \cdot \left\lVert d_t \right\rVert_{\text{tree}}^{2} \\
 * q_t &\leftarrow \sqrt{v_t} + \epsilon \\
 * u_t &\leftarrow \frac{-\alpha_t \cdot r_t}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}} \cdot d_t \\
 * S_t &\leftarrow (\theta_{0,t-1}, r_t, v_t)
 * ```
 *
 * Source: Khaled et al. 2023, DoWG Unleashed: An Efficient Universal Parameter-Free Gradient Descent
 * Method, arXiv 2305.16284.
 *
 * @example
 * ```ts
 * import { dowg } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = dowg();
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   losses.push(x.reduce((sum, value) => sum + value * value, 0).toFixed(4));
 * }
 * assertEquals(losses, ["13.9254", "13.8728", "13.7754", "13.5962", "13.2688"]);
 * ```
 */
export const dowg: OptimizerFactory<DowgOptions, { theta0: "leaf"; r: "tree"; v: "tree" }> =
  /* @__PURE__ */ deciding(
    withDistance,
    [],
    [],
    (given) => ({ ...given, initEstimSqDist: given.initEstimSqDist ?? given.eps }),
  );

/** Options of {@linkcode scaleByDistanceOverGradients}. */
export interface ScaleByDistanceOverGradientsOptions {
  /** The distance it begins with, in proportion to one and the first parameter's norm. Default 1e-6. */
  repsRel?: HyperValue;
  /** Added inside the square root. Default 1e-8. */
  eps?: HyperValue;
  /** Multiplies the step size. Default 1. */
  globalScale?: HyperValue;
}

/**
 * The layer-wise form of {@linkcode dog} as a transform: each tensor has a distance and a sum of squared
 * gradient norms of its own. One state tensor, the first parameters, and two numbers a tensor. While all
 * gradients of a tensor have been 0 its updates are 0, whatever ε is.
 *
 * ```text
 * r_t &\leftarrow \begin{cases} \mathrm{repsRel} \cdot (1 + \left\lVert \theta_{t-1} \right\rVert) & \text{if } t = 1 \\ \max \left( r_{t-1}, \left\lVert \theta_{t-1} - \theta_{0,t-1} \right\rVert \right) & \text{otherwise} \end{cases} \\
 * v_t &\leftarrow v_{t-1} + \left\lVert g_t \right\rVert^{2} \\
 * q_t &\leftarrow \sqrt{v_t + \epsilon} \\
 * u_t &\leftarrow \mathrm{globalScale} \cdot (\frac{r_t}{\begin{cases} 1 & \text{if } q_t = 0 \\ q_t & \text{otherwise} \end{cases}}) \cdot g_t \\
 * S_t &\leftarrow (\theta_{0,t-1}, r_t, v_t)
 * ```
 *
 * Source: Ivgi et al. 2023, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule,
 * arXiv 2302.12022.
 *
 * @example
 * ```ts
 * import { scaleByDistanceOverGradients } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const transform = scaleByDistanceOverGradients({ repsRel: 0.125, eps: 0 });
 * const params = [Float32Array.of(3), Float32Array.of(7)];
 * const gradients = [Float32Array.of(2), Float32Array.of(-4)];
 * const [updates] = transform.update(gradients, transform.init(params), params);
 * assertEquals(updates, [Float32Array.of(0.5), Float32Array.of(-1)]);
 * ```
 */
export const scaleByDistanceOverGradients: OptimizerFactory<
  ScaleByDistanceOverGradientsOptions,
  { theta0: "leaf"; r: "leaf"; v: "leaf" }
> = /* @__PURE__ */ optimizer({
  name: "scaleByDistanceOverGradients",
  doc: "A step size for each tensor from the distance it travelled; one state tensor.",
  source:
    "Ivgi et al. 2023, DoG is SGD's Best Friend: A Parameter-Free Dynamic Step Size Schedule, arXiv 2302.12022",
  hyper: {
    repsRel: { default: 1e-6, domain: "[0, inf)" },
    eps: { default: 1e-8, domain: "[0, inf)" },
    globalScale: 1,
  },
  state: { theta0: "w", r: { over: "tensor" }, v: { over: "tensor" } },
  step: `
      r = where(t == 1, repsRel*(1 + norm(w)), max(r, norm(w - theta0)))
      v = v + norm(g)^2
      q = sqrt(v + eps)
      u = globalScale*(r/where(q == 0, 1, q))*g
    `,
});
