/** What exported graphs evaluate with, beside the library. */
import * as ort from "onnxruntime-web/wasm";
import {
  adamw,
  averageParams,
  chain,
  clipByGlobalNorm,
  GradusError,
  lookahead,
  masked,
  multiSteps,
  type Optimizer,
  optimizer,
  partition,
  schedule,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
} from "../../mod.ts";
import { fromOnnx, type OnnxOptions, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { type Precision, streamGradients, streamParams } from "../golden/replay.ts";
import { gpuTest } from "./gpu.ts";
import { leavesOf, statesOf } from "./trees.ts";

const free = () => scheduleFreeSgd({ learningRate: 0.25, b1: { b: 0.9, w: 0.5 } });
const told = optimizer({
  name: "told",
  hyper: { rate: 1 },
  state: { n: { over: "tree" }, m: 0 },
  step: "n = n + globalNorm(g); m = m + n*g; u = -rate*g/n",
  evaluate: "w*globalNorm(m)/globalMax(abs(w)) + n*t + count + rate + mean(w)",
});

const counted = optimizer({
  name: "counted",
  hyper: { decay: 0.99 },
  state: { k: { over: "tree" } },
  step: "k = where(globalNorm(g) > 1, k + 1, k + 2); u = -0.1*g",
  evaluate: "w*(1 - decay^k) + where(k > 2, k, decay)",
});

const CASES: ReadonlyMap<string, Optimizer> = new Map<string, Optimizer>([
  ["schedule-free descent", free()],
  [
    "schedule-free AdamW after a clip",
    chain(clipByGlobalNorm({ maxNorm: 1 }), scheduleFreeAdamw()),
  ],
  ["an average", averageParams(adamw({ learningRate: 0.1 }), { decay: 0.75 })],
  ["lookahead", lookahead(sgd({ learningRate: 0.1 }), { syncPeriod: 3, slowStepSize: 0.5 })],
  ["accumulation", multiSteps(free(), { everyKSchedule: 2 })],
  ["a mask", chain(masked(free(), { b: true, w: false }), sgd({ learningRate: -1 }))],
  ["parts", partition({ a: free(), b: sgd({ learningRate: 0.1 }) }, { b: "a", w: "b" })],
  ["parameters as they are", sgd({ learningRate: 0.1 })],
  ["a count that gradients decide", counted()],
  ["reductions, the count and a schedule", told({ rate: schedule("1/(count + 1)") })],
]);

/** One run of a graph on the trees of the library, `count` being the number of steps before. */
async function run(
  bytes: Uint8Array,
  trees: Record<string, unknown>,
  count: number,
): Promise<ort.InferenceSession.OnnxValueMapType> {
  const session = await ort.InferenceSession.create(bytes);
  const feeds: Record<string, ort.Tensor> = {
    count: new ort.Tensor("int64", BigInt64Array.of(BigInt(count)), []),
  };
  for (const [name, tree] of Object.entries(trees)) {
    if (typeof tree === "number") {
      feeds[name] = new ort.Tensor("float64", Float64Array.of(tree), []);
      continue;
    }
    for (const { path, data, shape } of leavesOf(tree)) {
      const type = data instanceof Float64Array ? "float64" : "float32";
      if (data.length > 0) feeds[`${name}/${path}`] = new ort.Tensor(type, data as never, shape);
    }
  }
  const made = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]])),
  );
  await session.release();
  return made;
}

function assertClose(actual: unknown, expected: unknown, tolerance: number): void {
  const others = leavesOf(actual);
  leavesOf(expected).forEach(({ data, shape }, k) => {
    assertEquals(others[k].shape, shape);
    assertEquals(others[k].data.constructor, data.constructor);
    [...data].forEach((value, i) => {
      const apart = Math.abs(Number(others[k].data[i]) - Number(value));
      assert(apart <= tolerance * (1 + Math.abs(Number(value))), `${others[k].data} not ${data}`);
    });
  });
}

