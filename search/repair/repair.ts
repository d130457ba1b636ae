/** Semantic repair: a mutation that puts in what a place of a program should give. */
import { requireOptions } from "../../dsl/options.ts";
import type { Mutation } from "../programs/mutations.ts";
import { TASK_LIST } from "../tasks/common.ts";
import type { Task } from "../tasks/evaluator.ts";
import { LIBRARY, type LibraryOptions } from "./options.ts";
import { Repairer } from "./repairer.ts";
import { oncePerSpace } from "./replays.ts";

/** How programs are repaired. */
export interface RepairOptions extends LibraryOptions {
  /**
   * The tasks of the search. Where there are recordings, a place is given what it should give for the update
   * to be as recorded; otherwise what comes near to what it gives now. Default none.
   */
  readonly tasks?: readonly Task[];
}

/**
 * A mutation that takes a place of a program (an argument of a statement, or the update), computes what it
 * should give by inverting what follows, states included, and puts in an expression of a library that gives
 * it, or one that comes near. An expression that gives it on some numbers is put in only if it does on others
 * too. Without recordings it takes what the place gives now, and puts in what comes near.
 *
 * The library holds every expression of a few variables up to a size, but those that are equal to another; it
 * is built once for a space. The same seed gives the same repairs.
 *
 * Source: Pawlak, Wieloch and Krawiec 2015, Semantic Backpropagation for Designing Search Operators in Genetic
 * Programming.
 *
 * @example
 * ```ts
 * import { paperMutations, repair, searched, type TraceTask } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const rule = "a = mul(g, w)\nb = sign(a)\nupdate = mul(b, g)";
 * const task: TraceTask = { kind: "trace", name: "hidden", rule, size: 16, steps: 8, seeds: [1] };
 * const { best } = await searched({
 *   tasks: [task],
 *   mutations: { ...paperMutations, repair: { weight: 3, mutate: repair({ tasks: [task] }) } },
 *   budget: { trained: 50 },
 *   below: -Infinity,
 * });
 * assert(best!.score > 10);
 * ```
 *
 * @throws {GradusError} if an option cannot be used.
 */
export function repair(options: RepairOptions = {}): Mutation {
  requireOptions("Cannot repair programs", options, { ...LIBRARY, tasks: TASK_LIST });
  const { tasks = [], ...own } = options;
  const repairerOf = oncePerSpace((space) => new Repairer(space, tasks, own));
  const mutate: Mutation = (space, genome, random) => repairerOf(space).repaired(genome, random);
  // So that a checkpoint tells searches apart that repair otherwise.
  return Object.assign(mutate, { toJSON: () => ({ repair: own }) });
}
