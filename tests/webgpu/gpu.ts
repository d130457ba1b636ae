/** A GPU for tests, and optimizers run on it beside the interpreter. */
import type { InitOptions, Optimizer } from "../../mod.ts";
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";
import { assert, assertEquals } from "../assert.ts";

// Mesa looks for it, and says so where it is not set.
if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");

const hasAdapter = await navigator.gpu?.requestAdapter() ? true : false;

/** A test that needs a GPU, real or in software; where there is none it is left out, but not under CI. */
export function gpuTest(name: string, run: () => Promise<void>): void {
  const ignore = !hasAdapter && !Deno.env.get("CI");
  const left = ignore
    ? " (left out: there is no WebGPU adapter; Debian's mesa-vulkan-drivers is one)"
    : "";
  Deno.test({ name: `${name}${left}`, ignore, fn: run });
}

/** Runs something on an optimizer's own device; fails if the device reports an error. */
export async function onGpu<T>(
  opt: Optimizer,
  run: (gpu: WebGpuOptimizer) => Promise<T>,
): Promise<T> {
  const gpu = await WebGpuOptimizer.create(opt);
  const errors: string[] = [];
  gpu.device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  try {
    const result = await run(gpu);
    await gpu.device.queue.onSubmittedWorkDone();
    assertEquals(errors, []);
    return result;
  } finally {
    gpu.dispose();
  }
}

/** What comes of some steps: every number of the parameters and the state, by its place. */
export type Numbers = ReadonlyMap<string, number>;

/** Every number in a tree, by its place. */
export function numbersIn(tree: unknown, path = ""): Map<string, number> {
  const found = new Map<string, number>();
  if (typeof tree === "number") found.set(path, tree);
  else if (typeof tree === "object" && tree !== null) {
    for (const [key, child] of Object.entries(tree)) {
      numbersIn(child, `${path}/${key}`).forEach((value, at) => found.set(at, value));
    }
  }
  return found;
}

/** How two results differ. */
export interface Difference {
  /** The largest |a − b| by the largest number of the same array. */
  readonly ofScale: number;
  /** How many numbers have other bits, and how many there are. */
  readonly others: number;
  readonly all: number;
}

/** Compares the numbers at the leaves of two trees of one structure. */
export function difference(actual: unknown, expected: unknown): Difference {
  const given = numbersIn(actual);
  const wanted = numbersIn(expected);
  assertEquals([...given.keys()].sort(), [...wanted.keys()].sort());
  const arrayOf = (path: string) => path.slice(0, path.lastIndexOf("/"));
  const scales = new Map<string, number>();
  wanted.forEach((value, path) => {
    if (!Number.isFinite(value)) return;
    const array = arrayOf(path);
    scales.set(array, Math.max(scales.get(array) ?? 0, Math.abs(value)));
  });
  let [ofScale, others] = [0, 0];
  wanted.forEach((value, path) => {
    const mine = given.get(path)!;
    if (Object.is(mine, value)) return;
    others++;
    const isFinite = Number.isFinite(mine) && Number.isFinite(value);
    const distance = isFinite ? Math.abs(mine - value) / scales.get(arrayOf(path))! : Infinity;
    ofScale = Math.max(ofScale, mine === value ? 0 : distance);
  });
  return { ofScale, others, all: wanted.size };
}

/** Fails unless two trees agree within `tolerance` of the scale of each array. */
export function assertNear(actual: unknown, expected: unknown, tolerance: number): Difference {
  const found = difference(actual, expected);
  assert(found.ofScale <= tolerance, `off by ${found.ofScale} of scale, not ${tolerance}`);
  return found;
}

/** Steps in the library by the interpreter and on the GPU from the same start, and compares. */
export async function assertSteps<P extends object>(
  opt: Optimizer,
  start: () => P,
  gradientsAt: (t: number) => P,
  {
    steps = 6,
    tolerance = 1e-5,
    inputsAt = (_: number): Record<string, number> => ({}),
    init = {} as InitOptions,
  } = {},
): Promise<Difference> {
  const reference = opt.with({ backend: "interpreter" });
  const params = start();
  const state = reference.init(params, init);
  return await onGpu(opt, async (gpu) => {
    const theirs = gpu.upload(start());
    const theirState = gpu.init(theirs, init);
    let last: Difference = { ofScale: 0, others: 0, all: 0 };
    for (let t = 0; t < steps; t++) {
      reference.step(params, gradientsAt(t), state, inputsAt(t));
      const gradients = gpu.upload(gradientsAt(t));
      gpu.step(theirs, gradients, theirState, inputsAt(t));
      const { hyper: _, ...given } = await gpu.download(theirState);
      const { hyper: __, ...wanted } = state;
      last = assertNear(
        [await gpu.download(theirs), given],
        [params, wanted],
        tolerance,
      );
      gpu.release(gradients);
    }
    return last;
  });
}
