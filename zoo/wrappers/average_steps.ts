/** One step for what several workers have found. */
import type { Wrapper } from "../../dsl/weave.ts";
import type { HyperValue } from "../../runtime/trees/hyperparameters.ts";
import type { StateKinds, Suffixed, WrappedStates } from "../../runtime/trees/typed.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { requireOptimizer, wrap, wrapperSettings } from "../../runtime/wrap.ts";

/** Options of {@linkcode averageSteps}. */
export interface AverageStepsOptions {
  /** How many gradients make one step: one of each worker. */
  workers: HyperValue;
}

const AVERAGE_STEPS: Wrapper = {
  name: "averageSteps",
  doc: "A step for the gradients of several workers, averaged by how many examples each is of.",
  source: "McMahan et al. 2017, Communication-Efficient Learning of Deep Networks from " +
    "Decentralized Data, arXiv 1602.05629",
  hyper: { workers: { default: "required", domain: "integer [1, inf)" } },
  inputs: { examples: "scalar" },
  state: {
    average: 0,
    seen: { over: "tree" },
    reported: { over: "tree" },
    averagedStep: { over: "tree" },
  },
  before: `
    counted = max(examples, 0)
    share = where(counted > 0, counted/(seen + counted), 0)
    average = average + share*(g - average)
    steps = reported + 1 >= workers
    g = average
  `,
  after: `
    u = where(steps, u, 0)
    average = where(steps, 0, average)
    seen = where(steps, 0, seen + counted)
    averagedStep = where(steps, averagedStep + 1, averagedStep)
    reported = where(steps, 0, reported + 1)
  `,
  guard: "steps",
  clock: "averagedStep",
};

/**
 * Learning from several workers: each gives its gradient and, as the input `examples`, of how many examples it is the
 * mean; with the last of `workers`, `inner` makes a step with their mean by examples, which is the gradient of all
 * examples at once. In between, the parameters do not change. The step number and the schedules of `inner` count its own
 * steps, `state.averagedStep`.
 *
 * ```text
 * average = average + examples/(seen + examples)·(g - average), then with the last: a step of inner with g = average
 * ```
 *
 * Workers may make steps of their own before they report. Then what they give is how far they came, the parameters they
 * began with less those they have now; with `sgd({ learningRate: 1 })` as `inner` this is federated averaging (McMahan et
 * al. 2017, arXiv 1602.05629), and with another optimizer federated optimization (Reddi et al. 2021, arXiv 2003.00295).
 *
 * @example
 * ```ts
 * import { averageSteps, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = averageSteps(sgd({ learningRate: 1 }), { workers: 2 });
 * const x = Float32Array.of(0);
 * const state = opt.init(x);
 * opt.step(x, Float32Array.of(4), state, { examples: 3 });
 * assertEquals(x[0], 0);
 * opt.step(x, Float32Array.of(8), state, { examples: 1 });
 * assertEquals(x[0], -5);
 * ```
 */
export function averageSteps<S extends StateKinds, Hyper extends string>(
  inner: Optimizer<S, Hyper>,
  options: AverageStepsOptions,
): Optimizer<
  WrappedStates<S, { average: "leaf"; seen: "tree"; reported: "tree"; averagedStep: "tree" }>,
  Suffixed<Hyper> | "workers"
> {
  const doing = "Cannot make averageSteps";
  requireOptimizer(inner, "`inner`", doing);
  const settings = wrapperSettings(AVERAGE_STEPS, options, doing);
  const workers = settings.get("workers")!;
  settings.set("workers", { ...workers, clock: AVERAGE_STEPS.clock });
  return wrap(inner, AVERAGE_STEPS, settings);
}
