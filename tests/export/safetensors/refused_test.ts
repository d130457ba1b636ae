/** What cannot be saved, and files that mean harm. */
import fc from "fast-check";
import {
  adamw,
  GradusError,
  lion,
  type Optimizer,
  partition,
  release,
  resident,
  schedule,
  sgd,
  type State,
} from "../../../mod.ts";
import {
  load,
  readSafetensors,
  save,
  saveStream,
  type TensorToWrite,
  writeSafetensors,
} from "../../../export/safetensors/mod.ts";
import { VERSION } from "../../../export/safetensors/metadata.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { assertRefused, contents } from "../../refused.ts";
import { gpuTest, onGpu } from "../../webgpu/gpu.ts";

const opt = adamw({ learningRate: schedule("0.1/t"), mask: { w: true, list: [false] } });
const treeOf = () => ({
  w: { data: Float32Array.of(1, 2), shape: [1, 2] },
  list: [Float32Array.of(3)],
});

function savedOf(optimizer: Optimizer, params: object = treeOf()): Uint8Array {
  const state = optimizer.init(params);
  optimizer.step(params, params, state);
  state.hyper.b1 = 0.5;
  return save({ optimizer, params, state });
}
const bytes = savedOf(opt);

/** The file with some of its metadata and tensors replaced. */
function changed(
  metadata: Readonly<Record<string, string | undefined>>,
  tensors: Readonly<Record<string, TensorToWrite | undefined>> = {},
): Uint8Array {
  const read = readSafetensors(bytes);
  const but = <T>(map: ReadonlyMap<string, T>, by: Readonly<Record<string, T | undefined>>) => {
    const all = new Map(map);
    for (const [name, value] of Object.entries(by)) {
      if (value === undefined) all.delete(name);
      else all.set(name, value);
    }
    return all;
  };
  return writeSafetensors(but<TensorToWrite>(read.tensors, tensors), but(read.metadata, metadata));
}

Deno.test("the version in checkpoints is that of the package", async () => {
  const { version } = JSON.parse(
    await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)),
  );
  assertEquals(VERSION, version);
});

Deno.test("a checkpoint says what is in it to whoever reads its metadata", () => {
  const { metadata, tensors } = readSafetensors(bytes);
  assertEquals([...tensors.keys()].sort(), [
    ...["count", "params/list/0", "params/w"],
    ...["state/m/list/0", "state/m/w", "state/v/list/0", "state/v/w"],
  ]);
  assertEquals(JSON.parse(metadata.get("gradus.tree")!), { w: "tensor", list: ["array"] });
  assertEquals(JSON.parse(metadata.get("gradus.written")!), { b1: 0.5 });
  const settings = JSON.parse(metadata.get("gradus.settings")!);
  assertEquals(settings.learningRate, { value: "count => 0.1/(count + 1)" });
  assertEquals(settings.weightDecay, { value: 1e-4, mask: { w: true, list: [false] } });
});

Deno.test("what is no checkpoint of this version is refused with a sentence", () => {
  const foreign = writeSafetensors({ w: { data: Float32Array.of(1), shape: [1] } }, {
    format: "pt",
  });
  assertRefused(
    () => load(foreign),
    "it must be one that `save` wrote",
    "read its tensors by `readSafetensors`",
  );
  assertRefused(
    () => load(changed({ "gradus.checkpoint": "2", "gradus.version": "9.1.0" })),
    'it must be of version 1 of its format: given "2", written by version "9.1.0" of Gradus',
  );
  assertRefused(() => load(bytes.subarray(1)), "Cannot read safetensors");
  const early = { optimizer: "adamw", count: 1, hyper: {} } as State;
  assertRefused(
    () => save({ optimizer: opt, params: treeOf(), state: early }),
    "Cannot save a checkpoint",
    "one without a hash of its program, as version 0.1 made them",
  );
});

Deno.test("what cannot be saved is refused", () => {
  const params = treeOf();
  const state = opt.init(params);
  assertRefused(
    () => save({ optimizer: adamw as never, params, state }),
    "`optimizer` must be what was made",
  );
  assertRefused(
    () => save({ optimizer: lion({ learningRate: 1 }), params, state }),
    'one of "adamw"',
  );
  assertRefused(() => save({ optimizer: opt, params: {}, state }), "at least one array");
  const { w: _, ...less } = params;
  assertRefused(
    () => save({ optimizer: sgd({ learningRate: 1 }), params: less, state }),
    "must be one of",
  );
  assertRefused(
    () => save({ optimizer: opt, params, state: { ...state, m: less } }),
    "state `m`",
    "`w` is missing",
  );
  assertRefused(
    () => save({ optimizer: opt, params, state: { ...state, count: -1 } }),
    "`count` must be a whole number",
  );
  assertRefused(() => save(undefined as never), "`optimizer` must be what was made");
  for (const written of [null, undefined, "0.5", true, Float32Array.of(1), { v: 1 }, 1n]) {
    assertRefused(
      () => save({ optimizer: opt, params, state: { ...state, hyper: { b1: written as never } } }),
      "Cannot save a checkpoint: hyperparameter `b1` of the state at the root must ",
    );
  }
});

