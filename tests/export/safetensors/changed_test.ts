/** Checkpoints of trees that have changed since, and of other programs. */
import {
  adafactor,
  adamw,
  factory,
  lion,
  optimizer,
  parseProgram,
  printProgram,
  type StoredTensor,
  type Tensor,
} from "../../../mod.ts";
import { load, save } from "../../../export/safetensors/mod.ts";
import { releases } from "../../../runtime/trees/arena.ts";
import { assert, assertEquals } from "../../assert.ts";
import { assertRefused, assertRefusedUnchanged, contents } from "../../refused.ts";

const sketch = optimizer({
  name: "sketch",
  hyper: { learningRate: 0.5 },
  state: { n: { init: 1, over: "tree" }, r: { over: 0 }, m: 0, z: "w" },
  step: `
    n = n + globalNorm(g)
    r = r + sum(g^2, axis=0)
    m = m + g
    z = z - learningRate*g
    u = z - w
  `,
});

const tensor = (shape: number[], value: number): Tensor => ({
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
  shape,
});

const before = {
  kept: tensor([2, 3], 1),
  wider: tensor([2, 3], 1),
  other: tensor([2, 3], 1),
  removed: Float32Array.of(1),
};

function saved(): Uint8Array {
  const opt = sketch();
  const params = structuredClone(before);
  const state = opt.init(params);
  const gradients = Object.fromEntries(
    Object.entries(params).map(([key, leaf]) => [
      key,
      "shape" in leaf ? tensor([...leaf.shape], 1) : Float32Array.of(1),
    ]),
  );
  for (let step = 0; step < 2; step++) opt.step(params, gradients, state);
  state.hyper.learningRate = 0.25;
  return save({ optimizer: opt, params, state });
}

/** Another layer, one of another width, one that is stored otherwise. */
const after = () => ({
  kept: tensor([2, 3], 7),
  wider: tensor([2, 4], 7),
  other: {
    data: new Uint16Array(6).fill(0x40e0),
    shape: [2, 3],
    dtype: "bfloat16",
  } as StoredTensor,
  added: tensor([1, 2], 7),
});

Deno.test("what fits a changed tree is taken, the rest begins afresh, and both are listed", () => {
  const params = after();
  const loaded = load(saved(), { params, onMismatch: "init" });
  assertEquals(params, after(), "what was given must not change");
  assertEquals(loaded.params.kept, tensor([2, 3], 0));
  assertEquals([loaded.params.wider, loaded.params.added], [params.wider, params.added]);
  const { state } = loaded;
  const m = state.m as Record<string, Tensor>;
  assertEquals([m.kept, m.wider, m.added], [
    tensor([2, 3], 2),
    tensor([2, 4], 0),
    tensor([1, 2], 0),
  ]);
  // A state that begins as its parameter begins as what was given.
  const z = state.z as Record<string, Tensor>;
  assertEquals([z.kept, z.wider], [tensor([2, 3], 0), tensor([2, 4], 7)]);
  assertEquals([state.count, state.hyper.learningRate], [2, 0.25]);
  assert(state.n as number > 1, "a number of the tree is taken");
  const states = ["params", "state/r", "state/m", "state/z"];
  assertEquals(
    [...loaded.fitted].sort(),
    [
      ...["count", "state/n", ...states.map((name) => `${name}/kept`)],
    ].sort(),
  );
  assertEquals(
    [...loaded.started].sort(),
    [
      ...states.flatMap((name) => ["wider", "added", "other"].map((key) => `${name}/${key}`)),
      "master/other",
    ].sort(),
  );
  assertEquals([...loaded.leftover].sort(), states.map((name) => `${name}/removed`).sort());
  const gradients = { ...after(), added: tensor([1, 2], 1) };
  loaded.optimizer.step(loaded.params, gradients, state);
});

Deno.test("numbers that were written as a tree are left where the tree is another", () => {
  const opt = sketch();
  const params = structuredClone(before);
  const state = opt.init(params);
  state.hyper.learningRate = { kept: 1, wider: 2, other: 3, removed: 4 };
  const loaded = load(save({ optimizer: opt, params, state }), {
    params: { kept: tensor([2, 3], 0) },
    onMismatch: "init",
  });
  assertEquals(loaded.started, ["hyper/learningRate"]);
  assertEquals(Object.keys(loaded.state.hyper), []);
});

