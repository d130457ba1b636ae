/** What the statements of a genome give on every step of a replay, and what they should give. */
import { analyse, type Analysis } from "../analysis/structure.ts";
import { compile } from "../machine/compile.ts";
import type { Pack, Place } from "../machine/pack.ts";
import { WIDTH } from "../programs/functions.ts";
import { type Genome, resultOf } from "../programs/genome.ts";
import type { Random } from "../programs/random.ts";
import { FIRST_STATE, type Space } from "../programs/space.ts";
import { inverted, isInvertible, type Numbers } from "./calls.ts";

/** An argument of a statement, or the update itself. */
export type ArgumentPlace =
  | { readonly statement: number; readonly argument: number }
  | "update";

/** A replay: its inputs and, where it is a recording, the updates that were recorded. */
export interface Replay {
  readonly pack: Pack;
  readonly recorded?: Float32Array;
  /** Whether updates may be those that were recorded but for a factor. */
  readonly isScaleFree?: boolean;
}

/** A statement reached from the update: which statement reads it, and whether one step later. */
interface Reached {
  readonly statement: number;
  readonly by:
    | { readonly reader: Reached; readonly argument: number; readonly isLate: boolean }
    | undefined;
}

/**
 * One run of a genome on a replay. Values are lists of all steps, the elements of a step in turn. Statements
 * that do nothing are left out, but for the first `lead`.
 */
export class Trajectory {
  readonly analysis: Analysis;
  /** Elements of a step, and of all steps. */
  readonly width: number;
  readonly length: number;
  readonly #space: Space;
  readonly #replay: Replay;
  readonly #statements = new Map<number, Float64Array>();
  readonly #inputs = new Map<number, Float64Array>();

  constructor(space: Space, genome: Genome, replay: Replay, lead: number = 0) {
    [this.#space, this.#replay] = [space, replay];
    const { pack } = replay;
    const { machine, bytes, steps } = pack;
    const analysis = this.analysis = analyse(space, genome);
    this.width = pack.tensors.reduce((sum, { length }) => sum + length, 0);
    this.length = this.width * steps;
    const { top } = machine;
    const places = new Map<number, Place>();
    const keep = (statement: number): Place => {
      const place = { address: machine.take(bytes * steps), step: bytes };
      places.set(statement, place);
      return place;
    };
    const live = [
      ...Array.from({ length: lead }, (_, i) => i),
      ...analysis.live.filter((i) => i >= lead),
    ];
    // What has the same hash is computed once, and of each the values are wanted.
    const hashes = genome.map((_, i) => i);
    pack.advance(pack.load(compile(space, { ...analysis, live, hashes }, pack, keep)), 0, steps);
    for (const [statement, place] of places) {
      this.#statements.set(statement, this.#listOf(machine.floats.subarray(place.address / 4)));
    }
    machine.top = top;
  }

  /** What an argument or the update is on every step: a statement's number, or an input, as in an analysis. */
  valuesOf(ref: number): Numbers {
    if (ref >= 0) return this.#statements.get(ref)!;
    const input = -1 - ref;
    const { inputs } = this.#space;
    if (input >= inputs.length) return this.analysis.constants[input - inputs.length];
    let values = this.#inputs.get(input);
    if (values === undefined) {
      values = this.#input(input);
      this.#inputs.set(input, values);
    }
    return values;
  }

  /** Whether a statement matters, so that its values are known. */
  isKnown(ref: number): boolean {
    return ref < 0 ? !this.#isDeadState(-1 - ref) : this.#statements.has(ref);
  }

  /** The variables that can be read at a place and whose values are known, each with what it is. */
  variablesAt(place: ArgumentPlace): [ref: number, name: string][] {
    const { genome } = this.analysis;
    const environment = new Map<string, number>();
    this.#space.inputs.forEach((name, i) => environment.set(name, -1 - i));
    const end = place === "update" ? genome.length : place.statement;
    for (let i = 0; i < end; i++) environment.set(genome[i].target, i);
    const byRef = new Map([...environment].map(([name, ref]) => [ref, name]));
    return [...byRef].filter(([ref]) => this.isKnown(ref));
  }

  #isDeadState(input: number): boolean {
    if (input < FIRST_STATE || input >= this.#space.inputs.length) return false;
    const next = this.analysis.next[input];
    return next >= 0 && !this.#statements.has(next);
  }

  /** A vector of every step as a list. */
  #listOf(floats: Float32Array): Float64Array {
    const { pack } = this.#replay;
    const list = new Float64Array(this.length);
    let to = 0;
    for (let step = 0; step < pack.steps; step++) {
      for (const { at, length } of pack.tensors) {
        const from = step * pack.bytes / 4 + at;
        for (let i = 0; i < length; i++) list[to++] = floats[from + i];
      }
    }
    return list;
  }

