/** Tests that need a GPU, and how near to the interpreter one comes. */
import { assert, assertEquals } from "../assert.ts";
import { leavesOf, numbersOf } from "./trees.ts";

// Mesa's drivers look for it, and complain where there is none.
if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");

const adapter = await globalThis.navigator.gpu?.requestAdapter() ?? null;

/** A test on a device of its own; left out, aloud, where no GPU has a driver, but not on CI. */
export function gpuTest(
  name: string,
  run: (device: GPUDevice) => Promise<void>,
  features: readonly GPUFeatureName[] = ["shader-f16"],
): void {
  Deno.test(name, async () => {
    if (adapter === null) {
      assert(!Deno.env.has("CI"), "a GPU or mesa-vulkan-drivers is required here: there is none");
      return console.log("Not tested: there is no GPU (Debian's mesa-vulkan-drivers stands in)");
    }
    const device = await deviceWith(features);
    const errors: string[] = [];
    device.addEventListener("uncapturederror", (event) => {
      errors.push((event as GPUUncapturedErrorEvent).error.message);
    });
    try {
      await run(device);
    } finally {
      device.destroy();
    }
    assertEquals(errors, []);
  });
}

// Deno panics when it reads the limits of a device whose adapter was collected as garbage.
const adapters = new Map<GPUDevice, GPUAdapter>();

/** A device with those of `features` that there are, and the greatest limits. */
export async function deviceWith(features: readonly GPUFeatureName[]): Promise<GPUDevice> {
  // An adapter gives one device.
  const fresh = await navigator.gpu.requestAdapter();
  const requiredFeatures = features.filter((name) => fresh!.features.has(name));
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } =
    fresh!.limits;
  const device = await fresh!.requestDevice({
    requiredFeatures,
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
  });
  adapters.set(device, fresh!);
  return device;
}

/** How far apart two runs came. */
export interface Apart {
  /** The largest distance of two numbers by the largest number of their array. */
  readonly ofScale: number;
  /** How many have another sign. */
  readonly flips: number;
  /** How many have another bit, and how many there are. */
  readonly others: number;
  readonly all: number;
}

/** How far apart the leaves of two trees are; a NaN is as far from a number as can be. */
export function apart(actual: unknown, expected: unknown): Apart {
  let [ofScale, flips, others, all] = [0, 0, 0, 0];
  const [ours, theirs] = [leavesOf(actual), leavesOf(expected)];
  assertEquals(ours.map(({ path }) => path), theirs.map(({ path }) => path));
  ours.forEach(({ data }, i) => {
    const [values, wanted] = [numbersOf(data), numbersOf(theirs[i].data)];
    const scale = Math.max(...wanted.map(Math.abs));
    wanted.forEach((value, j) => {
      all++;
      if (Object.is(values[j], value)) return;
      others++;
      const distance = Math.abs(values[j] - value);
      ofScale = Math.max(
        ofScale,
        distance === 0 ? 0 : distance <= Infinity ? distance / scale : NaN,
      );
      if (Math.sign(values[j]) !== Math.sign(value)) flips++;
    });
  });
  return { ofScale, flips, others, all };
}
