/** Hyperparameters of exported optimizers: constants, expressions of the count, and inputs. */
import {
  cosineDecaySchedule,
  lion,
  type Optimizer,
  type Schedule,
  sgd,
  type State,
} from "../../mod.ts";
import { type OnnxOptions, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer, type OrtOptions } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { streamGradients, streamParams, type StreamTree } from "../golden/replay.ts";
import { assertRejected } from "./rejected.ts";
import { differences, statesOf } from "./trees.ts";

/** Changes to `hyper` before a step, made alike to the library's state and to the other. */
type Write = (hyper: State["hyper"], t: number) => void;

/** Fails unless six steps have every bit of the library's; returns the two states. */
async function assertSame(
  opt: Optimizer,
  { hyper, ...options }: OnnxOptions & Pick<OrtOptions, "hyper">,
  write: Write = () => {},
): Promise<[ours: State, theirs: State]> {
  const [ours, theirs] = [streamParams("float32"), streamParams("float32")];
  const exported = await OrtOptimizer.load(toOnnx(opt, ours, options), { hyper });
  const [state, theirState] = [opt.init(ours), exported.init(theirs)];
  for (let t = 0; t < 6; t++) {
    write(state.hyper, t);
    write(theirState.hyper, t);
    const gradients: StreamTree = streamGradients("float32", t);
    opt.step(ours, gradients, state);
    await exported.step(theirs, gradients, theirState);
    assertEquals(differences(theirs, ours), [], `parameters after step ${t + 1}`);
    assertEquals(differences(statesOf(theirState), statesOf(state)), [], `after step ${t + 1}`);
  }
  await exported.dispose();
  return [state, theirState];
}

const cosine: Schedule = cosineDecaySchedule({ initValue: 0.1, decaySteps: 5 });
const inverse: Schedule = (count) => 0.1 / (1 + count);

Deno.test("an input that is left alone keeps the number it was exported with", async () => {
  const [, state] = await assertSame(lion({ learningRate: 0.01 }), {
    inputs: ["learningRate", "b1", "weightDecay"],
  });
  const { learningRate, b1, weightDecay } = state.hyper;
  assertEquals({ learningRate, b1, weightDecay }, {
    learningRate: 0.01,
    b1: 0.9,
    weightDecay: 1e-3,
  });
});

Deno.test("a number written into the state holds from the next step on", async () => {
  const seen: unknown[] = [];
  await assertSame(lion({ learningRate: 0.01 }), { inputs: ["learningRate"] }, (hyper, t) => {
    if (t === 2) hyper.learningRate = 0.5;
    if (t === 4) hyper.learningRate = -3;
    seen.push(hyper.learningRate);
  });
  assertEquals(seen, [0.01, 0.01, 0.01, 0.01, 0.5, 0.5, 0.5, 0.5, -3, -3, -3, -3]);
});

Deno.test("a number that is deleted from the state is again what was exported", async () => {
  const opt = sgd({ learningRate: 0.25 });
  const exported = await OrtOptimizer.load(toOnnx(opt, [1], { inputs: ["learningRate"] }));
  const x = Float32Array.of(0);
  const state = exported.init(x);
  state.hyper.learningRate = 2;
  await exported.step(x, Float32Array.of(1), state);
  assertEquals(x, Float32Array.of(-2));
  delete state.hyper.learningRate;
  await exported.step(x, Float32Array.of(1), state);
  assertEquals(x, Float32Array.of(-2.25));
  await exported.dispose();
});

Deno.test("for a schedule that is a function a number may be given, or written", async () => {
  const x = Float32Array.of(0);
  const bytes = toOnnx(sgd({ learningRate: inverse }), x);
  const exported = await OrtOptimizer.load(bytes, { hyper: { learningRate: 0.5 } });
  const state = exported.init(x);
  await exported.step(x, Float32Array.of(1), state);
  assertEquals(x, Float32Array.of(-0.5));
  await exported.dispose();
  const other = await OrtOptimizer.load(bytes);
  const otherState = other.init(x);
  otherState.hyper.learningRate = 4;
  await other.step(x, Float32Array.of(1), otherState);
  assertEquals(x, Float32Array.of(-4.5));
  await other.dispose();
});

