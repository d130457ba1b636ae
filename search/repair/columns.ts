/** What a goal and moving averages are on some elements of a replay, on all of its steps. */
import type { Random } from "../programs/random.ts";
import type { Trajectory } from "./trajectory.ts";

/** A variable, or its moving average: as it was before the step, or as it is with what came. */
export interface Term {
  readonly name: string;
  /** The variable on every step. */
  readonly values: Float64Array;
  readonly average: { readonly decay: number; readonly isNew: boolean } | undefined;
}

/** Some elements, each with all that came of it, since an average is of what was before. */
export class Columns {
  /** Places in lists of these elements at which the goal is known and, where it is of signs, not 0. */
  readonly places: readonly number[];
  /** The goal in these places. */
  readonly goal: Float64Array;
  readonly #width: number;
  readonly #columns: readonly number[];
  readonly #known = new Map<Float64Array, Float64Array>();

  /** Draws as many elements as have about `count` values. */
  constructor(
    { width, length }: Trajectory,
    goal: Float64Array,
    count: number,
    isOfSigns: boolean,
    random: Random,
  ) {
    this.#width = width;
    const rest = Array.from({ length: width }, (_, i) => i);
    while (rest.length > 1 && (rest.length - 1) * length >= count * width) {
      rest.splice(random.below(rest.length), 1);
    }
    this.#columns = rest;
    const own = this.#of(goal);
    const places: number[] = [];
    own.forEach((value, i) => {
      if (value - value === 0 && !(isOfSigns && value === 0)) places.push(i);
    });
    this.places = places;
    this.goal = Float64Array.from(places, (i) => own[i]);
  }

  /** What is of these elements. */
  #of(values: Float64Array): Float64Array {
    const columns = this.#columns;
    const own = new Float64Array(values.length / this.#width * columns.length);
    for (let from = 0, to = 0; from < values.length; from += this.#width) {
      for (let i = 0; i < columns.length; i++) own[to++] = values[from + columns[i]];
    }
    return own;
  }

  /** The values of a term in the places where the goal is known. */
  valuesOf({ values, average }: Term): Float64Array {
    let now = this.#known.get(values);
    if (now === undefined) this.#known.set(values, now = this.#of(values));
    const width = this.#columns.length;
    let late = 0;
    if (average !== undefined) {
      const { decay, isNew } = average;
      now = now.slice();
      for (let i = 0; i < now.length; i++) {
        now[i] = (1 - decay) * now[i] + (i < width ? 0 : decay * now[i - width]);
      }
      if (!isNew) late = width;
    }
    return Float64Array.from(this.places, (i) => i < late ? 0 : now[i - late]);
  }
}