for (const [name, opt] of CASES) {
  for (const precision of ["float64", "float32"] as const satisfies readonly Precision[]) {
    Deno.test(`${name}: graphs evaluate ${precision} parameters as the library does`, async () => {
      const params = streamParams(precision);
      const exact = precision === "float64" ? 1e-14 : 2e-6;
      const bytes = toOnnx(opt, params, { evaluate: true });
      const exported = await OrtOptimizer.load(bytes);
      const [state, theirs] = [opt.init(params), streamParams(precision)];
      const theirState = exported.init(theirs);
      for (let t = 0; t < 5; t++) {
        const gradients = streamGradients(precision, t);
        const made = await run(bytes, { w: params, g: gradients, ...statesOf(state) }, t);
        opt.step(params, gradients, state);
        await exported.step(theirs, gradients, theirState);
        const evaluated = opt.evaluationParams(params, state);
        const before = structuredClone({ theirs, states: statesOf(theirState) });
        assertClose(await exported.evaluationParams(theirs, theirState), evaluated, exact);
        assertEquals({ theirs, states: statesOf(theirState) }, before);
        const { b, w } = evaluated;
        const [ofB, ofW] = [made["evaluate/b"], made["evaluate/w"]];
        assertClose(
          { b: ofB.data, w: { data: ofW.data, shape: [...ofW.dims] } },
          { b, w },
          exact,
        );
      }
      await exported.dispose();
    });
  }
}

Deno.test("graphs without float64 evaluate too, and so do those whose functions are written out", async () => {
  const variants: OnnxOptions[] = [{ precision: "float32" }, { inlineFunctions: true, opset: 17 }];
  for (const options of variants) {
    for (const opt of CASES.values()) {
      const [params, theirs] = [streamParams("float32"), streamParams("float32")];
      const exported = await OrtOptimizer.load(toOnnx(opt, params, { evaluate: true, ...options }));
      const [state, theirState] = [opt.init(params), exported.init(theirs)];
      for (let t = 0; t < 4; t++) {
        opt.step(params, streamGradients("float32", t), state);
        await exported.step(theirs, streamGradients("float32", t), theirState);
      }
      const evaluated = opt.evaluationParams(params, state);
      assertClose(await exported.evaluationParams(theirs, theirState), evaluated, 2e-5);
      await exported.dispose();
    }
  }
});

Deno.test("graphs without float64 evaluate with counts and norms that are beyond what float32 adds", async () => {
  const size = 5000;
  const large = optimizer({
    name: "large",
    hyper: { decay: 0.999 },
    state: { k: { over: "tree" } },
    step: "k = where(globalNorm(g) > 1, k + 1, k + 2); u = 0*g",
    evaluate: "w*(1 - decay^(k - 16777216))/globalNorm(w) + globalMean(w)",
  })();
  const params = { a: new Float32Array(size).fill(1e30), b: new Float32Array(3).fill(2e30) };
  const gradients = { a: new Float32Array(size).fill(1), b: new Float32Array(3) };
  const exported = await OrtOptimizer.load(
    toOnnx(large, params, { evaluate: true, precision: "float32" }),
  );
  const [state, theirState] = [large.init(params), exported.init(params)];
  [state.k, theirState.k] = [2 ** 24 + 2, 2 ** 24 + 2];
  large.step(params, gradients, state);
  await exported.step(params, gradients, theirState);
  assertEquals(theirState.k, 2 ** 24 + 3);
  const [ours, theirs] = [
    large.evaluationParams(params, state),
    await exported.evaluationParams(params, theirState),
  ];
  for (const path of ["a", "b"] as const) {
    const [x, y] = [theirs[path][0], ours[path][0]];
    assert(Math.abs(x / y - 1) <= 1e-6, `${path} is ${x}, not ${y}`);
  }
  const broken = { ...theirState, k: 0.5 };
  await assertRejects(
    () => exported.evaluationParams(params, broken),
    GradusError,
    "state `k` must be a whole number: given 0.5",
  );
  await exported.dispose();
});

