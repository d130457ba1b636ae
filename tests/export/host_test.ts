/** Numbers that a graph without float64 is given, and schedules that see another count. */
import {
  adamw,
  applyIfFinite,
  chain,
  lion,
  multiSteps,
  type Optimizer,
  reduceOnPlateau,
  schedule,
} from "../../mod.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { metadataOf, signatureOf } from "./models.ts";
import { differences } from "./trees.ts";

const start = () => ({ x: Float32Array.of(1, -2, 3) });
const gradients = (t: number) => ({ x: Float32Array.of(Math.sin(t), 0.5, -Math.cos(t)) });

/** Fails unless steps of the exported optimizer leave the bits that the library leaves. */
async function assertSame(
  opt: Optimizer,
  bytes: Uint8Array,
  write: (t: number, hyper: Record<string, unknown>) => void = () => {},
  hyper: Readonly<Record<string, (count: number) => number>> = {},
) {
  const exported = await OrtOptimizer.load(bytes, { hyper });
  const [ours, theirs] = [start(), start()];
  const [state, theirState] = [opt.init(ours), exported.init(theirs)];
  for (let t = 0; t < 7; t++) {
    for (const each of [state, theirState]) write(t, each.hyper);
    const inputs = opt.program.inputs.has("value") ? { value: 3 - t % 2 } : {};
    opt.step(ours, gradients(t), state, inputs);
    await exported.step(theirs, gradients(t), theirState, inputs);
    assertEquals(differences(theirs, ours), [], `step ${t + 1}`);
    for (const [name, value] of Object.entries(state)) {
      if (typeof value === "number") assertEquals(theirState[name], value, name);
    }
  }
  await exported.dispose();
}

const gpu = { precision: "float32" } as const;

Deno.test("a graph without float64 is given the numbers of a step, and has no count", () => {
  const bytes = toOnnx(adamw({ learningRate: schedule("0.1/t") }), start(), gpu);
  assertEquals(signatureOf(bytes).inputs.filter((each) => each.endsWith(" []")), [
    "step/1/(1 - b1^t) float []",
    "step/1/(1 - b2^t) float []",
    "step/-learningRate float []",
  ]);
  assertEquals(JSON.parse(metadataOf(bytes)[METADATA.host]), {
    "step/1/(1 - b1^t)": { value: "1/(1 - 0.9^(count + 1))" },
    "step/1/(1 - b2^t)": { value: "1/(1 - 0.999^(count + 1))" },
    "step/-learningRate": { value: "-(0.1/(count + 1))" },
  });
  assertEquals(JSON.parse(metadataOf(toOnnx(lion({ learningRate: 1 }), [2]))[METADATA.host]), {});
});

Deno.test("hyperparameters that are inputs enter the numbers that a graph is given", async () => {
  const opt = adamw({ learningRate: { x: 0.1 }, b1: 0.8 });
  const bytes = toOnnx(opt, start(), { ...gpu, inputs: ["learningRate", "b1"] });
  const host = JSON.parse(metadataOf(bytes)[METADATA.host]);
  assertEquals(host["step/-learningRate"], {
    value: "-learningRate",
    hyper: { learningRate: "hyper/learningRate/x" },
  });
  await assertSame(opt, bytes, (t, hyper) => {
    if (t === 2) hyper.b1 = 0.5;
    if (t === 4) hyper.learningRate = { x: 0.02 };
  });
});

Deno.test("conditions and states that no data decide are not in a graph without float64", async () => {
  const opt = multiSteps(adamw({ learningRate: schedule("0.1/t") }), { everyKSchedule: 3 });
  const bytes = toOnnx(opt, start(), gpu);
  const { inputs, outputs } = signatureOf(bytes);
  assert(inputs.includes("step/emits bool []"), `${inputs}`);
  assert(
    ![...inputs, ...outputs].some((each) => /^(next\/)?(gradientStep|miniStep|count) /.test(each)),
  );
  await assertSame(opt, bytes);
});

Deno.test("states that data decide are in a graph without float64, and the loss is not", async () => {
  const finite = toOnnx(
    applyIfFinite(lion({ learningRate: 0.1 }), { maxConsecutiveErrors: 1 }),
    start(),
    gpu,
  );
  assert(signatureOf(finite).outputs.includes("next/notFiniteCount int64 []"));
  const plateau = chain(lion({ learningRate: 0.1 }), reduceOnPlateau({ patience: 2 }));
  await assertSame(plateau, toOnnx(plateau, start(), gpu));
});

Deno.test("a schedule that is a function sees the count that the optimizer's do", async () => {
  const rate = (count: number) => 0.5 / (1 + count);
  const opt = multiSteps(lion({ learningRate: rate }), { everyKSchedule: 2 });
  for (const options of [{}, gpu]) {
    const bytes = toOnnx(opt, start(), options);
    const clocks = JSON.parse(metadataOf(bytes)[METADATA.clocks]);
    assertEquals(clocks, { learningRate: "gradientStep" });
    await assertSame(opt, bytes, undefined, { learningRate: rate });
  }
});
