/** Steps optimizers on the GPU of a page as in its library, and reports by how much they differ. */
import {
  adam,
  applyIfFinite,
  chain,
  clipByGlobalNorm,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import { FUNCTION_NAMES, prelude } from "../../runtime/backends/webgpu/prelude.ts";
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";

/** By optimizer, the greatest difference of a number from what it is in the library. */
export type Differences = Readonly<Record<string, number>>;

const stochastic = { dtype: "bfloat16", rounding: "stochastic" } as const;
const learningRate = warmupCosineDecaySchedule({
  ...{ initValue: 0.01, peakValue: 0.1, warmupSteps: 3, decaySteps: 8 },
});
const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  "stochastic rounding": lion({ learningRate: 2 ** -6, muDtype: stochastic }),
  blocks: adam({ learningRate: 2 ** -6, muDtype: "block8" }),
  "factors of matrices in a tensor": factory(parseProgram({
    name: "factors",
    hyper: { matrices: true },
    step: "u = where(matrices, -qr(g), 0)",
  }))({
    matrices: { kernel: { reductionAxis: -1, outputAxis: 1 }, square: false, bias: false },
  }),
  "a schedule of finite steps, clipped": applyIfFinite(
    chain(clipByGlobalNorm({ maxNorm: 1 }), adam({ learningRate })),
    { maxConsecutiveErrors: 3 },
  ),
};

function tree(seed: number) {
  const numbers = (size: number, k: number) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i * (k + seed) + k) / 8);
  // A column of the matrices depends on no others.
  const kernel = numbers(64, 2).map((x, i) => x + (i % 16 % 5 === 0 ? 1 : 0));
  return {
    bias: numbers(5, 3),
    kernel: { data: kernel, shape: [4, 4, 4] },
    square: { data: numbers(4900, 1), shape: [70, 70] },
  };
}

function numbersIn(node: unknown): number[] {
  if (typeof node === "number") return [node];
  if (typeof node !== "object" || node === null) return [];
  const all = Object.entries(node).filter(([key]) => key !== "hyper");
  return all.flatMap(([, child]) => numbersIn(child));
}

/** Has every function that kernels call compiled, for one number at once and for four. */
function compileAll(device: GPUDevice): void {
  for (const width of [1, 4] as const) {
    const calls = FUNCTION_NAMES.map((name) => `${name}(`).join();
    const code = `${prelude(width, calls)}
@group(0) @binding(0) var<storage, read> values: array<f32>;
@compute @workgroup_size(1)
fn main() {
  _ = values[0];
}`;
    device.createShaderModule({ code });
  }
}

async function differences(): Promise<Differences> {
  const found: Record<string, number> = {};
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const errors: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  compileAll(device);
  for (const [name, opt] of Object.entries(OPTIMIZERS)) {
    const gpu = await WebGpuOptimizer.create(opt, { device });
    const params = tree(1);
    const theirs = gpu.upload(tree(1));
    const [state, theirState] = [opt.init(params), gpu.init(theirs)];
    const gradients = gpu.upload(tree(2));
    for (let t = 0; t < 2; t++) {
      opt.step(params, tree(2), state);
      gpu.step(theirs, gradients, theirState);
    }
    const wanted = numbersIn(params);
    found[name] = numbersIn(await gpu.download(theirs))
      .reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i])), 0);
    gpu.dispose();
  }
  await device.queue.onSubmittedWorkDone();
  if (errors.length > 0) throw new Error(errors.join("\n"));
  return found;
}

const { report } = globalThis as unknown as { readonly report: (text: string) => void };
differences().then(
  (value) => report(JSON.stringify({ value })),
  (error) => report(JSON.stringify({ error: String(error?.stack ?? error) })),
);
