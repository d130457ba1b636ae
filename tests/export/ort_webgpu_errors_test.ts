/** What exported optimizers refuse on WebGPU: in words, and with nothing changed. */
import { adamw, lion, optimizer, sgd } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { type GpuTensor, OrtOptimizer } from "../../export/ort/mod.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { GradusError } from "../../mod.ts";
import { deviceWith } from "./device.ts";
import { gpuTest } from "./gpu.ts";
import { assertRejected } from "./rejected.ts";

const opt = adamw({ learningRate: 0.1 });
const tree = () => ({
  a: Float32Array.of(1, -2, 3),
  b: { data: Float32Array.of(4, 5), shape: [1, 2] },
});
const bytes = toOnnx(opt, tree());
const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
const USAGE = STORAGE | COPY_SRC | COPY_DST;
const load = (device: GPUDevice) =>
  OrtOptimizer.load(bytes, { executionProvider: "webgpu", device });

/** A step that is right until a test spoils it. */
// deno-lint-ignore no-explicit-any
type Step = { params: any; gradients: any; state: any };

const buffer = (
  device: GPUDevice,
  shape: readonly number[],
  size = 16,
  usage = USAGE,
): GpuTensor => ({
  buffer: device.createBuffer({ size, usage }),
  shape,
});

type Spoil = (step: Step, device: GPUDevice) => void;

const SPOILT: Readonly<Record<string, readonly [Spoil, ...parts: string[]]>> = {
  "a buffer that is too small": [
    (s, d) => s.params.a = buffer(d, [3], 12),
    "the array at `a` must be in a buffer of 16 bytes",
    "given 12",
  ],
  "a buffer that shaders could not bind whole": [
    (s, d) => s.gradients.a = buffer(d, [3], 20),
    "reading gradients: the array at `a`",
    "a multiple of 16: given 20",
  ],
  "a buffer that cannot be written to": [
    (s, d) => s.state.m.b = buffer(d, [1, 2], 16, STORAGE | COPY_SRC),
    "reading state `m`: the array at `b`",
    "given one without COPY_DST",
  ],
  "a buffer for copies alone": [
    (s, d) => s.gradients.a = buffer(d, [3], 16, COPY_SRC | COPY_DST),
    "STORAGE, COPY_SRC and COPY_DST: given one without STORAGE",
  ],
  "a tensor in the middle of a buffer": [
    (s, d) => s.params.a = { ...buffer(d, [3], 512), offset: 256 },
    "begin at the first byte",
    "`offset` 256",
  ],
  "a parameter in a buffer of another shape": [
    (s, d) => s.params.a = buffer(d, [4]),
    "`a` must be float32 of shape [3]",
    "given float32 of [4]",
  ],
  "a gradient in a buffer of another shape": [
    (s, d) => s.gradients.b = buffer(d, [2, 1]),
    "gradients at `b` must have shape [1, 2]",
    "given [2, 1]",
  ],
  "a gradient of another shape": [
    (s) => s.gradients.a = Float32Array.of(1),
    "gradients at `a` must have shape [3]",
    "given [1]",
  ],
  "a gradient of another type": [
    (s) => s.gradients.a = Float64Array.of(1, 2, 3),
    "gradients at `a` must be float32: given float64",
  ],
  "a parameter of another type": [
    (s) => s.params.a = Float64Array.of(1, 2, 3),
    "`a` must be float32 of shape [3]: given float64",
  ],
  "a shape that is none": [
    (s, d) => s.gradients.a = { buffer: buffer(d, []).buffer, shape: "3" },
    "reading gradients: the array at `a` must have a shape",
    'given "3"',
  ],
  "a shape for a parameter": [
    (s) => s.params.a = [3],
    "`a` must be an array",
    "`Float32Array.of(3)` is one",
  ],
  "a buffer that is not in a tensor": [
    (s, d) => s.gradients.a = buffer(d, [3]).buffer,
    "gradients at `a`",
  ],
  "a gradient less": [(s) => delete s.gradients.a, "gradients", "`a` is missing"],
  "one array for all gradients": [
    (s) => s.gradients = Float32Array.of(1, 2, 3),
    "gradients at the root must have the parameters' structure",
  ],
  "one buffer at two places": [
    (s, d) => {
      const { buffer: shared } = buffer(d, []);
      s.params = { a: { buffer: shared, shape: [3] }, b: { buffer: shared, shape: [1, 2] } };
    },
    "one at both `a` and `b`",
  ],
  "one array at two places": [
    (s) => s.state.m.a = s.params.a,
    "given one at both `a` and `a` of state `m`",
  ],
  "a state of another optimizer": [
    (s) => s.state = sgd({ learningRate: 1 }).init(tree()),
    'must be one of "adamw"',
  ],
};

for (const [what, [spoil, ...parts]] of Object.entries(SPOILT)) {
  gpuTest(`a step on WebGPU refuses ${what}`, async (device) => {
    const exported = await load(device);
    const step: Step = { params: tree(), gradients: tree(), state: exported.init(tree()) };
    spoil(step, device);
    const { params, gradients, state } = step;
    await assertRejected(
      () => exported.step(params, gradients, state),
      [params, gradients, state],
      'Cannot step by "adamw"',
      ...parts,
    );
    // The same optimizer goes on with what is right.
    const right = { params: tree(), state: exported.init(tree()) };
    await exported.step(right.params, tree(), right.state);
    assertEquals(right.state.count, 1);
    await exported.dispose();
  });
}

