/**
 * The contestant that is Gradus on WebGPU, of any checkout: `webgpu.ts DIR`; and `webgpu.ts DIR copy`, a copy of all
 * gradients by a kernel on the same device, which steps nothing.
 */
import { pathToFileURL } from "node:url";
import { COPIES, copying, timeEnqueued, watch } from "../gpu/device.ts";
import { blockOf, type Opened, type Opening, repeated, sampled, serve, sizeOf } from "./lines.ts";
import { gradusOf, optimizerOf } from "./rules.ts";

/** Steps that are enqueued before it is asked whether they are done; four times as many may be enqueued. */
const STEPS = 250;

const [directory, what] = Deno.args;
const gradus = await gradusOf(directory);
const { WebGpuOptimizer }: typeof import("@gradus/gradus/webgpu") = await import(
  pathToFileURL(`${directory}/runtime/devices/webgpu/mod.ts`).href
);
const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) throw new Error("there is no GPU");
const { description, device: card } = adapter.info;

await serve(
  `${what === "copy" ? "a copy" : `Gradus of ${directory}`} on WebGPU, ${description || card}`,
  (opening) => opening.form === "steady" ? open(opening) : "it takes but the steady form here",
);

async function open({ rule, folder, shapes, numbers }: Opening): Promise<Opened | string> {
  const { sets: _sets, shift, trainingSteps: _steps, ahead: _ahead, ...own } = numbers;
  const opt = optimizerOf(gradus, rule, own);
  if (opt === undefined) return "it has no such rule here";
  const gpu = await WebGpuOptimizer.create(opt);
  const { device } = gpu;
  const errors: string[] = [];
  watch(device, errors);
  const wait = async () => {
    await device.queue.onSubmittedWorkDone();
    if (errors.length > 0) throw new Error(errors[0]);
  };
  const sizes = shapes.map(sizeOf);
  const uploaded = (name: "w" | "g", from: number) =>
    gpu.upload(
      repeated(blockOf(folder, name), sizes, from).map((data, i) => ({ data, shape: shapes[i] })),
    );
  const gradients = uploaded("g", 0);
  const params = what === "copy" ? gradients : uploaded("w", 0);
  const state = what === "copy" ? undefined : gpu.init(params);
  await wait();
  const [enqueue, group] = what === "copy" ? [copyAll(), COPIES] : [
    (count: number) => {
      for (let k = 0; k < count; k++) gpu.step(params, gradients, state!);
    },
    STEPS,
  ];
  return {
    async check(steps, stride) {
      if (what === "copy") return new Float32Array();
      const turns = [gradients, uploaded("g", shift)];
      for (let k = 0; k < steps; k++) gpu.step(params, turns[k % turns.length], state!);
      await wait();
      const leaves = await gpu.download(params);
      for (const { buffer } of turns[1]) buffer.destroy();
      return sampled(leaves.map(({ data }) => data as Float32Array), stride);
    },
    async time(steps) {
      const spent = await timeEnqueued(device, enqueue, steps, group);
      await wait();
      return spent;
    },
    close: () => gpu.dispose(),
  };

  function copyAll(): (count: number) => void {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const all = gradients.map(({ buffer }, i) => {
      const copied = device.createBuffer({ size: buffer.size, usage });
      return copying(device, buffer, copied, 4 * sizes[i]);
    });
    return (count) => all.forEach((copy) => copy(count));
  }
}
