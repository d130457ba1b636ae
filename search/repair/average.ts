/** Averages: a mutation that puts in moving averages, whose decays are fitted to what a place should give. */
import { requireOptions } from "../../dsl/options.ts";
import type { Mutation } from "../programs/mutations.ts";
import { TASK_LIST } from "../tasks/common.ts";
import type { Task } from "../tasks/evaluator.ts";
import { Averager } from "./averager.ts";
import { DECAYS } from "./options.ts";
import { oncePerSpace } from "./replays.ts";

/** How averages are put in. */
export interface AverageOptions {
  /** The tasks of the search, as for {@linkcode repair}. Default none. */
  readonly tasks?: readonly Task[];
  /** Decays that are looked at first. Default 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995 and 0.999. */
  readonly decays?: readonly number[];
}

const FIRST = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

/**
 * A mutation that takes a place of a program, as {@linkcode repair} does, and puts in a moving average, or the
 * combination of one with a variable or with a second, that comes nearest to what the place should give. A state
 * that nothing else needs keeps the average, `s = d*s + (1 - d)*x`; the variable `x`, the decay `d` and how the two
 * are combined are found together, since often neither is of use without the other. All variables and decays are
 * compared; of the nearest one is drawn, and its decays are fitted.
 *
 * Where what a place should give is quantised, which is that it has two levels, perhaps with one midway, it tells
 * only on which side of 0 something is, as behind a sign. There the combination is fitted whose sign is right most
 * often, and its sign is put in, times a factor and plus a term. Elsewhere least squares decide.
 *
 * The space must have a mean of two such as the paper's `interp`. The same seed gives the same children.
 *
 * @example
 * ```ts
 * import { ADAMW, average, parseGenome, printGenome, Random, space, type TraceTask } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const rule = "c = interp(g, m, 0.5)\nupdate = sign(c)\nm = interp(g, m, 0.95)";
 * const task: TraceTask = { kind: "trace", name: "hidden", rule, size: 16, steps: 20, seeds: [1, 2] };
 * const mutate = average({ tasks: [task] });
 * const children = Array.from(
 *   { length: 40 },
 *   (_, i) => mutate(space(), parseGenome(space(), ADAMW), new Random(1, 0, i)),
 * );
 * assert(children.some((child) => child && printGenome(space(), child).includes("m = interp(g, m, 0.95)")));
 * ```
 *
 * @throws {GradusError} if an option cannot be used.
 */
export function average(options: AverageOptions = {}): Mutation {
  requireOptions("Cannot put in averages", options, { tasks: TASK_LIST, decays: DECAYS });
  const { tasks = [], decays = FIRST } = options;
  const averagerOf = oncePerSpace((space) => new Averager(space, tasks, decays));
  const mutate: Mutation = (space, genome, random) => averagerOf(space).averaged(genome, random);
  // So that a checkpoint tells searches apart that look at other decays.
  return Object.assign(mutate, { toJSON: () => ({ average: { decays } }) });
}
