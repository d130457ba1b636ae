/** Averages: a mutation that puts in moving averages, whose decays are fitted to what a place should give. */
import { GradusError } from "../../dsl/errors.ts";
import type { Mutation } from "../programs/mutations.ts";
import type { Task } from "../tasks/evaluator.ts";
import { Averager } from "./averager.ts";
import { oncePerSpace } from "./replays.ts";

/** How averages are put in. */
export interface AverageOptions {
  /** The tasks of the search, as for {@linkcode repair}. Default none. */
  readonly tasks?: readonly Task[];
  /** Decays that are looked at first. Default 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995 and 0.999. */
  readonly decays?: readonly number[];
}

const DECAYS = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

export function average({ tasks = [], decays = DECAYS }: AverageOptions = {}): Mutation {
  const isDecay = (each: unknown) => typeof each === "number" && each > 0 && each < 1;
  if (!(Array.isArray(decays) && decays.length > 0 && decays.every(isDecay))) {
    throw new GradusError(
      `Cannot put in averages: \`decays\` must be numbers above 0 and below 1: given ${
        JSON.stringify(decays)
      }`,
    );
  }
  const averagerOf = oncePerSpace((space) => new Averager(space, tasks, decays));
  const mutate: Mutation = (space, genome, random) => averagerOf(space).averaged(genome, random);
  // So that a checkpoint tells searches apart that look at other decays.
  return Object.assign(mutate, { toJSON: () => ({ average: { decays } }) });
}
