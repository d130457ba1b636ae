/** Tasks: what they are, and what they refuse. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { GradusError, signum } from "../../mod.ts";
import {
  ADAMW,
  analyse,
  type ClassifierTask,
  Evaluator,
  logSpectrum,
  parseGenome,
  quadratic,
  Random,
  space,
} from "../../search/mod.ts";
import { cosine, exp, exp2, log } from "../../search/programs/exact_math.ts";
import { classifierProblem } from "../../search/tasks/classifier.ts";
import { scheduleOf } from "../../search/tasks/common.ts";

const paper = space();
const analysed = (text: string) => analyse(paper, parseGenome(paper, text));

Deno.test("exponentials, logarithms and cosines are what they are called", () => {
  for (let i = -200; i <= 200; i++) {
    const x = i * 0.37;
    assertAlmostEquals(exp2(x) / Math.pow(2, x), 1, 1e-14);
    assertAlmostEquals(exp(x / 5) / Math.exp(x / 5), 1, 1e-14);
    assertAlmostEquals(log(exp2(x)), x * Math.LN2, 1e-13);
    assertAlmostEquals(cosine(x), Math.cos(2 * Math.PI * x), 1e-12);
  }
  assertEquals([exp2(2000), exp2(-2000), log(0), log(Infinity)], [
    Infinity,
    0,
    -Infinity,
    Infinity,
  ]);
  assert(Number.isNaN(exp2(NaN)) && Number.isNaN(log(-NaN)));
  assertAlmostEquals(logSpectrum(5, 1000)[2], 1 / Math.sqrt(1000), 1e-12);
});

Deno.test("random numbers have the moments and the tails they should", () => {
  const random = new Random(1, 2, 3);
  const normals = Array.from({ length: 20_000 }, () => random.normal());
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  assertAlmostEquals(mean(normals), 0, 0.03);
  assertAlmostEquals(mean(normals.map((x) => x * x)), 1, 0.03);
  const heavy = Array.from({ length: 20_000 }, () => random.student(2));
  // Beyond 5: one normal number in two million, but 3.8 % of Student's t of 2 degrees.
  assertAlmostEquals(mean(heavy.map((x) => Math.abs(x) > 5 ? 1 : 0)), 0.0377, 0.006);
  assertEquals(new Random(1, 2, 3).bits(), new Random(1, 2, 3).bits());
  assert(new Random(1, 2, 3).bits() !== new Random(1, 2, 4).bits());
});

Deno.test("descent on a quadratic without noise goes where algebra says", async () => {
  const steps = 30;
  const task = quadratic({
    size: 8,
    block: 4,
    spectrum: new Array(8).fill(0.5),
    noise: { degrees: Infinity, scale: 0 },
    steps,
    seeds: [3],
  });
  const evaluator = await Evaluator.of(paper, [task]);
  const { score } = evaluator.evaluate(analysed("x = mul(lr, 0.2)\nupdate = mul(g, x)"));
  // All eigenvalues are 0.5: whatever the axes, a step shrinks all by 1 - 0.2·lr/2.
  const shrunk = scheduleOf(steps).reduce((product, lr) => product * (1 - 0.1 * lr), 1);
  assertAlmostEquals(score, -2 * Math.log(shrunk), 1e-4);
});

Deno.test("a quadratic's random axes keep its spectrum", async () => {
  const trace = (seed: number) => {
    const task = quadratic({
      size: 16,
      block: 8,
      noise: { degrees: 2, scale: 0 },
      seeds: [seed],
      steps: 5,
    });
    return Evaluator.of(paper, [task]).then((evaluator) =>
      evaluator.evaluate(analysed("update = mul(g, 0.5)")).score
    );
  };
  assert(await trace(1) !== await trace(2));
  assertEquals(await trace(1), await trace(1));
});

const classifier: ClassifierTask = {
  kind: "classifier",
  name: "two moons of sorts",
  steps: 150,
  seeds: [1, 2],
  hidden: [6],
  batch: 8,
  data: (() => {
    const random = new Random(5, 5, 5);
    const examples = (count: number) => {
      const labels = Uint8Array.from({ length: count }, () => random.below(3));
      const inputs = Float32Array.from(
        { length: 3 * count },
        (_, i) => random.normal() * 0.3 + (labels[Math.floor(i / 3)] === i % 3 ? 1 : 0),
      );
      return { inputs, labels };
    };
    return { features: 3, classes: 3, train: examples(200), test: examples(60) };
  })(),
};

Deno.test("a classifier's gradient is the slope of its loss, and AdamW learns it", async () => {
  const { data } = classifier;
  // A test set of one batch's examples would be needed for an exact match: so train is test, whole.
  const whole = {
    ...data,
    test: { inputs: data.train.inputs.slice(0, 3), labels: data.train.labels.slice(0, 1) },
  };
  const one = { ...whole, train: whole.test };
  const problem = classifierProblem({ ...classifier, data: one }, 1);
  const size = problem.tensors.reduce((a, b) => a + b, 0);
  const [w, g] = [new Float32Array(size), new Float32Array(size)];
  problem.start(w);
  problem.gradient(w, 0, g);
  for (let i = 0; i < size; i += 5) {
    const at = (shift: number) => {
      const moved = w.slice();
      moved[i] += shift;
      return problem.loss(moved);
    };
    assertAlmostEquals(g[i], (at(0.01) - at(-0.01)) / 0.02, 2e-3);
  }
  const evaluator = await Evaluator.of(paper, [classifier]);
  assertEquals(evaluator.problems.length, 2);
  const fast = ADAMW.replace("0.001", "0.05");
  assert(evaluator.evaluate(analysed(fast)).score > 0.7);
  assertEquals(evaluator.evaluate(analysed(fast)), evaluator.evaluate(analysed(fast)));
});

Deno.test("a rule recovers its own recording exactly, and another does not", async () => {
  const rule = "m = interp(g, m, 0.9)\nx = sign(m)\nupdate = mul(x, lr)";
  const evaluator = await Evaluator.of(paper, [
    { kind: "trace", name: "signum", rule, size: 12, steps: 30, seeds: [1, 2] },
  ]);
  const score = (text: string) => evaluator.evaluate(analysed(text), { below: -Infinity }).score;
  assert(score(rule) > 13);
  assert(score(rule.replace("0.9", "0.8")) < 3);
  assert(Math.abs(score("update = mul(g, 0)")) < 1e-6);
  const scoreOf = (beta: number) =>
    evaluator.evaluateOptimizer((learningRate) => signum({ learningRate, beta })).score;
  assert(scoreOf(0.9) > 13);
  assert(scoreOf(0.8) < 3);
});

Deno.test("tasks that cannot be are refused with a reason", () => {
  assertThrows(() => quadratic({ size: 10 }), GradusError, "given 10 and 8");
  assertThrows(
    () => quadratic({ spectrum: [1, 2], size: 8 }),
    GradusError,
    "8 eigenvalues: given 2",
  );
  assertThrows(() => quadratic({ steps: 0 }), GradusError, "`steps` must be");
  assertThrows(() => quadratic({ seeds: [] }), GradusError, "`seeds` must be");
});

Deno.test("a training ends early at a loss 4 times the first, and at a hurdle that it does not take", async () => {
  const evaluator = await Evaluator.of(paper, [quadratic({ size: 16, block: 4, steps: 80 })]);
  const descent = analysed("update = mul(g, 0.1)");
  const plain = evaluator.evaluate(descent);
  assert(plain.score > 0 && plain.hurdle === undefined);
  const taken = evaluator.evaluate(descent, { below: -1, hurdle: { share: 0.25, above: -9 } });
  assertEquals([taken.score, taken.scores], [plain.score, plain.scores]);
  const above = taken.hurdle! + 1e-6;
  const missed = evaluator.evaluate(descent, { below: -1, hurdle: { share: 0.25, above } });
  assertEquals([missed.score, missed.scores, missed.hurdle], [-Infinity, [], taken.hurdle]);
  const ascent = analysed("update = mul(g, -0.1)");
  const { score } = evaluator.evaluate(ascent, { below: -Infinity });
  assert(score < -Math.log(4) && score > -Infinity);
  assertEquals(evaluator.evaluate(ascent).score, -Infinity);
});
