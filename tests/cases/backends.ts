/** Everything that steps: how each runs a case, how near it comes, and what it refuses. */
import { release, resident, type RunOptions } from "../../mod.ts";
import { type OnnxOptions, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer, type OrtOptions } from "../../export/ort/mod.ts";
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";
import { sharedDevice } from "../export/gpu.ts";
import { type Case, type Facts, factsOf, type Tree } from "./case.ts";
import type { Tolerance } from "./compare.ts";
import { type Made, stepped, updated } from "./run.ts";

/** Why some cases are not run. */
export interface Refusal {
  /** What the error says. */
  readonly reason: RegExp;
  /** Whether a case is refused for it. */
  of(facts: Facts): boolean;
}

/** Something that steps. A further one is one more entry of {@linkcode backends}. */
export interface Backend {
  readonly name: string;
  /** Whether it is only there with a GPU, real or in software. */
  readonly needsGpu: boolean;
  /** Runs a case by steps in place. */
  step(of: Case): Promise<Made>;
  /** Runs a case by functional updates, where there are such. */
  readonly update?: (of: Case) => Made;
  /** How near it comes to the interpreter. */
  tolerance(facts: Facts): Tolerance;
  readonly refuses: readonly Refusal[];
}

/** The library itself, on arrays as they are or placed elsewhere. */
function library(
  name: string,
  options: RunOptions,
  tolerance: Backend["tolerance"] = () => ({}),
  place: (tree: Tree) => object = (tree) => tree,
) {
  const isResident = place === resident;
  return {
    name,
    needsGpu: false,
    step: (of: Case) => {
      const opt = of.opt.with(options);
      return stepped(of, {
        init: (params) => opt.init(params, of.init),
        step: (params, gradients, state, inputs, options) =>
          opt.step(params, gradients, state, inputs, options),
        place: (tree) => place(tree as Tree),
        ...(isResident ? { release } : {}),
        ...(isResident && factsOf(of).elements > 2 ** 17 ? { pause: untilThreadsAreAwake } : {}),
      });
    },
    update: (of: Case) => updated(of, of.opt.with(options), place),
    tolerance,
    refuses: [],
  } satisfies Backend;
}

// Threads that start at one step take part in the next.
function untilThreadsAreAwake(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 30));
}

/** What every other backend is held against. */
export const interpreter = library("the interpreter", { backend: "interpreter" });

// Routines are within an ulp or two of the op table's numbers, which what follows them may enlarge.
const asRoutines = ({ isDefined, of }: Facts): Tolerance =>
  isDefined ? {} : of.isDirect ? { ulp: 4 } : { ofScale: 1e-6 };

const kernels = [1, 3, 8].flatMap((threads) =>
  ([["ordinary", undefined], ["resident", resident]] as const).map(([arrays, place]) =>
    library(
      `WebAssembly, ${threads} thread${threads === 1 ? "" : "s"}, ${arrays} arrays`,
      { backend: "wasm", threads },
      asRoutines,
      place,
    )
  )
);

const isShort = ({ dtypes }: Facts) => dtypes.has("bfloat16") || dtypes.has("float16");
const isWide = ({ dtypes }: Facts) => dtypes.has("float64");
const beginsShort = ({ of }: Facts) => of.init?.storage !== undefined;

const webgpu: Backend = {
  name: "WebGPU",
  needsGpu: true,
  step: async (of) => {
    const gpu = await WebGpuOptimizer.create(of.opt, { device: await sharedDevice() });
    try {
      return await stepped(of, {
        init: (params) => gpu.init(params, of.init),
        step: (params, gradients, state, inputs, options) =>
          gpu.step(params, gradients, state, inputs, options),
        place: (tree) => gpu.upload(tree),
        fetch: (tree) => gpu.download(tree),
        release: (tree) => gpu.release(tree),
      });
    } finally {
      gpu.dispose();
    }
  },
  // What its module's comment says.
  tolerance: (facts) => {
    const { of: { isDirect, isUneven, cancels }, isExact, rounds } = facts;
    // What differs by a bit before it is stored may be stored as the next number.
    const next = [...facts.storage].map((stored) =>
      stored.startsWith("bfloat16+8") ? 2 ** -15 : isExact ? 0 : NEXT[stored] ?? 0
    );
    const part = Math.max(isExact ? 1e-6 : cancels ? 1e-4 : 1e-5, ...next);
    if (isDirect) return { subnormals: true, ofOne: rounds ? part : 0 };
    return { subnormals: true, ...(isUneven ? { ofOne: part } : { ofScale: part }) };
  },
  refuses: [{ reason: /must be float32 or shorter: given float64/, of: isWide }],
};

/** How far the next number is at most, of a number stored so. */
const NEXT: Readonly<Record<string, number>> = { float16: 2 ** -10, bfloat16: 2 ** -7 };

