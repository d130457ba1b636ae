/** A transform that changes nothing and keeps what is measured of the updates that pass. */
import { parseProgram } from "../dsl/check.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import { rates } from "../dsl/graph.ts";
import type { StateOver } from "../dsl/program.ts";
import { factory } from "../runtime/define.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import { ownOptions } from "../runtime/options.ts";

/** A measure whose moving average is kept; {@linkcode measureWithEma} makes it. */
export interface AveragedMeasure {
  /** The expression. */
  readonly measure: string;
  /** The share of the average that stays at each step. */
  readonly decay: number;
  /** Whether the average is corrected for its beginning at 0. */
  readonly debias: boolean;
}

/** Options of {@linkcode measureWithEma}. */
export interface MeasureWithEmaOptions {
  /** The share of the average that stays at each step, from 0 up to 1, without 1. */
  decay: number;
  /** Whether the average is corrected for its beginning at 0. Default true. */
  debias?: boolean;
}

/**
 * For {@linkcode monitor}: the exponential moving average of a measure.
 *
 * @example
 * ```ts
 * import { measureWithEma, monitor } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = monitor({ clipped: measureWithEma("where(globalNorm(g) > 1, 1, 0)", { decay: 0.5 }) });
 * const [small, large] = [Float32Array.of(0.5), Float32Array.of(2)];
 * const [, first] = opt.update(small, opt.init(small));
 * const [, second] = opt.update(large, first);
 * assertEquals(second.clipped, 2 / 3);
 * ```
 *
 * @throws {GradusError} if `decay` is not from 0 up to 1.
 */
export function measureWithEma(measure: string, options: MeasureWithEmaOptions): AveragedMeasure {
  const doing = "Cannot make measureWithEma";
  const { decay, debias = true } = ownOptions(options, doing);
  if (typeof decay !== "number" || !(decay >= 0 && decay < 1)) {
    throw new GradusError(
      `${doing}: \`decay\` must be from 0 up to 1, without 1: given ${shown(decay)}`,
    );
  }
  if (typeof debias !== "boolean") {
    throw new GradusError(`${doing}: \`debias\` must be true or false: given ${shown(debias)}`);
  }
  return { measure, decay, debias };
}

/**
 * Lets updates pass as they are, and keeps measures of them as states. A measure is an expression of the language in
 * the update `g`, the parameter `w` and `t`: one of the tree, such as `globalNorm(g)`, is kept as one number, one of
 * a tensor, such as `norm(g)`, as one for each parameter, any other for each element. What is seen is what
 * the transforms before it in a chain have made of the gradients.
 *
 * ```text
 * u = g
 * ```
 *
 * @example
 * ```ts
 * import { chain, clipByGlobalNorm, monitor, sgd } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const opt = chain(
 *   monitor({ before: "globalNorm(g)", largest: "max(abs(g))" }),
 *   clipByGlobalNorm({ maxNorm: 1 }),
 *   sgd({ learningRate: 1 }),
 * );
 * const x = { a: Float32Array.of(0), b: Float32Array.of(0) };
 * const state = opt.init(x);
 * opt.step(x, { a: Float32Array.of(3), b: Float32Array.of(-4) }, state);
 * assertEquals(state.before, 5);
 * assertEquals(state.largest, { a: Float32Array.of(3), b: Float32Array.of(4) });
 * ```
 *
 * @throws {GradusError} if a name cannot name a state, or a measure is no expression; the message shows where.
 */
export function monitor(
  measures: Readonly<Record<string, string | AveragedMeasure>>,
): Optimizer {
  const doing = "Cannot make monitor";
  const kept = Object.entries(ownOptions(measures, doing)).map(([name, given]) => {
    const { measure, decay, debias } = averaged(given, name, doing);
    const over = overOf(name, measure);
    if (decay === undefined) return { state: { [name]: { over } }, step: `${name} = ${measure}` };
    const sum = `${name}_ema`;
    return {
      state: { [sum]: { over }, [name]: { over } },
      step: `${sum} = ${decay}*${sum} + (1 - ${decay})*(${measure})
      ${name} = ${sum}${debias ? `/(1 - ${decay}^t)` : ""}`,
    };
  });
  return factory<Record<never, never>>(parseProgram({
    name: "monitor",
    doc: "Keeps measures of the updates.",
    state: Object.assign({}, ...kept.map(({ state }) => state)),
    step: [...kept.map(({ step }) => step), "u = g"].join("\n"),
  }))();
}

function averaged(given: unknown, name: string, doing: string): Partial<AveragedMeasure> {
  if (typeof given === "string") return { measure: given };
  const isOne = typeof given === "object" && given !== null && "measure" in given;
  if (isOne && typeof given.measure === "string") return given as AveragedMeasure;
  throw new GradusError(
    `${doing}: \`${name}\` must be an expression, or what measureWithEma makes: given ${
      shown(given)
    }`,
  );
}

/** What a measure has one value for. */
function overOf(name: string, measure: string | undefined): StateOver {
  const step = `${name} = ${measure}; u = ${name}`;
  const { statements } = parseProgram({ name: "monitor", state: { [name]: 0 }, step });
  const [{ value }] = statements;
  const rate = rates([value], parseProgram({ name: "monitor", step: "u = g" })).get(value);
  return rate === "tensor" ? "tensor" : rate === "const" || rate === "step" ? "tree" : "element";
}
