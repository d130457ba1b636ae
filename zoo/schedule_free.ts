import type { Document } from "../dsl/program.ts";
import { type MaskOption, namesOf, type OptimizerFactory, resolving } from "../runtime/define.ts";
import { optimizer } from "../runtime/lazy.ts";
import type { StorageType } from "../runtime/trees/dtype.ts";
import type { RoundedStorage } from "../runtime/trees/stored.ts";
import { storing } from "../runtime/wrap.ts";
import type { HyperValue } from "../runtime/trees/hyperparameters.ts";
import type { StateKinds } from "../runtime/trees/typed.ts";

/** Options of {@linkcode scheduleFreeSgd}. */
export interface ScheduleFreeSgdOptions extends MaskOption {
  /** Step size γ. Default 1. */
  learningRate?: HyperValue;
  /** Over how many steps γ rises to its full size; 0 for at once. Default 0. */
  warmupSteps?: HyperValue;
  /**
   * How near the average gradients are taken: 0 is at the fast iterate. To be the same at every step,
   * since the average is told by it. Default 0.9.
   */
  b1?: HyperValue;
  /** Decoupled weight decay λ, multiplied by the learning rate. Default 0. */
  weightDecay?: HyperValue;
  /** The power of the largest γ so far that an iterate counts with in the average. Default 2. */
  weightLrPower?: HyperValue;
  /** Storage of the state `z`, as in the option `storage` of `init`. Default: as parameters compute. */
  stateDtype?: StorageType | RoundedStorage;
}

/** Options of {@linkcode scheduleFreeAdamw}. */
export interface ScheduleFreeAdamwOptions extends Omit<ScheduleFreeSgdOptions, "learningRate"> {
  /** Step size γ. Default 0.0025. */
  learningRate?: HyperValue;
  /** Decay β2 of the second moment. Default 0.999. */
  b2?: HyperValue;
  /** Added outside the square root. Default 1e-8. */
  eps?: HyperValue;
}

/**
 * Steps of the fast iterate z along `direction`, and of its average x, for the parameters
 * y = (1 - β)z + βx. With x taken out by that equation, y moves by (1 - β)Δ + c(z - y + βΔ), where Δ is
 * the step of z: nothing is divided by β, and no difference of large numbers is rounded.
 */
function averaging<Options, S extends StateKinds>(
  direction: string,
  { name, doc, hyper, state, step }: Document,
): OptimizerFactory<Options, S> {
  const plain = optimizer({
    name,
    doc,
    source: "Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682",
    hyper: {
      ...hyper,
      warmupSteps: { default: 0, domain: "[0, inf)" },
      b1: { default: 0.9, domain: "[0, 1]" },
      weightDecay: 0,
      weightLrPower: 2,
    },
    // Weights are kept a tensor, not a tree, so that step sizes may differ between tensors.
    state: {
      z: "w",
      peak: { init: 0, over: "tensor" },
      total: { init: 0, over: "tensor" },
      ...state,
    },
    step: `
      ${step}
      gamma = learningRate*min(1, t/warmupSteps)
      peak = max(peak, gamma)
      total = total + peak^weightLrPower
      c = where(total > 0, peak^weightLrPower/total, 0)
      d = -gamma*(${direction} + weightDecay*w)
      u = (1 - b1)*d + c*(z - w + b1*d)
      z = z + d
    `,
    evaluate: "(w - (1 - b1)*z)/b1",
  } as Document);
  return resolving<Options, S>(
    () => plain.program,
    (options, doing) => {
      const { stateDtype, ...others } = options as ScheduleFreeSgdOptions;
      return storing(plain({ ...others }), "z", "stateDtype", stateDtype, doing);
    },
    (program) => [...namesOf(program), "stateDtype"],
  );
}

