/** Steps that gradients decide are counted on the GPU as in the library, however many there were. */
import {
  adam,
  adamw,
  applyIfFinite,
  factory,
  GradusError,
  multiSteps,
  parseProgram,
  sgd,
  warmupCosineDecaySchedule,
} from "../../mod.ts";
import type { GpuTensor } from "../../runtime/devices/webgpu/mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertNear, assertSteps, gpuTest, onGpu } from "./gpu.ts";

const finite = { maxConsecutiveErrors: 3 };

gpuTest("on the GPU, a first step is as long as it should be, whatever the decay", async () => {
  for (const b2 of [0.9, 0.999, 0.999999, 1 - 1e-7]) {
    const opt = applyIfFinite(adam({ learningRate: 0.1, b2 }), finite);
    const w = await onGpu(opt, async (gpu) => {
      const params = gpu.upload(new Float32Array(1));
      gpu.step(params, gpu.upload(Float32Array.of(3)), gpu.init(params));
      return await gpu.download(params);
    });
    assert(Math.abs(w[0] + 0.1) < 1e-6, `${w[0]} after a step by b2 ${b2}`);
  }
});

/** `1 - b^t` and `b^t`, by a clock that counts the finite. */
const decays = applyIfFinite(
  factory(parseProgram({
    name: "decays",
    hyper: { b: "required" },
    state: { rest: { over: "tensor" }, power: { over: "tensor" } },
    step: "rest = 1 - b^t\npower = b^t\nu = 0*g",
  }))({ b: 0.5 }),
  finite,
);

gpuTest(
  "on the GPU, a power by a count is good to 1e-6 of itself and of what it leaves",
  () =>
    onGpu(decays, async (gpu) => {
      const params = gpu.upload(new Float32Array(1));
      const gradients = gpu.upload(new Float32Array(1));
      const state = gpu.init(params);
      const wrong: string[] = [];
      let compared = 0;
      for (const b of [0, 0.9, 0.99, 0.999, 0.9999, 0.999999, 1 - 1e-7, 1, 1.001, -0.5]) {
        for (const t of [1, 2, 3, 10, 69, 100, 1000, 12_345, 1e5, 1e6, 1e7, 2 ** 24 + 3]) {
          state.hyper.b = b;
          state.innerCount = t - 1;
          gpu.step(params, gradients, state);
          const { rest, power } = await gpu.download(state) as unknown as Record<
            string,
            Float32Array
          >;
          const exact = [rest[0], 1 - b ** t, power[0], b ** t];
          // What is no float32 number is not compared, nor what many steps make of a rounding of b.
          if (Math.abs(exact[3]) > 1e3 || (b < 0 && t > 2 ** 24)) continue;
          compared++;
          const error = Math.abs(exact[0] / exact[1] - 1);
          const ofPower = Math.abs(exact[2] - exact[3]);
          if (!(error <= 1e-6 || exact[0] === exact[1])) wrong.push(`1 - ${b}^${t}: ${exact}`);
          if (!(ofPower <= 1e-6 * Math.max(1, exact[3]))) wrong.push(`${b}^${t}: ${exact}`);
        }
      }
      assert(compared > 80, `${compared}`);
      assertEquals(wrong, []);
    }),
);

gpuTest("on the GPU, counts go on beyond 2^24, and move to the library and back", async () => {
  const opt = applyIfFinite(
    multiSteps(sgd({ learningRate: 1 }), { everyKSchedule: 2 }),
    { maxConsecutiveErrors: 2 ** 25 },
  );
  await onGpu(opt, async (gpu) => {
    const params = gpu.upload(Float32Array.of(1));
    const [good, bad] = [1, NaN].map((x) => gpu.upload(Float32Array.of(x)));
    const state = gpu.init(params);
    Object.assign(state, { innerCount: 2 ** 24 + 1, totalNotFinite: 2 ** 30 });
    for (const gradients of [good, bad, good, bad]) gpu.step(params, gradients, state);
    assertEquals((state.innerCount as unknown as GpuTensor).dtype, "int32");
    const { innerCount, totalNotFinite, notFiniteCount } = await gpu.download(state);
    assertEquals([innerCount, totalNotFinite, notFiniteCount], [2 ** 24 + 3, 2 ** 30 + 2, 1]);
    const float = { ...(state.innerCount as unknown as GpuTensor), dtype: "float32" };
    assertThrows(
      () => gpu.step(params, good, { ...state, innerCount: float as never }),
      GradusError,
      "state `innerCount` must be int32: given",
    );
    for (const innerCount of [0.5, 2 ** 31, NaN]) {
      assertThrows(
        () => gpu.step(params, good, { ...state, innerCount }),
        GradusError,
        "state `innerCount` must be a whole number below 2^31: given",
      );
    }
  });
});

gpuTest("on the GPU, what steps on finite gradients only steps as it is interpreted", async () => {
  await assertSteps(
    applyIfFinite(multiSteps(adam({ learningRate: 0.1 }), { everyKSchedule: 2 }), finite),
    () => ({ a: Float32Array.of(1, -2), b: Float32Array.of(3) }),
    (t) => ({ a: Float32Array.of(t, t === 2 ? NaN : 1), b: Float32Array.of(-t) }),
  );
});

gpuTest(
  "on the GPU, schedules follow the steps that were finite, and what is written wins",
  async () => {
    const start = () => ({ a: Float32Array.of(1, -2), b: Float32Array.of(3) });
    const gradientsAt = (t: number) => ({
      a: Float32Array.of(t % 5 - 2, t % 4 === 2 ? NaN : 1),
      b: Float32Array.of(-1),
    });
    const learningRate = warmupCosineDecaySchedule({
      ...{ initValue: 0.01, peakValue: 0.1, warmupSteps: 30, decaySteps: 100 },
    });
    const inner = multiSteps(adamw({ learningRate, b1: (count) => 0.9 - 0.5 / (count + 1) }), {
      everyKSchedule: 2,
    });
    for (
      const opt of [
        applyIfFinite(inner, finite),
        applyIfFinite(sgd({ learningRate: { a: learningRate, b: 0.1 }, momentum: 0.5 }), finite),
      ]
    ) {
      const params = start();
      const state = opt.init(params);
      await onGpu(opt, async (gpu) => {
        const theirs = gpu.upload(start());
        const theirState = gpu.init(theirs);
        const uploaded = Array.from({ length: 20 }, (_, t) => gpu.upload(gradientsAt(t)));
        // Beyond the room that numbers have at first.
        for (let t = 0; t < 150; t++) {
          opt.step(params, gradientsAt(t % 20), state);
          gpu.step(theirs, uploaded[t % 20], theirState);
        }
        assertNear(await gpu.download(theirs), params, 1e-5);
        assertEquals(theirState.hyper.learningRate, undefined);
        const moved = gpu.upload(await gpu.download(theirState));
        opt.step(params, gradientsAt(0), state);
        gpu.step(theirs, uploaded[0], moved);
        state.hyper.learningRate = moved.hyper.learningRate = 0.5;
        opt.step(params, gradientsAt(0), state);
        gpu.step(theirs, uploaded[0], moved);
        assertNear(await gpu.download(theirs), params, 1e-5);
      });
    }
  },
);
