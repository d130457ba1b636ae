/** Everything that steps: how each runs a case, how near it comes, and what it refuses. */
import {
  applyUpdates,
  type Backend as LibraryBackend,
  type Optimizer,
  release,
  resident,
  type RunOptions,
  type State,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort.ts";
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";
import type { Case, Facts, Tree } from "./case.ts";
import { STEPS } from "./case.ts";
import type { Tolerance } from "./compare.ts";

/** What a run came to: copies of trees by what they are. */
export type Made = Map<string, unknown>;

/** Why something is not run. */
export interface Refusal {
  readonly reason: RegExp;
  of(facts: Facts): boolean;
}

/** Something that steps. A further one is one more entry of {@linkcode backends}. */
export interface Backend {
  readonly name: string;
  /** Whether it is only there with a GPU, real or in software. */
  readonly needsGpu?: boolean;
  /** Runs a case by steps in place. */
  step(of: Case): Promise<Made>;
  /** Runs a case by functional updates, where there are such. */
  update?(of: Case): Promise<Made>;
  tolerance(facts: Facts): Tolerance;
  readonly refuses: readonly Refusal[];
}

/** A copy of a tree of arrays and numbers; what an object inherits, such as scheduled numbers, is its own. */
export function copied(tree: unknown): unknown {
  if (ArrayBuffer.isView(tree)) return (tree as Float32Array).slice();
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(copied);
  const copy: Record<string, unknown> = {};
  for (const key in tree) copy[key] = copied((tree as Record<string, unknown>)[key]);
  return copy;
}

/** How a device does what a step in place takes. */
interface Stepper {
  init(params: object): State;
  step(
    params: object,
    gradients: object,
    state: State,
    inputs: Readonly<Record<string, unknown>>,
  ): void | Promise<void>;
  /** Puts a tree where it is stepped; as it is if left out. */
  place?(tree: object): object;
  /** Brings a tree back. */
  fetch?(tree: object): Promise<object>;
  /** Gives a tree back that is no longer needed. */
  release?(tree: object): void;
}

/** Steps a case in place, and copies what each step leaves. */
async function stepped(of: Case, stepper: Stepper): Promise<Made> {
  const { place = (tree) => tree, fetch = (tree) => Promise.resolve(tree), release } = stepper;
  const made: Made = new Map();
  const params = place(of.params());
  const state = of.init === undefined
    ? stepper.init(params)
    : place(of.opt.init(of.params(), of.init)) as State;
  const { hyper: _, ...start } = await fetch(state) as State;
  made.set("the state at the start", copied(start));
  for (let t = 0; t < (of.steps ?? STEPS); t++) {
    of.write?.(state.hyper, t);
    const gradients = place(of.gradients(t));
    const inputs = Object.fromEntries(
      Object.entries(of.inputs?.(t) ?? {}).map(([name, value]) =>
        [name, typeof value === "object" ? place(value as object) : value] as const
      ),
    );
    await stepper.step(params, gradients, state, inputs);
    made.set(`the parameters after step ${t + 1}`, copied(await fetch(params)));
    made.set(`the state after step ${t + 1}`, copied(await fetch(state)));
    release?.(gradients);
  }
  release?.(params);
  release?.(state);
  return made;
}

/** Updates a case functionally, and keeps what each update gives. */
function updated(of: Case, opt: Optimizer, place: (tree: Tree) => object): Promise<Made> {
  const made: Made = new Map();
  let params = place(of.params());
  let state: State = opt.init(params, of.init);
  for (let t = 0; t < (of.steps ?? STEPS); t++) {
    of.write?.(state.hyper, t);
    const [updates, next] = opt.update(place(of.gradients(t)), state, params, of.inputs?.(t));
    made.set(`update ${t + 1}`, copied(updates));
    made.set(`the state after update ${t + 1}`, copied(next));
    [params, state] = [applyUpdates(params, updates), next];
  }
  return Promise.resolve(made);
}

const asItIs = (tree: object) => tree;

/** The library itself. */
function library(
  name: string,
  options: RunOptions,
  tolerance: Backend["tolerance"],
  place: (tree: object) => object = asItIs,
): Backend {
  return {
    name,
    step: (of) => {
      const opt = of.opt.with(options);
      return stepped(of, {
        init: (params) => opt.init(params),
        step: (params, gradients, state, inputs) => opt.step(params, gradients, state, inputs),
        place: (tree) => "optimizer" in tree ? tree : place(tree),
        ...(place === asItIs ? {} : { release }),
      });
    },
    update: (of) => updated(of, of.opt.with(options), place),
    tolerance,
    refuses: [],
  };
}

const sameBits = (): Tolerance => ({});

/** The definition. */
export const interpreter: Backend & Required<Pick<Backend, "update">> = library(
  "the interpreter",
  { backend: "interpreter" },
  sameBits,
) as Backend & Required<Pick<Backend, "update">>;

// Its routines are within 2 units of the last place, which what follows them may enlarge.
const asRoutines = ({ ulp, of }: Facts): Tolerance =>
  ulp === 0 ? {} : of.isDirect ? { ulp } : { ofScale: 1e-6 };

const kernels = [1, 2, 3, 8].flatMap((threads) =>
  ([["ordinary", asItIs], ["resident", resident]] as const).map(([arrays, place]) =>
    library(
      `WebAssembly with ${threads} thread${threads === 1 ? "" : "s"} on ${arrays} arrays`,
      { backend: "wasm" satisfies LibraryBackend, threads },
      asRoutines,
      place,
    )
  )
);

const adapters = new Map<GPUDevice, GPUAdapter>();

/** A device with all that there is. */
async function openDevice(): Promise<GPUDevice> {
  const adapter = (await navigator.gpu.requestAdapter())!;
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } =
    adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: adapter.features.has("shader-f16") ? ["shader-f16"] : [],
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  adapters.set(device, adapter);
  return device;
}

