/** What trial number i of an optimizer tries: a function of the seed, of i, and of the trials i - parallel and before. */
import { DRAWS, Random } from "../programs/random.ts";
import type { OptionValue } from "../trials/trial.ts";
import { type Dimension, gridOf, valueAt } from "./dimension.ts";
import type { SweepMethod } from "./options.ts";
import { sobol } from "./sobol.ts";
import { type Known, tpe } from "./tpe.ts";

/** The values of a trial, one a dimension; `known` are the trials before it that are over. */
export type Proposer = (trial: number, known: readonly Known[]) => readonly OptionValue[];

/** Proposes by a method. */
export function proposer(
  method: SweepMethod,
  dimensions: readonly Dimension[],
  seed: number,
): Proposer {
  if (method === "grid") {
    const lists = dimensions.map(gridOf);
    return (trial) => {
      let left = trial;
      // The last varies fastest.
      return lists.toReversed().map((values) => {
        const value = values[left % values.length];
        left = Math.floor(left / values.length);
        return value;
      }).reverse();
    };
  }
  if (method === "sobol") {
    const points = sobol(dimensions.length, seed);
    return (trial) => points(trial).map((place, i) => valueAt(dimensions[i], place));
  }
  const drawn = (trial: number) => new Random(seed, DRAWS.sweep, trial);
  if (method === "tpe") return (trial, known) => tpe(dimensions, known, drawn(trial));
  return (trial) => {
    const random = drawn(trial);
    return dimensions.map((each) => valueAt(each, random.uniform()));
  };
}