Deno.test("a schedule asked for as an input starts at its first value and is fed if given", async () => {
  const options = { inputs: ["learningRate"] };
  await assertSame(lion({ learningRate: cosine }), { ...options, hyper: { learningRate: cosine } });
  const exported = await OrtOptimizer.load(toOnnx(sgd({ learningRate: cosine }), [1], options));
  const x = Float32Array.of(0);
  const state = exported.init(x);
  assertEquals(state.hyper.learningRate, 0.1);
  for (let t = 0; t < 3; t++) await exported.step(x, Float32Array.of(1), state);
  assertEquals(x, sum(3, Math.fround(-0.1)));
  await exported.dispose();
});

function sum(count: number, term: number): Float32Array {
  const total = Float32Array.of(0);
  for (let i = 0; i < count; i++) total[0] += term;
  return total;
}

Deno.test("a number written into the state goes before what was given when loading", async () => {
  await assertSame(
    lion({ learningRate: inverse }),
    { hyper: { learningRate: inverse } },
    (hyper, t) => {
      if (t === 1) hyper.learningRate = 0.5;
      if (t === 3) delete hyper.learningRate;
    },
  );
});

Deno.test("the parts of a tree are inputs of their own, each with its value", async () => {
  await assertSame(lion({ learningRate: { b: 0.01, w: 0.1 } }), { inputs: ["learningRate"] });
  await assertSame(lion({ learningRate: { b: 0.01, w: inverse } }), {
    hyper: { "learningRate/w": inverse },
  });
});

Deno.test("a tree may be written into the state, as into the library's", async () => {
  await assertSame(
    lion({ learningRate: { b: 0.01, w: 0.1 } }),
    { inputs: ["learningRate"] },
    (hyper, t) => {
      if (t === 3) hyper.learningRate = { b: 1, w: 0.5 };
    },
  );
});

Deno.test("an input that was 0 takes effect once a number is written", async () => {
  const options = { inputs: ["weightDecay"] };
  await assertSame(lion({ learningRate: 0.1, weightDecay: 0 }), options, (hyper, t) => {
    if (t === 2) hyper.weightDecay = 0.5;
  });
});

Deno.test("an input does not reach what a mask leaves out", async () => {
  const opt = lion({ learningRate: 0.1, weightDecay: 0.5, mask: { b: false, w: true } });
  await assertSame(opt, { inputs: ["weightDecay"] }, (hyper, t) => {
    if (t === 2) hyper.weightDecay = 3;
  });
});

Deno.test("an input without bounds is fed as it is", async () => {
  for (const learningRate of [Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE]) {
    const [, state] = await assertSame(lion({ learningRate }), { inputs: ["learningRate"] });
    assertEquals(state.hyper.learningRate, learningRate);
  }
});

Deno.test("an input is rounded to the parameters' type once, where it enters", async () => {
  const learningRate = 0.1 + 2 ** -40;
  const params = { single: Float32Array.of(0), double: Float64Array.of(0) };
  const bytes = toOnnx(sgd({ learningRate }), params, { inputs: ["learningRate"] });
  const exported = await OrtOptimizer.load(bytes);
  const one = { single: Float32Array.of(1), double: Float64Array.of(1) };
  await exported.step(params, one, exported.init(params));
  assertEquals(params.double, Float64Array.of(-learningRate));
  assertEquals(params.single, Float32Array.of(-learningRate));
  await exported.dispose();
});

Deno.test("the state shows what a schedule gave to the last step, without saving it", async () => {
  const [ours, theirs] = await assertSame(lion({ learningRate: inverse }), {
    hyper: { learningRate: inverse },
  });
  assertEquals(ours.hyper.learningRate, inverse(5));
  assertEquals(theirs.hyper.learningRate, inverse(5));
  assert(!Object.hasOwn(theirs.hyper, "learningRate"));
});

