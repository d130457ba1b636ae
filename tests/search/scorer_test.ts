/** Scorers: what a batch is, and that a scorer gives what the evaluator itself gives. */
import { assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { GradusError, lion, printJson } from "../../mod.ts";
import {
  ADAMW,
  analyse,
  type Batch,
  Evaluator,
  localScorer,
  parseGenome,
  quadratic,
  type Setting,
  space,
} from "../../search/mod.ts";
import { printData, readData } from "../../search/evolve/plain_data.ts";

const setting: Setting = { tasks: [quadratic({ size: 16, block: 4, steps: 30 })] };
const genome = parseGenome(space(), ADAMW);
const stop = { below: -Infinity };

Deno.test("genomes and optimizers are scored as the evaluator scores them, wherever they run", async () => {
  const evaluator = await Evaluator.of(space(), setting.tasks);
  const adamw = evaluator.evaluate(analyse(space(), genome), stop);
  const tuned = evaluator.evaluateOptimizer((schedule) =>
    lion({ learningRate: (count: number) => 0.01 * schedule(count), b1: 0.8 })
  );
  const program = printJson(lion.program);
  const failed = { score: -Infinity, scores: [] };
  const batch: Batch = {
    setting,
    candidates: [
      { program, options: { learningRate: 0.01, b1: 0.8 } },
      { genome, stop },
      { program, options: { learningRat: 0.01 } },
      { program: "{}", options: {} },
    ],
  };
  for (const workers of [0, 2]) {
    const scorer = localScorer({ workers });
    const scored = await Promise.all([scorer.score(batch), scorer.score(batch)]);
    assertEquals(scored[0], [tuned, adamw, failed, failed]);
    assertEquals(scored[1], scored[0]);
    // Settings do not mix, and more of them than a worker holds are still scored.
    for (let steps = 1; steps < 12; steps++) {
      const other = { tasks: [quadratic({ size: 16, block: 4, steps })] };
      const [{ score }] = await scorer.score({ setting: other, candidates: [{ genome, stop }] });
      const alone = await Evaluator.of(space(), other.tasks);
      assertEquals(score, alone.evaluate(analyse(space(), genome), stop).score);
    }
    await scorer.close();
    await assertRejects(() => scorer.score(batch), GradusError, "the scorer is closed");
  }
});

Deno.test("a setting that cannot be used rejects the batch, and the scorer works on", async () => {
  await using scorer = localScorer({ workers: 1 });
  const wrong = { tasks: [{ ...setting.tasks[0], steps: 0.5 }] };
  const candidates = Array.from({ length: 9 }, () => ({ genome, stop }));
  await assertRejects(
    () => scorer.score({ setting: wrong, candidates }),
    GradusError,
    "`steps` must be a whole number",
  );
  assertEquals((await scorer.score({ setting, candidates })).length, 9);
  assertThrows(() => localScorer({ workers: 0.5 }), GradusError, "given 0.5");
});

Deno.test("plain data comes back as it was, and what is none is refused", () => {
  const data = {
    numbers: [1, -0, 0.1, Infinity, -Infinity, NaN, 5e-324],
    arrays: [
      Float32Array.of(1.5, NaN, -0),
      new Uint8Array(20_000).fill(7).subarray(3),
      new Float64Array(),
    ],
    deep: { text: "a\u0000ü$", none: null, yes: true },
  };
  const back = readData(printData(data)) as typeof data;
  assertEquals(back, data);
  assertEquals(
    back.numbers.map((each) => Object.is(each, -0)),
    data.numbers.map((each) => Object.is(each, -0)),
  );
  for (
    const text of [
      "",
      "{",
      '{"$":"Map"}',
      '{"$":"__proto__","base64":""}',
      '{"$":"Float64Array","base64":"AA=="}',
      '{"$":"Uint8Array"}',
    ]
  ) {
    assertThrows(() => readData(text), GradusError, "Cannot read plain data: ");
  }
});
