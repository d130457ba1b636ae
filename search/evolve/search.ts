/** Searches programs: proposes, looks up or trains, selects. */
import { analyse } from "../analysis/structure.ts";
import { Prober } from "../machine/replay.ts";
import { ADAMW, type Genome, parseGenome } from "../programs/genome.ts";
import { type Space, space as makeSpace } from "../programs/space.ts";
import type { Individual } from "./archive.ts";
import { checkOptions } from "./check.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { childMaker, stopOf } from "./children.ts";
import { localScorer } from "./local_scorer.ts";
import { type SearchEvent, type SearchOptions, type SearchResult, WINDOW } from "./options.ts";
import { admit, type Child, emptyState, founders, mark, type SearchState } from "./population.ts";
import { cachedScorer } from "./score_cache.ts";
import { checkedScorer, type Scorer, type Setting } from "./scorer.ts";
import { fitnessOf, survivalOf, type Survive } from "./survival.ts";
import { Trainings } from "./trainings.ts";

/**
 * Searches, and tells of it once in a while; the last event holds what was found. The same options give
 * the same result, bit for bit, for any number of workers, and if it is ended at any moment and begun anew
 * with its checkpoint.
 *
 * @example
 * ```ts
 * import { quadraticProxy, search } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * for await (const event of search({ tasks: quadraticProxy(2), budget: { trained: 30 }, window: 10 })) {
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
    await run.close();
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
  readonly #setting: Setting;
  readonly #init: readonly Genome[];
  readonly #survive: Survive;
  readonly #prober: Prober;
  readonly #childOf: ReturnType<typeof childMaker>;
  /** The scorer that ends with the search, unless it was given one. */
  readonly #own: Scorer | undefined;
  readonly #scorer: Scorer;
  readonly #trainings: Trainings;
  #state!: SearchState;
  /** What the checkpoint holds. */
  #saved: string | undefined;

  constructor(options: SearchOptions) {
    checkOptions(options);
    const { scorer, cache, tasks } = this.#options = options;
    this.#space = makeSpace(options.space);
    this.#setting = { space: this.#space.options, tasks };
    this.#init = (options.init ?? [ADAMW]).map((text) => parseGenome(this.#space, text));
    this.#prober = new Prober(this.#space);
    const fitness = fitnessOf(options);
    this.#survive = survivalOf(options, fitness);
    this.#childOf = childMaker(this.#space, this.#init, this.#prober, options, fitness);
    if (scorer === undefined) this.#own = localScorer();
    const given = this.#own ?? checkedScorer(scorer!);
    this.#scorer = cache === undefined ? given : cachedScorer(given, cache);
    this.#trainings = new Trainings(this.#scorer, this.#setting, options);
  }

  async close(): Promise<void> {
    this.#trainings.clear();
    await this.#own?.close();
  }

  async *events(): AsyncGenerator<SearchEvent, void> {
    const { checkpoint } = this.#options;
    const saved = this.#saved = await checkpoint?.store.load();
    if (saved === undefined) {
      this.#state = await this.#begin();
      // At once, so that a place that cannot be written is found before the work, not after it.
      await this.#save();
    } else {
      this.#state = readCheckpoint(this.#space, this.#options, saved, checkpoint!.store);
      this.#state.window.forEach((child, i, all) => this.#train(child, all.slice(0, i)));
    }
    const began = {
      at: performance.now(),
      trained: this.#state.counts.trained,
      share: this.#share(),
    };
    const every = checkpoint?.every ?? 20;
    for (let windows = 1; this.#share() < 1; windows++) {
      for (let i = 0; i < this.#depth && this.#share() < 1; i++) await this.#next();
      if (windows % every === 0) await this.#save();
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

  get #depth(): number {
    return this.#options.window ?? WINDOW;
  }

  async #save(): Promise<void> {
    const { checkpoint } = this.#options;
    if (checkpoint === undefined) return;
    const text = writeCheckpoint(this.#space, this.#options, this.#state);
    if (text === this.#saved) return;
    await checkpoint.store.save(text);
    this.#saved = text;
  }

  #share(): number {
    const { trained = Infinity, generated = Infinity } = this.#options.budget;
    const { counts } = this.#state;
    return Math.max(counts.trained / trained, counts.generated / generated);
  }

  async #begin(): Promise<SearchState> {
    const state = emptyState(this.#options.hall ?? 20);
    const stop = stopOf(this.#options, []);
    const candidates = this.#init.map((genome) => ({ genome, stop }));
    const evaluations = await this.#scorer.score({ setting: this.#setting, candidates });
    this.#init.forEach((genome, i) => {
      const analysis = analyse(this.#space, genome);
      state.structures.set(analysis.key, evaluations[i].score);
      state.probes.set(this.#prober.fingerprint(analysis), evaluations[i].score);
    });
    const first = founders(this.#space, this.#init, state.structures);
    for (const each of first) {
      state.front.offer(each);
      state.hall.offer(each);
    }
    const size = this.#options.population ?? 1000;
    state.population = Array.from({ length: size }, (_, i) => first[i % first.length]);
    return state;
  }

  /** Fills the window, then lets its oldest child in. */
  async #next(): Promise<void> {
    const state = this.#state;
    const { window } = state;
    while (window.length < this.#depth) {
      const child = this.#childOf(state);
      this.#train(child, window);
      window.push(child);
    }
    const [child] = window;
    const training = child.origin === "training" ? await this.#trainings.end(child) : undefined;
    window.shift();
    admit(state, this.#space, this.#survive, child, training);
    this.#restart();
    mark(state, this.#share());
  }

  /** Begins to train a child that needs it, unless the search ends before it, which is behind others. */
  #train(child: Child, others: readonly Child[]): void {
    const { trained = Infinity, generated = Infinity } = this.#options.budget;
    const { counts } = this.#state;
    const before = others.filter(({ origin }) => origin === "training").length;
    if (child.birth >= generated || counts.trained + before >= trained) return;
    if (child.origin === "training") this.#trainings.begin(child);
  }

  /** Begins the population anew if it is time; children on their way are given up. */
  #restart(): void {
    const { restart } = this.#options;
    const state = this.#state;
    if (restart === undefined) return;
    const { generated } = state.counts;
    const { patience, lifetime = Infinity } = restart;
    if (generated - state.renewed < patience && generated - state.begun < lifetime) return;
    const { best } = state.hall;
    const first = restart.from === "best" && best !== undefined
      ? [best]
      : founders(this.#space, this.#init, state.structures);
    state.counts.restarts++;
    // What died out must be tuned again to be found again.
    state.shapes.clear();
    [state.recent, state.renewed, state.begun] = [-Infinity, generated, generated];
    state.population = state.population.map((_, i) => first[i % first.length]);
    state.window = [];
    this.#trainings.clear();
  }

  async #heldOut(individuals: readonly Individual[]): Promise<readonly number[]> {
    const { heldOut = [] } = this.#options;
    if (heldOut.length === 0) return [];
    const candidates = individuals.map(({ genome }) => ({ genome, stop: { below: -Infinity } }));
    const setting = { ...this.#setting, tasks: heldOut };
    return (await this.#scorer.score({ setting, candidates })).map(({ score }) => score);
  }
}
