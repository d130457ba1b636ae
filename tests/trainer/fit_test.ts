/** The loop of a training: a run that was stopped anywhere goes on to the same bits, and what is held out is never trained on. */
import { adamw } from "../../mod.ts";
import { OrtTrainer } from "../../export/train/mod.ts";
import { readSafetensors, writeSafetensors } from "../../export/safetensors/mod.ts";
import { GradusError } from "../../dsl/errors.ts";
import {
  Batches,
  type Dataset,
  datasetOf,
  fit,
  type FitEvent,
  type FitOptions,
  type Fitted,
  objectiveOf,
  prepare,
  split,
} from "../../trainer/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../assert.ts";

const model = Deno.readFileSync(new URL("../../docs/classifier.onnx", import.meta.url));
const objective = objectiveOf("crossEntropy:logits");

/** Points whose class is told by where they are. */
function points(count: number): Dataset {
  const x = Float32Array.from({ length: 8 * count }, (_, i) => Math.sin(i * i));
  const y = Int32Array.from(
    { length: count },
    (_, i) => (x[8 * i] > 0 ? 2 : 0) + (x[8 * i + 1] > 0 ? 1 : 0),
  );
  return datasetOf({ x: { data: x, shape: [count, 8] }, y: { data: y, shape: [count] } });
}

async function trained(
  data: Dataset,
  options: Partial<FitOptions>,
  until: (event: FitEvent) => boolean = () => false,
): Promise<{ events: FitEvent[]; end?: Fitted; saved?: Uint8Array; model: Uint8Array }> {
  const { step } = prepare(model, adamw({ learningRate: 0.02 }), { objective });
  const trainer = await OrtTrainer.load(step);
  const events: FitEvent[] = [];
  try {
    const run = fit(trainer, data, { objective, steps: 40, batch: 16, ...options });
    for (let next = await run.next();; next = await run.next()) {
      if (next.done) {
        const saved = await next.value.save();
        return { events, end: next.value, saved, model: await trainer.model() };
      }
      events.push(next.value);
      if (until(next.value)) {
        return { events, saved: await next.value.save(), model: await trainer.model() };
      }
    }
  } finally {
    await trainer.dispose();
  }
}

Deno.test("a training that is stopped at any moment goes on to the same model, scores and best", async () => {
  const data = points(150);
  const options = { patience: 30, keepsBest: true, every: 7 };
  const whole = await trained(data, options);
  const scores = whole.end!.scores;
  assertEquals(scores.map(({ step }) => step), [0, 7, 14, 21, 28, 35, 40]);
  assert(scores.at(-1)!.heldOut!.loss < scores[0].heldOut!.loss / 2, JSON.stringify(scores));
  assert(scores.at(-1)!.heldOut!.accuracy! > 0.7, JSON.stringify(scores));
  for (
    const [type, step] of [["score", 0], ["step", 6], ["step", 7], ["score", 7], [
      "step",
      40,
    ]] as const
  ) {
    const { saved } = await trained(
      data,
      options,
      (event) => event.type === type && event.step === step,
    );
    const rest = await trained(data, { ...options, from: saved });
    assertEquals(rest.model, whole.model);
    assertEquals(rest.end!.scores, scores);
    assertEquals(rest.end!.best, whole.end!.best);
    assertEquals(rest.saved, whole.saved);
  }
});

Deno.test("it ends when the held-out loss is no longer better, and keeps the model that was best", async () => {
  const data = points(40);
  // Labels that say nothing can only be learned by heart.
  const y = Int32Array.from({ length: 40 }, (_, i) => i * i * 7 % 11 % 4);
  const noise = datasetOf({ x: data.arrays.x, y: { data: y, shape: [40] } });
  const { end, model: last } = await trained(noise, {
    steps: 500,
    every: 5,
    patience: 3,
    validate: 0.3,
  });
  assertEquals(end!.reason, "patience");
  const { best, scores } = end!;
  const losses = scores.map(({ heldOut }) => heldOut!.loss);
  assertEquals(best!.loss, Math.min(...losses));
  assertEquals(losses.length - 1 - losses.indexOf(best!.loss), 3);
  assert(best!.model!.length === last.length && best!.model!.some((byte, i) => byte !== last[i]));
});