let opened: Promise<GPUDevice> | undefined;
const deviceOfAll = () => opened ??= openDevice();

const webgpu: Backend = {
  name: "WebGPU",
  needsGpu: true,
  step: async (of) => {
    const gpu = await WebGpuOptimizer.create(of.opt, { device: await deviceOfAll() });
    try {
      return await stepped(of, {
        init: (params) => gpu.init(params),
        step: (params, gradients, state, inputs) => gpu.step(params, gradients, state, inputs),
        place: (tree) => gpu.upload(tree),
        fetch: (tree) => gpu.download(tree),
        release: (tree) => gpu.release(tree),
      });
    } finally {
      gpu.dispose();
    }
  },
  tolerance: ({ of }) => ({ subnormals: true, ...(of.isDirect ? { ofOne: 1e-5 } : { ofScale: 1e-5 }) }),
  refuses: [
    { reason: /must be float32: given float64/, of: ({ dtypes }) => dtypes.has("float64") },
    {
      reason: /must be float32: given (b?float16|float16)/,
      of: ({ dtypes, of }) =>
        dtypes.has("bfloat16") || dtypes.has("float16") || of.init?.storage !== undefined,
    },
    {
      reason: /every state must be stored as float32/,
      of: ({ of }) => [...of.opt.storage.values()].some((type) => type !== "float32"),
    },
    { reason: /random numbers are not drawn there/, of: ({ draws }) => draws },
    { reason: /matrices are not multiplied there/, of: ({ multiplies }) => multiplies },
    {
      reason: /on WebGPU a state begins as a number or as the parameter/,
      of: ({ of }) => of.opt.program.name === "begun" || of.opt.program.name === "products",
    },
  ],
};

function onnx(
  name: string,
  precision: "float64" | "float32",
  executionProvider: "wasm" | "webgpu",
  more: Pick<Backend, "tolerance" | "refuses">,
): Backend {
  const needsGpu = executionProvider === "webgpu";
  return {
    name,
    needsGpu,
    step: async (of) => {
      const inputs = of.written ?? [];
      const bytes = toOnnx(of.opt, of.params(), { precision, inputs });
      const opt = await OrtOptimizer.load(bytes, {
        executionProvider,
        hyper: of.functions ?? {},
        ...(needsGpu ? { device: await deviceOfAll() } : {}),
      });
      try {
        return await stepped(of, {
          init: (params) => opt.init(params),
          step: (params, gradients, state, inputs) => opt.step(params, gradients, state, inputs),
          fetch: (tree) => opt.download(tree),
        });
      } finally {
        await opt.dispose();
      }
    },
    ...more,
  };
}

const draws: Refusal = { reason: /none draws random numbers/, of: (facts) => facts.draws };
const short: Refusal = {
  reason: /the parameter at .* must be float32 or float64: given b?float16/,
  of: ({ dtypes }) => dtypes.has("bfloat16") || dtypes.has("float16"),
};
const brain: Refusal = {
  reason: /stored as bfloat16, which ONNX Runtime takes neither in nor out/,
  of: ({ of }) => [...of.opt.storage.values()].includes("bfloat16"),
};
const otherStorage: Refusal = {
  reason: /must (be|have)/,
  of: ({ of }) => of.init?.storage !== undefined,
};
const wide: Refusal = {
  reason: /takes float32 parameters: given float64/,
  of: ({ dtypes }) => dtypes.has("float64"),
};

const onGraph = (facts: Facts): Tolerance => ({
  zeros: true,
  ...(facts.ulp === 0 ? {} : facts.of.isDirect ? { ulp: 7 } : { ofScale: 2e-6 }),
});

/** Every backend that must come to what the interpreter does. */
export const backends: readonly Backend[] = [
  library("JavaScript", { backend: "js" }, sameBits),
  ...kernels,
  webgpu,
  onnx("ONNX on WebAssembly", "float64", "wasm", {
    tolerance: onGraph,
    refuses: [draws, short, brain, otherStorage],
  }),
  onnx("ONNX in float32 on WebAssembly", "float32", "wasm", {
    tolerance: () => ({ zeros: true, ofScale: 1e-5 }),
    refuses: [draws, short, brain, otherStorage, wide],
  }),
  onnx("ONNX in float32 on WebGPU", "float32", "webgpu", {
    tolerance: () => ({ zeros: true, ofScale: 1e-5, subnormals: true }),
    refuses: [draws, short, brain, otherStorage, wide],
  }),
];
