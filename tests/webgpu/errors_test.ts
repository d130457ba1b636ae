import { adamw, factory, GradusError, lion, parseProgram, sgd } from "../../mod.ts";
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { gpuTest, onGpu } from "./gpu.ts";

const opt = sgd({ learningRate: 0.1, momentum: 0.9 });

gpuTest("trees that do not fit are refused by their places", () =>
  onGpu(opt, async (gpu) => {
    await Promise.resolve();
    const params = gpu.upload({ a: new Float32Array(3), b: new Float32Array(4) });
    const state = gpu.init(params);
    const refused = (gradients: object, ...parts: string[]) =>
      assertThrows(() => gpu.step(params, gradients, state), GradusError, ...parts);
    refused(gpu.upload({ a: new Float32Array(3) }), "gradients", "structure", "`b` is missing");
    refused(
      gpu.upload({ a: new Float32Array(3), b: new Float32Array(4), c: new Float32Array(1) }),
      "there is no parameter `c`",
    );
    refused(
      gpu.upload({ a: new Float32Array(3), b: new Float32Array(5) }),
      "gradients at `b` must have shape [4] as the parameter has: given [5]",
    );
    refused(
      { a: new Float32Array(3), b: new Float32Array(4) },
      "reading gradients: `a` must be on the GPU, as `upload` places it: given a Float32Array of 3",
    );
    refused(params, "gradients must lie in other buffers than the parameters and states");
    const { b } = params;
    refused({ ...params, b: { ...b, offset: 2 } }, "multiple of 4 bytes: given 2");
    refused({ ...params, b: { ...b, offset: 4096 } }, "must lie in its buffer");
    refused({ ...params, b: { ...b, dtype: "float16" } }, "must be float32");
    refused({ ...params, b: { ...b, dtype: "float64" } }, "must be one of float32, bfloat16");
    refused({ ...params, b: { ...b, dtype: "block8" } }, "must have `second`, its second array");
    const usage = GPUBufferUsage.STORAGE;
    const buffer = gpu.device.createBuffer({ size: 64, usage });
    refused({ ...params, b: { ...b, buffer, offset: 0 } }, "STORAGE, COPY_SRC and COPY_DST");
  }));

gpuTest("an array at two places of a tree is refused", () =>
  onGpu(opt, async (gpu) => {
    await Promise.resolve();
    const a = gpu.upload(new Float32Array(3));
    const params = { a, b: { ...a, offset: 8, shape: [3] } };
    assertThrows(
      () => gpu.init(params),
      GradusError,
      "given one at both `a` and `b`; pass a tied parameter once",
    );
  }));

gpuTest("what is longer than float32 is not uploaded", () =>
  onGpu(opt, async (gpu) => {
    await Promise.resolve();
    assertThrows(
      () => gpu.upload({ w: new Float64Array(2) }),
      GradusError,
      "Cannot upload: the array at `w` must be float32 or shorter: given float64",
    );
  }));

gpuTest("states of others, and lost ones, are refused", () =>
  onGpu(opt, async (gpu) => {
    await Promise.resolve();
    const params = gpu.upload(new Float32Array(3));
    const gradients = gpu.upload(new Float32Array(3));
    const { m: _, trace: __, ...less } = gpu.init(params);
    assertThrows(() => gpu.step(params, gradients, { ...less } as never), GradusError, "must have");
    const other = { ...gpu.init(params), optimizer: "lion" };
    assertThrows(() => gpu.step(params, gradients, other), GradusError, 'one of "sgd"', '"lion"');
  }));

gpuTest("a loop of more buffers than the device binds is refused", async () => {
  const names = ["a", "b", "c", "d", "e", "f", "h"];
  const many = factory(parseProgram({
    name: "many",
    state: Object.fromEntries(names.map((name) => [name, 0])),
    step: `${names.map((name) => `${name} = 0.5*${name} + g`).join("\n")}\nu = ${
      names.join(" + ")
    }`,
  }))();
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice(); // with the limits that every device has
  const gpu = await WebGpuOptimizer.create(many, { device });
  const params = gpu.upload(new Float32Array(3));
  const gradients = gpu.upload(new Float32Array(3));
  const state = gpu.init(params);
  assertThrows(
    () => gpu.step(params, gradients, state),
    GradusError,
    "must take at most 8 buffers",
    "it takes 11",
  );
  device.destroy();
});