Deno.test("a checkpoint of another training is refused", async () => {
  const data = points(60);
  const { saved } = await trained(data, {}, ({ step }) => step === 3);
  for (const change of [{ seed: 2 }, { batch: 8 }, { validate: 0.5 }, { identity: "another" }]) {
    await assertRejects(
      () => trained(data, { ...change, from: saved }),
      GradusError,
      "of the same model, data",
    );
  }
  await assertRejects(
    () => trained(points(61), { from: saved }),
    GradusError,
    "of the same model, data",
  );
  await assertRejects(
    () => trained(data, { steps: 0 }),
    GradusError,
    "`steps` must be a whole number from 1",
  );
});

Deno.test("a checkpoint that was changed by hand is refused, and one without the best model begins a new best", async () => {
  const data = points(60);
  const { saved } = await trained(data, { every: 2 }, ({ step }) => step === 5);
  const { tensors, metadata } = readSafetensors(saved!);
  const withLoop = (text: string) =>
    writeSafetensors(tensors, new Map(metadata).set("gradus.loop", text));
  const own = JSON.parse(metadata.get("gradus.loop")!);
  for (
    const changed of [
      ...[{ since: -1 }, { since: 0.5 }, { sum: "1" }, { worse: null }, { scores: {} }, {
        scores: [null],
      }],
      ...[{ scores: [{ step: 1, loss: "" }] }, { scores: [{ step: 1, loss: 1, heldOut: {} }] }, {
        best: 3,
      }],
    ]
  ) {
    const from = withLoop(JSON.stringify({ ...own, ...changed }));
    await assertRejects(
      () => trained(data, { every: 2, from }),
      GradusError,
      "must tell where the loop is",
    );
  }
  for (const text of ["", "null", "[]", "{"]) {
    await assertRejects(
      () => trained(data, { every: 2, from: withLoop(text) }),
      GradusError,
      "must tell where",
    );
  }
  const other = writeSafetensors(tensors);
  await assertRejects(
    () => trained(data, { every: 2, from: other }),
    GradusError,
    "must be one of a training",
  );
  const { end } = await trained(data, { every: 2, from: saved, keepsBest: true });
  assert(end!.best!.model !== undefined && end!.best!.step > 5);
});

Deno.test("batches use all examples equally often, and the held-out ones never", () => {
  const { train, heldOut } = split(103, 0.1, 5);
  assertEquals([train.length, heldOut.length], [93, 10]);
  assertEquals(
    [...train, ...heldOut].sort((a, b) => a - b),
    Array.from({ length: 103 }, (_, i) => i),
  );
  const batches = new Batches(train, 31, 5);
  const drawn = Array.from({ length: 6 }, (_, step) => [...batches.at(step)]);
  const counts = new Map<number, number>();
  for (const row of drawn.flat()) counts.set(row, (counts.get(row) ?? 0) + 1);
  assertEquals([...counts.keys()].sort((a, b) => a - b), [...train]);
  assertEquals([...new Set(counts.values())], [2]);
  // An epoch is not in the order of the one before, and a step draws the same whatever was drawn before it.
  assert(drawn[0].some((row, i) => row !== drawn[3][i]));
  assertEquals([...new Batches(train, 31, 5).at(4)], drawn[4]);
  assert(new Batches(train, 31, 6).at(0).some((row, i) => row !== drawn[0][i]));
  assertEquals(split(100, 0.1, 1, 8).heldOut.length, 8);
  assertThrows(
    () => split(10, 0.5, 1, 16),
    GradusError,
    "16 must be held out",
    "given 10 examples",
  );
  assertThrows(() => split(10, 1, 1), GradusError, "from 0 to below 1");
});
