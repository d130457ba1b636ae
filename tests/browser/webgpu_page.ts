/** Steps optimizers on the GPU of a page as in its library, and reports by how much they differ. */
import {
  adafactor,
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
import { featuresOf } from "../../runtime/backends/webgpu/features.ts";
import { codeOf, kernel } from "../../runtime/backends/webgpu/kernel.ts";
import { functionsFor } from "../../runtime/backends/webgpu/prelude.ts";
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";

/** What a device without subgroups gives, and, where the adapter has them, one with them. */
export interface Report {
  readonly without: Differences;
  readonly with?: Differences;
}

/** By optimizer, the greatest difference of a number from the library's, by it or by 1; and the kernels that shuffle. */
export interface Differences {
  readonly of: Readonly<Record<string, number>>;
  readonly shuffling: number;
}

const stochastic = { dtype: "bfloat16", rounding: "stochastic" } as const;
const learningRate = warmupCosineDecaySchedule({
  ...{ initValue: 0.01, peakValue: 0.1, warmupSteps: 3, decaySteps: 8 },
});
const JOINED = {
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
const STORED = {
  "stochastic rounding": lion({ learningRate: 2 ** -6, muDtype: stochastic }),
  blocks: adam({ learningRate: 2 ** -6, muDtype: "block8" }),
};
const REDUCED = {
  "the least and the greatest": factory(parseProgram({
    name: "ends",
    state: { low: { over: "tensor" }, high: { over: -1 } },
    step: "low = min(g)\nhigh = max(g, axis=-1)\nu = low*high",
  }))(),
  "means of rows and columns": adafactor({ learningRate: 0.1 }),
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
  const keys = Object.keys(node).filter((key) => key !== "hyper").sort();
  return keys.flatMap((key) => numbersIn((node as Record<string, unknown>)[key]));
}

/** Has every function that kernels call compiled, for one number at once and for four. */
function compileAll(device: GPUDevice): void {
  for (const width of [1, 4] as const) {
    const calls = Object.keys(functionsFor(width, featuresOf(device))).map((name) => `${name}(`);
    const body = `  _ = values[0];\n  if (lane > ${2 ** 31}u) {\n    return;\n  }`;
    const shape = { writesNumbers: false, arrays: [], partials: "none" } as const;
    // What is named in a comment is in the kernel too.
    const code = codeOf(kernel(width, 1, shape, `// ${calls.join()}\n${body}`), featuresOf(device));
    device.createShaderModule({ code });
  }
}

async function differences(
  adapter: GPUAdapter,
  requiredFeatures: GPUFeatureName[],
  optimizers: Readonly<Record<string, Optimizer>>,
): Promise<Differences> {
  const of: Record<string, number> = {};
  const device = await adapter.requestDevice({ requiredFeatures });
  const create = device.createShaderModule;
  let shuffling = 0;
  device.createShaderModule = (descriptor) => {
    if (descriptor.code.includes("subgroupShuffleXor")) shuffling++;
    return create.call(device, descriptor);
  };
  const errors: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  compileAll(device);
  for (const [name, opt] of Object.entries(optimizers)) {
    const gpu = await WebGpuOptimizer.create(opt, { device });
    const params = tree(1);
    const theirs = gpu.upload(tree(1));
    const [state, theirState] = [opt.init(params), gpu.init(theirs)];
    const gradients = gpu.upload(tree(2));
    for (let t = 0; t < 2; t++) {
      opt.step(params, tree(2), state);
      gpu.step(theirs, gradients, theirState);
    }
    const wanted = numbersIn([params, state]);
    of[name] = numbersIn([await gpu.download(theirs), await gpu.download(theirState)])
      .reduce(
        (most, x, i) => Math.max(most, Math.abs(x - wanted[i]) / Math.max(1, Math.abs(x))),
        0,
      );
    gpu.dispose();
  }
  await device.queue.onSubmittedWorkDone();
  if (errors.length > 0) throw new Error(errors.join("\n"));
  device.destroy();
  return { of, shuffling };
}

async function all(): Promise<Report> {
  // An adapter gives one device.
  const adapter = async () => (await navigator.gpu.requestAdapter())!;
  const without = await differences(await adapter(), [], { ...STORED, ...JOINED });
  if (!(await adapter()).features.has("subgroups")) return { without };
  return {
    without,
    with: await differences(await adapter(), ["subgroups"], { ...JOINED, ...REDUCED }),
  };
}

const { report } = globalThis as unknown as { readonly report: (text: string) => void };
all().then(
  (value) => report(JSON.stringify({ value })),
  (error) => report(JSON.stringify({ error: String(error?.stack ?? error) })),
);
