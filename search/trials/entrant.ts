/** Optimizers as races and sweeps train them: the learning rate is a peak, which is reached and left again. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { symbol } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { factory } from "../../runtime/define.ts";
import { kindOf } from "../../runtime/kind.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { BUILT_IN } from "../../zoo/by_name.ts";
import { factorsOf, type Shape } from "./train.ts";

/** The hyperparameter that goes over a run as a shape says. */
export const RATE = "learningRate";

/** Makes an optimizer of its options. */
export type Make = (options: Readonly<Record<string, unknown>>) => Optimizer;

/** What makes the optimizers of a program; `name` is what it was asked for by. */
export function makeOf(name: string, program: Program): Make {
  // A built-in one has options of its own that its program does not tell of.
  const own = BUILT_IN.get(name);
  return own?.program === program ? (options) => own(options as never) : factory(program);
}

/** How a rate given as `rate`, or to be found, goes over a run; undefined if it is none, or one of its own. */
export function shapeOf(program: Program, rate: unknown, given?: Shape): Shape | undefined {
  const isOwn = rate !== undefined && typeof rate !== "number";
  // What says by itself where to evaluate averages its way, and needs no rate that falls.
  const usual = program.evaluate === symbol("w") ? "cosine" : "constant";
  return !program.hyper.has(RATE) || isOwn ? undefined : given ?? usual;
}

/** Options whose learning rate has its shape over so many steps, if it has one. */
export function shaped(
  options: Readonly<Record<string, unknown>>,
  shape: Shape | undefined,
  steps: number,
): Readonly<Record<string, unknown>> {
  const rate = options[RATE];
  if (shape === undefined || typeof rate !== "number") return options;
  const factors = factorsOf(shape, steps);
  return { ...options, [RATE]: (count: number) => rate * factors[Math.min(count, steps - 1)] };
}

/** Refuses what cannot be trained by gradients and losses; `doing` begins the message. */
export function requireTrainable(program: Program, doing: string): void {
  if (kindOf(program) === "transform") {
    throw new GradusError(
      `${doing}: it must go against the gradient, and this passes it on: it is a transform, to be ` +
        "chained with others",
    );
  }
  const unknown = [...program.inputs].find(([input, kind]) =>
    input !== "value" || kind !== "scalar"
  );
  if (unknown !== undefined) {
    throw new GradusError(
      `${doing}: it is given gradients and the loss \`value\`, and it needs ${quoted(unknown[0])}`,
    );
  }
}
