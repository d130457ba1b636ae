/** The funnel to larger tasks, and what a search is compared with. */
import { assert, assertEquals } from "../assert.ts";
import { lion } from "../../mod.ts";
import {
  analyse,
  Evaluator,
  Funnel,
  handGrids,
  type Individual,
  larger,
  parseGenome,
  quadratic,
  space,
} from "../../search/mod.ts";

const paper = space();
const task = quadratic({ size: 16, block: 4, steps: 60, noise: { scale: 0.1 } });
const descent = (rate: number): Individual => {
  const genome = parseGenome(paper, `update = mul(g, ${rate})`);
  const lineage = { birth: -1, mutation: "init", score: rate, parent: undefined, founder: -1 };
  return { genome, key: String(rate), score: rate, cases: [], length: 1, stateBytes: 0, lineage };
};

Deno.test("a funnel ends with those that larger tasks say are best, whatever the search said", async () => {
  // The larger the rate, the better the search says it is; above 2 descent explodes.
  const rates = [100, 0.5, 0.1, 0.02, 0.001];
  const stages = [10, 100].map((factor) => larger(task, factor));
  const funnel = await Funnel.of([
    { tasks: [stages[0]], keep: 3 },
    { tasks: [stages[1]], keep: 1 },
  ]);
  const passed = funnel.pass(rates.map(descent));
  assertEquals(passed.map(({ individual }) => individual.score), [0.5, 0.1, 0.02, 0.001, 100]);
  assertEquals(passed.map(({ scores }) => scores.length), [2, 2, 2, 1, 1]);
  assertEquals(passed[4].scores, [-Infinity]);
  for (const [i, stage] of stages.entries()) {
    const evaluator = await Evaluator.of(paper, [stage]);
    const { score } = evaluator.evaluate(analyse(paper, descent(0.1).genome));
    assertEquals(passed[1].scores[i], score);
  }
});

Deno.test("a larger task keeps the condition and the step, and draws other numbers", () => {
  const { size, spectrum, steps, seeds } = larger(task, 10);
  assertEquals([size, spectrum.length, steps], [160, 160, 60]);
  assert(Math.abs(spectrum[0] / spectrum[159] - 100) < 1e-9);
  assert(seeds.every((seed) => !task.seeds.includes(seed)));
});

Deno.test("the best of a grid scores what its options score, and no other of the grid more", async () => {
  const results = await handGrids([task], [larger(task, 2)]);
  assertEquals(results.map(({ name }) => name), ["adamw", "lion", "signum"]);
  const { options, score } = results[1];
  const evaluator = await Evaluator.of(paper, [task]);
  const scoreOf = (learningRate: number, weightDecay: number) =>
    evaluator.evaluateOptimizer((schedule) =>
      lion({ learningRate: (count: number) => learningRate * schedule(count), weightDecay })
    ).score;
  assertEquals(scoreOf(options.learningRate, options.weightDecay), score);
  for (const learningRate of [0.001, 0.01, 0.1]) assert(scoreOf(learningRate, 0.01) <= score);
  assert(results.every(({ heldOut }) => Number.isFinite(heldOut)));
});