/** What ONNX Runtime has for float32 elements alone. */
const SINGLE = ["Tan", "Asin", "Acos", "Atan"];

/** A graph on ONNX Runtime; `written` says how a case's is written. */
function onnx(
  name: string,
  { executionProvider }: Required<Pick<OrtOptions, "executionProvider">>,
  written: (facts: Facts) => OnnxOptions,
  tolerance: Backend["tolerance"],
  refuses: readonly Refusal[] = [],
): Backend {
  const needsGpu = executionProvider === "webgpu";
  return {
    name,
    needsGpu,
    step: async (of) => {
      const options = { ...written(factsOf(of)), inputs: of.written ?? [] };
      const opt = await OrtOptimizer.load(toOnnx(of.opt, of.params(), options), {
        executionProvider,
        hyper: of.functions ?? {},
        ...(needsGpu ? { device: await sharedDevice() } : {}),
      });
      try {
        return await stepped(of, {
          init: (params) =>
            of.init === undefined ? opt.init(params) : of.opt.init(of.params(), of.init),
          step: (params, gradients, state, inputs, options) =>
            opt.step(params, gradients, state, inputs, options),
          ...(needsGpu ? { fetch: (tree) => opt.download(tree) } : {}),
        });
      } finally {
        await opt.dispose();
      }
    },
    tolerance,
    refuses: [
      { reason: /none draws random numbers by a counter/, of: ({ draws }) => draws },
      { reason: /ONNX has no operator for `qr`/, of: ({ ops }) => ops.has("QR") },
      {
        reason: /gradients of all parameters must be given/,
        of: ({ of }) => of.skips ?? false,
      },
      { reason: /must be float32 or float64: given b?float16/, of: isShort },
      {
        reason: /stored as .*, which ONNX Runtime takes neither in nor out/,
        of: ({ storage }) => storage.has("bfloat16") || storage.has("bfloat16+8"),
      },
      {
        reason: /rounded stochastically by seed .*, for which ONNX has no operator/,
        of: ({ storage }) => [...storage].some((stored) => stored.includes("stochastic")),
      },
      { reason: /state `.*` must be float32/, of: beginsShort },
      {
        reason: /would be computed in float64, and ONNX Runtime has no float64/,
        of: (facts) => isWide(facts) && SINGLE.some((op) => facts.ops.has(op)),
      },
      // `toOnnx` takes an empty list for the shape of a scalar.
      {
        reason: /is missing|must be a value: given an array of 0/,
        of: ({ hasEmptyList }) => hasEmptyList,
      },
      ...refuses,
    ],
  };
}

const noDoubles: Refusal = { reason: /takes float32 parameters: given float64/, of: isWide };

/** What loses the sign of a zero on ONNX Runtime. */
const LOOSE = ["Where", "Min", "Max", "Clip"];
const zeros = ({ ops }: Facts) => LOOSE.some((op) => ops.has(op));

/** Near in float32. */
function inSingles({ of }: Facts): Tolerance {
  return of.isDirect || of.isUneven ? { ofOne: 1e-5 } : { ofScale: of.cancels ? 1e-4 : 1e-5 };
}

/** Every backend that must come to what the interpreter does. */
export const backends: readonly Backend[] = [
  // Both use the engine's Math.
  library("JavaScript", { backend: "js" }),
  ...kernels,
  webgpu,
  onnx(
    "ONNX on WebAssembly",
    { executionProvider: "wasm" },
    () => ({}),
    // Sums are of float64, in another order.
    (facts) => ({
      zeros: zeros(facts),
      double: facts.reduces ? 1e-12 : 1e-15,
      ...(facts.isDefined ? {} : facts.of.isDirect
        // Its tanh is a quotient of polynomials.
        ? { ulp: facts.ops.has("Tanh") ? 7 : 4 }
        : { ofScale: 2e-6 }),
    }),
  ),
  onnx(
    "ONNX without float64 or functions on WebAssembly",
    { executionProvider: "wasm" },
    () => ({ precision: "float32", inlineFunctions: true }),
    (facts) => ({ zeros: zeros(facts), ...inSingles(facts) }),
    [noDoubles],
  ),
  onnx(
    "ONNX on WebGPU",
    { executionProvider: "webgpu" },
    // What rests on data is formed in float64 unless the graph is without.
    ({ reduces, multiplies }) => ({ precision: reduces || multiplies ? "float32" : "float64" }),
    (facts) => ({ zeros: true, subnormals: true, ...inSingles(facts) }),
    [
      noDoubles,
      { reason: /has no float64: given a graph whose/, of: isWide },
      {
        reason: /is stored as block8, of which WebGPU has no buffers/,
        of: ({ storage, elements }) => storage.has("block8") && elements > 4096,
      },
    ],
  ),
];
