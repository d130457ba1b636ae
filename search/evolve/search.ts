/** Searches programs: proposes, looks up or trains, selects. */
import { GradusError } from "../../dsl/errors.ts";
import { analyse } from "../analysis/structure.ts";
import { Prober } from "../machine/replay.ts";
import { ADAMW, type Genome, parseGenome } from "../programs/genome.ts";
import { DRAWS, Random } from "../programs/random.ts";
import { type Space, space as makeSpace } from "../programs/space.ts";
import { STOP, type Stop } from "../tasks/evaluator.ts";
import type { Individual } from "./archive.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import type { SearchEvent, SearchOptions, SearchResult } from "./options.ts";
import {
  admit,
  type Child,
  emptyState,
  individual,
  LATE,
  mark,
  type Scored,
  type SearchState,
} from "./population.ts";
import { proposer } from "./propose.ts";
import { cachedTrainer } from "./score_cache.ts";
import { fitnessOf, survivalOf, type Survive } from "./survival.ts";
import { checkWorkers, hasCode, localTrainer, type Trainer, workerTrainer } from "./trainer.ts";
import { tuneChildren } from "./tuning.ts";

/**
 * Searches, and tells of it after every batch; the last event holds what was found. The same options give
 * the same result, bit for bit, for any number of workers, and if it is ended at any moment and begun anew
 * with its checkpoint.
 *
 * @example
 * ```ts
 * import { quadraticProxy, search } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * for await (const event of search({ tasks: quadraticProxy(2), budget: { trained: 30 }, batch: 10 })) {
 *   if (event.type === "done") assert(event.result.best!.score > 0.4);
 * }
 * ```
 *
 * @throws {GradusError} if an option cannot be used.
 */
export async function* search(options: SearchOptions): AsyncGenerator<SearchEvent, void> {
  const run = new SearchRun(options);
  try {
    yield* run.events();
  } finally {
    run.close();
  }
}

/**
 * Searches to the end and returns what was found.
 *
 * @example
 * ```ts
 * import { programOf, quadraticProxy, searched, space } from "@gradus/gradus/search";
 * import { latex } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const { best } = await searched({ tasks: quadraticProxy(2), budget: { trained: 20 }, seed: 3 });
 * assert(latex(programOf(space(), best!.genome)).includes("u_t"));
 * ```
 *
 * @throws {GradusError} if an option cannot be used.
 */
export async function searched(options: SearchOptions): Promise<SearchResult> {
  for await (const event of search(options)) if (event.type === "done") return event.result;
  throw new Error("a search ended without a result");
}

