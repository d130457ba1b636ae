/** `gradus race`: who wins is told from numbers that the same command gives again. */
import { main } from "../../cli.ts";
import { contestantsOf } from "../../cli/race/contestant.ts";
import { findRate, type RateSearch } from "../../cli/race/rates.ts";
import type { Result } from "../../cli/race/race.ts";
import { standings, verdict } from "../../cli/race/standing.ts";
import { ACCURACY, DESCENT, type RaceTask } from "../../search/trials/task.ts";
import { TASKS } from "../../search/trials/tasks.ts";
import { train } from "../../search/trials/train.ts";
import { adamw } from "../../mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "../assert.ts";

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [out, error]: string[][] = [[], []];
  const print = (line: string) => out.push(line);
  const code = await main(["race", ...args], print, (line) => error.push(line));
  return { code, out: out.join("\n"), error: error.join("\n") };
}

const QUICK = ["--task", "quadratics", "--steps", "40"];

Deno.test("a race prints its table and writes the same page each time", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/mine.yaml`;
    await Deno.writeTextFile(
      file,
      "name: mine\nhyper: {learningRate: required}\nstep: u = -learningRate*sign(g)",
    );
    const pages: string[] = [];
    for (const name of ["one", "two"]) {
      const path = `${folder}/${name}.html`;
      const args = ["lion", file, "--set", "lion.learningRate=1e-8", "-o", path];
      const { code, out, error } = await run(...args, ...QUICK);
      assertEquals([code, error], [0, ""]);
      assertStringIncludes(out, "mine has the best descent, by more than chance over 3 seeds.");
      // With a rate that is as good as 0, nothing comes down.
      assert(/\nlion +1e-8 +-?0\.00 ± 0\.00\n/.test(out), out);
      pages.push(await Deno.readTextFile(path));
    }
    assertEquals(pages[0], pages[1]);
    for (
      const part of ["<title>lion, mine on quadratics</title>", 'class="band"', "predicted ns"]
    ) {
      assertStringIncludes(pages[0], part);
    }
    assert(!/NaN|undefined|Infinity|(src|href)=/.test(pages[0]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what explodes at every rate is last, and its page is whole", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const args = ["adamw", "sgd", "--set", "sgd.learningRate=1e9", "-o", `${folder}/race.html`];
    const { code, out } = await run(...args, "--seeds", "2", "--task", "quadratics");
    assertEquals(code, 0);
    assertStringIncludes(out, "sgd: exploded\n");
    assertStringIncludes(out, "adamw has the best descent, by more than chance over 2 seeds.");
    const page = await Deno.readTextFile(`${folder}/race.html`);
    assert(!/NaN|undefined|Infinity/.test(page));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** What a search of rates tries, where the loss of a rate is known. */
function tries(search: RateSearch, loss: (rate: number) => number): [number[], number] {
  const tried: number[] = [];
  for (let next = search.next();; next = search.next(loss(tried[tried.length - 1]))) {
    if (next.done) return [tried, next.value];
    tried.push(next.value);
  }
}

Deno.test("rates go on until the best is not the last of them, and then between", () => {
  const valley = (at: number) => (rate: number) => Math.abs(Math.log10(rate / at)) + 1;
  assertEquals(tries(findRate(0.01, false), valley(0.01)), [[0.01, 0.001, 0.1, 0.003, 0.03], 0.01]);
  const [tried, best] = tries(findRate(0.01, false), valley(3e-6));
  assertEquals(best, 3e-6);
  assertEquals(Math.min(...tried), 1e-7);
  assertEquals(tries(findRate(1, false), () => Infinity)[1], 1e-8);
  assertEquals(tries(findRate(0.01, true), valley(0.3))[0].length, 13);
});

Deno.test("names, settings and tasks that do not fit are refused before anything is trained", async () => {
  const refused: readonly (readonly [code: number, part: string, ...args: string[]])[] = [
    [1, "it is a transform", "clip", "--set", "maxDelta=1"],
    [1, "it needs `hessian`", "sophia"],
    [1, "did you mean `lion`?", "loin"],
    [1, "there is no option `b7`; did you mean `b1`?", "lion", "--set", "lion.b7=0"],
    [1, "there is no option `__proto__`", "lion", "--set", "lion.__proto__=0"],
    [2, "`loin` does not race; did you mean `lion`?", "lion", "--set", "loin.b1=0"],
    [2, "`lion` is named twice", "lion", "lion"],
    [2, "--task takes digits, spirals, quadratics, charlm", "lion", "--task", "digit"],
    [2, "--rates takes numbers above 0", "lion", "--rates", "0.1,x"],
    [2, "--seeds takes a whole number from 1 on", "lion", "--seeds", "0"],
    [2, "--schedule takes cosine or constant", "lion", "--schedule", "linear"],
    [2, "`race` writes a page", "lion", "-o", "race.png"],
    [2, "`race` needs optimizers"],
  ];
  for (const [code, part, ...args] of refused) {
    const result = await run(...args);
    assertEquals([result.code, result.out], [code, ""], result.error);
    assertStringIncludes(result.error, part);
  }
});

function result(name: string, scores: readonly number[]): Result {
  const runs = scores.map((score) => ({
    marks: [1],
    first: 1,
    losses: [1],
    scores: [score],
    validation: Number.isNaN(score) ? Infinity : 1,
  }));
  return { contestant: { name } as Result["contestant"], rate: 1, tried: [], runs };
}

Deno.test("a difference counts where it is more than chance, seed by seed", () => {
  const told = (...results: Result[]) => verdict(standings(results), ACCURACY);
  // Seeds differ much, and b from a little, but on each alike.
  const a = result("a", [0.5, 0.7, 0.9]);
  assertEquals(
    told(result("b", [0.49, 0.69, 0.889]), a),
    "a has the best held-out accuracy, by more than chance over 3 seeds.",
  );
  assertEquals(
    told(result("c", [0.4, 0.9, 0.7]), a),
    "a has the best held-out accuracy; over 3 seeds it cannot be told apart from c.",
  );
  assertEquals(
    told(result("d", [0.99, NaN, 0.99]), a),
    "a has the best held-out accuracy, by more than chance over 3 seeds.",
  );
  assertEquals(told(result("e", [NaN]), result("f", [NaN])), "Every run exploded.");
  const [{ score }] = standings([a]);
  assertAlmostEquals(score.mean, 0.7, 1e-12);
  assertAlmostEquals(score.half, 4.303 * 0.2 / Math.sqrt(3), 1e-12);
});

Deno.test("gradients of spirals and quadratics are those of their loss", async () => {
  for (const name of ["spirals", "quadratics"]) {
    const task = await TASKS.get(name)!();
    const problem = task.problem(3);
    const size = task.shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
    const [w, g, other] = [0, 0, 0].map(() => new Float32Array(size));
    problem.start(w);
    // The noise of a step does not depend on the place, so it goes out of a difference of gradients.
    const direction = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
    const along = (x: Float32Array) => x.reduce((sum, value, i) => sum + value * direction[i], 0);
    const at = (step: number) => w.map((value, i) => value + step * direction[i]);
    const [h, wide] = [0.01, 0.5];
    const slope = (place: number) => {
      problem.gradient(at(place), 0, other);
      return along(other);
    };
    const rise = (place: number) =>
      (problem.gradient(at(place + h), 0, g) - problem.gradient(at(place - h), 0, g)) / (2 * h);
    assertAlmostEquals(slope(wide) - slope(0), rise(wide) - rise(0), 2e-2);
  }
});

Deno.test("an optimizer that says where to evaluate is scored there, at a constant rate", async () => {
  const [free, plain] = await contestantsOf(["scheduleFreeSgd", "sgd"], [], undefined);
  assertEquals([free.shape, plain.shape], ["constant", "cosine"]);
  const seen: number[] = [];
  const task: RaceTask = {
    name: "line",
    text: "",
    steps: 40,
    shapes: [[1]],
    score: DESCENT,
    problem: () => ({
      start: (w) => w.set([0]),
      gradient: (_, __, g) => (g.set([1]), 1),
      validate: () => 1,
      score: ([w]) => seen.push(w),
    }),
  };
  const opt = free.make(1, 40);
  const training = train(opt, { task, problem: task.problem(1), steps: 40, isScored: true });
  while (!training.next().done);
  // Of a gradient of 1 the average is about half as far as the last.
  const params = [{ data: Float32Array.of(0), shape: [1] }];
  const state = opt.init(params);
  const gradients = [{ data: Float32Array.of(1), shape: [1] }];
  for (let step = 0; step < 40; step++) opt.step(params, gradients, state);
  assertEquals(seen.at(-1), opt.evaluationParams(params, state)[0].data[0]);
  assert(seen.at(-1) !== params[0].data[0]);
});

Deno.test("runs of a seed have the same start and batches, whoever races", async () => {
  const task = await TASKS.get("spirals")!();
  const first = (seed: number, rate: number) => {
    const opt = adamw({ learningRate: rate });
    const options = { task, problem: task.problem(seed), steps: 3, isScored: false };
    const training = train(opt, options);
    for (;;) {
      const next = training.next();
      if (next.done) return next.value.losses[0];
    }
  };
  assertEquals(first(1, 0.1), first(1, 0.001));
  assert(first(1, 0.1) !== first(2, 0.1));
});
