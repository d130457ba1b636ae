/** Finds moving averages that give what a place of a program should, and puts them in with their states. */
import { analyse, type Analysis } from "../analysis/structure.ts";
import { WIDTH } from "../programs/functions.ts";
import type { Genome } from "../programs/genome.ts";
import type { Random } from "../programs/random.ts";
import { FIRST_STATE, type Space } from "../programs/space.ts";
import type { Task } from "../tasks/evaluator.ts";
import { Columns, type Term } from "./columns.ts";
import { fittedTerms } from "./fit_averages.ts";
import { levelsOf } from "./levels.ts";
import { nearestSigns, nearestValues, pairsOf } from "./pairs.ts";
import { meanOf, putAverages } from "./put_averages.ts";
import { replaysOf } from "./replays.ts";
import { type ArgumentPlace, type Reaching, type Replay, Trajectory } from "./trajectory.ts";

/** Values of a term by which terms are compared first, and those by which some are fitted, about. */
const [COMPARED, FITTED] = [400, 6000];
/** Of a goal not less is known. */
const KNOWN = 64;
/** How many of the nearest are drawn from. */
const NEAREST = 16;
/** The most variables whose averages are looked at. */
const VARIABLES = 8;
/** What is left of a goal that is met, but for rounding. */
const EXACT = 1e-6;

/** Puts averages into programs of one space. */
export class Averager {
  readonly #space: Space;
  readonly #decays: readonly number[];
  readonly #replays: readonly Replay[];
  /** The function that is a mean of two. */
  readonly #mean: number;

  constructor(space: Space, tasks: readonly Task[], decays: readonly number[]) {
    [this.#space, this.#decays] = [space, decays];
    this.#mean = meanOf(space);
    this.#replays = replaysOf(space, tasks);
  }

  /** A child with averages in one place, or undefined where there is no state for them. */
  averaged(genome: Genome, random: Random): Genome | undefined {
    if (this.#mean < 0) return undefined;
    const replay = random.pick(this.#replays);
    const trajectory = new Trajectory(this.#space, genome, replay);
    const places = trajectory.places(random);
    let [place, states]: [Reaching, readonly string[]] = [places[0], []];
    while (states.length === 0 && places.length > 0) {
      [place] = places.splice(random.below(places.length), 1);
      states = this.#freeStates(trajectory.analysis, place.place, random);
    }
    if (states.length === 0) return undefined;
    const isRecorded = replay.recorded !== undefined;
    const desired = isRecorded ? trajectory.desiredAt(place) : trajectory.presentAt(place);
    const levels = levelsOf(desired);
    const goal = levels?.signs ?? desired;
    const variables = this.#variables(trajectory, place, states, random);
    const compared = new Columns(trajectory, goal, COMPARED, levels !== undefined, random);
    if (compared.places.length < KNOWN) return undefined;
    const terms = variables.flatMap((variable): Term[] => [
      { ...variable, average: undefined },
      ...this.#decays.flatMap((decay) =>
        [false, true].map((isNew) => ({ ...variable, average: { decay, isNew } }))
      ),
    ]);
    const lists = terms.map((term) => compared.valuesOf(term));
    const nearest = levels === undefined ? nearestValues : nearestSigns;
    const isAdmitted = (first: number, second: number) => {
      const own = [terms[first], ...(second < 0 ? [] : [terms[second]])];
      const averages = own.flatMap(({ average }) => average === undefined ? [] : [average]);
      // A variable tells as much beside its average of before as beside the new one, in shorter numbers.
      const isTwice = own.length === 2 && own[0].name === own[1].name && averages.length === 1;
      return averages.length > 0 && averages.length <= states.length &&
        !(isTwice && averages[0].isNew);
    };
    const pairs = pairsOf(lists, compared.goal, isAdmitted, NEAREST)
      .map((pair) => ({
        ...pair,
        ...nearest(lists[pair.first], lists[pair.second], compared.goal),
      }))
      .filter(({ off }) => isRecorded || off > EXACT)
      .sort((a, b) => a.off - b.off);
    if (pairs.length === 0) return undefined;
    let rank = 0;
    while (rank < pairs.length - 1 && random.below(2) === 0) rank++;
    const { first, second } = pairs[rank];
    const own = second < 0 ? [terms[first]] : [terms[first], terms[second]];
    const columns = new Columns(trajectory, goal, FITTED, levels !== undefined, random);
    const fitted = fittedTerms(own, columns, nearest);
    // Where what was not compared is no number, nothing can be told.
    if (!(fitted.combination.off < 1)) return undefined;
    const target = { genome, place: place.place, states, mean: this.#mean };
    return putAverages(this.#space, target, fitted, levels);
  }

  /** States that nothing needs but what leads to a place alone, in an order drawn at random. */
  #freeStates({ genome }: Analysis, place: ArgumentPlace, random: Random): readonly string[] {
    const needed = new Set<string>();
    if (place !== "update") {
      const reader = genome[place.statement];
      const args = reader.args.with(place.argument, 1);
      const rest = genome.with(place.statement, { ...reader, args });
      for (const i of analyse(this.#space, rest).live) {
        needed.add(rest[i].target);
        for (const arg of rest[i].args) if (typeof arg === "string") needed.add(arg);
      }
    }
    const free = this.#space.options.states.filter((state) => !needed.has(state));
    if (free.length === 0) return free;
    const [first] = free.splice(random.below(free.length), 1);
    return [first, ...free.slice(0, random.below(2))];
  }

  /** Variables that can be read at a place whatever becomes of some states, and their values. */
  #variables(
    trajectory: Trajectory,
    { place }: Reaching,
    states: readonly string[],
    random: Random,
  ): { readonly name: string; readonly values: Float64Array }[] {
    const { analysis } = trajectory;
    const names = trajectory.variablesAt(place).filter(([ref, name]) =>
      typeof trajectory.valuesOf(ref) !== "number" && !states.includes(name) &&
      !this.#dependsOn(analysis, ref, states)
    );
    while (names.length > VARIABLES) {
      const drawn = random.below(names.length);
      if (names[drawn][1] !== "g") names.splice(drawn, 1);
    }
    return names.map(([ref, name]) => ({
      name,
      values: trajectory.valuesOf(ref) as Float64Array,
    }));
  }

  #dependsOn({ genome, refs, next }: Analysis, ref: number, states: readonly string[]): boolean {
    const { inputs } = this.#space;
    const seen = new Set<number>();
    const stack = [ref];
    while (stack.length > 0) {
      const each = stack.pop()!;
      if (seen.has(each)) continue;
      seen.add(each);
      if (each < 0) {
        const input = -1 - each;
        if (input < FIRST_STATE || input >= inputs.length) continue;
        if (states.includes(inputs[input])) return true;
        stack.push(next[input]);
        continue;
      }
      if (states.includes(genome[each].target)) return true;
      genome[each].args.forEach((_, k) => stack.push(refs[each * WIDTH + k]));
    }
    return false;
  }
}