/**
 * Schedule-free gradient descent: the parameters lie between a fast iterate `z`, the one state tensor,
 * and an average x of it, which `evaluationParams` gives. The equations have x taken out by θ = (1 - β)z + βx. Where Optax's warm-up begins with a step of 0, this one begins
 * with γ over the number of warm-up steps, as the paper's does.
 *
 * ```text
 * \gamma_t &\leftarrow \alpha_t \cdot \min \left( 1, \frac{t}{\mathrm{warmupSteps}} \right) \\
 * \mathrm{peak}_t &\leftarrow \max \left( \mathrm{peak}_{t-1}, \gamma_t \right) \\
 * \mathrm{total}_t &\leftarrow \mathrm{total}_{t-1} + \mathrm{peak}_t^{\mathrm{weightLrPower}} \\
 * c_t &\leftarrow \begin{cases} \frac{\mathrm{peak}_t^{\mathrm{weightLrPower}}}{\mathrm{total}_t} & \text{if } \mathrm{total}_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow -\gamma_t \cdot (g_t + \lambda \cdot \theta_{t-1}) \\
 * u_t &\leftarrow (1 - \beta_1) \cdot d_t + c_t \cdot (z_{t-1} - \theta_{t-1} + \beta_1 \cdot d_t) \\
 * z_t &\leftarrow z_{t-1} + d_t \\
 * S_t &\leftarrow (z_t, \mathrm{peak}_t, \mathrm{total}_t) \\
 * \bar{\theta}_t &= \frac{\theta_t - (1 - \beta_1) \cdot z_t}{\beta_1}
 * ```
 *
 * Source: Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682.
 *
 * @example
 * ```ts
 * import { scheduleFreeSgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scheduleFreeSgd({ learningRate: 0.25 });
 * const x = Float32Array.of(4);
 * const state = opt.init(x);
 * for (let step = 0; step < 50; step++) opt.step(x, x.map((value) => 2 * value), state);
 * assertEquals(Math.abs(opt.evaluationParams(x, state)[0]) < 0.4, true);
 * ```
 */
export const scheduleFreeSgd: OptimizerFactory<
  ScheduleFreeSgdOptions,
  { z: "leaf"; peak: "leaf"; total: "leaf" }
> = /* @__PURE__ */ averaging(
  "g",
  {
    name: "scheduleFreeSgd",
    doc: "Gradient descent with averaging in place of a schedule; one state tensor.",
    hyper: { learningRate: 1 },
    step: "",
  },
);

/**
 * Schedule-free AdamW: {@linkcode scheduleFreeSgd} along the gradient over the root of its averaged
 * squares; two state tensors, the fast iterate `z` and `v`. The average of squares is corrected where
 * it stands, as the authors' code does, where the paper corrects the step size by it.
 *
 * ```text
 * v_t &\leftarrow \beta_2 \cdot v_{t-1} + (1 - \beta_2) \cdot g_t^{2} \\
 * \gamma_t &\leftarrow \alpha_t \cdot \min \left( 1, \frac{t}{\mathrm{warmupSteps}} \right) \\
 * \mathrm{peak}_t &\leftarrow \max \left( \mathrm{peak}_{t-1}, \gamma_t \right) \\
 * \mathrm{total}_t &\leftarrow \mathrm{total}_{t-1} + \mathrm{peak}_t^{\mathrm{weightLrPower}} \\
 * c_t &\leftarrow \begin{cases} \frac{\mathrm{peak}_t^{\mathrm{weightLrPower}}}{\mathrm{total}_t} & \text{if } \mathrm{total}_t > 0 \\ 0 & \text{otherwise} \end{cases} \\
 * d_t &\leftarrow -\gamma_t \cdot (\frac{g_t}{\sqrt{\frac{1}{1 - \beta_2^{t}} \cdot v_t} + \epsilon} + \lambda \cdot \theta_{t-1}) \\
 * u_t &\leftarrow (1 - \beta_1) \cdot d_t + c_t \cdot (z_{t-1} - \theta_{t-1} + \beta_1 \cdot d_t) \\
 * z_t &\leftarrow z_{t-1} + d_t \\
 * S_t &\leftarrow (z_t, \mathrm{peak}_t, \mathrm{total}_t, v_t) \\
 * \bar{\theta}_t &= \frac{\theta_t - (1 - \beta_1) \cdot z_t}{\beta_1}
 * ```
 *
 * Source: Defazio et al. 2024, The Road Less Scheduled, arXiv 2405.15682.
 *
 * @example
 * ```ts
 * import { scheduleFreeAdamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = scheduleFreeAdamw({ learningRate: 1 });
 * const x = Float32Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state);
 *   const average = opt.evaluationParams(x, state);
 *   losses.push(average.reduce((sum, value) => sum + value * value, 0).toPrecision(3));
 * }
 * assertEquals(losses, ["5.00", "3.05", "1.73", "0.894", "0.413"]);
 * ```
 */
export const scheduleFreeAdamw: OptimizerFactory<
  ScheduleFreeAdamwOptions,
  { z: "leaf"; peak: "leaf"; total: "leaf"; v: "leaf" }
> = /* @__PURE__ */ averaging(
  "g/(sqrt(1/(1 - b2^t)*v) + eps)",
  {
    name: "scheduleFreeAdamw",
    doc: "AdamW with averaging in place of a schedule; two state tensors.",
    hyper: {
      learningRate: 0.0025,
      b2: { default: 0.999, domain: "[0, 1)" },
      eps: { default: 1e-8, domain: "[0, inf)" },
    },
    state: { v: 0 },
    step: "v = b2*v + (1 - b2)*g^2",
  },
);
