/** Searches programs: proposes, looks up or trains, selects. */
import { GradusError } from "../dsl/errors.ts";
import { analyse } from "./abstract.ts";
import { Front, HallOfFame, type Individual } from "./archive.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { type Evaluation, STOP, type Stop } from "./evaluate.ts";
import { ADAMW, type Genome, parseGenome } from "./genome.ts";
import { mutate, type Mutations, paperMutations } from "./mutate.ts";
import type { Counts, CurvePoint, SearchEvent, SearchOptions, SearchResult } from "./options.ts";
import { Prober } from "./prober.ts";
import { Random } from "./random.ts";
import { type Space, space as makeSpace } from "./space.ts";
import { localTrainer, type Trainer, workerTrainer } from "./trainer.ts";

/** Streams of random numbers. */
const DRAWS = { birth: 8 } as const;
/** Mutations of a program of random search, at most. */
const MOST_MUTATIONS = 20;
/** Points of a curve. */
const POINTS = 200;
/** How many late trainings a hurdle is set by. */
const LATE = 500;

/** All that a search knows between two batches; a checkpoint holds it. */
export interface SearchState {
  counts: { -readonly [K in keyof Counts]: Counts[K] };
  population: Individual[];
  /** Scores by structure, and by what a program's updates are on the probe. */
  structures: Map<string, number>;
  probes: Map<string, number>;
  front: Front;
  hall: HallOfFame;
  curve: CurvePoint[];
  /** How many were made when the best or the population was last new. */
  renewed: number;
  /** Scores at the hurdle of late trainings, oldest first. */
  hurdles: number[];
  /** Counts at the last point of the curve. */
  marked: { generated: number; hits: number; statements: number; live: number };
}

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
  readonly #mutations: Mutations;
  readonly #init: readonly Genome[];
  readonly #prober: Prober;
  readonly #trainers: Trainer[] = [];
  #state!: SearchState;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#space = makeSpace(options.space);
    this.#mutations = options.mutations ?? paperMutations;
    this.#init = (options.init ?? [ADAMW]).map((text) => parseGenome(this.#space, text));
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
  }

  close(): void {
    this.#trainers.forEach((trainer) => trainer.close());
  }

  async *events(): AsyncGenerator<SearchEvent, void> {
    const { tasks, checkpoint } = this.#options;
    const trainer = await this.#trainer(tasks);
    const saved = await checkpoint?.store.load();
    this.#state = saved === undefined
      ? await this.#begin(trainer)
      : readCheckpoint(this.#space, this.#options, saved);
    const began = {
      at: performance.now(),
      trained: this.#state.counts.trained,
      share: this.#share(),
    };
    const every = checkpoint?.every ?? 20;
    for (let batches = 1; this.#share() < 1; batches++) {
      await this.#batch(trainer);
      if (checkpoint !== undefined && batches % every === 0) {
        await checkpoint.store.save(writeCheckpoint(this.#space, this.#options, this.#state));
      }
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
    if (checkpoint !== undefined) {
      await checkpoint.store.save(writeCheckpoint(this.#space, this.#options, this.#state));
    }
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

  async #trainer(tasks: SearchOptions["tasks"]): Promise<Trainer> {
    const { workers = 0, patience = 60_000 } = this.#options;
    const trainer =
      await (workers === 0
        ? localTrainer(this.#space, tasks)
        : workerTrainer(this.#space, tasks, workers, patience));
    this.#trainers.push(trainer);
    return trainer;
  }

  #share(): number {
    const { trained = Infinity, generated = Infinity } = this.#options.budget;
    const { counts } = this.#state;
    return Math.max(counts.trained / trained, counts.generated / generated);
  }

  async #begin(trainer: Trainer): Promise<SearchState> {
    const size = this.#options.population ?? 1000;
    const evaluations = await trainer.evaluate(this.#init, this.#stop([]));
    const state: SearchState = {
      counts: {
        generated: 0,
        trained: 0,
        structuralHits: 0,
        probeHits: 0,
        stopped: 0,
        statements: 0,
        live: 0,
        restarts: 0,
      },
      population: [],
      structures: new Map(),
      probes: new Map(),
      front: new Front(),
      hall: new HallOfFame(this.#options.hall ?? 20),
      curve: [],
      renewed: 0,
      hurdles: [],
      marked: { generated: 0, hits: 0, statements: 0, live: 0 },
    };
    const first = this.#init.map((genome, i): Individual => {
      const analysis = analyse(this.#space, genome);
      const { score } = evaluations[i];
      state.structures.set(analysis.key, score);
      state.probes.set(this.#prober.fingerprint(analysis), score);
      const lineage = { birth: -1 - i, mutation: "init", score, parent: undefined };
      return {
        genome,
        key: analysis.key,
        score,
        length: analysis.live.length,
        stateBytes: 4 * analysis.states.length,
        lineage,
      };
    });
    for (const individual of first) {
      state.front.offer(individual);
      state.hall.offer(individual);
    }
    state.population = Array.from({ length: size }, (_, i) => first[i % first.length]);
    return state;
  }

  /** Makes children of the population as it is, trains those that are new, then lets them in, in order. */
  async #batch(trainer: Trainer): Promise<void> {
    const state = this.#state;
    const { counts } = state;
    const stop = this.#stop(state.hurdles);
    const children = [];
    const wanted: Genome[] = [];
    const pending = new Map<string, number>();
    for (let i = 0; i < (this.#options.batch ?? 50); i++) {
      const birth = counts.generated + i;
      const { genome, parent, mutation } = this.#propose(
        new Random(this.#seed, DRAWS.birth, birth),
      );
      const analysis = analyse(this.#space, genome);
      const { key } = analysis;
      let score = state.structures.get(key);
      let source = score === undefined ? pending.get(key) : undefined;
      let origin: "structure" | "probe" | "new" = "structure";
      if (score === undefined && source === undefined) {
        const probe = this.#prober.fingerprint(analysis);
        score = state.probes.get(probe);
        source = score === undefined ? pending.get(probe) : undefined;
        origin = "probe";
        if (score === undefined && source === undefined) {
          source = wanted.push(genome) - 1;
          origin = "new";
          pending.set(probe, source);
        }
        if (source !== undefined) pending.set(key, source);
        children.push({ analysis, parent, mutation, birth, score, source, origin, probe });
      } else children.push({ analysis, parent, mutation, birth, score, source, origin, probe: "" });
    }
    const evaluations = await trainer.evaluate(wanted, stop);
    for (const child of children) this.#accept(child, evaluations);
    this.#restart();
    this.#mark();
  }

  #accept(
    { analysis, parent, mutation, birth, score: known, source, origin, probe }: {
      readonly analysis: ReturnType<typeof analyse>;
      readonly parent: Individual;
      readonly mutation: string;
      readonly birth: number;
      readonly score: number | undefined;
      readonly source: number | undefined;
      readonly origin: "structure" | "probe" | "new";
      readonly probe: string;
    },
    evaluations: readonly Evaluation[],
  ): void {
    const state = this.#state;
    const { counts } = state;
    const evaluation = source === undefined ? undefined : evaluations[source];
    // NaN is no score: whatever a task says, it costs one evaluation.
    const raw = known ?? evaluation!.score;
    const score = Number.isNaN(raw) ? -Infinity : raw;
    const { genome, key } = analysis;
    counts.generated++;
    counts.statements += genome.length;
    counts.live += analysis.live.length;
    if (origin === "structure") counts.structuralHits++;
    else {
      state.structures.set(key, score);
      if (origin === "probe") counts.probeHits++;
      else {
        counts.trained++;
        state.probes.set(probe, score);
        if (score === -Infinity) counts.stopped++;
        if (evaluation?.hurdle !== undefined && Number.isFinite(evaluation.hurdle)) {
          state.hurdles.push(evaluation.hurdle);
          if (state.hurdles.length > LATE) state.hurdles.shift();
        }
      }
    }
    const individual: Individual = {
      genome,
      key,
      score,
      length: analysis.live.length,
      stateBytes: 4 * analysis.states.length,
      lineage: { birth, mutation, score, parent: parent.lineage },
    };
    const best = state.hall.best?.score ?? -Infinity;
    state.front.offer(individual);
    state.hall.offer(individual);
    if (score > best) state.renewed = counts.generated;
    state.population.push(individual);
    state.population.shift();
  }

  #propose(
    random: Random,
  ): { readonly genome: Genome; readonly parent: Individual; readonly mutation: string } {
    const { population } = this.#state;
    if (this.#options.strategy === "random") {
      const number = 1 + random.below(MOST_MUTATIONS);
      let genome = random.pick(this.#init);
      for (let i = 0; i < number; i++) {
        genome = mutate(this.#space, genome, this.#mutations, random).child;
      }
      return { genome, parent: population[0], mutation: `${number} mutations` };
    }
    let parent = random.pick(population);
    for (let i = 1; i < (this.#options.tournament ?? 2); i++) {
      const other = random.pick(population);
      if (this.#fitness(other) > this.#fitness(parent)) parent = other;
    }
    const { child, mutation } = mutate(this.#space, parent.genome, this.#mutations, random);
    return { genome: child, parent, mutation };
  }

  #fitness({ score, length }: Individual): number {
    return score - (this.#options.lengthCost ?? 0) * length;
  }

  #restart(): void {
    const { restart } = this.#options;
    const state = this.#state;
    if (restart === undefined || state.counts.generated - state.renewed < restart.patience) return;
    const from = restart.from === "best" ? state.hall.best : undefined;
    state.counts.restarts++;
    state.renewed = state.counts.generated;
    const first = from === undefined ? this.#first() : [from];
    state.population = state.population.map((_, i) => first[i % first.length]);
  }

  #first(): Individual[] {
    return this.#init.map((genome, i) => {
      const { key, live, states } = analyse(this.#space, genome);
      const score = this.#state.structures.get(key)!;
      const lineage = { birth: -1 - i, mutation: "init", score, parent: undefined };
      return { genome, key, score, length: live.length, stateBytes: 4 * states.length, lineage };
    });
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

  #mark(): void {
    const { counts, curve, marked, hall } = this.#state;
    if (this.#share() < 1 && this.#share() < (curve.length + 1) / POINTS) return;
    const made = counts.generated - marked.generated;
    const hits = counts.structuralHits + counts.probeHits;
    curve.push({
      generated: counts.generated,
      trained: counts.trained,
      best: hall.best?.score ?? -Infinity,
      hitRate: (hits - marked.hits) / made,
      redundancy: 1 - (counts.live - marked.live) / (counts.statements - marked.statements),
    });
    const { generated, statements, live } = counts;
    this.#state.marked = { generated, hits, statements, live };
  }

  async #heldOut(individuals: readonly Individual[]): Promise<readonly number[]> {
    const { heldOut = [] } = this.#options;
    if (heldOut.length === 0) return [];
    const trainer = await this.#trainer(heldOut);
    const genomes = individuals.map(({ genome }) => genome);
    return (await trainer.evaluate(genomes, { below: -Infinity })).map(({ score }) => score);
  }

  get #seed(): number {
    return this.#options.seed ?? 1;
  }
}
