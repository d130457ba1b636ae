import {
  adamw,
  chain,
  clipByGlobalNorm,
  factory,
  lion,
  muon,
  parseProgram,
  sgd,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { streamGradients, streamParams } from "../golden/replay.ts";
import { assertRefused } from "../refused.ts";
import { randomArray } from "../runtime/random.ts";
import { assertNear, gpuTest, onGpu } from "./gpu.ts";

const start = () => streamParams("float32");
const gradientsAt = (t: number) => streamGradients("float32", t);
const learningRate = warmupCosineDecaySchedule({
  initValue: 0.01,
  peakValue: 0.1,
  warmupSteps: 3,
  decaySteps: 8,
});

gpuTest("a sum of many numbers of one sign is good to 1e-6 of itself", async () => {
  const mean = factory(parseProgram({
    name: "means",
    state: { m: { over: "tensor" } },
    step: "m = mean(g)\nu = 0*g",
  }))();
  const size = 3_000_000;
  const numbers = randomArray(size, 5).map(Math.abs);
  const found = await onGpu(mean, async (gpu) => {
    const params = gpu.upload(new Float32Array(size));
    const state = gpu.init(params);
    gpu.step(params, gpu.upload(numbers), state);
    return (await gpu.download(state)).m as Float32Array;
  });
  const exact = numbers.reduce((sum: number, x: number) => sum + x, 0) / size;
  assert(Math.abs(found[0] - exact) < 1e-6 * exact, `${found[0]} is not ${exact}`);
});

gpuTest("a caller's own device and buffers are stepped where they are", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const { WebGpuOptimizer } = await import("../../runtime/devices/webgpu/mod.ts");
  const opt = lion({ learningRate: 0.1, weightDecay: 0.1 });
  const gpu = await WebGpuOptimizer.create(opt, { device });
  const make = (numbers: Float32Array<ArrayBuffer>, offset: number) => {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = device.createBuffer({ size: 64, usage });
    device.queue.writeBuffer(buffer, 0, new Float32Array(16).fill(7));
    device.queue.writeBuffer(buffer, offset, numbers);
    return { buffer, offset, shape: [numbers.length], dtype: "float32" as const };
  };
  const numbers = randomArray(5, 1);
  const gradient = randomArray(5, 2);
  const params = make(numbers, 20);
  const state = gpu.init(params);
  gpu.step(params, make(gradient, 4), state);
  const whole = await gpu.download({ ...params, offset: 0, shape: [16], kind: "array" as const });
  opt.step(numbers, gradient, opt.init(numbers));
  assertNear(whole, Float32Array.from([7, 7, 7, 7, 7, ...numbers, 7, 7, 7, 7, 7, 7]), 1e-6);
  gpu.dispose();
  await device.queue.onSubmittedWorkDone(); // it is the caller's, and lives on
  device.destroy();
});

gpuTest("a run moves from the GPU to the library and back", async () => {
  const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate }));
  const params = start();
  const state = opt.init(params);
  await onGpu(opt, async (gpu) => {
    let theirs: object = gpu.upload(start());
    let theirState = gpu.init(theirs);
    for (let t = 0; t < 4; t++) {
      opt.step(params, gradientsAt(t), state);
      if (t === 2) {
        const here = await gpu.download(theirs);
        const hereState = await gpu.download(theirState);
        opt.step(here, gradientsAt(t), hereState);
        assertNear(here, params, 1e-5);
        [theirs, theirState] = [gpu.upload(here), gpu.upload(hereState)];
      } else gpu.step(theirs, gpu.upload(gradientsAt(t)), theirState);
    }
    assertEquals(theirState.count, 4);
    assertNear(await gpu.download(theirs), params, 1e-5);
  });
});

gpuTest(
  "gradients that are given anew in the same buffers are not prepared anew",
  () =>
    onGpu(lion({ learningRate: 0.1 }), async (gpu) => {
      const params = gpu.upload({ w: new Float32Array(8) });
      const { w } = gpu.upload({ w: randomArray(8, 1) });
      const state = gpu.init(params);
      gpu.step(params, { w }, state);
      const { device } = gpu;
      const create = device.createBuffer;
      let made = 0;
      device.createBuffer = (descriptor) => (made++, create.call(device, descriptor));
      for (let step = 0; step < 3; step++) gpu.step({ ...params }, { w: { ...w } }, state);
      assertEquals(made, 0);
      gpu.step(params, gpu.upload({ w: randomArray(8, 2) }), state);
      assert(made > 1);
      await device.queue.onSubmittedWorkDone();
    }),
);