Deno.test("a function that no file can hold is asked for when it is missed", () => {
  const free = adamw({ learningRate: (count) => 0.1 / (count + 1) });
  const own = savedOf(free);
  assertRefused(
    () => load(own),
    "hyperparameter `learningRate` was a function, which no file can hold: give `optimizer`",
  );
  const { optimizer, state } = load(own, { optimizer: free });
  assertEquals([optimizer, state.hyper.learningRate], [free, 0.1]);
});

const deep = (levels: number) => `${'{"a":'.repeat(levels)}"tensor"${"}".repeat(levels)}`;
const settings = (change: object) =>
  JSON.stringify({
    ...JSON.parse(readSafetensors(bytes).metadata.get("gradus.settings")!),
    ...change,
  });
const program = (change: object) =>
  JSON.stringify({
    ...JSON.parse(readSafetensors(bytes).metadata.get("gradus.program")!),
    ...change,
  });

const harmful: readonly [name: string, bytes: Uint8Array, ...says: string[]][] = [
  [
    "no program",
    changed({ "gradus.program": undefined }),
    "must have `gradus.program`: it is missing",
  ],
  ["no JSON", changed({ "gradus.tree": "{" }), "`gradus.tree` in its metadata must be JSON"],
  ["a key twice", changed({ "gradus.tree": '{"w":"array","w":"array"}' }), "`w` stands twice"],
  [
    "a list of settings",
    changed({ "gradus.settings": "[]" }),
    "must be an object: given an array of 0",
  ],
  ["a long program", changed({ "gradus.program": " ".repeat(2e6) }), "at most 1000000 characters"],
  [
    "a wild program",
    changed({ "gradus.program": program({ step: "u = process" }) }),
    "no symbol `process`",
  ],
  [
    "another program",
    changed({
      "gradus.program": program({
        step: "u = -learningRate*(g + eps + epsRoot + b1 + b2 + weightDecay + w)",
      }),
    }),
    "Cannot ",
  ],
  ["a hash of another", changed({ "gradus.hash": "0" }), "must be the hash of its program"],
  ["a missing setting", changed({ "gradus.settings": "{}" }), "`learningRate` must have a value"],
  [
    "an unknown setting",
    changed({ "gradus.settings": settings({ x: { value: 1 } }) }),
    "no option `x`",
  ],
  [
    "a setting of __proto__",
    changed({ "gradus.settings": settings({ ["__proto__"]: { value: 1 } }) }),
    "__proto__",
  ],
  [
    "a setting outside its domain",
    changed({ "gradus.settings": settings({ b1: { value: 2 } }) }),
    "`b1`",
    "2",
  ],
  [
    "a number that is none",
    changed({ "gradus.settings": settings({ b1: { value: "1" } }) }),
    'given "1"',
  ],
  [
    "code",
    changed({ "gradus.settings": settings({ b1: { value: "count => alert(1)" } }) }),
    "alert",
  ],
  [
    "a mask of numbers",
    changed({ "gradus.settings": settings({ b1: { value: 0, mask: [1] } }) }),
    "truth values",
  ],
  [
    "an odd clock",
    changed({ "gradus.settings": settings({ b1: { value: 0, clock: "m" } }) }),
    "one number for the tree",
  ],
  [
    "deep settings",
    changed({ "gradus.settings": settings({ b1: { value: JSON.parse(deep(500)) } }) }),
    "must nest at most 100 deep",
  ],
  ["a deep tree", changed({ "gradus.tree": deep(50_000) }), "must nest at most 100 deep"],
  [
    "a leaf of another kind",
    changed({ "gradus.tree": '{"w":"array","list":["array"]}' }),
    "`params/w`, F32 of shape [1, 2]",
  ],
  [
    "a tree of numbers",
    changed({ "gradus.tree": '{"w":3,"list":["array"]}' }),
    "given 3 for `params/w`",
  ],
  [
    "a leaf more",
    changed({ "gradus.tree": '{"w":"tensor","list":["array","array"]}' }),
    "`params/list/1`: it is missing",
  ],
  [
    "a leaf less",
    changed({ "gradus.tree": '{"w":"tensor","list":[]}' }),
    "give `optimizer`, made for these parameters: Cannot initialise",
    "the mask at `list`",
  ],
  ["odd storage", changed({ "gradus.stored": '{"m":"int8"}' }), "must be one of float32"],
  ["storage of no state", changed({ "gradus.stored": '{"q":"float32"}' }), "no state `q`"],
  [
    "an unknown number written",
    changed({ "gradus.written": '{"toString":1}' }),
    "no hyperparameter `toString`",
  ],
  ["a text written", changed({ "gradus.written": '{"b1":"x"}' }), 'must be a number: given "x"'],
  [
    "no count",
    changed({}, { count: undefined }),
    "tensor `count` must be one whole number from 0, as I64: it is missing",
  ],
  ["half a count", changed({}, { count: { data: Float64Array.of(0.5), shape: [] } }), "as F64"],
  [
    "a count below 0",
    changed({}, { count: { data: BigInt64Array.of(-1n), shape: [] } }),
    "given -1",
  ],
  [
    "a huge count",
    changed({}, { count: { data: BigInt64Array.of(2n ** 60n), shape: [] } }),
    "tensor `count`",
  ],
  [
    "parameters of whole numbers",
    changed({}, { "params/w": { data: Int32Array.of(1, 2), shape: [1, 2] } }),
    "must be F32, F64, F16 or BF16",
  ],
  [
    "a state of another size",
    changed({}, { "state/m/w": { data: Float32Array.of(1), shape: [1] } }),
    "`state/m/w`",
  ],
  [
    "a state too few",
    changed({}, { "state/m/w": undefined }),
    "`state/m/w`: F32 of shape [1, 2] is asked for, and it has none",
  ],
  [
    "a tensor too many",
    changed({}, { "state/m/x": { data: Float32Array.of(1), shape: [1] } }),
    "`state/m/x`: nothing asks for it",
  ],
];

