/** What a step of an exported optimizer refuses: in time, in words, and with nothing changed. */
import { lion, optimizer, sgd, type State } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer, type OrtOptions } from "../../export/ort/mod.ts";
import { assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { assertRejected } from "./rejected.ts";

/** A step that is right until a test spoils it. */
// deno-lint-ignore no-explicit-any
type Step = { params: any; gradients: any; state: any; inputs: any };

const tree = () => ({
  bias: Float32Array.of(1, 2),
  layers: [{ data: Float64Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }],
});

const opt = lion({ learningRate: (count) => 1 / (1 + count), muDtype: "float16" });
const bytes = toOnnx(opt, tree(), { inputs: ["b1"] });
const STEPPING = 'Cannot step by "lion"';

async function refuseStep(
  spoil: (step: Step) => void,
  parts: readonly string[],
  hyper: OrtOptions["hyper"] = { learningRate: 0.5 },
): Promise<void> {
  const exported = await OrtOptimizer.load(bytes, { hyper });
  const step: Step = {
    params: tree(),
    gradients: tree(),
    state: exported.init(tree()),
    inputs: {},
  };
  spoil(step);
  const { params, gradients, state, inputs } = step;
  await assertRejected(
    () => exported.step(params, gradients, state, inputs),
    [params, gradients, state, inputs],
    STEPPING,
    ...parts,
  );
  // The same optimizer goes on with what is right.
  const right = { params: tree(), state: exported.init(tree()) };
  await exported.step(right.params, tree(), right.state);
  assertEquals(right.state.count, 1);
  await exported.dispose();
}

const float16 = (...bits: number[]) => ({
  data: Uint16Array.from(bits),
  shape: [bits.length],
  dtype: "float16",
});

const SPOILT: Readonly<Record<string, readonly [(step: Step) => void, ...parts: string[]]>> = {
  "no parameters": [(s) => s.params = undefined, "the root", "given undefined"],
  "parameters that are a number": [(s) => s.params = 3, "the root", "given 3"],
  "a parameter less": [(s) => delete s.params.bias, "`bias` is missing"],
  "a parameter more": [(s) => s.params.more = Float32Array.of(1), "no parameter `more`"],
  "a parameter elsewhere": [
    (s) => s.params = { bias: s.params.bias, layers: { a: s.params.layers[0] } },
    "no parameter `layers/a`",
  ],
  "a parameter of another type": [
    (s) => s.params.bias = Float64Array.of(1, 2),
    "`bias` must be float32 of shape [2]",
    "given float64 of [2]",
  ],
  "a parameter of another length": [
    (s) => s.params.bias = Float32Array.of(1, 2, 3),
    "`bias` must be float32 of shape [2]",
    "given float32 of [3]",
  ],
  "a parameter of another shape": [
    (s) => s.params.layers[0].shape = [3, 2],
    "`layers/0` must be float64 of shape [2, 3]",
    "given float64 of [3, 2]",
  ],
  "a parameter of whole numbers": [
    (s) => s.params.bias = Int32Array.of(1, 2),
    "`bias`",
    "given an Int32Array of 2",
  ],
  "two paths that are one when joined": [
    (s) => s.params["layers/0"] = s.params.layers[0],
    "`layers/0`",
  ],
  "no gradients": [(s) => s.gradients = undefined, "gradients", "given undefined"],
  "a gradient less": [(s) => delete s.gradients.bias, "gradients", "`bias` is missing"],
  "a gradient more": [
    (s) => s.gradients.more = Float32Array.of(1),
    "gradients",
    "no parameter `more`",
  ],
  "a gradient that is no array": [
    (s) => s.gradients.bias = null,
    "gradients at `bias`",
    "given null",
  ],
  "a gradient of another type": [
    (s) => s.gradients.bias = Float64Array.of(1, 2),
    "gradients at `bias` must be float32",
    "given float64",
  ],
  "a gradient of another shape": [
    (s) => s.gradients.layers[0].shape = [6],
    "gradients at `layers/0` must have shape [2, 3]",
    "given [6]",
  ],
  "no state": [(s) => s.state = undefined, 'must be one of "lion"', "given undefined"],
  "null for a state": [(s) => s.state = null, 'must be one of "lion"', "given null"],
  "a state of another optimizer": [
    (s) => s.state = sgd({ learningRate: 1 }).init(tree()),
    'must be one of "lion"',
  ],
  "a count that is no number": [(s) => s.state.count = "1", "`count`", 'given "1"'],
  "a negative count": [(s) => s.state.count = -1, "`count`", "given -1"],
  "a broken count": [(s) => s.state.count = 0.5, "`count`", "given 0.5"],
  "a count past what numbers hold": [
    (s) => s.state.count = 2 ** 53,
    "`count`",
    "given 9007199254740992",
  ],
  "a state without its tree": [(s) => delete s.state.m, "`m`"],
  "a state with a leaf less": [(s) => delete s.state.m.bias, "state `m`", "`bias` is missing"],
  "a state of another type": [
    (s) => s.state.m.bias = Float32Array.of(0, 0),
    "state `m` at `bias` must be float16",
    "given float32",
  ],
  "a state of another shape": [
    (s) => s.state.m.bias = float16(0, 0, 0),
    "state `m` at `bias` must have shape [2]",
    "given [3]",
  ],
  "a state without hyperparameters": [(s) => delete s.state.hyper, "`hyper`", "given undefined"],
  "null for hyperparameters": [(s) => s.state.hyper = null, "`hyper`", "given null"],
  "hyperparameters that are frozen": [(s) => Object.freeze(s.state.hyper), "must not be frozen"],
  "a hyperparameter of no such name": [(s) => s.state.hyper.rate = 1, "`hyper`", "`rate`"],
  "a hyperparameter that is NaN": [
    (s) => s.state.hyper.learningRate = NaN,
    "`learningRate`",
    "must be a number",
    "given NaN",
  ],
  "a hyperparameter that is text": [
    (s) => s.state.hyper.b1 = "0.9",
    "`b1`",
    "must be a number",
    'given "0.9"',
  ],
  "a hyperparameter that is null": [
    (s) => s.state.hyper.b1 = null,
    "`b1`",
    "must be a number",
    "given null",
  ],
  "another number for a constant of the graph": [
    (s) => s.state.hyper.b2 = 0.5,
    "`b2`",
  ],
};

for (const [what, [spoil, ...parts]] of Object.entries(SPOILT)) {
  Deno.test(`a step with ${what} is refused and changes nothing`, async () => {
    await refuseStep(spoil, parts);
  });
}

Deno.test("a step without a value for a schedule that was a function is refused", async () => {
  const exported = await OrtOptimizer.load(bytes);
  const [params, state] = [tree(), exported.init(tree())];
  assertEquals([state.hyper.b1, state.hyper.learningRate], [0.9, undefined]);
  await assertRejected(
    () => exported.step(params, tree(), state),
    [params, state],
    STEPPING,
    "`learningRate`",
    "must be a number",
    "given when loading",
  );
  await exported.dispose();
});

Deno.test("a step at which a schedule gives no number is refused", async () => {
  const learningRate = (count: number) => count < 1 ? 0.5 : NaN;
  const exported = await OrtOptimizer.load(bytes, { hyper: { learningRate } });
  const [params, state] = [tree(), exported.init(tree())];
  await exported.step(params, tree(), state);
  await assertRejected(
    () => exported.step(params, tree(), state),
    [params, state],
    STEPPING,
    "`learningRate`",
    "given NaN",
  );
  await exported.dispose();
});

Deno.test("a step without a further input of the program is refused", async () => {
  const scaled = optimizer({
    name: "scaled",
    inputs: { value: "scalar", unused: "scalar" },
    step: "u = value*g",
  })();
  const x = Float32Array.of(1);
  const exported = await OrtOptimizer.load(toOnnx(scaled, x));
  const state = exported.init(x);
  // deno-lint-ignore no-explicit-any
  const step = (inputs: any) => () => exported.step(x, Float32Array.of(1), state, inputs);
  const begin = 'Cannot step by "scaled"';
  await assertRejected(step(undefined), [x, state], begin, "input `value`", "given undefined");
  await assertRejected(step({ value: 1 }), [x, state], begin, "input `unused`", "given undefined");
  await assertRejected(step({ value: "1", unused: 0 }), [x, state], begin, "`value`", 'given "1"');
  await assertRejected(step(null), [x, state], begin, "input");
  await step({ value: NaN, unused: 0 })();
  assertEquals(x, Float32Array.of(NaN));
  await exported.dispose();
});

Deno.test("a step that would write one array twice is refused, as in the library", async () => {
  const descent = sgd({ learningRate: 1, momentum: 0.5 });
  const exported = await OrtOptimizer.load(toOnnx(descent, { a: [1], b: [1] }));
  const fresh = () => ({ a: Float32Array.of(1), b: Float32Array.of(2) });
  const shared = Float32Array.of(1);
  const tied = { a: shared, b: shared };
  for (const params of [tied, fresh()]) {
    const state = exported.init(fresh());
    if (params !== tied) state.m = params;
    const where = params === tied ? ["`a`", "`b`"] : ["`a`", "`a` of state `m`"];
    await assertRejected(
      () => exported.step(params, fresh(), state),
      [params, state],
      'Cannot step by "sgd"',
      "every array must be at one place",
      ...where,
    );
  }
  await exported.dispose();
});

Deno.test("parameters that are not the graph's have no state to begin with", async () => {
  const exported = await OrtOptimizer.load(bytes);
  const refuse = (params: unknown, ...parts: string[]) =>
    assertRefused(() => exported.init(params as object), 'Cannot initialise "lion"', ...parts);
  refuse(undefined, "given undefined");
  refuse({}, "is missing");
  refuse({ bias: Float32Array.of(1, 2) }, "`layers/0` is missing");
  refuse({ ...tree(), more: Float32Array.of(1) }, "no parameter `more`");
  refuse({ ...tree(), bias: Float64Array.of(1, 2) }, "`bias`", "given float64 of [2]");
  refuse({ ...tree(), "layers/0": tree().layers[0] }, "`layers/0`");
  const { bias } = tree();
  refuse({ ...tree(), bias: bias.subarray(0, 1) }, "`bias`", "given float32 of [1]");
  await exported.dispose();
  const two = await OrtOptimizer.load(toOnnx(sgd({ learningRate: 1 }), { a: [2], b: [2] }));
  assertRefused(() => two.init({ a: bias, b: bias }), "every array must be at one place");
  await two.dispose();
});

Deno.test("after its memory is given back an optimizer steps no more, and says so", async () => {
  const exported = await OrtOptimizer.load(bytes, { hyper: { learningRate: 0.5 } });
  const [params, state]: [ReturnType<typeof tree>, State] = [tree(), exported.init(tree())];
  {
    await using used = exported;
    await used.step(params, tree(), state);
  }
  await assertRejected(
    () => exported.step(params, tree(), state),
    [params, state],
    STEPPING,
    "dispose",
  );
});

Deno.test("giving memory back twice does no harm", async () => {
  const exported = await OrtOptimizer.load(bytes);
  await exported.dispose();
  await exported.dispose();
  const other = await OrtOptimizer.load(bytes, { hyper: { learningRate: 0.5 } });
  await exported.dispose();
  const state = other.init(tree());
  await other.step(tree(), tree(), state);
  assertEquals(state.count, 1);
  await other.dispose();
});
