/** Finds what a place of a program should give in a library, and puts it in. */
import { WIDTH } from "../programs/functions.ts";
import type { Genome, GenomeStatement } from "../programs/genome.ts";
import { freshName } from "../programs/mutations.ts";
import type { Random } from "../programs/random.ts";
import type { Space } from "../programs/space.ts";
import type { Task } from "../tasks/evaluator.ts";
import { BoundLibrary, EXACT } from "./bound.ts";
import { called, isElementwise, type Numbers } from "./calls.ts";
import { fitOf, shareOff } from "./fit.ts";
import { PROBES } from "./known.ts";
import { type Library, libraryOf } from "./library.ts";
import type { LibraryOptions } from "./options.ts";
import { type Find, operationOf, putIn } from "./put_in.ts";
import { replaysOf } from "./replays.ts";
import { type Reaching, type Replay, Trajectory } from "./trajectory.ts";
import { around, within, type Wrapper, wrappersOf } from "./wrappers.ts";

/** A variable that an expression may read. */
interface Leaf {
  readonly name: string;
  readonly values: Numbers;
}

/** How many of the nearest are drawn from. */
const NEAREST = 16;
/** One of so many finds is looked for in all places, the others where no variable is 0. */
const ANYWHERE = 3;
/** How many exact finds are checked on fresh probes, the smallest first. */
const CHECKED = 32;
/** A find is true if it is off on no larger share of fresh probes, and nearly true up to another share. */
const [TRUE, NEARLY] = [1 / 32, 1 / 4];

/** Repairs programs of one space. */
export class Repairer {
  readonly #space: Space;
  readonly #library: Library;
  readonly #wrappers: readonly Wrapper[];
  readonly #replays: readonly Replay[];
  /** Functions that make one number of a tensor: of inputs, that is a variable too. */
  readonly #reductions: readonly number[];