class SearchRun {
  readonly #options: SearchOptions;
  readonly #space: Space;
  readonly #init: readonly Genome[];
  readonly #propose: ReturnType<typeof proposer>;
  readonly #survive: Survive;
  readonly #prober: Prober;
  readonly #trainers: Trainer[] = [];
  #state!: SearchState;
  /** What the checkpoint holds. */
  #saved: string | undefined;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#space = makeSpace(options.space);
    this.#init = (options.init ?? [ADAMW]).map((text) => parseGenome(this.#space, text));
    const fitness = fitnessOf(options);
    this.#propose = proposer(this.#space, this.#init, options, fitness);
    this.#survive = survivalOf(options, fitness);
    this.#prober = new Prober(this.#space);
    const { trained = Infinity, generated = Infinity } = options.budget;
    if (!(trained > 0 && generated > 0 && Math.min(trained, generated) < Infinity)) {
      throw new GradusError("Cannot search: `budget` must say how many are trained or generated");
    }
    for (const name of ["population", "tournament", "batch", "hall"] as const) {
      const value = options[name];
      if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
        throw new GradusError(
          `Cannot search: \`${name}\` must be a whole number above 0: given ${value}`,
        );
      }
    }
    const { redraws = 0 } = options;
    if (!(Number.isInteger(redraws) && redraws >= 0)) {
      throw new GradusError(
        `Cannot search: \`redraws\` must be a whole number from 0 on: given ${redraws}`,
      );
    }
    checkWorkers(options.workers ?? 0);
  }

  close(): void {
    this.#trainers.forEach((trainer) => trainer.close());
  }

  async *events(): AsyncGenerator<SearchEvent, void> {
    const { tasks, checkpoint } = this.#options;
    const saved = this.#saved = await checkpoint?.store.load();
    const resumed = saved === undefined
      ? undefined
      : readCheckpoint(this.#space, this.#options, saved, checkpoint!.store);
    const trainer = await this.#trainer(tasks);
    this.#state = resumed ?? await this.#begin(trainer);
    // At once, so that a place that cannot be written is found before the work, not after it.
    if (resumed === undefined) await this.#save();
    const began = {
      at: performance.now(),
      trained: this.#state.counts.trained,
      share: this.#share(),
    };
    const every = checkpoint?.every ?? 20;
    for (let batches = 1; this.#share() < 1; batches++) {
      await this.#batch(trainer);
      if (batches % every === 0) await this.#save();
      const { counts, hall, front } = this.#state;
      const seconds = (performance.now() - began.at) / 1000;
      const share = this.#share();
      yield {
        type: "progress",
        counts: { ...counts },
        best: hall.best,
        front: front.members,
        seconds,
        share,
        rate: (counts.trained - began.trained) / seconds,
        secondsLeft: share >= 1 ? 0 : (1 - share) * seconds / (share - began.share),
      };
    }
    await this.#save();
    const { counts, hall, front, curve } = this.#state;
    yield {
      type: "done",
      result: {
        counts: { ...counts },
        best: hall.best,
        front: front.members,
        hall: hall.members,
        curve,
        heldOut: await this.#heldOut(front.members),
      },
    };
  }

  async #save(): Promise<void> {
    const { checkpoint } = this.#options;
    if (checkpoint === undefined) return;
    const text = writeCheckpoint(this.#space, this.#options, this.#state);
    if (text === this.#saved) return;
    await checkpoint.store.save(text);
    this.#saved = text;
  }

  async #trainer(tasks: SearchOptions["tasks"]): Promise<Trainer> {
    const { workers = hasCode(tasks) ? 1 : 0, patience = 60_000, memory = 2048, cache } =
      this.#options;
    const trainer =
      await (workers === 0
        ? localTrainer(this.#space, tasks)
        : workerTrainer(this.#space, tasks, { count: workers, patience, memory }));
    this.#trainers.push(trainer);
    return cache === undefined ? trainer : cachedTrainer(trainer, this.#space, tasks, cache);
  }

  #share(): number {
    const { trained = Infinity, generated = Infinity } = this.#options.budget;
    const { counts } = this.#state;
    return Math.max(counts.trained / trained, counts.generated / generated);
  }

  async #begin(trainer: Trainer): Promise<SearchState> {
    const state = emptyState(this.#options.hall ?? 20);
    const evaluations = await trainer.evaluate(this.#init, this.#stop([]));
    this.#init.forEach((genome, i) => {
      const analysis = analyse(this.#space, genome);
      state.structures.set(analysis.key, evaluations[i].score);
      state.probes.set(this.#prober.fingerprint(analysis), evaluations[i].score);
    });
    const first = this.#first(state);
    for (const each of first) {
      state.front.offer(each);
      state.hall.offer(each);
    }
    const size = this.#options.population ?? 1000;
    state.population = Array.from({ length: size }, (_, i) => first[i % first.length]);
    return state;
  }

  /** The programs that the search starts from. */
  #first({ structures }: SearchState): Individual[] {
    return this.#init.map((genome, i) => {
      const analysis = analyse(this.#space, genome);
      const score = structures.get(analysis.key)!;
      const birth = -1 - i;
      const lineage = { birth, mutation: "init", score, parent: undefined, founder: birth };
      return individual(analysis, score, lineage);
    });
  }

  /** Makes children of the population as it is, trains those that are new, then lets them in, in order. */
  async #batch(trainer: Trainer): Promise<void> {
    const state = this.#state;
    const stop = this.#stop(state.hurdles);
    const wanted: Genome[] = [];
    const children = this.#children(wanted);
    const evaluations = await trainer.evaluate(wanted, stop);
    const scored = children.map((child): Scored => {
      const evaluation = child.training === undefined ? undefined : evaluations[child.training];
      const { hurdle, scores: cases = [], isLost = false } = evaluation ?? {};
      return { child, score: child.score ?? evaluation!.score, cases, hurdle, isLost };
    });
    const { tune } = this.#options;
    const tuned = tune === undefined ? [] : await tuneChildren(
      this.#space,
      tune,
      state.shapes,
      scored,
      async (genomes) => (await trainer.evaluate(genomes, stop)).map(({ score }) => score),
    );
    scored.forEach((each, i) => admit(state, each, tuned[i], this.#survive));
    this.#restart();
    mark(state, this.#share());
  }

  /** The children of a batch; those that must be trained are added to `wanted`, each once. */
  #children(wanted: Genome[]): Child[] {
    const { structures, probes, counts, population } = this.#state;
    const { seed = 1, batch = 50, redraws = 0 } = this.#options;
    const pending = new Map<string, number>();
    const known = (key: string, scores: ReadonlyMap<string, number>) => ({
      score: scores.get(key),
      training: scores.has(key) ? undefined : pending.get(key),
    });
    return Array.from({ length: batch }, (_, i): Child => {
      const birth = counts.generated + i;
      const random = new Random(seed, DRAWS.birth, birth);
      for (let left = redraws;; left--) {
        const { genome, ...made } = this.#propose(population, random, birth);
        const analysis = analyse(this.#space, genome);
        const child = { analysis, ...made, birth };
        const same = known(analysis.key, structures);
        const isSame = same.score !== undefined || same.training !== undefined;
        const probe = isSame ? "" : this.#prober.fingerprint(analysis);
        const alike = isSame ? same : known(probe, probes);
        const isAlike = alike.score !== undefined || alike.training !== undefined;
        if (isAlike && left > 0) {
          counts.redrawn++;
          continue;
        }
        if (isAlike) {
          const origin = isSame ? "structure" : "updates";
          if (alike.training !== undefined) pending.set(analysis.key, alike.training);
          return { ...child, ...alike, origin, probe };
        }
        const training = wanted.push(genome) - 1;
        pending.set(analysis.key, training).set(probe, training);
        return { ...child, score: undefined, training, origin: "training", probe };
      }
    });
  }

  #restart(): void {
    const { restart } = this.#options;
    const state = this.#state;
    if (restart === undefined) return;
    const { generated } = state.counts;
    const { patience, lifetime = Infinity } = restart;
    if (generated - state.renewed < patience && generated - state.begun < lifetime) return;
    const { best } = state.hall;
    const first = restart.from === "best" && best !== undefined ? [best] : this.#first(state);
    state.counts.restarts++;
    // What died out must be tuned again to be found again.
    state.shapes.clear();
    [state.recent, state.renewed, state.begun] = [-Infinity, generated, generated];
    state.population = state.population.map((_, i) => first[i % first.length]);
  }

  #stop(hurdles: readonly number[]): Stop {
    const { below = STOP.below, hurdle } = this.#options;
    if (hurdle === undefined) return { below };
    const sorted = [...hurdles].sort((a, b) => a - b);
    const above = sorted.length < LATE / 5
      ? -Infinity
      : sorted[Math.floor(sorted.length * hurdle.quantile)];
    return { below, hurdle: { share: hurdle.share, above } };
  }

  async #heldOut(individuals: readonly Individual[]): Promise<readonly number[]> {
    const { heldOut = [] } = this.#options;
    if (heldOut.length === 0) return [];
    const trainer = await this.#trainer(heldOut);
    const genomes = individuals.map(({ genome }) => genome);
    return (await trainer.evaluate(genomes, { below: -Infinity })).map(({ score }) => score);
  }
}
