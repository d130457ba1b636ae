/** Tests that need a GPU, and how near to the interpreter one comes. */
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { sgd } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { deviceWith } from "./device.ts";
import { leavesOf, numbersOf } from "./trees.ts";

const adapter = await globalThis.navigator.gpu?.requestAdapter() ?? null;

/** A device for tests, and what it has reported. */
interface TestDevice {
  readonly device: GPUDevice;
  readonly errors: string[];
}

/**
 * A test on the device that all of a file share, and with it the shaders that are compiled; or, if it says
 * of which features, on one of its own, beside which there is no other. It is left out, aloud, where no GPU
 * has a driver, but not on CI.
 */
export function gpuTest(
  name: string,
  run: (device: GPUDevice) => Promise<void>,
  own?: readonly GPUFeatureName[],
): void {
  Deno.test(name, async () => {
    if (adapter === null) {
      assert(!Deno.env.has("CI"), "a GPU or mesa-vulkan-drivers is required here: there is none");
      return console.log("Not tested: there is no GPU (Debian's mesa-vulkan-drivers stands in)");
    }
    if (own !== undefined) await closeShared();
    const { device, errors } = await (own === undefined ? shared() : watched(own));
    try {
      await run(device);
      if (own === undefined) await device.queue.onSubmittedWorkDone();
    } finally {
      if (own !== undefined) device.destroy();
    }
    assertEquals(errors.splice(0), []);
  });
}

/** A device that writes down what it reports. */
async function watched(features: readonly GPUFeatureName[]): Promise<TestDevice> {
  const device = await deviceWith(features);
  const errors: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  return { device, errors };
}

let opened: Promise<TestDevice & { readonly keeper: OrtOptimizer }> | undefined;

function shared(): Promise<TestDevice> {
  return opened ??= (async () => {
    const made = await watched(["shader-f16"]);
    // ONNX Runtime forgets the shaders that it has compiled when its last session on a device ends.
    const model = toOnnx(sgd({ learningRate: 1 }), Float32Array.of(0));
    const options = { executionProvider: "webgpu", device: made.device } as const;
    return { ...made, keeper: await OrtOptimizer.load(model, options) };
  })();
}

/** The device that the tests of a file share. */
export async function sharedDevice(): Promise<GPUDevice> {
  return (await shared()).device;
}

async function closeShared(): Promise<void> {
  const { keeper, device } = await opened ?? {};
  await keeper?.dispose();
  device?.destroy();
  opened = undefined;
}

Deno.test.afterAll(closeShared);

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
