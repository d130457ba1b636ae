/** Float16 numbers have the library's bits whether the device converts them or whole numbers do. */
import { factory, parseProgram } from "../../mod.ts";
import { featuresOf } from "../../runtime/backends/webgpu/features.ts";
import { checkFloat16 } from "../../runtime/backends/webgpu/float16.ts";
import { WebGpuDevice } from "../../runtime/devices/webgpu/device.ts";
import { openDevice } from "../../runtime/devices/webgpu/open.ts";
import { download, upload } from "../../runtime/devices/webgpu/transfer.ts";
import { ruleOf } from "../../runtime/step/rule.ts";
import { Step } from "../../runtime/step/step.ts";
import { assert, assertEquals } from "../assert.ts";
import { numbers32 } from "../numbers.ts";
import { gpuTest } from "./gpu.ts";

/** Numbers of all sizes that float16 has, of larger and smaller ones, and what is none. */
const given = Float32Array.from([
  ...Array.from({ length: 4000 }, (_, i) => (i % 2 ? -1 : 1) * 2 ** (i % 44 - 27) * (1 + i / 4000)),
  ...[65504, 65519, 65520, 2 ** -25, 2 ** -24, 3 * 2 ** -25, 0, -0, Infinity, -Infinity, NaN],
  // What GPUs may take for 0 is left out.
  ...numbers32(1000, 1).map((x) => Math.abs(x) < 2 ** -126 ? 0 : x),
]);

/** A state of float16 numbers that are read, and written anew. */
const opt = factory(parseProgram({
  name: "halves",
  state: { m: 0, n: 0 },
  step: "n = m\nm = g\nu = 0*g",
}))();
const storage = { m: "float16", n: "float16" } as const;

/** All bits, but for what is no number, of which there are many. */
const numbersOf = (codes: Uint16Array) =>
  codes.map((code) => (code & 0x7fff) > 0x7c00 ? 0x7e00 : code);

/** Two steps on a device; and its kernels that have it convert. */
async function stepped(device: GPUDevice) {
  const create = device.createShaderModule;
  let converting = 0;
  device.createShaderModule = (descriptor) => {
    if (descriptor.code.includes("pack2x16float")) converting++;
    return create.call(device, descriptor);
  };
  const step = new Step(ruleOf(opt), new WebGpuDevice(opt.program, device));
  const [params, gradients] = [new Float32Array(given.length), given]
    .map((array) => upload(device, array) as object);
  const state = step.init(params, "", new Map(Object.entries(storage)));
  for (let t = 0; t < 2; t++) step.step(params, gradients, state, {}, "");
  const { m, n } = await download(device, state) as Record<string, { data: Uint16Array }>;
  step.dispose();
  return { m: numbersOf(m.data), n: numbersOf(n.data), converting };
}

gpuTest("on the GPU, float16 has the library's bits, whoever converts", async () => {
  const state = opt.init(new Float32Array(given.length), { storage });
  for (let t = 0; t < 2; t++) opt.step(new Float32Array(given.length), given, state);
  const { m, n } = state as unknown as Record<string, { data: Uint16Array }>;
  const device = await openDevice("Cannot test");
  const byNumbers = await stepped(device);
  const wanted = { m: numbersOf(m.data), n: numbersOf(n.data) };
  assertEquals(byNumbers, { ...wanted, converting: 0 });
  await checkFloat16(device);
  if (!featuresOf(device).float16) {
    console.log("Not tested: the device converts float16 in another way than the library");
  } else {
    const { converting, ...byDevice } = await stepped(device);
    assertEquals(byDevice, wanted);
    assert(converting > 0);
  }
  device.destroy();
});

const BITS = "bitcast<vec2<u32>>(x.zw)";
const EXPONENTS = "(vec2(b, b >> 16u) & vec2(0x7c00u))";

gpuTest("a device that does not say what adapter it is of is asked for itself", async () => {
  const device = await openDevice("Cannot test");
  Object.defineProperty(device, "adapterInfo", { value: undefined });
  let asked = 0;
  const create = device.createShaderModule;
  device.createShaderModule = (descriptor) => (asked++, create.call(device, descriptor));
  await checkFloat16(device);
  await checkFloat16(device);
  assertEquals(asked, 2);
  device.destroy();
});

gpuTest("a device that converts float16 in another way is found out", async () => {
  for (
    const [own, other] of [
      // It cuts off; it takes subnormal numbers for 0; it refuses the kernel.
      ["pack2x16float(x.zw)", `pack2x16float(bitcast<vec2<f32>>(${BITS} & vec2(0xffffe000u)))`],
      ["unpack2x16float(b)", `select(unpack2x16float(b), vec2(0f), ${EXPONENTS} == vec2(0u))`],
      ["unpack2x16float(bits).x", "unpack2x16float(bits).z"],
    ]
  ) {
    const device = await openDevice("Cannot test");
    const create = device.createShaderModule;
    device.createShaderModule = ({ code }) =>
      create.call(device, { code: code.replace(own, other) });
    Object.defineProperty(device, "adapterInfo", { value: { description: other } });
    await checkFloat16(device);
    assertEquals(featuresOf(device).float16, false);
    device.destroy();
  }
});
