/** A race: for each optimizer a rate is found, then it runs once for each seed; they take turns. */
import { type Contestant, givenRate, usualRate } from "./contestant.ts";
import { findRate, type RateSearch, type Tried, tryAll } from "./rates.ts";
import type { RaceTask } from "../../search/trials/task.ts";
import { type Run, train } from "../../search/trials/train.ts";

/** How a race goes. */
export interface RaceOptions {
  readonly task: RaceTask;
  readonly steps: number;
  /** The seeds that are raced on. */
  readonly seeds: readonly number[];
  /** The rates to try; none for a search of them. */
  readonly rates: readonly number[] | undefined;
  /** Whether the whole range of rates is tried. */
  readonly isSweep: boolean;
}

/** How one did. */
export interface Result {
  readonly contestant: Contestant;
  /** Its best rate, or the one it was given; undefined if it has none. */
  readonly rate: number | undefined;
  /** The rates that were tried, and their losses, by rate. */
  readonly tried: readonly Tried[];
  /** A run a seed, at that rate. */
  readonly runs: readonly Run[];
}

/** What is being done for one of them. */
export interface Turn {
  readonly place: number;
  readonly rate: number | undefined;
  /** The seed that is raced on; undefined while rates are tried. */
  readonly seed: number | undefined;
  /** Share of its runs that are done, as far as can be told. */
  readonly share: number;
  /** Its result, when it has done all. */
  readonly result?: Result;
  /** Its best rate, when it has just been found. */
  readonly found?: Pick<Result, "rate" | "tried">;
}

/** Seeds for rates: others than are raced on, so that the best of many is not best by luck. */
const TUNING = [1_000_001, 1_000_002];
/** How many rates a search tries, most times. */
const USUAL_RATES = 6;

type Competing = Generator<Omit<Turn, "place"> & { readonly isEnd?: boolean }, Result>;

/** Races; optimizers take turns after each run. */
export function* race(
  contestants: readonly Contestant[],
  options: RaceOptions,
): Generator<Turn, Result[]> {
  const results: Result[] = [];
  let waiting = contestants.map((contestant, place) => ({
    place,
    competing: compete(contestant, options),
  }));
  while (waiting.length > 0) {
    for (const { place, competing } of waiting) {
      let next = competing.next();
      while (!next.done && !next.value.isEnd) {
        yield { ...next.value, place };
        next = competing.next();
      }
      if (!next.done) {
        yield { ...next.value, place };
        continue;
      }
      results[place] = next.value;
      const { rate } = next.value;
      yield { place, rate, seed: undefined, share: 1, result: next.value };
    }
    waiting = waiting.filter(({ place }) => results[place] === undefined);
  }
  return results;
}

function* compete(contestant: Contestant, options: RaceOptions): Competing {
  const { task, steps, seeds } = options;
  const search = rateSearch(contestant, options);
  const expected = options.rates?.length ?? (options.isSweep ? 15 : USUAL_RATES);
  let done = 0;
  let all = (search === undefined ? 0 : expected * TUNING.length) + seeds.length;
  const run = function* (rate: number | undefined, seed: number, isScored: boolean) {
    const opt = contestant.make(rate, steps);
    const running = train(opt, { task, problem: task.problem(seed), steps, isScored });
    const shown = { rate, seed: isScored ? seed : undefined };
    let next = running.next();
    for (; !next.done; next = running.next()) yield { ...shown, share: (done + next.value) / all };
    done++;
    return next.value;
  };
  const tried: Tried[] = [];
  let rate = givenRate(contestant);
  if (search !== undefined) {
    let next = search.next();
    while (!next.done) {
      rate = next.value;
      let sum = 0;
      for (const seed of TUNING) {
        sum += (yield* run(rate, seed, false)).validation;
        all = Math.max(all, done + seeds.length + 1);
        yield { rate, seed: undefined, share: done / all, isEnd: true };
        if (sum === Infinity) break;
      }
      tried.push([rate, sum / TUNING.length]);
      next = search.next(sum / TUNING.length);
    }
    rate = next.value;
    tried.sort(([a], [b]) => a - b);
    all = done + seeds.length;
    yield { rate, seed: undefined, share: done / all, found: { rate, tried } };
  }
  const runs: Run[] = [];
  for (const seed of seeds) {
    runs.push(yield* run(rate, seed, true));
    yield { rate, seed, share: done / all, isEnd: true };
  }
  return { contestant, rate, tried, runs };
}

/** How rates are looked for; undefined if there is nothing to look for. */
function rateSearch(
  contestant: Contestant,
  { rates, isSweep }: RaceOptions,
): RateSearch | undefined {
  if (contestant.shape === undefined || givenRate(contestant) !== undefined) return undefined;
  return rates === undefined ? findRate(usualRate(contestant), isSweep) : tryAll(rates);
}
