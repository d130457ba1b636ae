/** Exported optimizers on ONNX Runtime beside the library: the same numbers, to the last bit. */
import {
  adamw,
  cosineDecaySchedule,
  type Optimizer,
  optimizer,
  schedule,
  sgd,
  type State,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { ulpsBetween } from "../numbers.ts";
import { differences, statesOf } from "./trees.ts";

/** Fails unless `steps` on the gradients leave every bit of parameters and states the same. */
async function assertSame<P extends object>(
  opt: Optimizer,
  start: P,
  gradients: (t: number) => P,
  steps: number,
): Promise<{ params: P; state: State }> {
  const exported = await OrtOptimizer.load(toOnnx(opt, start));
  const [ours, theirs] = [structuredClone(start), structuredClone(start)];
  const [state, theirState] = [opt.init(ours), exported.init(theirs)];
  assertEquals(differences(statesOf(theirState), statesOf(state)), [], "at the start");
  for (let t = 0; t < steps; t++) {
    opt.step(ours, gradients(t), state);
    await exported.step(theirs, gradients(t), theirState);
    assertEquals(differences(theirs, ours), [], `parameters after step ${t + 1}`);
    assertEquals(differences(statesOf(theirState), statesOf(state)), [], `after step ${t + 1}`);
    assertEquals(theirState.count, state.count);
  }
  await exported.dispose();
  return { params: ours, state };
}

Deno.test("ONNX Runtime rewrites nothing on its own", async () => {
  // Left to itself it makes b/a of 1/a·b, which rounds once where the program rounds twice.
  const opt = optimizer({ name: "scaled", step: "u = 1/(abs(w) + 1)*g + 0*w" })();
  const start = Float32Array.from({ length: 300 }, (_, i) => i / 7);
  await assertSame(opt, start, (t) => start.map((x) => Math.sin(x + t)), 3);
});

Deno.test("a thousand steps of AdamW at a cosine in float32 have every bit", async () => {
  const opt = adamw({
    learningRate: cosineDecaySchedule({ initValue: 0.01, decaySteps: 900, alpha: 0.1 }),
  });
  const start = () => Float32Array.of(0.5, -0.25, 1);
  const gradients = (t: number) => start().map((x) => x * Math.sin(t));
  const { state } = await assertSame(opt, start(), gradients, 1000);
  assertEquals(state.count, 1000);
});

// Cosines, powers and exponentials in float64 are another library's in ONNX Runtime.
for (const text of ["cos(pi*count/1000)", "0.9^t", "t^0.5", "exp(-count/100)"]) {
  Deno.test(`${text} in float64 is at most one unit in the last place off`, async () => {
    const value = schedule(text);
    const params = { double: new Float64Array(1), single: new Float32Array(1) };
    const opt = sgd({ learningRate: schedule(`-(${text})`) });
    const exported = await OrtOptimizer.load(toOnnx(opt, params));
    const state = exported.init(params);
    const one = { double: Float64Array.of(1), single: Float32Array.of(1) };
    let rounded = 0;
    for (let count = 0; count < 1000; count++) {
      params.double[0] = params.single[0] = 0;
      state.count = count;
      await exported.step(params, one, state);
      const apart = ulpsBetween(params.double[0], value(count) + 0, "float64");
      assert(apart <= 1, `${apart} units at ${count}`);
      assertEquals(params.single[0], Math.fround(value(count)));
      rounded += apart;
    }
    assert(rounded < 100, `off at ${rounded} of 1000 counts`);
    await exported.dispose();
  });
}
