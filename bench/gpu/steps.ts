/** What `gpu.ts` runs in a process of its own: steps optimizers at one size, and copies beside them. */
import type { Optimizer } from "@gradus/gradus";
import { type GpuTensor, WebGpuOptimizer } from "@gradus/gradus/webgpu";
import { ENQUEUED } from "../contestants/webgpu.ts";
import { measure, median } from "../measure.ts";
import { HYPER, numbersAt, tasks } from "../tasks.ts";
import { copies, type Enqueued, tell, watch } from "./device.ts";

/** How fast one is. */
export interface StepFinding {
  readonly name: string;
  /** Bytes that a step moves for each parameter. */
  readonly bytes: number;
  /** Milliseconds of a step, of steps that are waited for ten at a time. */
  readonly median: number;
  readonly quartiles: readonly [number, number];
  /** Milliseconds that the host takes to enqueue one. */
  readonly host: number;
  readonly samples: number;
}

/** What else is found at a size. */
export interface SizeFinding {
  /** Seconds until the clock could start. */
  readonly prepared: number;
  /** How far parameters are from the library's after a step of each, and equal numbers from another. */
  readonly difference: number;
  readonly apart: number;
  /** The share by which the norm of all gradients is off. */
  readonly normError: number;
}

/** Why there is no figure. */
export interface Failure {
  readonly failed: string;
}

// Coprime to everything that kernels count in: equal numbers are never in equal places of a chunk.
const PERIOD = 65_521;

/** AdamW's decay of its first moment, by default. */
const B1 = 0.9;

const [size, seconds] = Deno.args.map(Number);
const chosen = tasks.filter(({ name }) => name !== "factored second moment");
const adamw = chosen.find(({ name }) => name === "AdamW")!.optimizer;

const errors: string[] = [];
try {
  await run();
} catch (error) {
  // What the device has to say comes a moment later.
  await new Promise((resolve) => setTimeout(resolve, 200));
  tell({
    failed: [...new Set([error instanceof Error ? error.message : String(error), ...errors])].slice(
      0,
      3,
    ).join("; "),
  });
}
Deno.exit(0);

async function run(): Promise<void> {
  const start = performance.now();
  const first = await WebGpuOptimizer.create(chosen[0].optimizer);
  const { device } = first;
  watch(device, errors);
  const block = numbersAt(Math.min(PERIOD, size));
  const { params, lanes } = await withinMemory(device, () => prepare(first, block));
  requireNoErrors();

  for (const { gpu, enqueue } of lanes) if (gpu !== undefined) enqueue();
  const found = (await first.download(params)).w;
  requireNoErrors();
  const clipped = lanes.find(({ name }) => isClipped(name))!;
  const { m } = clipped.state as { m: { w: GpuTensor } };
  const [moment] = await first.download({ ...m.w, shape: [1], kind: "array" as const });
  tell({
    ...compared(found, block),
    normError: Math.abs(moment / ((1 - B1) * block.g[0] * clippingOf(block.g)) - 1),
    prepared: (performance.now() - start) / 1e3,
  });

  const hosts: number[][] = lanes.map(() => []);
  const steppers = lanes.map(({ enqueue }, k) => ({
    step() {
      const begun = performance.now();
      for (let i = 0; i < ENQUEUED; i++) enqueue();
      hosts[k].push((performance.now() - begun) / ENQUEUED);
      return device.queue.onSubmittedWorkDone() as Promise<void>;
    },
  }));
  const budget = { seconds, sampleMilliseconds: 50, warmMilliseconds: 100, leastRounds: 3 };
  const timings = await measure(steppers, budget);
  requireNoErrors();
  lanes.forEach(({ name, bytes }, k) => {
    const { median: middle, quartiles, samples } = timings[k];
    tell({
      name,
      bytes: bytes / size,
      median: middle / ENQUEUED,
      quartiles: quartiles.map((each) => each / ENQUEUED),
      host: median(hosts[k]),
      samples,
    });
  });
}

/** Something that is enqueued, and the state that it changes. */
type Lane = Enqueued & { readonly gpu?: WebGpuOptimizer; readonly state?: object };

/** Optimizers that all step the same parameters, and copies of their gradients. */
async function prepare(first: WebGpuOptimizer, { w, g }: ReturnType<typeof numbersAt>) {
  const { device } = first;
  const params = first.upload({ w: repeated(w) });
  const gradients = first.upload({ w: repeated(g) });
  const lanes: Lane[] = [];
  for (const { name, optimizer, bytes } of chosen) {
    const gpu = await WebGpuOptimizer.create(optimizer, { device });
    const state = gpu.init(params);
    const enqueue = () => gpu.step(params, gradients, state);
    lanes.push({ name, bytes: bytes * size, enqueue, gpu, state });
  }
  const { buffer } = gradients.w;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const copied = device.createBuffer({ size: buffer.size, usage });
  lanes.push(...copies(device, buffer, copied, 4 * size));
  return { params, lanes };
}

/** Says that memory was short rather than what came of it. */
async function withinMemory<T>(device: GPUDevice, make: () => Promise<T>): Promise<T> {
  device.pushErrorScope("out-of-memory");
  const [made] = await Promise.allSettled([make()]);
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(`out of memory: ${error.message}`);
  if (made.status === "rejected") throw made.reason;
  return made.value;
}

function requireNoErrors(): void {
  if (errors.length > 0) throw new Error(errors[0]);
}

/** So many numbers that the block comes again and again. */
function repeated(block: Float32Array): Float32Array {
  const numbers = new Float32Array(size);
  for (let at = 0; at < size; at += block.length) {
    numbers.set(block.subarray(0, Math.min(block.length, size - at)), at);
  }
  return numbers;
}

/** Parameters after a step of each beside the library's; equal ones must stay equal wherever they are. */
function compared(
  found: Float32Array,
  { w, g }: ReturnType<typeof numbersAt>,
): Pick<SizeFinding, "difference" | "apart"> {
  const clipped = g.map((x) => x * clippingOf(g));
  for (const { name, optimizer } of chosen) {
    // The library sees but the block, and would clip it by its own norm.
    const [opt, given] = isClipped(name) ? [adamw, clipped] : [optimizer, g];
    const here: Optimizer = opt.with({ backend: "js" });
    here.step(w, given, here.init(w));
  }
  let [difference, apart] = [0, 0];
  for (let i = 0; i < size; i++) {
    if (i < w.length) difference = Math.max(difference, Math.abs(found[i] - w[i]));
    else if (found[i] !== found[i - w.length]) apart++;
  }
  return { difference, apart };
}

/** What clipping multiplies a gradient by, of which this is the block. */
function clippingOf(g: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < g.length; i++) squares += g[i] ** 2 * Math.ceil((size - i) / g.length);
  return Math.min(1, HYPER.maxNorm / Math.sqrt(squares));
}

function isClipped(name: string): boolean {
  return name.startsWith("clip");
}
