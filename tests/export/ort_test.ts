/** Exported optimizers on ONNX Runtime beside the library: the same numbers, to the last bit. */
import {
  adamw,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  optimizer,
  schedule,
  sgd,
  type State,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Precision, streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { edges32, edges64, numbers32, numbers64, ulpsBetween } from "../numbers.ts";
import { catalogue } from "./catalogue.ts";
import { differences, statesOf } from "./trees.ts";

const PRECISIONS: readonly Precision[] = ["float32", "float64"];

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
    const inputs = opt.program.inputs.has("value") ? { value: streamValue(t) } : {};
    opt.step(ours, gradients(t), state, inputs);
    await exported.step(theirs, gradients(t), theirState, inputs);
    assertEquals(differences(theirs, ours), [], `parameters after step ${t + 1}`);
    assertEquals(differences(statesOf(theirState), statesOf(state)), [], `after step ${t + 1}`);
    assertEquals(theirState.count, state.count);
  }
  await exported.dispose();
  return { params: ours, state };
}

for (const [name, make] of Object.entries(catalogue)) {
  for (const precision of PRECISIONS) {
    Deno.test(`${name} in ${precision} has every bit of the library's over the stream`, async () => {
      const gradients = (t: number) => streamGradients(precision, t);
      await assertSame(make(), streamParams(precision), gradients, 6);
    });
  }
}

Deno.test("bare arrays, tensors and scalars of both types step in one tree", async () => {
  const start = () => ({
    bare: Float32Array.of(1, -2, 3),
    list: [Float64Array.of(0.1), { data: Float32Array.of(4, 5, 6, 7), shape: [2, 1, 2] }],
    scalar: { data: Float32Array.of(8), shape: [] },
    double: { scalar: { data: Float64Array.of(-9), shape: [] as number[] } },
  });
  for (const make of Object.values(catalogue)) {
    const opt = make();
    if ([...opt.settings.values()].some(({ value, mask }) => typeof value === "object" || mask)) {
      continue;
    }
    await assertSame(opt, start(), start, 3);
  }
});

for (
  const [what, start] of Object.entries({
    "one array": () => Float32Array.of(1, -2, 3),
    "one tensor": () => ({ data: Float32Array.of(1, -2, 3, 4), shape: [2, 2] }),
    "one number": () => ({ data: Float64Array.of(5), shape: [] }),
  })
) {
  Deno.test(`the parameters may be ${what}`, async () => {
    await assertSame(lion({ learningRate: 0.1 }), start(), start, 3);
    await assertSame(adamw({ learningRate: 0.1 }), start(), start, 3);
  });
}

Deno.test("arrays of no elements go along", async () => {
  const start = () => ({
    none: new Float32Array(0),
    some: Float32Array.of(1, 2),
    nothing: { data: new Float64Array(0), shape: [2, 0, 3] },
  });
  for (const opt of [lion({ learningRate: 0.1 }), adamw({ learningRate: 0.1 })]) {
    const { state } = await assertSame(opt, start(), start, 2);
    assertEquals((state.m as ReturnType<typeof start>).nothing.shape, [2, 0, 3]);
  }
});

const hard = (precision: Precision, seed: number) =>
  precision === "float32"
    ? Float32Array.from(numbers32(400, seed))
    : Float64Array.from(numbers64(400, seed));

for (const precision of PRECISIONS) {
  for (const [name, make] of Object.entries(catalogue)) {
    Deno.test(`${name} in ${precision} has every bit at the edges of numbers too`, async () => {
      const tree = (seed: number) => {
        const data = hard(precision, seed);
        const shift = seed % data.length;
        const turned = data.slice().map((_, i) => data[(i + shift) % data.length]);
        return { b: turned, w: { data: turned.slice().reverse(), shape: [20, 20] } };
      };
      await assertSame(make(), tree(0), (t) => tree(17 * t + 1), 4);
    });
  }
}

Deno.test("the edges of numbers that were stepped are what they are called", () => {
  for (const [precision, edges] of [["float32", edges32], ["float64", edges64]] as const) {
    const numbers = hard(precision, 1);
    for (const wanted of [NaN, Infinity, -Infinity, 0, -0]) {
      assert(numbers.some((x) => Object.is(x, wanted)), `${wanted} in ${precision}`);
    }
    const least = precision === "float32" ? 2 ** -126 : 2 ** -1022;
    assert(numbers.some((x) => x !== 0 && Math.abs(x) < least), `a subnormal ${precision}`);
    assert(edges.length < numbers.length, "and others at random");
  }
});

Deno.test("without weight decay, parameters without bounds are no longer read", async () => {
  const start = () => Float32Array.of(Infinity, -Infinity, NaN, 3.4e38);
  const opt = lion({ learningRate: 0.01, weightDecay: 0 });
  const { params } = await assertSame(opt, start(), () => Float32Array.of(1, 1, 1, 1), 3);
  assertEquals([...params], [Infinity, -Infinity, NaN, Math.fround(3.4e38)]);
  const decayed = lion({ learningRate: 0.01, weightDecay: 1, mask: { a: false, b: true } });
  const two = () => ({ a: start(), b: start() });
  const masked = await assertSame(decayed, two(), two, 3);
  assertEquals([...masked.params.a], [Infinity, -Infinity, NaN, Math.fround(3.4e38)]);
  assert(Number.isNaN(masked.params.b[2]));
});

for (
  const [precision, ArrayOf] of [["float32", Float32Array], ["float64", Float64Array]] as const
) {
  Deno.test(`a state in float16 of ${precision} is rounded once, to nearest and to even`, async () => {
    const opt = optimizer({ name: "kept", state: { m: 0 }, step: "m = g; u = 0*g" })({
      muDtype: "float16",
    });
    const half = 2 ** -11;
    // Halfway between two float16, and beside that by less than float32 can hold.
    const numbers = [1 + half, 1 + 3 * half, 1 + half + 2 ** -30, 1 + half - 2 ** -40, 65519, 65520]
      .concat([
        65519.999999,
        2 ** -25,
        2 ** -25 * (1 + 2 ** -30),
        3 * 2 ** -26,
        2 ** -14 - 2 ** -26,
      ])
      .flatMap((x) => [x, -x]).concat([NaN, Infinity, -Infinity, 0, -0, 1e-45, 1e300]);
    const start = new ArrayOf(numbers.length);
    await assertSame<typeof start>(opt, start, () => ArrayOf.from(numbers), 2);
  });
}

Deno.test("a state of float64 parameters may be stored in float32", async () => {
  const start = () => Float64Array.from(numbers64(300, 5));
  await assertSame(
    sgd({ learningRate: 0.1, momentum: 0.9, muDtype: "float32" }),
    start(),
    start,
    4,
  );
});

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
