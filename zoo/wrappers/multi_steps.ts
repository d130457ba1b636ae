/** One step for several gradients. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode multiSteps}. */
export interface MultiStepsOptions {
  /** How many gradients make one step: a number, or a schedule of the number of steps made so far. */
  everyKSchedule: HyperValue;
  /** Whether a step uses the mean of its gradients; if false, their sum. Default true. */
  useGradMean?: boolean;
}

const MULTI_STEPS: Wrapper = {
  name: "multiSteps",
  doc: "A step for every k gradients.",
  hyper: { everyKSchedule: { default: "required", domain: "integer [1, inf)" }, useGradMean: true },
  state: { acc: 0, miniStep: { over: "tree" }, gradientStep: { over: "tree" } },
  before: `
    acc = where(useGradMean, acc + (g - acc)/(miniStep + 1), acc + g)
    emits = miniStep + 1 >= everyKSchedule
    g = acc
  `,
  after: `
    u = where(emits, u, 0)
    acc = where(emits, 0, acc)
    gradientStep = where(emits, gradientStep + 1, gradientStep)
    miniStep = where(emits, 0, miniStep + 1)
  `,
  guard: "emits",
  clock: "gradientStep",
};

/**
 * Collects gradients in the state `acc`; every k-th time, `inner` makes a step with their mean or sum. In
 * between, the parameters do not change and nothing of `inner` is computed. The step number and the
 * schedules of `inner` count its own steps, `state.gradientStep`; `state.miniStep` says how many
 * gradients are collected.
 *
 * ```text
 * acc = acc + (g - acc)/(miniStep + 1), then every k-th time: a step of inner with g = acc, and acc = 0
 * ```
 *
 * @example
 * ```ts
 * import { multiSteps, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 4 });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * const seen = [1, 2, 3, 4].map((g) => {
 *   opt.step(x, Float32Array.of(g), state);
 *   return x[0];
 * });
 * assertEquals(seen, [0, 0, 0, -2.5]);
 * ```
 */
export function multiSteps<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: MultiStepsOptions,
): Optimizer<
  WrappedStates<S, { acc: "leaf"; miniStep: "tree"; gradientStep: "tree" }>,
  Suffixed<Hyper> | "everyKSchedule"
> {
  const doing = "Cannot make multiSteps";
  requireOptimizer(inner, "`inner`", doing);
  const settings = wrapperSettings(MULTI_STEPS, options, doing);
  const every = settings.get("everyKSchedule")!;
  settings.set("everyKSchedule", { ...every, clock: MULTI_STEPS.clock });
  return wrap(inner, MULTI_STEPS, settings);
}
