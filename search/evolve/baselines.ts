/** What a search must beat: optimizers of the library over hand grids, tuned constants, random programs. */
import { GradusError } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { factory } from "../../runtime/define.ts";
import { adamw } from "../../zoo/adam.ts";
import { lion } from "../../zoo/lion.ts";
import { signum } from "../../zoo/sign.ts";
import { parseGenome } from "../programs/genome.ts";
import { constantsOnly } from "../programs/mutations.ts";
import { type Space, space } from "../programs/space.ts";
import { Evaluator, type Task } from "../tasks/evaluator.ts";
import type { SearchOptions } from "./options.ts";

/** The best of a grid. */
export interface GridResult {
  /** The optimizer. */
  readonly name: string;
  /** Its program. */
  readonly program: Program;
  /** The best settings. */
  readonly options: Readonly<Record<string, number>>;
  /** Their score. */
  readonly score: number;
  /** Score on the held-out tasks, if there are any. */
  readonly heldOut?: number;
  /** Settings that were tried. */
  readonly tried: number;
}

const RATES = [-4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5].map((power) =>
  Number((10 ** power).toPrecision(3))
);
const DECAYS = { weightDecay: [0, 0.01, 0.1] };

/** Each learning rate is tried with each value of one other option. */
const GRIDS: readonly {
  readonly name: string;
  readonly program: Program;
  readonly other: Readonly<Record<string, readonly number[]>>;
}[] = [
  { name: "adamw", program: adamw.program, other: DECAYS },
  { name: "lion", program: lion.program, other: DECAYS },
  { name: "signum", program: signum.program, other: { beta: [0.9, 0.95, 0.99] } },
];

/**
 * The best settings of AdamW, Lion and signum on tasks: half-decades of learning rates, each with three
 * decays, or of signum momenta.
 *
 * @example
 * ```ts
 * import { handGrids, quadratic } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const grids = await handGrids([quadratic({ steps: 20, size: 16 })]);
 * assertEquals(grids.map(({ name, tried }) => [name, tried]), [["adamw", 24], ["lion", 24], ["signum", 24]]);
 * ```
 */
export async function handGrids(
  tasks: readonly Task[],
  heldOut: readonly Task[] = [],
): Promise<GridResult[]> {
  const paper = space();
  const evaluator = await Evaluator.of(paper, tasks);
  const last = heldOut.length === 0 ? undefined : await Evaluator.of(paper, heldOut);
  return GRIDS.map(({ name, program, other }) => {
    const bind = (options: Record<string, number>) => (schedule: (count: number) => number) =>
      factory(program)({
        ...options,
        learningRate: (count: number) => options.learningRate * schedule(count),
      });
    const [[option, values]] = Object.entries(other);
    const tried = RATES.flatMap((learningRate) =>
      values.map((value): Record<string, number> => ({ learningRate, [option]: value }))
    ).map((options) => ({ options, score: evaluator.evaluateOptimizer(bind(options)).score }));
    const best = tried.reduce((a, b) => b.score > a.score ? b : a);
    return {
      name,
      program,
      ...best,
      tried: tried.length,
      ...(last && { heldOut: last.evaluateOptimizer(bind(best.options)).score }),
    };
  });
}

/** Programs whose constants are tuned beside AdamW's, where a space has their functions. */
const RULES: Readonly<Record<string, string>> = {
  lion: `
c = interp(g, m, 0.9)
update = sign(c)
wd = mul(w, 0.01)
update = add(update, wd)
m = interp(g, m, 0.99)
rate = mul(lr, 0.001)
update = mul(update, rate)`,
  signum: `
m = interp(g, m, 0.9)
update = sign(m)
rate = mul(lr, 0.001)
update = mul(update, rate)`,
};

/**
 * The searches that a search is compared with, of the same tasks and seed: constants only, of what it starts
 * from, with its budget and 4 times that, and of Lion and signum, unless the space cannot say them; random
 * programs with 4 times the budget.
 *
 * @example
 * ```ts
 * import { baselineSearches, quadraticProxy } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const searches = baselineSearches({ tasks: quadraticProxy(2), budget: { trained: 100 } });
 * assertEquals(Object.keys(searches), [
 *   "constants",
 *   "constants 4x",
 *   "constants of lion",
 *   "constants of signum",
 *   "random 4x",
 * ]);
 * assertEquals(searches["random 4x"].budget.trained, 400);
 * ```
 */
