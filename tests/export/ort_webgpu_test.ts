/** Exported optimizers on WebGPU: the interpreter's numbers, on buffers that stay where they are. */
import { adamw, lion, sgd } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { type GpuTensor, OrtOptimizer } from "../../export/ort/mod.ts";
import { split } from "../../export/ort/split.ts";
import { assert, assertEquals } from "../assert.ts";
import { streamParams } from "../golden/replay.ts";
import { catalogue } from "./catalogue.ts";
import { apart, gpuTest } from "./gpu.ts";
import { statesOf } from "./trees.ts";

const NEAR = 1e-5;

gpuTest("no operator of the catalogue is left to the processor", async (device) => {
  const ort = await import("onnxruntime-web/jspi");
  const isTree = (name: string) => /^[^/]+\/[bw]$/.test(name);
  for (const [name, make] of Object.entries(catalogue)) {
    const { bytes } = split(toOnnx(make(), streamParams("float32")), isTree, name);
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: [{ name: "webgpu", device } as { name: "webgpu" }],
      graphOptimizationLevel: "disabled",
      extra: { session: { disable_cpu_ep_fallback: "1" } },
    });
    await session.release();
  }
});

const adam = () => adamw({ learningRate: 0.1 });
const tree = () => ({
  a: Float32Array.of(1, -2, 3),
  b: { data: Float32Array.of(4, 5), shape: [1, 2] },
});
const slope = (t: number) => ({
  a: Float32Array.of(0.5, t, -1),
  b: { data: Float32Array.of(-t, 0.25), shape: [1, 2] },
});

/** Where `steps` of AdamW by the interpreter lead from {@linkcode tree}. */
function defined(steps: number) {
  const opt = adam().with({ backend: "interpreter" });
  const params = tree();
  const state = opt.init(params);
  for (let t = 0; t < steps; t++) opt.step(params, slope(t), state);
  return { params, state };
}

function assertNear(actual: unknown, expected: unknown): void {
  const { ofScale } = apart(actual, expected);
  assert(ofScale <= NEAR, `${ofScale} of scale`);
}

gpuTest(
  "arrays stay as they are until they are downloaded, and count when they are uploaded",
  async (device) => {
    const params = tree();
    const opt = await OrtOptimizer.load(toOnnx(adam(), params), {
      executionProvider: "webgpu",
      device,
    });
    const state = opt.init(params);
    for (let t = 0; t < 3; t++) await opt.step(params, slope(t), state);
    assertEquals(params, tree());
    assertEquals([...(state.m as typeof params).a], [0, 0, 0]);
    assertEquals(state.count, 3);
    const wanted = defined(3);
    assert(await opt.download(params) === params, "the tree itself is given back");
    assertNear(params, wanted.params);
    assert(await opt.download(state) === state);
    assertNear(statesOf(state), statesOf(wanted.state));
    // What is written into an array is not seen until it is uploaded.
    params.a[0] = 100;
    await opt.step(params, slope(3), state);
    await opt.download(params);
    assertNear(params, defined(4).params);
    params.a[0] = 100;
    await opt.upload(params);
    await opt.step(params, slope(4), state);
    await opt.download(params);
    assert(Math.abs(params.a[0] - 100) < 1, `${params.a[0]}`);
    await opt.dispose();
  },
);

gpuTest("a state goes to the library and comes from it", async (device) => {
  const opt = adam();
  const params = tree();
  const bytes = toOnnx(opt, params);
  const first = await OrtOptimizer.load(bytes, { executionProvider: "webgpu", device });
  const state = opt.init(params);
  for (let t = 0; t < 2; t++) await first.step(params, slope(t), state);
  const saved = structuredClone({
    params: await first.download(params),
    state: await first.download(state),
  });
  await first.dispose();
  opt.step(saved.params, slope(2), saved.state);
  // Another device of the optimizer's own, and what the library has made of the state.
  const second = await OrtOptimizer.load(bytes, { executionProvider: "webgpu" });
  assert(second.device !== undefined && second.device !== device);
  await second.step(saved.params, slope(3), saved.state);
  await second.download(saved);
  await second.dispose();
  const wanted = defined(4);
  assertEquals(saved.state.count, 4);
  assertNear(saved.params, wanted.params);
  assertNear(statesOf(saved.state), statesOf(wanted.state));
});

function inBuffer(
  device: GPUDevice,
  numbers: readonly number[],
  shape: readonly number[],
): GpuTensor {
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  // Longer than it need be, which is allowed.
  const buffer = device.createBuffer({ size: 64, usage: STORAGE | COPY_SRC | COPY_DST });
  device.queue.writeBuffer(buffer, 0, Float32Array.from(numbers));
  return { buffer, shape };
}

