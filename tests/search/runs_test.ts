/** Runs of searches: the same for any number of workers and however often they are ended. */
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { GradusError, parseJson, printJson } from "../../mod.ts";
import {
  analyse,
  baselineSearches,
  type Batch,
  type CheckpointStore,
  constantsOnly,
  type Evaluation,
  Evaluator,
  localScorer,
  paperFunctions,
  paperMutations,
  parseGenome,
  printGenome,
  programOf,
  quadratic,
  Random,
  type ScoreCache,
  type Scorer,
  search,
  searched,
  type SearchOptions,
  type SearchResult,
  space,
  type SpaceOptions,
} from "../../search/mod.ts";
import { ancestry } from "../../search/evolve/archive.ts";

const tasks = [quadratic({ size: 16, block: 4, steps: 40, noise: { degrees: 2, scale: 0.3 } })];
const options: SearchOptions = {
  tasks,
  seed: 7,
  budget: { trained: 400 },
  population: 60,
  window: 20,
  hurdle: { share: 0.25, quantile: 0.2 },
  restart: { patience: 600, lifetime: 2000, from: "best" },
  heldOut: [quadratic({ size: 16, block: 4, steps: 60, seeds: [9] })],
};

/** All that a result says, as text. */
function told(result: SearchResult): string {
  return JSON.stringify(result, (_, value) => Object.is(value, -Infinity) ? "-inf" : value);
}

Deno.test("the same seed gives the same run for any number of workers; another gives another", async () => {
  const alone = await searched(options);
  assert(alone.counts.structuralHits > 100 && alone.counts.probeHits > 10);
  assert(alone.best!.score > alone.curve[0].best - 1e-9);
  for (const workers of [1, 3]) {
    const scorer = localScorer({ workers });
    assertEquals(told(await searched({ ...options, scorer })), told(alone));
    await scorer.close();
  }
  assert(told(await searched({ ...options, seed: 8 })) !== told(alone));
});

/** A scorer whose batches end late, in any order, are done twice, and get lost on the way. */
function unreliable(
  inner: Scorer,
  size: number,
  random: Random,
): Scorer & { readonly lost: number } {
  let lost = 0;
  const scorer = {
    size,
    get lost() {
      return lost;
    },
    async score(batch: Batch): Promise<readonly Evaluation[]> {
      const later = () => new Promise((resolve) => setTimeout(resolve, random.below(4)));
      await later();
      if (random.uniform() < 0.2) await inner.score(batch);
      const evaluations = await inner.score(batch);
      await later();
      if (random.uniform() >= 0.2) return evaluations;
      lost++;
      return scorer.score(batch);
    },
    close: () => inner.close(),
  };
  return scorer;
}

Deno.test("batches that end late, in any order, twice or at the second attempt change nothing", async () => {
  const given: SearchOptions = {
    ...options,
    tune: { evaluations: 10, margin: 0.5 },
    restart: { patience: 60, from: "best" },
  };
  const alone = await searched(given);
  assert(alone.counts.restarts > 0);
  for (const size of [1, 7, 64]) {
    const scorer = unreliable(localScorer(), size, new Random(1, 1, size));
    assertEquals(told(await searched({ ...given, scorer })), told(alone));
    assert(scorer.lost > 0);
  }
});

Deno.test("a scorer that fails ends the search with its reason", async () => {
  let batches = 0;
  const scorer: Scorer = {
    ...localScorer(),
    score: (batch) =>
      ++batches === 5
        ? Promise.reject(new GradusError("Cannot score"))
        : localScorer().score(batch),
  };
  await assertRejects(() => searched({ ...options, scorer }), GradusError, "Cannot score");
});