Deno.test("a number, or a finer tree of the same numbers, may be written over a tree", async () => {
  const start = () => ({
    a: { x: Float32Array.of(1), y: Float32Array.of(2) },
    b: [Float32Array.of(3)],
  });
  const opt = sgd({ learningRate: { a: 0.5, b: 0.25 } });
  const exported = await OrtOptimizer.load(toOnnx(opt, start(), { inputs: ["learningRate"] }));
  const [ours, theirs] = [start(), start()];
  const [state, theirState] = [opt.init(ours), exported.init(theirs)];
  assertEquals(theirState.hyper.learningRate, state.hyper.learningRate);
  for (const learningRate of [3, { a: { x: 2, y: 2 }, b: [1] }, { a: -1, b: 0.5 }]) {
    for (const each of [state, theirState]) each.hyper.learningRate = learningRate;
    opt.step(ours, start(), state);
    await exported.step(theirs, start(), theirState);
    assertEquals(theirs, ours);
  }
  theirState.hyper.learningRate = { a: { x: 1, y: 2 }, b: 1 };
  await assertRejected(
    () => exported.step(theirs, start(), theirState),
    [theirs, theirState],
    "`learningRate` is one input of the graph, `hyper/learningRate/a`",
    "given 1 and 2",
  );
  await exported.dispose();
});

Deno.test("a number that the graph holds may stand in the state, and no other", async () => {
  const opt = lion({ learningRate: 0.5, weightDecay: 0 });
  const x = Float32Array.of(1);
  const exported = await OrtOptimizer.load(toOnnx(opt, x));
  const state = opt.init(x);
  await exported.step(x, Float32Array.of(1), state);
  assertEquals(x, Float32Array.of(0.5));
  state.hyper.weightDecay = 0.25;
  await assertRejected(
    () => exported.step(x, Float32Array.of(1), state),
    [x, state],
    "`weightDecay` is 0 in the graph, and is 0.25 in the state",
    'inputs: ["weightDecay"]',
  );
  await exported.dispose();
});

Deno.test("after a step the state shows all that the step used, as the library's does", async () => {
  const [ours, theirs] = await assertSame(lion({ learningRate: { b: 0.01, w: cosine } }), {});
  for (const name of ["learningRate", "b1", "b2", "weightDecay"]) {
    assertEquals(theirs.hyper[name], ours.hyper[name], name);
  }
  assertEquals(Object.keys(theirs.hyper), []);
});

Deno.test("what is given when loading must be a number or a schedule", async () => {
  const bytes = toOnnx(sgd({ learningRate: 1 }), [1], { inputs: ["learningRate"] });
  for (const given of [NaN, "1", null, { a: 1 }]) {
    await assertRejected(
      () => OrtOptimizer.load(bytes, { hyper: { learningRate: given as number } }),
      [given],
      'Cannot load "sgd": hyperparameter `learningRate` must be a number or a schedule',
    );
  }
});

Deno.test("a number outside of its domain is refused when loading, by a schedule, and in the state", async () => {
  const bytes = toOnnx(lion({ learningRate: 1, b1: (count) => count / 2 }), [1], {
    inputs: ["b2"],
  });
  await assertRejected(
    () => OrtOptimizer.load(bytes, { hyper: { b2: 1 } }),
    [],
    'Cannot load "lion": hyperparameter `b2` must be a number in [0, 1): given 1',
  );
  await assertRejected(
    () => OrtOptimizer.load(bytes, { hyper: { b2: "1" as unknown as number } }),
    [],
    "hyperparameter `b2` must be a number in [0, 1) or a schedule",
  );
  const half: Schedule = (count) => count / 2;
  const exported = await OrtOptimizer.load(bytes, { hyper: { b1: half } });
  const x = Float32Array.of(1);
  const state = exported.init(x);
  state.hyper.b2 = -1;
  const step = () => exported.step(x, Float32Array.of(1), state);
  await assertRejected(step, [x, state], "`b2` must be a number in [0, 1)", "given -1 at count 0");
  delete state.hyper.b2;
  await step();
  await step();
  await assertRejected(step, [x, state], "`b1` must be a number in [0, 1)", "given 1 at count 2");
  await exported.dispose();
});