gpuTest("nothing may follow dispose", async (device) => {
  const exported = await load(device);
  const [params, state] = [tree(), exported.init(tree())];
  await exported.step(params, tree(), state);
  const step = exported.step(params, tree(), state);
  await Promise.all([exported.dispose(), exported.dispose(), step]);
  assertEquals(state.count, 2);
  const after = "nothing may follow `dispose`";
  await assertRejected(() => exported.step(params, tree(), state), [state], "Cannot step", after);
  await assertRejected(() => exported.download(params), [], "Cannot download", after);
  await assertRejected(() => exported.upload(params), [], "Cannot upload", after);
  await assertRejected(() => exported.release(params), [], "Cannot release", after);
  assertThrows(() => exported.buffers(params), GradusError, "must be on a device");
});

gpuTest("a device that is lost is said to be lost, at every call", async (device) => {
  const exported = await load(device);
  const [params, state] = [tree(), exported.init(tree())];
  await exported.step(params, tree(), state);
  device.destroy();
  await device.lost;
  const lost = ["the GPUDevice must be at hand: it was lost", "destroyed"];
  const cannot = (run: () => Promise<unknown>, doing: string) =>
    assertRejected(run, [params, state], doing, ...lost);
  await cannot(() => exported.step(params, tree(), state), 'Cannot step by "adamw"');
  await cannot(() => exported.download(params), 'Cannot download from "adamw"');
  await cannot(() => exported.upload(params), 'Cannot upload to "adamw"');
  await cannot(() => load(device), 'Cannot load "adamw"');
  assertEquals(state.count, 1);
  await exported.dispose();
}, ["shader-f16"]);

gpuTest(
  "a buffer that was handed out is no parameter, and one of another device does not run",
  async (device) => {
    const exported = await load(device);
    const [params, state] = [tree(), exported.init(tree())];
    await exported.step(params, tree(), state);
    const out = exported.buffers(params);
    await assertRejected(
      () => exported.step(out, tree(), state),
      [state],
      "`a` must not be in a buffer that `buffers` handed out",
    );
    await exported.release(params);
    assertThrows(() => exported.buffers(params), GradusError, "`a` must be on a device");
    const other = await deviceWith([]);
    const strange = { a: buffer(other, [3]), b: buffer(other, [1, 2]) };
    await assertRejected(
      () => exported.step(strange, tree(), exported.init(strange)),
      [],
      "ONNX Runtime failed",
      "doesn't match",
    );
    await exported.step(params, tree(), state);
    assertEquals(state.count, 2);
    await exported.dispose();
    other.destroy();
  },
);

gpuTest("what WebGPU cannot hold is refused when it is loaded", async (device) => {
  const options = { executionProvider: "webgpu", device } as const;
  const double = toOnnx(lion({ learningRate: 0.1 }), { x: new Float64Array(3) });
  const doing = 'Cannot load "lion"';
  await assertRejected(
    () => OrtOptimizer.load(double, options),
    [],
    doing,
    '`executionProvider` "webgpu" has no float64',
    "`w/x` is float64",
  );
});

gpuTest("float16 needs a device with float16", async (device) => {
  const half = toOnnx(lion({ learningRate: 0.1, muDtype: "float16" }), { x: new Float32Array(3) });
  await assertRejected(
    () => OrtOptimizer.load(half, { executionProvider: "webgpu", device }),
    [],
    "`m/x` is float16",
    'must have the feature "shader-f16"',
  );
}, []);

gpuTest("a state that begins from parameters begins from arrays", async (device) => {
  const begun = optimizer({ name: "begun", state: { z: "w" }, step: "z = z - g; u = z - w" })();
  const start = { x: Float32Array.of(1, 2) };
  const options = { executionProvider: "webgpu", device } as const;
  const exported = await OrtOptimizer.load(toOnnx(begun, start), options);
  const params = { x: buffer(device, [2]) };
  device.queue.writeBuffer(params.x.buffer, 0, start.x);
  assertThrows(() => exported.init(params), GradusError, "state `z` begins from the parameters");
  const state = exported.init(await exported.download(params));
  assertEquals(state.z, { x: { data: Float32Array.of(1, 2), shape: [2] } });
  await exported.dispose();
});

Deno.test("what is no device is refused", async () => {
  const device = {} as GPUDevice;
  await assertRejected(() => load(device), [], 'Cannot load "adamw": `device` must be a GPUDevice');
});

for (
  const [what, gpu, given] of [
    ["WebGPU", undefined, "no `navigator.gpu`"],
    ["a GPU", { requestAdapter: () => Promise.resolve(null) }, "no adapter"],
  ] as const
) {
  Deno.test(`where there is not ${what}, it is said`, async () => {
    Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
    try {
      await assertRejected(
        () => OrtOptimizer.load(bytes, { executionProvider: "webgpu" }),
        [],
        'Cannot load "adamw": `executionProvider` "webgpu" needs a GPU',
        given,
      );
    } finally {
      delete (navigator as { gpu?: unknown }).gpu;
    }
  });
}