/** A store that ends the run some time after a save. */
class Mortal implements CheckpointStore {
  #text: string | undefined;
  load(): Promise<string | undefined> {
    return Promise.resolve(this.#text);
  }
  save(text: string): Promise<void> {
    this.#text = text;
    return Promise.resolve();
  }
}

Deno.test("a run that is ended at random moments ends where the unbroken one does", async () => {
  const whole = told(await searched(options));
  const store = new Mortal();
  const random = new Random(1, 0, 0);
  const resumed = { ...options, checkpoint: { store, every: 2 } };
  let ends = 0;
  for (;;) {
    let left = 2 + random.below(4);
    let last: SearchResult | undefined;
    for await (const event of search(resumed)) {
      if (event.type === "done") last = event.result;
      else if (--left === 0) break;
    }
    if (last !== undefined) {
      assertEquals(told(last), whole);
      break;
    }
    ends++;
  }
  assert(ends > 3, `it was ended only ${ends} times`);
  await assertRejects(
    () => searched({ ...resumed, seed: 8 }),
    GradusError,
    "it is of other tasks or options",
  );
});

Deno.test("a front holds what nothing betters, its members score what is said, and have ancestors", async () => {
  const { front, hall, best } = await searched(options);
  const evaluator = await Evaluator.of(space(), tasks);
  for (const [i, member] of front.entries()) {
    assertEquals(evaluator.evaluate(analyse(space(), member.genome)).score, member.score);
    for (const other of front.slice(i + 1)) {
      const isBettered = other.score >= member.score && other.length <= member.length &&
        other.stateBytes <= member.stateBytes;
      assert(!isBettered);
    }
    const line = ancestry(member.lineage);
    assertEquals(line[0].mutation, "init");
    assertEquals(line.at(-1)!.score, member.score);
  }
  assertEquals(hall[0], best);
  assert(hall.every(({ score }, i) => i === 0 || score < hall[i - 1].score));
  const program = programOf(space(), best!.genome);
  assertEquals(parseJson(printJson(program)), program);
});

Deno.test("baselines leave out the rules that a space cannot say", () => {
  const { sign: _, ...functions } = paperFunctions;
  const names = (space: SpaceOptions) => Object.keys(baselineSearches({ ...options, space }));
  assertEquals(names({ freeze: ["lr"] }), names({}));
  assertEquals(names({ functions }), ["constants", "constants 4x", "random 4x"]);
});

Deno.test("constants-only search changes nothing but constants; random search forgets", async () => {
  const shape = (text: string) => text.replace(/[(, ]-?[0-9][^,)]*/g, "#");
  const { hall } = await searched({
    ...options,
    mutations: constantsOnly,
    budget: { trained: 100 },
  });
  const paper = space();
  const first = shape(
    printGenome(paper, parseGenome(paper, (await import("../../search/programs/genome.ts")).ADAMW)),
  );
  for (const { genome } of hall) assertEquals(shape(printGenome(paper, genome)), first);
  const random = await searched({ ...options, strategy: "random", budget: { trained: 100 } });
  assert(random.counts.trained >= 100);
});

Deno.test("searches that share a cache train less and find the same; other tasks share nothing", async () => {
  const cache: ScoreCache = new Map();
  const alone = told(await searched(options));
  assertEquals(told(await searched({ ...options, cache })), alone);
  const known = cache.size;
  assert(known > 300);
  // What a cache says is believed, so that a second run trains nothing.
  assertEquals(told(await searched({ ...options, cache })), alone);
  assertEquals(cache.size, known);
  const [key, evaluation] = [...cache].find(([, { score }]) => score > 0)!;
  cache.set(key, { ...evaluation, score: 100 });
  assertEquals((await searched({ ...options, cache })).best!.score, 100);
  cache.set(key, evaluation);
  const others = { ...options, tasks: [quadratic({ size: 16, block: 4, steps: 41 })] };
  assertEquals(told(await searched({ ...others, cache })), told(await searched(others)));
  assert(cache.size > known + 300);
});

Deno.test("a mutation of a user's own joins in, and a child of it that is no program is drawn again", async () => {
  let wrong = 0;
  const result = await searched({
    ...options,
    budget: { generated: 200 },
    mutations: {
      ...paperMutations,
      swap: { weight: 1, mutate: (_, genome) => genome.toReversed() },
      break: {
        weight: 1,
        mutate: (_, genome) => {
          wrong++;
          return genome.slice(0, -100);
        },
      },
    },
  });
  assert(wrong > 10);
  const used = new Set(
    result.hall.flatMap(({ lineage }) => ancestry(lineage)).map((each) => each.mutation),
  );
  assert(!used.has("break"));
  assertEquals(result.counts.generated, 200);
});

Deno.test("options that cannot be used are refused with a reason, each with where it is", async () => {
  const wrong: readonly (readonly [given: object, says: string])[] = [
    [{ budget: {} }, "`budget` must say"],
    [
      { budget: { trained: 5, genrated: 3 } },
      "`budget.genrated`; did you mean `budget.generated`?",
    ],
    [{ population: 0 }, "`population` must be a whole number above 0: given 0"],
    [{ tasks: [] }, "`tasks` must be a list of at least one task"],
    [{ tasks: undefined }, "given undefined"],
    [{ init: [] }, "`init` must be"],
    [{ workers: 2 }, "`scorer: localScorer({ workers: 2 })`"],
    [{ populaton: 3 }, "`populaton`; did you mean `population`?"],
    [{ strategy: "evolutoin" }, '"evolution" or "random"'],
    [{ seed: NaN }, "`seed` must be a whole number: given NaN"],
    [{ window: 1e9 }, "`window` must be a whole number from 1 to"],
    [{ lengthCost: NaN }, "`lengthCost` must be"],
    [{ hurdle: { share: 2, quantile: 0.1 } }, "`hurdle.share` must be above 0 and below 1"],
    [{ tune: { evaluations: "x" } }, "`tune.evaluations` must be"],
    [{ restart: { patience: 5, from: "bets" } }, '`restart.from` must be "best" or "init"'],
    [{ scorer: { workers: 2 } }, "`scorer` must be what scores programs"],
    [{ checkpoint: { store: "run.json" } }, "`checkpoint.store` must be"],
    [{ mutations: "constantsOnly" }, "`mutations` must be"],
    [{ space: { statez: [] } }, "`statez`; did you mean `states`?"],
  ];
  for (const [given, says] of wrong) {
    await assertRejects(() => searched({ ...options, ...given }), GradusError, says);
  }
  const absent = { seed: undefined, tune: undefined, scorer: undefined };
  await searched({ ...options, ...absent, budget: { generated: 1 } });
});