function onDevice(device: GPUDevice, { a, b }: ReturnType<typeof tree>) {
  return { a: inBuffer(device, [...a], [3]), b: inBuffer(device, [...b.data], b.shape) };
}

async function numbersIn(
  device: GPUDevice,
  { buffer }: GpuTensor,
  count: number,
): Promise<number[]> {
  const staging = device.createBuffer({
    size: 4 * count,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * count);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const numbers = [...new Float32Array(staging.getMappedRange())];
  staging.destroy();
  return numbers;
}

gpuTest(
  "buffers of the caller's hold each step's result, and outlive the optimizer",
  async (device) => {
    const params = onDevice(device, tree());
    const opt = await OrtOptimizer.load(toOnnx(adam(), tree()), {
      executionProvider: "webgpu",
      device,
    });
    assert(opt.device === device);
    const state = opt.init(params);
    for (let t = 0; t < 3; t++) {
      const gradients = t === 1 ? slope(t) : onDevice(device, slope(t));
      await opt.step(params, gradients, state);
      const wanted = defined(t + 1).params;
      const read = {
        a: Float32Array.from(await numbersIn(device, params.a, 3)),
        b: { data: Float32Array.from(await numbersIn(device, params.b, 2)), shape: [1, 2] },
      };
      assertNear(read, wanted);
    }
    const copies = await opt.download(params);
    assertEquals(copies.b.shape, [1, 2]);
    assertNear({ a: copies.a.data, b: copies.b }, defined(3).params);
    await opt.dispose();
    assertNear(Float32Array.from(await numbersIn(device, params.a, 3)), defined(3).params.a);
  },
);

gpuTest("buffers of resident arrays are handed out, and no two steps copy them", async (device) => {
  const params = tree();
  const opt = await OrtOptimizer.load(toOnnx(adam(), params), {
    executionProvider: "webgpu",
    device,
  });
  const state = opt.init(params);
  const seen: GPUBuffer[] = [];
  for (let t = 0; t < 4; t++) {
    await opt.step(params, slope(t), state);
    const { a, b } = opt.buffers(params);
    assertEquals(b.shape, [1, 2]);
    seen.push(a.buffer);
    assertNear(Float32Array.from(await numbersIn(device, a, 3)), defined(t + 1).params.a);
  }
  // Two buffers take turns.
  assert(seen[0] === seen[2] && seen[1] === seen[3] && seen[0] !== seen[1]);
  assertEquals(params, tree());
  await opt.dispose();
});

gpuTest("no number comes back from the device but by a download", async (device) => {
  const map = GPUBuffer.prototype.mapAsync;
  let mapped = 0;
  GPUBuffer.prototype.mapAsync = function (...given) {
    if (given[0] === GPUMapMode.READ) mapped++;
    return map.apply(this, given);
  };
  try {
    for (const opt of [lion({ learningRate: 0.1 }), adam()]) {
      const params = tree();
      const options = { executionProvider: "webgpu", device } as const;
      const exported = await OrtOptimizer.load(toOnnx(opt, params), options);
      const state = exported.init(params);
      mapped = 0;
      for (let t = 0; t < 3; t++) await exported.step(params, slope(t), state);
      assertEquals(mapped, 0);
      await exported.download(params);
      assertEquals(mapped, 2);
      await exported.dispose();
    }
  } finally {
    GPUBuffer.prototype.mapAsync = map;
  }
});

gpuTest(
  "optimizers load, step and go beside each other, and again after all have gone",
  async (device) => {
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all([adam(), sgd({ learningRate: 0.1, momentum: 0.9 })].map(
        async (opt) => {
          const [ours, theirs] = [tree(), tree()];
          const bytes = toOnnx(opt, ours);
          const exported = await OrtOptimizer.load(bytes, { executionProvider: "webgpu", device });
          const [state, theirState] = [opt.init(ours), exported.init(theirs)];
          const steps: Promise<void>[] = [];
          for (let t = 0; t < 5; t++) {
            opt.step(ours, slope(t), state);
            steps.push(exported.step(theirs, slope(t), theirState));
          }
          // Not one of them has been awaited: the download comes after all.
          await exported.download(theirs);
          await Promise.all(steps);
          await exported.dispose();
          return [theirs, ours];
        },
      ));
      for (const [theirs, ours] of results) assertNear(theirs, ours);
    }
  },
  ["shader-f16"],
);

Deno.test("on WebAssembly arrays are at hand as they are, and there are no buffers", async () => {
  const params = tree();
  const opt = await OrtOptimizer.load(toOnnx(adam(), params));
  const state = opt.init(params);
  await opt.step(params, slope(0), state);
  const after = structuredClone(params);
  await opt.upload(params);
  assert(await opt.download(params) === params);
  await opt.release(params);
  assertEquals(params, after);
  assertEquals(opt.device, undefined);
  await opt.dispose();
});