  #input(input: number): Float64Array {
    const { machine, w, g, lr } = this.#replay.pack;
    if (input < 2) return this.#listOf(machine.floats.subarray((input === 0 ? w : g).address / 4));
    if (input < FIRST_STATE) {
      return Float64Array.from({ length: this.length }, (_, i) => lr[Math.floor(i / this.width)]);
    }
    const next = this.analysis.next[input];
    // A state that nothing sets stays 0; another is what it became a step before.
    return next === -1 - input ? new Float64Array(this.length) : this.#later(this.valuesOf(next));
  }

  /** The same a step later, with 0 on the first. */
  #later(values: Numbers): Float64Array {
    const later = new Float64Array(this.length);
    if (typeof values === "number") return later.fill(values, this.width);
    later.set(values.subarray(0, this.length - this.width), this.width);
    return later;
  }

  /** The places of which it can be told what they should give, each reached on a way drawn at random. */
  places(random: Random): Reaching[] {
    const { update, refs, genome, next } = this.analysis;
    // A variable is of one kind throughout, and one that is a number takes no tensor.
    const kinds = new Map(this.#space.kinds);
    for (const { target, call, args } of genome) {
      kinds.set(target, resultOf(this.#space, call, args, kinds)!);
    }
    const found: Reaching[] = [{ place: "update", by: undefined }];
    const seen = new Set<number>();
    const queue: Reached[] = update >= 0 ? [{ statement: update, by: undefined }] : [];
    seen.add(update);
    for (const reader of queue) {
      const { statement } = reader;
      const { target, call, args } = genome[statement];
      if (kinds.get(target) === "scalar") continue;
      const given = this.#space.functions[call];
      const first = random.below(Math.max(1, args.length));
      for (let i = 0; i < args.length; i++) {
        const argument = (first + i) % args.length;
        if (given.parameters[argument].kind === "scalar" || !isInvertible(given, argument)) {
          continue;
        }
        const ref = refs[statement * WIDTH + argument];
        const input = -1 - ref;
        const isState = ref < 0 && input >= FIRST_STATE && input < this.#space.inputs.length;
        const source = isState ? next[input] : ref;
        // What a statement made of itself a step before is followed as its own past.
        if (isState && source === statement) continue;
        found.push({ place: { statement, argument }, by: reader });
        if (source < 0 || seen.has(source)) continue;
        seen.add(source);
        queue.push({ statement: source, by: { reader, argument, isLate: isState } });
      }
    }
    return found;
  }

  /** What a place gives now. */
  presentAt({ place }: Reaching): Float64Array {
    const { refs, update } = this.analysis;
    const ref = place === "update" ? update : refs[place.statement * WIDTH + place.argument];
    const values = this.valuesOf(ref);
    return typeof values === "number" ? new Float64Array(this.length).fill(values) : values;
  }

  /** What a place should give for the update to be as recorded; NaN where that cannot be told. */
  desiredAt({ place, by }: Reaching): Float64Array {
    if (place === "update") return this.#updates();
    return this.#argument(by!, place.argument);
  }

  /** What the update should be; where a factor is left open, times one that is told by what it is. */
  #updates(): Float64Array {
    const { recorded, isScaleFree = false } = this.#replay;
    const list = this.#listOf(recorded!);
    if (!isScaleFree) return list;
    const own = this.valuesOf(this.analysis.update);
    const factor = factorOf(
      list,
      typeof own === "number" ? new Float64Array(this.length).fill(own) : own,
    );
    return Number.isFinite(factor) && factor !== 0 ? list.map((value) => factor * value) : list;
  }

  #statement({ by }: Reached): Float64Array {
    if (by === undefined) return this.#updates();
    const { reader, argument, isLate } = by;
    const desired = this.#argument(reader, argument);
    if (!isLate) return desired;
    // A state that is read is what the statement gave a step before.
    const earlier = new Float64Array(this.length).fill(NaN);
    earlier.set(desired.subarray(this.width));
    return earlier;
  }

  #argument(reader: Reached, argument: number): Float64Array {
    const { genome, refs, next } = this.analysis;
    const { statement } = reader;
    const desired = this.#statement(reader);
    const args = genome[statement].args.map((_, k) => {
      const ref = refs[statement * WIDTH + k];
      const input = -1 - ref;
      const isOwnPast = input >= FIRST_STATE && input < this.#space.inputs.length &&
        next[input] === statement;
      return isOwnPast ? this.#later(desired) : this.valuesOf(ref);
    });
    return inverted(this.#space.functions[genome[statement].call], argument, desired, args);
  }
}

/** What is that near a factor counts as that factor, in terms of itself. */
const SAME = 1e-4;

/** The factor that most values differ by from those wanted, or the one of least squares where there is none. */
function factorOf(wanted: Float64Array, own: Float64Array): number {
  const quotients = wanted.map((value, i) => own[i] / value).filter((each) => each - each === 0);
  const middle = quotients.sort()[quotients.length >> 1];
  const same = quotients.filter((each) => Math.abs(each - middle) <= SAME * Math.abs(middle));
  if (2 * same.length > quotients.length) return middle;
  let [both, squares] = [0, 0];
  wanted.forEach((value, i) => {
    both += value * own[i];
    squares += value * value;
  });
  return both / squares;
}

/** A place with the way on which it is reached. */
export interface Reaching {
  readonly place: ArgumentPlace;
  readonly by: Reached | undefined;
}