gpuTest(
  "what is computed on the way takes no more memory for other gradients, and none in the end",
  () =>
    onGpu(muon({ learningRate: 0.1 }), async (gpu) => {
      const { device } = gpu;
      const held = new Map<GPUBuffer, number>();
      const create = device.createBuffer;
      device.createBuffer = (descriptor) => {
        const buffer = create.call(device, descriptor);
        held.set(buffer, descriptor.size);
        buffer.destroy = () => {
          held.delete(buffer);
          GPUBuffer.prototype.destroy.call(buffer);
        };
        return buffer;
      };
      const bytes = () => [...held.values()].reduce((sum, size) => sum + size, 0);
      const matrix = (seed: number) => ({ data: randomArray(4096, seed), shape: [64, 64] });
      const params = gpu.upload(matrix(1));
      const state = gpu.init(params);
      const gradients = Array.from({ length: 20 }, (_, i) => gpu.upload(matrix(i + 2)));
      const given = bytes();
      const own = gradients.map((each) => {
        gpu.step(params, each, state);
        return bytes() - given;
      });
      // The first has temporaries of a matrix each; each of the others only says where its gradients are.
      const matrixBytes = 4 * 4096;
      assert(own[0] > 2 * matrixBytes, `${own[0]}`);
      assert(own[1] - own[0] < matrixBytes, `${own}`);
      assertEquals(own.slice(8), own.slice(8).fill(own[8]));
      await device.queue.onSubmittedWorkDone();
      gpu.dispose();
      assertEquals(bytes(), given);
    }),
);

gpuTest("a tensor may have 32 axes on the GPU too, and no more", async () => {
  const tensor = (rank: number) => ({
    data: Float32Array.of(1, 2, 3, 4, 5, 9),
    shape: [2, ...Array(rank - 2).fill(1), 3],
  });
  const opt = factory(parseProgram({ name: "rows", step: "u = -mean(g, axis=-1)" }))();
  await onGpu(opt, async (gpu) => {
    const params = gpu.upload(tensor(32));
    gpu.step(params, gpu.upload(tensor(32)), gpu.init(params));
    assertEquals([...(await gpu.download(params)).data], [-1, 0, 1, -2, -1, 3]);
    assertRefused(
      () => gpu.init(gpu.upload(tensor(33))),
      "the tensor at the root must have at most 32 axes: given one of 33",
    );
  });
});

gpuTest(
  "of a tree on its way to the GPU and back only arrays are looked at, whatever they are called",
  async () => {
    const tensor = { data: Float32Array.of(1, 2), shape: [2], owner: {} };
    const tree = {
      blank: tensor,
      buffer: { data: Float32Array.of(3) },
      shape: [Float32Array.of(4)],
    };
    tensor.owner = tree;
    await onGpu(sgd({ learningRate: 1 }), async (gpu) => {
      const params = gpu.upload(tree);
      const state = gpu.init(params);
      for (let t = 0; t < 3; t++) gpu.step(params, gpu.upload(tree), state);
      assertEquals(await gpu.download(params) as object, {
        blank: { data: Float32Array.of(-2, -4), shape: [2] },
        buffer: { data: Float32Array.of(-6) },
        shape: [Float32Array.of(-8)],
      });
      // What is there already stays the very same.
      const again = gpu.upload({ there: params, new: tensor });
      assert(again.there.blank as unknown === params.blank);
      assertEquals(await gpu.download({ tensor }), { tensor });
    });
  },
);

gpuTest("a state that is downloaded tells what the last step used", async () => {
  await onGpu(lion({ learningRate: (count) => 2 ** -count }), async (gpu) => {
    const params = gpu.upload({ w: new Float32Array(4) });
    const state = gpu.init(params);
    state.hyper.b1 = 0.5;
    for (let t = 0; t < 2; t++) gpu.step(params, gpu.upload({ w: new Float32Array(4) }), state);
    const saved = await gpu.download(state);
    assertEquals([saved.hyper.learningRate, saved.hyper.b1, saved.hyper.b2], [0.5, 0.5, 0.99]);
    assertEquals(Object.keys(saved.hyper), ["b1"]);
  });
});