export function baselineSearches(options: SearchOptions): Record<string, SearchOptions> {
  const { checkpoint: _, restart: __, ...rest } = options;
  const times = (factor: number) => ({
    trained: (options.budget.trained ?? Infinity) * factor,
    generated: (options.budget.generated ?? Infinity) * factor,
  });
  const constants = { ...rest, mutations: constantsOnly };
  const known = space(options.space);
  const rules = Object.entries(RULES).filter(([, text]) => isProgram(known, text));
  return {
    constants,
    "constants 4x": { ...constants, budget: times(4) },
    ...Object.fromEntries(
      rules.map(([name, text]) => [`constants of ${name}`, { ...constants, init: [text] }]),
    ),
    "random 4x": { ...rest, strategy: "random", budget: times(4) },
  };
}

/**
 * The states that {@linkcode RIVALS} need: two averages, and their bias corrections.
 *
 * @example
 * ```ts
 * import { RIVAL_STATES, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(space({ states: RIVAL_STATES }).inputs, ["w", "g", "lr", "m", "v", "c", "d"]);
 * ```
 */
export const RIVAL_STATES: readonly string[] = ["m", "v", "c", "d"];

/**
 * Optimizers of the library as genomes of a space with the states m, v, c and d, bias correction included: what
 * a find must beat. `c = interp(1, c, b)` is 1 - b^t.
 *
 * @example
 * ```ts
 * import { parseGenome, RIVAL_STATES, RIVALS, space } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const wide = space({ states: RIVAL_STATES });
 * assertEquals(parseGenome(wide, RIVALS.signum).length, 4);
 * ```
 */
export const RIVALS: Readonly<Record<string, string>> = {
  adamw: `
g2 = square(g)
m = interp(g, m, 0.9)
v = interp(g2, v, 0.999)
c = interp(1, c, 0.9)
d = interp(1, d, 0.999)
mean = div(m, c)
square_mean = div(v, d)
size = sqrt(square_mean)
update = div(mean, size)
wd = mul(w, 0.0001)
update = add(update, wd)
rate = mul(lr, 0.03)
update = mul(update, rate)`,
  lion: `
mean = interp(g, m, 0.9)
update = sign(mean)
m = interp(g, m, 0.99)
wd = mul(w, 0.001)
update = add(update, wd)
rate = mul(lr, 0.01)
update = mul(update, rate)`,
  signum: `
m = interp(g, m, 0.9)
update = sign(m)
rate = mul(lr, 0.01)
update = mul(update, rate)`,
  nadam: `
g2 = square(g)
m = interp(g, m, 0.9)
v = interp(g2, v, 0.999)
d = interp(1, d, 0.999)
c = interp(1, c, 0.9)
next = interp(1, c, 0.9)
ahead = div(m, next)
own = div(g, c)
mean = interp(own, ahead, 0.9)
square_mean = div(v, d)
size = sqrt(square_mean)
update = div(mean, size)
rate = mul(lr, 0.03)
update = mul(update, rate)`,
};

/**
 * Searches of nothing but the constants of {@linkcode RIVALS}, each with 4 times the budget of a search, on its
 * tasks and under its seed.
 *
 * @example
 * ```ts
 * import { proxy, RIVAL_STATES, rivalSearches } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { tasks: [proxy("blocks@1")], space: { states: RIVAL_STATES }, budget: { trained: 50 } };
 * const { nadam } = rivalSearches(options);
 * assertEquals(nadam.budget.trained, 200);
 * ```
 */
export function rivalSearches(options: SearchOptions): Record<string, SearchOptions> {
  const constants = baselineSearches(options)["constants 4x"];
  return Object.fromEntries(
    Object.entries(RIVALS).map(([name, text]) => [
      name,
      { ...constants, init: [text] },
    ]),
  );
}

function isProgram(space: Space, text: string): boolean {
  try {
    parseGenome(space, text);
    return true;
  } catch (error) {
    if (error instanceof GradusError) return false;
    throw error;
  }
}