Deno.test("a changed tree is refused with all that differs, and nothing is changed", () => {
  const params = after();
  assertRefusedUnchanged(
    () => load(saved(), { params }),
    [params],
    '`onMismatch: "init"` takes those that are and starts the rest afresh: given\n',
    "`params/wider`: F32 of shape [2, 4] is asked for, and it has F32 of shape [2, 3]\n",
    "`params/other`: BF16 of shape [2, 3] is asked for, and it has F32 of shape [2, 3]\n",
    "`params/added`: F32 of shape [1, 2] is asked for, and it has none\n",
  );
  const { removed: _, ...fewer } = structuredClone(before);
  assertRefused(
    () => load(saved(), { params: fewer }),
    "`params/removed`: nothing asks for it\n",
    "`state/m/removed`: nothing asks for it",
  );
});

Deno.test("an optimizer of another program is refused with the lines that differ", () => {
  const own = { ...printProgram(sketch.program), doc: "A note.", hyper: { learningRate: 1 } };
  const opt = factory(parseProgram(own))();
  assert(opt.program !== sketch.program);
  assertEquals(load(saved(), { optimizer: opt }).optimizer, opt, "defaults and notes may differ");

  const other = factory(parseProgram({
    ...own,
    hyper: { learningRate: 1, decay: 0 },
    state: { ...own.state, m: 1 },
    step: own.step.replace("m = m + g", "m = m + (1 - decay)*g"),
  }))();
  const { message } = assertRefused(() => load(saved(), { optimizer: other }));
  assertEquals(
    message,
    'Cannot load a checkpoint: it must be of the program of `optimizer`, "sketch" (+): given one of ' +
      `"sketch" (-), which differs in
+ hyperparameter decay
- state m = 0
+ state m = 1
- m = m + g
+ m = m + (1 - decay)*g`,
  );
  assertRefused(
    () => load(saved(), { optimizer: lion({ learningRate: 1 }) }),
    "- name: sketch\n+ name: lion",
  );
});

Deno.test("an optimizer made with other numbers goes on by those, and states of its own begin afresh", () => {
  const params = { w: Float32Array.of(1, 2) };
  const plain = adamw({ learningRate: 0.1, b1: 0 });
  const bytes = save({ optimizer: plain, params, state: plain.init(params) });
  const averaged = adamw({ learningRate: 0.2, b1: 0.5 });
  assertRefused(
    () => load(bytes, { optimizer: averaged }),
    "`state/m/w`: F32 of shape [2] is asked for",
  );
  const loaded = load(bytes, { optimizer: averaged, onMismatch: "init" });
  assertEquals([loaded.started, loaded.leftover], [["state/m/w"], []]);
  averagedStep(loaded);
  assertEquals(loaded.state.hyper.learningRate, 0.2);
});

function averagedStep({ optimizer, params, state }: ReturnType<typeof load>): void {
  optimizer.step(params, { w: Float32Array.of(1, 1) }, state);
}

Deno.test("states are stored as they were saved, whatever the optimizer was made with", () => {
  const params = { w: Float32Array.of(1, 2) };
  const short = { dtype: "bfloat16", rounding: "stochastic", seed: 7 } as const;
  const [full, made] = [
    adamw({ learningRate: 0.1 }),
    adamw({ learningRate: 0.1, muDtype: "bfloat16" }),
  ];
  const state = full.init(params, { storage: { v: short } });
  const bytes = save({ optimizer: full, params, state });
  assertEquals(contents(load(bytes, { optimizer: made }).state), contents(state));
  const wide = made.init(params, { storage: { m: "float32" } });
  assertEquals(
    contents(load(save({ optimizer: made, params, state: wide })).state),
    contents(wide),
  );
});

Deno.test("a state that fits by itself begins afresh with a parameter that does not", () => {
  const opt = adafactor({ learningRate: 0.1, minDimSizeToFactor: 1 });
  const params = { w: tensor([4, 3], 1), b: Float32Array.of(1) };
  const state = opt.init(params);
  opt.step(params, params, state);
  const changed = { w: tensor([4, 5], 2), b: Float32Array.of(1) };
  const loaded = load(save({ optimizer: opt, params, state }), {
    params: changed,
    onMismatch: "init",
  });
  const fresh = opt.init(changed);
  const ofW = (all: object) =>
    Object.values(all).flatMap((tree) => typeof tree?.w === "object" ? [tree.w] : []);
  assertEquals(ofW(loaded.state), ofW(fresh));
  assert(ofW(fresh).length > 1);
});

Deno.test("what was placed for a checkpoint that is then refused is given back", () => {
  const opt = adamw({ learningRate: 0.1 });
  const params = { w: Float32Array.of(1, 2), b: Float32Array.of(3) };
  const bytes = save({ optimizer: opt, params, state: opt.init(params) });
  const before = releases();
  const like = { w: Float32Array.of(1, 2), c: Float32Array.of(3) };
  assertRefused(() => load(bytes, { params: like, resident: true }), "`params/c`");
  assertEquals(releases() - before, 6, "two parameters and two states of each");
});
