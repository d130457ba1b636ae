/** Steps that are made shorter until they lower the loss enough. */
import { parseProgram } from "../../dsl/check.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import { type Found, type Line, searching } from "../../runtime/line_search.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { ownOptions } from "../../runtime/options.ts";
import { searchOptions } from "./search_options.ts";

/** Options of {@linkcode scaleByBacktrackingLinesearch}. */
export interface BacktrackingLinesearchOptions {
  /** How often a step is made shorter at most. */
  maxBacktrackingSteps: number;
  /** How much of the decrease that the slope promises must come true, c. Default 1e-4. */
  slopeRtol?: number;
  /** What the rate is multiplied by where the decrease is too little, above 0 and below 1. Default 0.8. */
  decreaseFactor?: number;
  /** What the last rate is multiplied by for the first try; infinite to begin with the largest. Default 1.5. */
  increaseFactor?: number;
  /** The largest rate. Default 1. */
  maxLearningRate?: number;
  /** By how much the loss may be larger than is asked. Default 0. */
  atol?: number;
  /** By which part of the loss before it may be larger. Default 0. */
  rtol?: number;
  /** Whether the gradient where the search ends is kept for the next step. Default false. */
  storeGrad?: boolean;
}

/** The program that takes what is found. */
const program = (storesGrad: boolean) =>
  parseProgram({
    name: "scaleByBacktrackingLinesearch",
    doc: "Scales updates by a rate that lowers the loss enough, found by trials.",
    source: "Nocedal and Wright 1999, Numerical Optimization, section 3.1",
    inputs: {
      foundLearningRate: "scalar",
      foundValue: "scalar",
      ...storesGrad ? { foundGrad: "element" } : {},
      foundSteps: "scalar",
      foundDecreaseError: "scalar",
    },
    state: {
      learningRate: { init: 1, over: "tree" },
      value: { init: "inf", over: "tree" },
      ...storesGrad ? { grad: 0 } : {},
      numLinesearchSteps: { over: "tree" },
      decreaseError: { init: "inf", over: "tree" },
    },
    step: `
      learningRate = foundLearningRate
      value = foundValue
      ${storesGrad ? "grad = foundGrad" : ""}
      numLinesearchSteps = foundSteps
      decreaseError = foundDecreaseError
      u = learningRate*g
    `,
  });

/**
 * Scales updates by a rate η that lowers the loss f enough (Armijo's condition): the first of a falling
 * row. It is the last part of a chain, whose updates u must point down the hill, as those of
 * `sgd({ learningRate: 1 })` do.
 *
 * ```text
 * f(θ + η·u) ≤ (1 + rtol)·f(θ) + η·c·⟨u, ∇f(θ)⟩ + atol, where η begins at min(increaseFactor·η_last, maxLearningRate) and is multiplied by decreaseFactor
 * ```
 *
 * A step takes the inputs `value`, the loss at the parameters, and `valueFn`, a function from parameters to
 * their loss, or `valueAndGrad`, one to [loss, gradients], which `storeGrad` needs. The function must not
 * change what it is given. States, one number for the tree each: `learningRate`, the rate that was found, 0
 * where no loss was a number; `value`, the loss there; `numLinesearchSteps`; and `decreaseError`, which is
 * above `atol` where all tries were in vain, and the last is taken. After a rate of 0 the
 * next search begins at `maxLearningRate`, where Optax would stay at 0.
 *
 * Source: Nocedal and Wright 1999, Numerical Optimization, section 3.1.
 *
 * @example
 * ```ts
 * import { chain, scaleByBacktrackingLinesearch, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const search = scaleByBacktrackingLinesearch({ maxBacktrackingSteps: 15 });
 * const opt = chain(sgd({ learningRate: 1 }), search);
 * const valueFn = (x: Float64Array) => x.reduce((sum, value) => sum + value * value, 0);
 * const x = Float64Array.of(1, 2, 3);
 * const state = opt.init(x);
 * const losses: string[] = [];
 * for (let step = 0; step < 5; step++) {
 *   opt.step(x, x.map((value) => 2 * value), state, { value: valueFn(x), valueFn });
 *   losses.push(valueFn(x).toFixed(3));
 * }
 * assertEquals(losses, ["5.040", "1.814", "0.653", "0.235", "0.085"]);
 * ```
 *
 * @throws {GradusError} if an option is not a number within its bounds.
 */
export function scaleByBacktrackingLinesearch(
  options: BacktrackingLinesearchOptions,
): Optimizer<{ value: "tree"; numLinesearchSteps: "tree"; decreaseError: "tree" }, never> {
  const name = "scaleByBacktrackingLinesearch";
  const { storeGrad = false, ...numbers } = ownOptions(options, `Cannot make ${name}`);
  if (typeof storeGrad !== "boolean") {
    throw new GradusError(
      `Cannot make ${name}: \`storeGrad\` must be true or false: given ${shown(storeGrad)}`,
    );
  }
  const {
    maxBacktrackingSteps,
    slopeRtol,
    decreaseFactor,
    increaseFactor,
    maxLearningRate,
    atol,
    rtol,
  } = searchOptions(name, {
    maxBacktrackingSteps: { default: "required", domain: "integer [0, inf)" },
    slopeRtol: { default: 1e-4, domain: "[0, inf)" },
    decreaseFactor: { default: 0.8, domain: "(0, 1)" },
    increaseFactor: { default: 1.5, domain: "[1, inf]" },
    maxLearningRate: { default: 1, domain: "(0, inf)" },
    atol: { default: 0, domain: "[0, inf]" },
    rtol: { default: 0, domain: "[0, inf]" },
  }, numbers);
  const find = ({ start, lastRate, at }: Line): Found => {
    let learningRate = lastRate > 0
      ? Math.min(increaseFactor * lastRate, maxLearningRate)
      : maxLearningRate;
    for (let steps = 1;; steps++) {
      const place = at(learningRate);
      const excess = place.value - (1 + rtol) * start.value -
        learningRate * slopeRtol * start.slope;
      const decreaseError = Number.isNaN(excess) ? Infinity : Math.max(excess, 0);
      if (decreaseError <= atol || steps > maxBacktrackingSteps) {
        const isLost = decreaseError === Infinity;
        return { place: isLost ? { ...place, learningRate: 0 } : place, steps, decreaseError };
      }
      learningRate *= decreaseFactor;
    }
  };
  return searching({ name, program: program(storeGrad), needsGradient: storeGrad, find });
}
