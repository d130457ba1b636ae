/** Every optimizer of the zoo steps on the GPU as in the library. */
import { WebGpuOptimizer } from "../../runtime/devices/webgpu/mod.ts";
import { openDevice } from "../../runtime/devices/webgpu/open.ts";
import { assertEquals } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";
import { inputs, MAKERS } from "../zoo/every.ts";
import { difference, gpuTest } from "./gpu.ts";

/**
 * A matrix with singular values far apart, and far from 0: rounding the gradients would turn the bases of `soap` by
 * a part in a thousand where they are not.
 */
const tree = (seed: number) => ({
  matrix: {
    data: randomArray(36, seed).map((x, i) => x / 8 + (i % 7 === 0 ? 1 + i / 7 : 0)),
    shape: [6, 6],
  },
  vector: randomArray(5, seed + 1),
});
const STEPS = 2;
/** Of the scale of each array; what is measured is a tenth of it. */
const TOLERANCE = 1e-5;

gpuTest("on the GPU, every optimizer of the zoo steps as in the library", async () => {
  const device = await openDevice("Cannot test");
  const errors: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    errors.push((event as GPUUncapturedErrorEvent).error.message);
  });
  const wrong: string[] = [];
  // Made with other options too they take as long again.
  for (const { name, make } of MAKERS.filter(({ name }) => !name.includes(" with other "))) {
    const opt = make();
    const gpu = await WebGpuOptimizer.create(opt, { device });
    const [params, gradients] = [tree(1), tree(3)];
    const [theirs, given] = [gpu.upload(params), gpu.upload(gradients)];
    const trees = Object.fromEntries(
      Object.entries(inputs(opt, 0)).map(([each, value]) => [
        each,
        typeof value === "number" ? value : tree(5),
      ]),
    );
    const state = opt.init(params);
    const theirState = gpu.init(theirs);
    const uploaded = gpu.upload(trees);
    for (let t = 0; t < STEPS; t++) {
      opt.step(params, gradients, state, trees);
      gpu.step(theirs, given, theirState, uploaded);
    }
    const { hyper: _, ...wanted } = state;
    const { hyper: __, ...found } = await gpu.download(theirState);
    const { ofScale } = difference([await gpu.download(theirs), found], [params, wanted]);
    if (!(ofScale <= TOLERANCE)) wrong.push(`${name}: ${ofScale}`);
    gpu.dispose();
    [theirs, given, theirState, uploaded].forEach((each) => gpu.release(each));
  }
  await device.queue.onSubmittedWorkDone();
  device.destroy();
  assertEquals([errors, wrong], [[], []]);
});
