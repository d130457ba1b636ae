/** Steps by the gradient at the worst parameters nearby. */
import { once } from "../../dsl/once.ts";
import { parseProgram } from "../../dsl/check.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Wrapper } from "../../dsl/weave.ts";
import { applyUpdates } from "../../runtime/apply.ts";
import { chained } from "../../runtime/chain.ts";
import { asking } from "../../runtime/oracle.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import { requireOption } from "../../runtime/trees/hyperparameters.ts";
import { requireOptimizer, wrap } from "../../runtime/wrap.ts";

/** Options of {@linkcode sam}. */
export interface SamOptions {
  /** How many gradients make one step: all but the last go uphill. A whole number from 1; default 2. */
  syncPeriod?: number;
  /** Whether the way up begins anew for each step. Default true. */
  resetState?: boolean;
  /**
   * Whether one call is a whole step, which takes the gradients on the way up of the input `gradFn`, a
   * function of parameters and of the number of the gradient, from 0. Default false.
   */
  opaqueMode?: boolean;
}

/** The way up: steps of the adversarial optimizer, turned round, for all gradients but the last of a period. */
const up = (period: number, resets: boolean): Wrapper => ({
  name: "sam",
  doc: "Steps by the gradient at the worst parameters nearby.",
  source: "Foret et al. 2021, Sharpness-Aware Minimization, arXiv 2010.01412",
  state: { upCount: { over: "tree" } },
  before: `
    given = g
    ascends = t - ${period}*floor(t/${period}) > 0
    syncs = !ascends
  `,
  after: `
    u = where(ascends, -u, given)
    upCount = where(ascends, upCount + 1, ${resets ? 0 : "upCount"})
  `,
  guard: "ascends",
  ...resets ? { reset: "syncs" } : {},
  clock: "upCount",
});

/** The way down: back to where the period began, and a step of the optimizer from there. */
const down = (period: number): Wrapper => ({
  name: "fromStart",
  state: { cache: { init: "w" }, stepCount: { over: "tree" } },
  before: `
    given = g
    cache = where(count - ${period}*floor(count/${period}) == 0, w, cache)
    steps = t - ${period}*floor(t/${period}) == 0
  `,
  after: `
    u = where(steps, cache - w + u, given)
    stepCount = where(steps, stepCount + 1, stepCount)
  `,
  guard: "steps",
  clock: "stepCount",
  parameter: "cache",
});

/** The step of a whole period, by the gradient that was found. */
const OPAQUE: Wrapper = {
  name: "sam",
  doc: "Steps by the gradient at the worst parameters nearby, which is an input.",
  source: "Foret et al. 2021, Sharpness-Aware Minimization, arXiv 2010.01412",
  inputs: { adversarialGrad: "element" },
  before: "g = adversarialGrad",
};

const NEGATED = /* @__PURE__ */ once(() => parseProgram({ name: "negated", step: "u = -g" }));

/**
 * Sharpness-aware minimization: `optimizer` steps by the gradient at parameters that `adversarial` has gone
 * uphill to. `adversarial` is `chain(normalize(), sgd({ learningRate: ρ }))` in the paper.
 *
 * ```text
 * ε = ρ·g/‖g‖, then a step of optimizer from θ by ∇f(θ + ε)
 * ```
 *
 * By default a call is one of `syncPeriod` parts: the first ones go up, and the parameters are then the
 * worse ones, at which the next gradient is due; the last goes back, to the state `cache`, and steps. In
 * `opaqueMode` a call is all of it, which Optax's models with batch statistics need.
 *
 * Source: Foret et al. 2021, Sharpness-Aware Minimization, arXiv 2010.01412.
 *
 * @example
 * ```ts
 * import { chain, normalizeByUpdateNorm, sam, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const adversarial = chain(normalizeByUpdateNorm({ eps: 0 }), sgd({ learningRate: 0.5 }));
 * const opt = sam(sgd({ learningRate: 0.25 }), adversarial);
 * const gradFn = (x: Float64Array<ArrayBuffer>) => x.map((value) => 2 * value);
 * const x = Float64Array.of(3, 4);
 * const state = opt.init(x);
 * opt.step(x, gradFn(x), state); // up
 * assertEquals(Array.from(x, (value) => value.toFixed(2)), ["3.30", "4.40"]);
 * opt.step(x, gradFn(x), state); // back and down
 * assertEquals(Array.from(x, (value) => value.toFixed(2)), ["1.35", "1.80"]);
 *
 * const whole = sam(sgd({ learningRate: 0.25 }), adversarial, { opaqueMode: true });
 * const y = Float64Array.of(3, 4);
 * whole.step(y, gradFn(y), whole.init(y), { gradFn });
 * assertEquals(Array.from(y, (value) => value.toFixed(2)), ["1.35", "1.80"]);
 * ```
 *
 * @throws {GradusError} if an option is not as said, or `opaqueMode` is to keep the state of the way up.
 */
export function sam(
  optimizer: Optimizer,
  adversarial: Optimizer,
  options: SamOptions = {},
): Optimizer {
  const doing = "Cannot make sam";
  requireOptimizer(optimizer, "`optimizer`", doing);
  requireOptimizer(adversarial, "`adversarial`", doing);
  const given = ownOptions(options, doing);
  const names = ["syncPeriod", "resetState", "opaqueMode"];
  Object.keys(given).forEach((name) => requireOption(name, names, doing));
  const { syncPeriod = 2, resetState = true, opaqueMode = false } = given as SamOptions;
  if (!Number.isInteger(syncPeriod) || syncPeriod < 1 || syncPeriod > 2 ** 31) {
    throw new GradusError(
      `${doing}: \`syncPeriod\` must be a whole number from 1: given ${shown(syncPeriod)}`,
    );
  }
  for (const [name, value] of Object.entries({ resetState, opaqueMode })) {
    if (typeof value !== "boolean") {
      throw new GradusError(`${doing}: \`${name}\` must be true or false: given ${shown(value)}`);
    }
  }
  if (!opaqueMode) {
    return chained([
      wrap(adversarial, up(syncPeriod, resetState), new Map()),
      wrap(optimizer, down(syncPeriod), new Map()),
    ]);
  }
  if (!resetState) {
    throw new GradusError(
      `${doing}: a whole step begins its way up anew: given \`resetState\` false in \`opaqueMode\``,
    );
  }
  return asking(wrap(optimizer, OPAQUE, new Map()), {
    name: "sam",
    answer: ({ params, gradients, inputs }, _direct, made, doing) => {
      const gradFn = inputs?.gradFn;
      if (typeof gradFn !== "function") {
        throw new GradusError(
          `${doing}: input \`gradFn\` must be a function from parameters to gradients: given ${
            shown(gradFn)
          }`,
        );
      }
      const negated = made(NEGATED());
      let [worse, adversarialGrad] = [params, gradients];
      let state = adversarial.init(params);
      for (let i = 0; i < syncPeriod - 1; i++) {
        const [updates, next] = adversarial.update(adversarialGrad, state, worse, inputs);
        const [ascent] = negated.update(updates, negated.init(updates));
        worse = applyUpdates(worse, ascent);
        [adversarialGrad, state] = [gradFn(worse, i), next];
      }
      return { gradients, inputs: { ...inputs, adversarialGrad } };
    },
  });
}