  constructor(space: Space, tasks: readonly Task[], options: LibraryOptions) {
    this.#space = space;
    this.#library = libraryOf(space, options);
    this.#wrappers = wrappersOf(space, this.#library);
    this.#replays = replaysOf(space, tasks);
    this.#reductions = space.functions.flatMap((each, call) =>
      each.parameters.length === 1 && !isElementwise(each) ? [call] : []
    );
  }

  /** A child with one place repaired, or undefined if nothing was found to put in. */
  repaired(given: Genome, random: Random): Genome | undefined {
    const replay = random.pick(this.#replays);
    const lead = this.#lead(given);
    const genome = [...lead, ...given];
    const trajectory = new Trajectory(this.#space, genome, replay, lead.length);
    const place = random.pick(trajectory.places(random));
    const isRecorded = replay.recorded !== undefined;
    const desired = isRecorded ? trajectory.desiredAt(place) : trajectory.presentAt(place);
    const leaves = this.#leaves(trajectory, place, random);
    // Where a variable is 0 much is lost, and some rules do there what they do nowhere else.
    const lists = leaves.flatMap(({ values }) => typeof values === "number" ? [] : [values]);
    const isFull = (i: number) => lists.every((values) => values[i] !== 0);
    const probes =
      (random.below(ANYWHERE) > 0 ? drawn(desired, isFull, new Set(), random) : undefined) ??
        drawn(desired, () => true, new Set(), random);
    const fresh = probes && drawn(desired, () => true, new Set(probes), random);
    if (probes === undefined || fresh === undefined) return undefined;
    const bound = new BoundLibrary(
      this.#library,
      leaves.map(({ values }) => listAt(values, probes)),
    );
    const goal = Float64Array.from(probes, (i) => desired[i]);
    const offOf = (find: Find) => this.#shareOff(find, desired, leaves, fresh);
    const find = (isRecorded ? this.#exact(bound, goal, offOf, random) : undefined) ??
      this.#near(bound, goal, isRecorded ? -Infinity : EXACT, random);
    if (find === undefined) return undefined;
    const names = leaves.map(({ name }) => name);
    return putIn(
      this.#space,
      this.#library,
      { genome, lead: lead.length, place: place.place },
      find,
      names,
    );
  }

  /** Statements that make variables of reductions of inputs, and of what states are before the step. */
  #lead(genome: Genome): GenomeStatement[] {
    const lead: GenomeStatement[] = [];
    const add = (call: number, ...args: (string | number)[]) =>
      lead.push({ target: freshName(this.#space, [...genome, ...lead]), call, args });
    for (const call of this.#reductions) for (const input of ["w", "g"]) add(call, input);
    const times = operationOf(this.#space, "Mul");
    const states = this.#space.options.states.filter((state) =>
      genome.some(({ target }) => target === state)
    );
    for (const state of times < 0 ? [] : states) add(times, state, 1);
    return lead;
  }

  /** Variables that a place may read: what it reads now, the gradient, and others drawn at random. */
  #leaves(trajectory: Trajectory, { place }: Reaching, random: Random): Leaf[] {
    const { analysis: { refs, update } } = trajectory;
    const present = place === "update" ? update : refs[place.statement * WIDTH + place.argument];
    const names = trajectory.variablesAt(place);
    const gradient = names.find(([, name]) => name === "g")?.[0];
    const wanted = [present, gradient];
    const leaves: Leaf[] = [];
    while (names.length > 0 && leaves.length < this.#library.options.variables) {
      const first = wanted.length === 0 ? -1 : names.findIndex(([ref]) => ref === wanted[0]);
      if (wanted.shift() !== undefined && first < 0) continue;
      const [[ref, name]] = names.splice(first >= 0 ? first : random.below(names.length), 1);
      leaves.push({ name, values: trajectory.valuesOf(ref) });
    }
    return leaves;
  }

  /** The values of the other argument of a wrapper on the probes. */
  #other(bound: BoundLibrary, { other }: Wrapper): Numbers {
    return other === undefined ? 0 : Float64Array.from(bound.valuesOf(other));
  }

  #inner(bound: BoundLibrary, wrapper: Wrapper | undefined, goal: Float64Array): Float64Array {
    if (wrapper === undefined) return goal;
    const given = this.#space.functions[wrapper.call];
    return within(given, wrapper, goal, this.#other(bound, wrapper));
  }

  #sizeOf(wrapper: Wrapper | undefined, expression: number): number {
    const { sizes } = this.#library;
    if (wrapper === undefined) return sizes[expression];
    return sizes[expression] + 1 + (wrapper.other === undefined ? 0 : sizes[wrapper.other]);
  }

  /** One of the smallest finds that give what they should on fresh probes too, or on most of them. */
  #exact(
    bound: BoundLibrary,
    goal: Float64Array,
    offOf: (find: Find) => number,
    random: Random,
  ): Find | undefined {
    const finds: (Find & { readonly size: number })[] = [];
    for (const wrapper of [undefined, ...this.#wrappers]) {
      const inner = this.#inner(bound, wrapper, goal);
      for (const { expression } of bound.exact(inner)) {
        const fit = fitOf(bound.valuesOf(expression), inner);
        finds.push({ wrapper, expression, fit, size: this.#sizeOf(wrapper, expression) });
      }
    }
    const checked = finds.sort((a, b) => a.size - b.size).slice(0, CHECKED)
      .map((find) => ({ find, off: offOf(find) }));
    if (checked.every(({ off }) => off > TRUE)) {
      checked.push(
        ...checked.flatMap(({ find }) => this.#masks(bound, find))
          .map((find) => ({ find, off: offOf(find) })),
      );
    }
    // Where none is true, what is true in most places is near.
    const isTrue = checked.some(({ off }) => off <= TRUE);
    const kept = checked.filter(({ off }) => off <= (isTrue ? TRUE : NEARLY));
    const smallest = kept.filter(({ find }) => find.size === kept[0].find.size);
    return smallest.length === 0 ? undefined : random.pick(smallest).find;
  }

  /** The same as a find that is a sign, but for where that is 0: there one or the other of its values. */
  #masks<F extends Find>(bound: BoundLibrary, find: F): F[] {
    if (!bound.valuesOf(find.expression).every((value) => Math.abs(value) === 1 || value === 0)) {
      return [];
    }
    const { factor, term } = find.fit;
    return ([["Max", term - factor], ["Min", term + factor]] as const).flatMap(([op, term]) => {
      const extreme = operationOf(this.#space, op);
      return extreme < 0 ? [] : [{ ...find, extreme, fit: { factor: 2 * factor, term } }];
    });
  }

  /** One of the finds that come near, a nearer one twice as likely as the next. */
  #near(
    bound: BoundLibrary,
    goal: Float64Array,
    least: number,
    random: Random,
  ): Find | undefined {
    const wrapper = random.below(2) === 0 ? undefined : random.pick(this.#wrappers);
    const inner = this.#inner(bound, wrapper, goal);
    const near = bound.nearest(inner, NEAREST).filter(({ rest }) => rest > least);
    if (near.length === 0) return undefined;
    let rank = 0;
    while (rank < near.length - 1 && random.below(2) === 0) rank++;
    const { expression } = near[rank];
    return { wrapper, expression, fit: fitOf(bound.valuesOf(expression), inner) };
  }

  /** The share of fresh probes on which a find does not give what it should. */
  #shareOff(
    { wrapper, expression, extreme, fit: { factor, term } }: Find,
    desired: Float64Array,
    leaves: readonly Leaf[],
    fresh: readonly number[],
  ): number {
    const variables = leaves.map(({ values }) => listAt(values, fresh));
    const plain = this.#library.valuesOf(expression, variables);
    const values = extreme === undefined
      ? plain
      : called(this.#space.functions[extreme], [plain, 0]);
    const inner = Float64Array.from(
      fresh,
      (_, i) => factor * (typeof values === "number" ? values : values[i]) + term,
    );
    const whole = wrapper === undefined ? inner : around(
      this.#space.functions[wrapper.call],
      wrapper,
      inner,
      wrapper.other === undefined ? 0 : this.#library.valuesOf(wrapper.other, variables),
    ) as Float64Array;
    return shareOff(whole, Float64Array.from(fresh, (i) => desired[i]));
  }
}

/** Numbers at some places of a list. */
function listAt(values: Numbers, places: readonly number[]): Float64Array {
  return Float64Array.from(places, (i) => typeof values === "number" ? values : values[i]);
}

/** Places of a list at which there are numbers, and which may be taken, or undefined where there are too few. */
function drawn(
  values: Float64Array,
  isFit: (place: number) => boolean,
  taken: ReadonlySet<number>,
  random: Random,
): number[] | undefined {
  const places = new Set<number>();
  for (let attempt = 0; attempt < 20 * PROBES && places.size < PROBES; attempt++) {
    const place = random.below(values.length);
    const isNumber = values[place] - values[place] === 0;
    if (isNumber && !taken.has(place) && isFit(place)) places.add(place);
  }
  return places.size < PROBES ? undefined : [...places];
}
