/** Exported graphs fed by hand, in ONNX Runtime with nothing of the library in between. */
import { cosineDecaySchedule, lion, type Optimizer, optimizer, sgd } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { assertEquals } from "../assert.ts";
import {
  type Precision,
  streamGradients,
  streamParams,
  type StreamTree,
  streamValue,
} from "../golden/replay.ts";
import { catalogue } from "./catalogue.ts";
import { countOf, loadModel, resultOf, scalarOf, type Values, valuesOf } from "./models.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

const STEPS = 6;

/**
 * What carries over after each step on the stream: what the library has, and what the graph gives
 * when it is fed its own outputs.
 */
async function run(
  opt: Optimizer,
  precision: Precision,
  hyper: (t: number) => Readonly<Record<string, number>> = () => ({}),
) {
  const params: StreamTree = streamParams(precision);
  const state = opt.init(params);
  const session = await loadModel(toOnnx(opt, params));
  const carried = (): Values =>
    Object.entries({ w: params, ...statesOf(state) }).reduce<Values>(
      (values, [name, tree]) => ({ ...values, ...valuesOf(name, tree) }),
      { count: countOf(state.count) },
    );
  let values = carried();
  const steps: { ours: Record<string, number[]>; theirs: Record<string, number[]> }[] = [];
  for (let t = 0; t < STEPS; t++) {
    const gradients = streamGradients(precision, t);
    const inputs = opt.program.inputs.has("value") ? { value: streamValue(t) } : {};
    const scalars = { ...inputs, ...hyper(t) };
    const results = await session.run({
      ...values,
      ...valuesOf("g", gradients),
      ...Object.fromEntries(
        Object.entries(scalars).map(([name, value]) => [name, scalarOf(value)]),
      ),
    });
    opt.step(params, gradients, state, inputs);
    values = Object.fromEntries(
      Object.entries(results).map(([name, value]) => [name.replace(/^next\//, ""), value]),
    );
    steps.push({ ours: numbersIn(carried()), theirs: numbersIn(values) });
  }
  await session.release();
  return steps;
}

function numbersIn(values: Values): Record<string, number[]> {
  return Object.fromEntries(
    Object.keys(values).sort().map((name) => [name, resultOf(values[name])]),
  );
}

for (const [name, make] of Object.entries(catalogue)) {
  for (const precision of ["float32", "float64"] as const) {
    Deno.test(`the graph of ${name} in ${precision}, fed its own outputs, has every bit`, async () => {
      for (const { ours, theirs } of await run(make(), precision)) assertEquals(theirs, ours);
    });
  }
}

Deno.test("a hyperparameter that is an input is fed at every step", async () => {
  const rate = (t: number) => 0.5 / (1 + t * t);
  const opt = lion({ learningRate: { b: 0.1, w: (count) => rate(count) } });
  const steps = await run(opt, "float32", (t) => ({ "hyper/learningRate/w": rate(t) }));
  for (const { ours, theirs } of steps) assertEquals(theirs, ours);
});

Deno.test("the count is the state's and goes on from any number", async () => {
  const opt = sgd({ learningRate: cosineDecaySchedule({ initValue: 1, decaySteps: 1000 }) });
  const params = { x: Float64Array.of(1, -2), y: [Float32Array.of(3)] };
  const session = await loadModel(toOnnx(opt, params));
  for (const count of [0, 1, 499, 999, 1000, 2 ** 40, Number.MAX_SAFE_INTEGER - 1]) {
    const results = await session.run({
      count: countOf(count),
      ...valuesOf("w", params),
      ...valuesOf("g", params),
    });
    const ours = structuredClone(params);
    opt.step(ours, params, { ...opt.init(params), count });
    assertEquals(resultOf(results["next/count"]), [count + 1]);
    for (const { path, data } of leavesOf(ours)) {
      assertEquals(resultOf(results[`next/w/${path}`]), numbersOf(data), `${path} at ${count}`);
    }
  }
  await session.release();
});

Deno.test("a result that is one number for all takes the parameter's shape", async () => {
  const opt = optimizer({
    name: "filled",
    state: { all: 0, none: 1 },
    step: `
      u = g + all + none
      all = 0.1*t
      none = -0
    `,
  })();
  const params = {
    matrix: { data: Float32Array.of(1, NaN, -0, Infinity), shape: [2, 2] },
    scalar: { data: Float64Array.of(NaN), shape: [] },
    empty: { data: new Float32Array(0), shape: [0, 3] },
  };
  const session = await loadModel(toOnnx(opt, params));
  const state = opt.init(params);
  const results = await session.run({
    count: countOf(0),
    ...valuesOf("w", params),
    ...valuesOf("g", params),
    ...valuesOf("all", state.all),
    ...valuesOf("none", state.none),
  });
  opt.step(structuredClone(params), params, state);
  for (const name of ["all", "none"]) {
    for (const { path, data, shape } of leavesOf(state[name])) {
      const result = results[`next/${name}/${path}`];
      assertEquals(resultOf(result), numbersOf(data), `${name} of ${path}`);
      assertEquals([...result.dims], [...shape]);
    }
  }
  await session.release();
});