gpuTest(
  "what is stored short is refused where its last word belongs to others",
  () =>
    onGpu(lion({ learningRate: 0.1 }), async (gpu) => {
      await Promise.resolve();
      const bits = { data: new Uint16Array(3), shape: [3], dtype: "bfloat16" } as const;
      const params = { w: gpu.upload(bits) };
      const state = gpu.init(params);
      const [of, other] = [{ w: { ...params.w } }, gpu.upload({ w: new Float32Array(3) })];
      gpu.step(params, other, state);
      assertThrows(
        () => gpu.step(of, other, state),
        GradusError,
        "stored as bfloat16 and written must have a multiple of four numbers",
        "given 3 at `w`",
      );
    }),
);

gpuTest("a kernel that a device refuses is an error of the next step", async () => {
  const gpu = await WebGpuOptimizer.create(lion({ learningRate: 0.1 }));
  const { device } = gpu;
  device.addEventListener("uncapturederror", (event) => event.preventDefault());
  const create = device.createShaderModule;
  device.createShaderModule = ({ code }) =>
    create.call(device, { code: code.replace("fn main", "fn other") });
  const params = gpu.upload(new Float32Array(3));
  const [gradients, state] = [gpu.upload(new Float32Array(3)), gpu.init(params)];
  gpu.step(params, gradients, state);
  await gpu.download(params);
  assertThrows(
    () => gpu.step(params, gradients, state),
    GradusError,
    "the device must take every kernel: it refuses one",
  );
  gpu.dispose();
});

gpuTest("nothing is done once it is disposed of or its device is lost", async () => {
  const gpu = await WebGpuOptimizer.create(adamw({ learningRate: 0.1 }));
  const params = gpu.upload(new Float32Array(3));
  {
    using _ = gpu;
  }
  assertThrows(() => gpu.init(params), GradusError, "it has been disposed of");

  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const other = await WebGpuOptimizer.create(adamw({ learningRate: 0.1 }), { device });
  device.destroy();
  await device.lost;
  assertThrows(() => other.upload(new Float32Array(3)), GradusError, "the device is lost");
});

gpuTest(
  "arrays that were released, or are on another device, are refused",
  () =>
    onGpu(opt, async (gpu) => {
      const [params, gradients] = [
        gpu.upload(new Float32Array(3)),
        gpu.upload(new Float32Array(3)),
      ];
      const state = gpu.init(params);
      gpu.step(params, gradients, state);
      await onGpu(opt, async (other) => {
        await Promise.resolve();
        assertThrows(
          () => gpu.step(params, other.upload(new Float32Array(3)), state),
          GradusError,
          "gradients: the array at the root must be on the optimizer's device: given one on another",
        );
      });
      gpu.release(gradients);
      const released = "the array at the root must not have been released";
      assertThrows(() => gpu.step(params, gradients, state), GradusError, `gradients: ${released}`);
      assertEquals(state.count, 1);
      await assertRejects(() => gpu.download(gradients), GradusError, `download: ${released}`);
      gpu.release(params);
      const others = gpu.upload(new Float32Array(3));
      assertThrows(() => gpu.step(params, others, state), GradusError, released);
      assertThrows(() => gpu.evaluationParams(params, state), GradusError, released);
    }),
);

gpuTest("what is no optimizer, no device or no option is refused", async () => {
  const create = WebGpuOptimizer.create as (...given: unknown[]) => Promise<unknown>;
  const needed = "Cannot run on WebGPU: an optimizer is required: given";
  await assertRejects(() => create(adamw), GradusError, `${needed} a function: call it with`);
  await assertRejects(() => create(null), GradusError, `${needed} null`);
  for (const device of [null, {}]) {
    await assertRejects(() => create(opt, { device }), GradusError, "`device` must be a GPUDevice");
  }
  await assertRejects(() => create(opt, { devcie: 1 }), GradusError, "did you mean `device`?");
});

gpuTest("what is no tree of arrays is not taken for an empty one", () =>
  onGpu(opt, async (gpu) => {
    const cycle: Record<string, unknown> = { w: new Float32Array(1) };
    cycle.again = cycle;
    assertThrows(() => gpu.upload(cycle), GradusError, "Cannot upload: a tree may nest at most");
    await assertRejects(() => gpu.download(cycle), GradusError, "Cannot download: a tree may nest");
    const map = new Map([["w", new Float32Array(1)]]);
    assertThrows(() => gpu.init(gpu.upload(map)), GradusError, "given a Map");
  }));
