/** States of exported optimizers: how they begin, and that they are the library's. */
import { applyUpdates, lion, type Optimizer, optimizer, sgd, type State } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Precision, streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { contents } from "../refused.ts";
import { catalogue } from "./catalogue.ts";
import { differences, statesOf } from "./trees.ts";

const PRECISIONS: readonly Precision[] = ["float32", "float64"];

Deno.test("a state that begins at a hyperparameter begins at 0 where a mask leaves that out", async () => {
  const opt = optimizer({
    name: "masked",
    hyper: { weightDecay: 0.5 },
    state: { m: "2*weightDecay" },
    step: "m = 0.5*m + g; u = -m - weightDecay*w",
  })({ mask: { a: false, b: true } });
  const params = { a: Float32Array.of(1), b: Float32Array.of(1) };
  const exported = await OrtOptimizer.load(toOnnx(opt, params));
  assertEquals(opt.init(params).m, { a: Float32Array.of(0), b: Float32Array.of(1) });
  assertEquals(exported.init(params).m, { a: Float32Array.of(0), b: Float32Array.of(1) });
  await exported.dispose();
});

Deno.test("a state at the beginning is the library's in all but the constants of the graph", async () => {
  const opt = lion({ learningRate: 0.5, muDtype: "float16" });
  const params = streamParams("float32");
  const exported = await OrtOptimizer.load(toOnnx(opt, params, { inputs: ["b1"] }));
  const { hyper, ...rest } = opt.init(params);
  const { hyper: theirHyper, ...theirRest } = exported.init(params);
  assertEquals(contents(theirRest), contents(rest));
  assertEquals(theirHyper.b1, hyper.b1);
  assert(exported.program === opt.program);
  await exported.dispose();
});

interface Runner {
  readonly step: (
    params: ReturnType<typeof streamParams>,
    gradients: ReturnType<typeof streamParams>,
    state: State,
    inputs: Record<string, number>,
  ) => void | Promise<void>;
}

const saved = <T>(value: T): T => structuredClone(value);

for (const [name, make] of Object.entries(catalogue)) {
  Deno.test(`${name} goes on from the library in ONNX Runtime and back, with every bit`, async () => {
    for (const precision of PRECISIONS) {
      const opt: Optimizer = make();
      const exported = await OrtOptimizer.load(toOnnx(opt, streamParams(precision)));
      const run = async (runners: readonly Runner[], begin: State) => {
        let [params, state] = [streamParams(precision), begin];
        for (const [t, runner] of runners.entries()) {
          const inputs = opt.program.inputs.has("value") ? { value: streamValue(t) } : {};
          await runner.step(params, streamGradients(precision, t), state, inputs as never);
          [params, state] = [saved(params), saved(state)];
        }
        return { params, ...statesOf(state), count: Float64Array.of(state.count) };
      };
      const begin = () => opt.init(streamParams(precision));
      const [l, o] = [opt, exported];
      const expected = await run([l, l, l, l, l, l], begin());
      assertEquals(differences(await run([l, l, o, o, l, l], begin()), expected), []);
      const theirs = exported.init(streamParams(precision));
      assertEquals(differences(await run([o, o, l, l, o, o], theirs), expected), []);
      await exported.dispose();
    }
  });
}

Deno.test("hyperparameters that are inputs go along from the library and back", async () => {
  const opt = lion({ learningRate: { b: 0.1, w: 0.2 }, b1: 0.5 });
  const params = streamParams("float32");
  const bytes = toOnnx(opt, params, { inputs: ["learningRate", "b1"] });
  const exported = await OrtOptimizer.load(bytes);
  const [ours, theirs] = [streamParams("float32"), streamParams("float32")];
  const [state, theirState] = [opt.init(ours), opt.init(theirs)];
  for (let t = 0; t < 6; t++) {
    for (const each of [state, theirState]) {
      if (t === 1) each.hyper.b1 = 0.75;
      if (t === 3) each.hyper.learningRate = { b: 0.25, w: 0.125 };
    }
    const gradients = streamGradients("float32", t);
    opt.step(ours, gradients, state);
    await (t % 2 === 0 ? exported : opt).step(theirs, gradients, theirState);
    assertEquals(differences(theirs, ours), [], `after step ${t + 1}`);
  }
  await exported.dispose();
});

