/** Constants that are tuned, in a search and by themselves; and what recordings are compared by. */
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import {
  ADAMW,
  analyse,
  Evaluator,
  localScorer,
  parseGenome,
  printGenome,
  quadratic,
  Random,
  repeat,
  resemblance,
  search,
  searched,
  type SearchOptions,
  type SearchResult,
  space,
  type TraceTask,
  tuneConstants,
} from "../../search/mod.ts";
import { shapeOf } from "../../search/analysis/structure.ts";
import { mistakeIn } from "../../search/programs/genome.ts";

const paper = space();
const recorded = (rule: string, more: Partial<TraceTask> = {}): TraceTask => ({
  kind: "trace",
  name: "recording",
  rule,
  size: 12,
  steps: 30,
  seeds: [1, 2],
  ...more,
});

Deno.test("tuning finds the constants of a smooth rule again, and the same ones each time", async () => {
  const rule = ADAMW.replace("0.01", "0.3");
  const wrong = ADAMW.replace("0.9)", "0.7)").replace("0.999", "0.99").replace("0.001", "0.004");
  const options = { tasks: [recorded(rule)], evaluations: 600, below: -Infinity };
  const tuned = await tuneConstants(wrong, options);
  assert(tuned.before < 1 && tuned.score > 5, `${tuned.before} to ${tuned.score}`);
  assert(tuned.trained <= 600 + 10);
  const { differing, error } = resemblance(
    paper,
    recorded(rule, { seeds: [7] }),
    parseGenome(paper, tuned.text),
  );
  assert(differing === 0 && error < 0.01);
  assertEquals(await tuneConstants(wrong, options), tuned);
});

Deno.test("tuning leaves a program without constants, dead constants and flat directions alone", async () => {
  const tasks = [recorded("update = sign(g)", { scale: "free" })];
  const plain = await tuneConstants("update = sign(g)", { tasks });
  assertEquals([plain.text, plain.trained], ["update = sign(g)", 1]);
  const text = "m = mul(g, 0.5)\nupdate = mul(g, 3)";
  const tuned = await tuneConstants(text, { tasks, below: -Infinity });
  assert(tuned.text.startsWith("m = mul(g, 0.5)\n"));
  // The factor is free, so the only constant that matters changes nothing: one look at either side is enough.
  assert(tuned.trained <= 4, `${tuned.trained} were trained`);
});

Deno.test("a shape is a program but for its constants", () => {
  const shape = (text: string) => shapeOf(paper, parseGenome(paper, text));
  assertEquals(shape(ADAMW), shape(ADAMW.replace("0.9)", "0.5)").replace("0.01", "7")));
  assert(shape(ADAMW) !== shape(ADAMW.replace("sqrt(v)", "log(v)")));
});

const options: SearchOptions = {
  tasks: [quadratic({ size: 16, block: 4, steps: 40, noise: { degrees: 2, scale: 0.3 } })],
  seed: 5,
  budget: { trained: 600 },
  population: 40,
  window: 20,
  tune: { evaluations: 15, margin: 0.5 },
};
const told = (result: SearchResult) =>
  JSON.stringify(result, (_, value) => Object.is(value, -Infinity) ? "-inf" : value);

Deno.test("a search that tunes is the same for any number of workers, and if it is ended and begun anew", async () => {
  const whole = await searched(options);
  const plain = await searched({ ...options, tune: undefined });
  assert(whole.counts.generated < plain.counts.generated, "tuning is counted as trained");
  const scorer = localScorer({ workers: 2 });
  assertEquals(told(await searched({ ...options, scorer })), told(whole));
  await scorer.close();
  let text: string | undefined;
  const store = {
    load: () => Promise.resolve(text),
    save: (given: string) => Promise.resolve(void (text = given)),
  };
  let result: SearchResult | undefined;
  for (let ends = 0; result === undefined; ends++) {
    let left = 2;
    for await (const event of search({ ...options, checkpoint: { store, every: 1 } })) {
      if (event.type === "done") result = event.result;
      else if (--left === 0) break;
    }
    assert(ends < 1000);
  }
  assertEquals(told(result), told(whole));
});

Deno.test("what a search tuned scores what it says", async () => {
  const { hall } = await searched(options);
  const evaluator = await Evaluator.of(paper, options.tasks);
  for (const { genome, score } of hall) {
    assertEquals(evaluator.evaluate(analyse(paper, genome)).score, score);
  }
});

Deno.test("repeat puts a call of the genome between a variable and a reader, and gives programs only", () => {
  const genome = parseGenome(paper, ADAMW);
  const calls = new Set(genome.map(({ call }) => call));
  let nadam = 0;
  for (let i = 0; i < 2000; i++) {
    const child = repeat(paper, genome, new Random(1, 0, i))!;
    assertEquals(mistakeIn(paper, child), undefined);
    assertEquals(child.length, genome.length + 1);
    assert(child.every(({ call }) => calls.has(call)));
    const text = printGenome(paper, child);
    if (text.includes("= interp(g, m, 0.9)\nupdate = div(x1, sqrt_v)")) nadam++;
  }
  assert(nadam > 0);
});

Deno.test("recordings are compared element by element, and with a free scale but for a factor", async () => {
  const rule = "x = sign(g)\nupdate = mul(x, lr)";
  const scoreOf = async (text: string, more: Partial<TraceTask>) => {
    const evaluator = await Evaluator.of(paper, [recorded(rule, more)]);
    return evaluator.evaluate(analyse(paper, parseGenome(paper, text)), { below: -Infinity }).score;
  };
  const twice = "x = sign(g)\nx = mul(x, lr)\nupdate = mul(x, 2)";
  assertAlmostEquals(await scoreOf(twice, {}), 0, 1e-6);
  assert(await scoreOf(twice, { scale: "free" }) > 13);
  assertAlmostEquals(await scoreOf("update = mul(g, 0)", { scale: "free" }), 0, 1e-9);
  const { factor, error, differing } = resemblance(
    paper,
    recorded(rule),
    parseGenome(paper, twice),
  );
  assertAlmostEquals(factor, 0.5, 1e-6);
  assertAlmostEquals(error, 1, 1e-6);
  assertEquals(differing, 1);
  // Three elements fill a recording up to four: what is beyond them is not compared.
  const filled = recorded("update = cos(g)", { size: 3 });
  assertEquals(resemblance(paper, filled, parseGenome(paper, "update = cos(g)")).differing, 0);
});
