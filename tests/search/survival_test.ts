/** Who lives, what is redrawn, and that what is planted is found again: the same for the same seed. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import {
  ADAMW,
  ancestry,
  average,
  type CheckpointStore,
  type Individual,
  localScorer,
  paperMutations,
  parseGenome,
  Random,
  repair,
  round,
  scale,
  search,
  searched,
  type SearchOptions,
  type SearchResult,
  space,
  type TraceTask,
} from "../../search/mod.ts";
import { proposer } from "../../search/evolve/propose.ts";
import { fitnessOf, survivalOf } from "../../search/evolve/survival.ts";

const hidden: TraceTask = {
  kind: "trace",
  name: "hidden",
  rule:
    "m = interp(g, m, 0.9)\na = mul(g, m)\nb = sign(a)\nc = add(b, 1)\nx = mul(c, g)\nupdate = mul(x, lr)",
  size: 8,
  steps: 20,
  seeds: [1, 2, 3, 4],
  sparsity: 0.1,
  scale: "free",
};
const options: SearchOptions = {
  tasks: [hidden],
  budget: { generated: 120 },
  population: 30,
  window: 20,
  survival: "front",
  downsample: 0.5,
  redraws: 5,
  below: -Infinity,
  mutations: {
    ...paperMutations,
    repair: { weight: 1, mutate: repair({ tasks: [hidden], size: 4, variables: 6 }) },
    average: { weight: 0.2, mutate: average({ tasks: [hidden] }) },
    scale: { weight: 1, mutate: scale },
    round: { weight: 1, mutate: round },
  },
};

function told(result: SearchResult): string {
  return JSON.stringify(result, (_, value) => Object.is(value, -Infinity) ? "-inf" : value);
}

Deno.test("AddSign is found in a short run, the same on workers and resumed after every batch", async () => {
  const whole = await searched(options);
  assert(whole.best!.score > 10, `${whole.best!.score}`);
  assert(ancestry(whole.best!.lineage).some(({ mutation }) => mutation === "repair"));
  assert(whole.counts.redrawn > 0 && whole.counts.generated === 120);
  const scorer = localScorer({ workers: 2 });
  assertEquals(told(await searched({ ...options, scorer })), told(whole));
  await scorer.close();
  let text: string | undefined;
  const store: CheckpointStore = {
    load: () => Promise.resolve(text),
    save: (saved) => Promise.resolve(void (text = saved)),
  };
  const resumed = { ...options, checkpoint: { store, every: 1 } };
  for (let batch = 0; batch < 3; batch++) for await (const _ of search(resumed)) break;
  assertEquals(told(await searched(resumed)), told(whole));
  // Repairs of other libraries are another search.
  const other = repair({ tasks: [hidden], size: 3 });
  const mutations = { ...options.mutations, repair: { weight: 1, mutate: other } };
  await assertRejects(
    () => searched({ ...resumed, mutations }),
    GradusError,
    "other tasks or options",
  );
});

/** An individual of which only age and score are known. */
function aged(birth: number, founder: number, score: number, cases: number[] = []): Individual {
  const lineage = { birth, mutation: "none", score, parent: undefined, founder };
  return { genome: [], key: "", score, cases, length: 1, stateBytes: 0, lineage };
}

Deno.test("on the front of age and fitness the fittest lives on, and the young have their time", () => {
  const random = new Random(1, 70, 0);
  const survive = survivalOf({ ...options, downsample: 1 }, ({ score }) => score);
  const population = Array.from({ length: 30 }, (_, i) => aged(i, i, random.normal()));
  for (let birth = 30; birth < 600; birth++) {
    const parent = random.pick(population);
    const isNew = birth % 20 === 0;
    const score = isNew ? -3 : parent.score + random.normal() - 0.3;
    const grown = aged(birth, isNew ? birth : parent.lineage.founder, score);
    const before = [...population, grown];
    survive(population, grown);
    assertEquals(population.length, 30);
    const dead = before.find((each) => !population.includes(each))!;
    const isBettered = before.some((each) =>
      each !== dead && each.score >= dead.score && each.lineage.founder >= dead.lineage.founder
    );
    assert(isBettered, `${dead.lineage.birth}`);
  }
  // Regularized evolution, as ever: the oldest is the first.
  const oldest = survivalOf({ ...options, survival: "oldest" }, ({ score }) => score);
  const [first, second] = population;
  oldest(population, aged(600, 600, -9));
  assert(!population.includes(first) && population[0] === second);
});

Deno.test("a step compares by some of the problems, others by others, and what has none by its score", () => {
  const fitness = fitnessOf({ ...options, lengthCost: 0.5 });
  const one = aged(0, 0, 2.5, [1, 2, 3, 4]);
  const seen = new Set(Array.from({ length: 200 }, (_, step) => fitness(one, step * 20)));
  assertEquals([...seen].sort(), [1, 1.5, 2, 2.5, 3].filter((mean) => seen.has(mean)));
  assert(seen.size >= 4 && fitness(one, 3) === fitness(one, 19));
  assertEquals(fitness(aged(0, 0, 2.5), 0), 2);
});

Deno.test("what was tuned has a score of each problem, so that some of them can be compared by", async () => {
  const { hall, counts } = await searched({
    ...options,
    budget: { generated: 60 },
    tune: { evaluations: 8 },
  });
  assert(counts.trained > counts.generated);
  const grown = hall.filter(({ lineage }) => lineage.birth >= 0);
  assert(grown.length > 5);
  for (const { cases, score } of grown) {
    assertEquals(cases.length, 4);
    assertAlmostEquals(cases.reduce((sum, each) => sum + each, 0) / 4, score, 1e-9);
  }
});

Deno.test("a newcomer is measured by the program that it starts from, another child by its parent", () => {
  const parents = {
    population: [{ ...aged(7, 7, 5), genome: parseGenome(space(), "update = sign(g)") }],
    first: [{ ...aged(-1, -1, 0), genome: parseGenome(space(), ADAMW) }],
  };
  const parentOf = (own: Partial<SearchOptions>, birth: number) => {
    const all = { ...options, ...own };
    return proposer(space(), all, fitnessOf(all))(parents, new Random(1, 71, birth), birth).parent;
  };
  assertEquals(parentOf({}, 40), parents.first[0]);
  assertEquals(parentOf({}, 41), parents.population[0]);
  assertEquals(parentOf({ strategy: "random" }, 41), parents.first[0]);
});

Deno.test("rules that are none are refused", async () => {
  for (
    const [wrong, message] of [
      [{ survival: "newest" }, 'must be "oldest" or "front": given "newest"'],
      [{ downsample: 0 }, "`downsample` must be above 0 and at most 1: given 0"],
      [{ redraws: -1 }, "`redraws` must be a whole number from 0 to 10000: given -1"],
    ] as const
  ) {
    const given = { ...options, ...wrong } as SearchOptions;
    await assertRejects(() => searched(given), GradusError, message);
  }
});