Deno.test("what a step stores short is evaluated as it is stored", async () => {
  const opt = averageParams(sgd({ learningRate: 0.1 }), { decay: 0.75 });
  const short = { ...opt, storage: new Map([["average", "float16"]]) } as unknown as Optimizer;
  const own = opt.with({ backend: "interpreter" });
  const params = { x: Float32Array.of(1, -2, 0.3) };
  const bytes = toOnnx(Object.assign(Object.create(opt), short), params, { evaluate: true });
  const exported = await OrtOptimizer.load(bytes);
  const theirs = structuredClone(params);
  const state = own.init(params, { storage: { average: "float16" } });
  const theirState = exported.init(theirs);
  for (let t = 0; t < 3; t++) {
    own.step(params, { x: Float32Array.of(1, 2, 3) }, state);
    await exported.step(theirs, { x: Float32Array.of(1, 2, 3) }, theirState);
  }
  assertEquals(
    await exported.evaluationParams(theirs, theirState),
    own.evaluationParams(params, state),
  );
  await exported.dispose();
});

Deno.test("a graph of one vector has one vector to evaluate with", async () => {
  const opt = averageParams(sgd({ learningRate: 0.5 }), { decay: 0.75 });
  const bytes = toOnnx(opt, { a: [2], b: [1] }, { layout: "flat", evaluate: true });
  const session = await ort.InferenceSession.create(bytes);
  const vector = (...values: number[]) => new ort.Tensor("float32", Float32Array.from(values), [3]);
  const made = await session.run({
    count: new ort.Tensor("int64", BigInt64Array.of(0n), []),
    w: vector(1, 2, 3),
    g: vector(2, 2, 2),
    average: vector(1, 2, 3),
  });
  assertEquals(made.evaluate.data, Float32Array.of(0.75, 1.75, 2.75));
  await session.release();
});

Deno.test("an exported program says what it evaluates, and has outputs for it when asked", () => {
  const opt = scheduleFreeSgd();
  assert(fromOnnx(toOnnx(opt, { x: [2] }, { evaluate: true })) === opt.program);
  assertThrows(
    () => toOnnx(opt, { x: [2] }, { evaluate: 1 as never }),
    GradusError,
    "`evaluate` must be true or false: given 1",
  );
  assertThrows(
    () => toOnnx(scheduleFreeSgd({ b1: 0 }), { x: [2] }, { evaluate: true }),
    GradusError,
    "must not be divided by 0: given 0 for `b1`",
  );
});

Deno.test("a graph that has nothing to evaluate with, or only of before the step, is refused", async () => {
  const params = { x: Float32Array.of(1) };
  const plain = await OrtOptimizer.load(toOnnx(scheduleFreeSgd(), params));
  await assertRejects(
    () => plain.evaluationParams(params, plain.init(params)),
    GradusError,
    'Cannot evaluate by "scheduleFreeSgd"',
    "export it with `evaluate: true`",
  );
  const counted = multiSteps(
    scheduleFreeSgd({ b1: schedule("1/(count + 2)") }),
    { everyKSchedule: 2 },
  );
  const late = await OrtOptimizer.load(toOnnx(counted, params, { evaluate: true }));
  await assertRejects(
    () => late.evaluationParams(params, late.init(params)),
    GradusError,
    "must not rest on `gradientStep` as it was before the step",
  );
  await plain.dispose();
  await late.dispose();
});

gpuTest("parameters that live on a device are evaluated where they are by now", async (device) => {
  const opt = free();
  const [params, theirs] = [streamParams("float32"), streamParams("float32")];
  const exported = await OrtOptimizer.load(
    toOnnx(opt, params, { evaluate: true, precision: "float32" }),
    { executionProvider: "webgpu", device },
  );
  const [state, theirState] = [opt.init(params), exported.init(theirs)];
  for (let t = 0; t < 3; t++) {
    opt.step(params, streamGradients("float32", t), state);
    await exported.step(theirs, streamGradients("float32", t), theirState);
  }
  const evaluated = opt.evaluationParams(params, state);
  assertClose(await exported.evaluationParams(theirs, theirState), evaluated, 2e-5);
  // The arrays are not written by that.
  assertEquals(theirs, streamParams("float32"));
  await exported.dispose();
});
