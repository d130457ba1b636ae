import { assert, assertEquals, assertThrows } from "../assert.ts";
import { type Case, casesOf, isKnown, optax32, optax64, optimizerOf, titleOf } from "./cases.ts";
import { streamGradients, streamParams, sumOfSquares } from "./replay.ts";

Deno.test("both files hold the same 93 cases in the same order", () => {
  const specOf = ({ trajectory, quadratic, ...spec }: Case) => ({
    ...spec,
    steps: [trajectory.length, quadratic.length],
  });
  assertEquals(optax32.cases.length, 93);
  assertEquals(optax32.cases.map(specOf), optax64.cases.map(specOf));
  assert(optax64.cases.every(({ trajectory }) => trajectory.length === 6));
  assert(optax64.cases.every(({ quadratic }) => quadratic.length === 5));
});

Deno.test("the stream is the one that the trajectories were made on, to the last bit", () => {
  const [descent] = casesOf(optax64, "sgd");
  assertEquals(descent.args, { learning_rate: 0.003 });
  let before = streamParams("float64");
  descent.trajectory.forEach(({ updates, params }, t) => {
    const { b, w } = streamGradients("float64", t);
    assertEquals(updates.b, Array.from(b, (g) => -0.003 * g));
    assertEquals(updates.w.flat(), Array.from(w.data, (g) => -0.003 * g));
    assertEquals(params.b, Array.from(before.b, (value, i) => value + updates.b[i]));
    const flat = updates.w.flat();
    assertEquals(params.w.flat(), Array.from(before.w.data, (value, i) => value + flat[i]));
    before = {
      b: Float64Array.from(params.b),
      w: { data: Float64Array.from(params.w.flat()), shape: [2, 3] },
    };
  });
});

Deno.test("the stream's gradients are float32 numbers in both precisions, signed zeros included", () => {
  for (let t = 0; t < 6; t++) {
    const [single, double] = [streamGradients("float32", t), streamGradients("float64", t)];
    assertEquals([...single.b], [...double.b]);
    assertEquals([...single.w.data], [...double.w.data]);
  }
  assert(Object.is(streamGradients("float32", 0).b[2], -0));
  assert(Object.is(streamGradients("float64", 4).b[2], 0));
});

Deno.test("the losses of every case are the sums of squares of its parameters", () => {
  for (const { quadratic } of optax32.cases) {
    for (const { f, params } of quadratic) assertEquals(sumOfSquares(Float32Array.from(params)), f);
  }
  for (const { quadratic } of optax64.cases) {
    for (const { f, params } of quadratic) {
      const sum = sumOfSquares(Float64Array.from(params));
      assert(Math.abs(sum - f) <= 1e-15 * f, `${sum} is not ${f}`);
    }
  }
});

Deno.test("arguments in snake case become the options of the same names in camel case", () => {
  const spec = {
    fn: "lion",
    args: { learning_rate: 0.01, b1: 0.95, b2: 0.98, weight_decay: 0.0001 },
  };
  const { program, settings } = optimizerOf(spec);
  assertEquals(program.name, "lion");
  const values = [...settings].map(([name, { value }]) => [name, value]);
  assertEquals(Object.fromEntries(values), {
    learningRate: 0.01,
    b1: 0.95,
    b2: 0.98,
    weightDecay: 0.0001,
  });
  assertEquals(titleOf(spec), "lion(learning_rate=0.01, b1=0.95, b2=0.98, weight_decay=0.0001)");
});

Deno.test("an argument may be a schedule, and the mask of matrices masks the bare array", () => {
  const args = {
    learning_rate: {
      fn: "linear_schedule",
      args: { init_value: 1, end_value: 0, transition_steps: 4 },
    },
    weight_decay: 1,
    mask: { mask: "ndim>1" as const },
  };
  const opt = optimizerOf({ fn: "lion", args });
  const params = { b: Float64Array.of(2), w: { data: Float64Array.of(2), shape: [1, 1] } };
  const zeros = { b: new Float64Array(1), w: { data: new Float64Array(1), shape: [1, 1] } };
  let [updates, state] = opt.update(zeros, opt.init(params), params);
  assertEquals([updates.b[0], updates.w.data[0]], [-0, -2]);
  [updates, state] = opt.update(zeros, state, params);
  assertEquals([updates.b[0], updates.w.data[0]], [-0, -1.5]);
});

Deno.test("every case has its optimizer, but for those that depart from their paper", () => {
  const departures = ["acprop", "adan", "rprop"];
  for (const spec of optax64.cases) {
    assertEquals(isKnown(spec), !departures.includes(spec.fn), titleOf(spec));
  }
});

Deno.test("what the tables lack is not taken for something else", () => {
  const missing = { fn: "lion_tamer", args: { learning_rate: 1 } };
  assert(!isKnown(missing));
  assert(!isKnown({ fn: "chain", of: [missing] }));
  assert(!isKnown({ fn: "toString", args: {} }));
  assertThrows(() => optimizerOf(missing), Error, "lack", "lion_tamer(learning_rate=1)");
  const scheduled = { fn: "lion", args: { learning_rate: { fn: "toString", args: {} } } };
  assertThrows(() => optimizerOf(scheduled), Error, "lacks toString");
});