Deno.test("a schedule goes on where the library's last step left the count, not the value", async () => {
  const rate = (count: number) => 1 + count;
  const opt = sgd({ learningRate: rate });
  const x = Float32Array.of(0);
  const exported = await OrtOptimizer.load(toOnnx(opt, x), { hyper: { learningRate: rate } });
  const state = opt.init(x);
  opt.step(x, Float32Array.of(1), state);
  assertEquals([x[0], state.hyper.learningRate], [-1, 1]);
  await exported.step(x, Float32Array.of(1), state);
  assertEquals(x[0], -3);
  opt.step(x, Float32Array.of(1), state);
  assertEquals(x[0], -6);
  await exported.dispose();
});

Deno.test("the next state of a functional update goes on in ONNX Runtime", async () => {
  const opt = sgd({ learningRate: 1, momentum: 0.5 });
  const x = Float32Array.of(0);
  const exported = await OrtOptimizer.load(toOnnx(opt, x));
  const [updates, next] = opt.update(Float32Array.of(1), opt.init(x), x);
  const after = applyUpdates(x, updates);
  await exported.step(after, Float32Array.of(1), next);
  assertEquals([after[0], next.count, next.m], [-2.5, 2, Float32Array.of(1.5)]);
  await exported.dispose();
});

Deno.test("a step writes into the arrays given, and leaves the gradients as they are", async () => {
  const opt = lion({ learningRate: 0.5, muDtype: "float16" });
  const params = streamParams("float32");
  const exported = await OrtOptimizer.load(toOnnx(opt, params));
  const state = exported.init(params);
  const { b, w } = params;
  const m = state.m as { w: { data: Uint16Array } };
  const stored = m.w.data;
  const gradients = streamGradients("float32", 0);
  const before = contents(gradients);
  await exported.step(params, gradients, state);
  assert(params.b === b && params.w === w && state.m === m && m.w.data === stored);
  assert(stored.every((bits) => bits !== 0), "the momentum has moved");
  assertEquals(contents(gradients), before);
  await exported.dispose();
});

Deno.test("arrays that are views into a larger one are stepped where they lie", async () => {
  const memory = new Float32Array(8).fill(7);
  const params = { a: memory.subarray(1, 3), b: memory.subarray(4, 7) };
  const exported = await OrtOptimizer.load(toOnnx(sgd({ learningRate: 1 }), params));
  const gradients = { a: new Float32Array(2).fill(1), b: new Float32Array(3).fill(2) };
  await exported.step(params, gradients, exported.init(params));
  assertEquals([...memory], [7, 6, 6, 7, 5, 5, 5, 7]);
  await exported.dispose();
});

Deno.test("two exported optimizers do not know of each other", async () => {
  const [x, y] = [Float32Array.of(0), Float32Array.of(0, 0)];
  const first = await OrtOptimizer.load(toOnnx(sgd({ learningRate: 1 }), x));
  const second = await OrtOptimizer.load(toOnnx(sgd({ learningRate: 2 }), y));
  const [firstState, secondState] = [first.init(x), second.init(y)];
  await first.step(x, Float32Array.of(1), firstState);
  await first.dispose();
  await second.step(y, Float32Array.of(1, 2), secondState);
  assertEquals([[...x], [...y]], [[-1], [-2, -4]]);
  await second.dispose();
});

Deno.test("steps begun before the last has ended lose none of its work", async () => {
  const x = Float32Array.of(0);
  const exported = await OrtOptimizer.load(toOnnx(sgd({ learningRate: 1 }), x));
  const state = exported.init(x);
  const steps = [1, 1, 1].map((g) => exported.step(x, Float32Array.of(g), state));
  await Promise.allSettled(steps);
  assert(state.count > 0);
  assertEquals(x[0], -state.count, "what the parameters show and what the state counts");
  await exported.dispose();
});