for (const [name, file, ...says] of harmful) {
  Deno.test(`a checkpoint with ${name} is refused`, () => {
    const { message } = assertRefused(() => load(file), ...says);
    assert(message.length < 3000, message);
  });
}

Deno.test("metadata that were changed anywhere are refused or load, and nothing else happens", () => {
  const { metadata } = readSafetensors(bytes);
  const keys = [...metadata.keys()];
  const piece = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.constantFrom("{", "}", "[", "]", '"', "null", "-1", "1e999", '"__proto__":', "true", "{}"),
  );
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.nat(2000), fc.nat(4), piece, (key, at, cut, piece) => {
      const text = metadata.get(key)!;
      const from = at % (text.length + 1);
      const file = changed({ [key]: text.slice(0, from) + piece + text.slice(from + cut) });
      try {
        const { optimizer, params, state } = load(file);
        optimizer.step(params, params, state);
      } catch (error) {
        assert(error instanceof GradusError, `${error} ${(error as Error).stack}`);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("options that load does not have are refused", () => {
  assertRefused(
    () => load(bytes, { onMismatch: "ignore" as "init" }),
    '"error" or "init": given "ignore"',
  );
  assertRefused(() => load(bytes, { optimiser: opt } as object), "did you mean `optimizer`?");
  assertRefused(
    () => load(bytes, { optimizer: adamw as never }),
    "`optimizer` must be an optimizer",
  );
});

Deno.test("a tree may be one array or tensor, and labels may be functions", () => {
  for (
    const params of [Float32Array.of(1, 2), { data: Float64Array.of(1), shape: [1, 1] }, [
      Float32Array.of(1),
    ]]
  ) {
    const optimizer = partition(
      { a: sgd({ learningRate: 1, momentum: 0.5 }) },
      (() => "a") as never,
    );
    const loaded = load(savedOf(adamw({ learningRate: 1 }), params));
    assertEquals(loaded.params, params);
    const state = optimizer.init(params);
    assertEquals(contents(load(save({ optimizer, params, state })).state), contents(state));
  }
});

Deno.test("a stream whose trees are given back or stepped before its end tells its reader", async () => {
  for (const change of ["release", "step"]) {
    const params = resident(treeOf());
    const state = opt.init(params);
    const stream = saveStream({ optimizer: opt, params, state });
    if (change === "release") release(params);
    else opt.step(params, treeOf(), state);
    await assertRejects(() => new Response(stream).bytes(), GradusError, change);
  }
});

Deno.test("a stream whose trees cannot be had tells its reader", async () => {
  const from = { download: () => Promise.reject(new Error("the device is lost")) };
  const params = treeOf();
  const stream = saveStream({ optimizer: opt, params, state: opt.init(params), from });
  await assertRejects(() => new Response(stream).bytes(), Error, "the device is lost");
  assertRefused(
    () => saveStream({ optimizer: opt, params, state: opt.init(params), from: {} as never }),
    "`from` must have a method `download`: given an object with no keys",
  );
});

gpuTest("a run on the GPU is streamed by what holds it, and goes on in host memory", async () => {
  const params = treeOf();
  await onGpu(opt, async (gpu) => {
    const there = gpu.upload(params);
    const state = gpu.init(there);
    gpu.step(there, gpu.upload(treeOf()), state);
    assertRefused(
      () => save({ optimizer: opt, params: there, state }),
      "the array at `list/0` must be in the memory of the host: given one on a GPU",
    );
    const stream = saveStream({ optimizer: opt, params: there, state, from: gpu });
    const loaded = load(await new Response(stream).bytes());
    assertEquals(loaded.params, await gpu.download(there));
    const { m, v, hyper } = await gpu.download(state);
    assertEquals([loaded.state.m, loaded.state.v, loaded.state.hyper.learningRate], [m, v, 0.1]);
    assertEquals(hyper.learningRate, 0.1);
    opt.step(loaded.params, treeOf(), loaded.state);
    assertEquals(loaded.state.count, 2);
  });
});
