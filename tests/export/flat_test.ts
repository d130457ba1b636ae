/** Graphs of one vector of any length, fed by hand. */
import { chain, clipByGlobalNorm, lion, type Optimizer, optimizer } from "../../mod.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { assertRefused } from "../refused.ts";
import { IN_NO_GRAPH, wrapped, zooOptimizers } from "./everything.ts";
import {
  countOf,
  faultsOf,
  loadModel,
  metadataOf,
  resultOf,
  scalarOf,
  signatureOf,
} from "./models.ts";
import * as models from "./models.ts";
import { assertRejected } from "./rejected.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

/** The arrays of a tree, one after another. */
function joined(tree: unknown): Float32Array {
  return Float32Array.from(leavesOf(tree).flatMap(({ data }) => numbersOf(data)));
}

/** Steps `opt` and its graph of one vector; returns the largest error against the largest number. */
async function errorOf(opt: Optimizer, vectors: Readonly<Record<string, Float32Array>> = {}) {
  const definition = opt.with({ backend: "interpreter" });
  const bytes = toOnnx(opt, streamParams("float32"), { layout: "flat" });
  assertEquals(faultsOf(bytes), []);
  const session = await loadModel(bytes);
  const params = streamParams("float32");
  const state = definition.init(params);
  let worst = 0;
  for (let t = 0; t < 6; t++) {
    const gradients = streamGradients("float32", t);
    const trees = { w: params, g: gradients, ...statesOf(state) };
    const feeds: models.Values = { count: countOf(t) };
    for (const [name, tree] of Object.entries(trees)) {
      if (typeof tree === "number") feeds[name] = scalarOf(tree);
      else Object.assign(feeds, models.valuesOf(name, joined(tree)));
    }
    const inputs: Record<string, unknown> = {};
    for (const [name, kind] of opt.program.inputs) {
      const isNumber = kind === "scalar";
      inputs[name] = isNumber ? streamValue(t) : streamGradients("float32", t + 1);
      if (isNumber) feeds[name] = scalarOf(streamValue(t));
      else Object.assign(feeds, models.valuesOf(name, joined(inputs[name])));
    }
    for (const [name, data] of Object.entries(vectors)) {
      Object.assign(feeds, models.valuesOf(name, data));
    }
    const results = await session.run(feeds);
    definition.step(params, gradients, state, inputs);
    for (const [name, tree] of Object.entries({ w: params, ...statesOf(state) })) {
      const wanted = typeof tree === "number" ? [tree] : [...joined(tree)];
      const given = resultOf(results[`next/${name}`]);
      assertEquals(given.length, wanted.length, name);
      const scale = Math.max(...wanted.map(Math.abs)) || 1;
      wanted.forEach((number, i) => worst = Math.max(worst, Math.abs(number - given[i]) / scale));
    }
  }
  await session.release();
  return worst;
}

/** Zoo and wrappers, those that treat every element alike. */
const WHOLE = /of a whole parameter$|is kept over|stepped by one program/;

for (const [name, make] of Object.entries({ ...zooOptimizers, ...wrapped })) {
  if (IN_NO_GRAPH.has(name)) continue;
  let reason = "";
  try {
    toOnnx(make(), streamParams("float32"), { layout: "flat" });
  } catch (error) {
    reason = (error as Error).message;
  }
  if (reason !== "") {
    Deno.test(`${name} is no program of one vector, and is refused by what it looks at`, () => {
      assert(WHOLE.test(reason), reason);
    });
    continue;
  }
  if (name === "a mask on the decay of AdamW after Nesterov") continue;
  Deno.test(`${name} steps one vector as the interpreter defines`, async () => {
    const error = await errorOf(make());
    // Numbers of the tree are of sums in another order.
    assert(error <= (name === "smoothLion" ? 2e-6 : 1e-15), `${error} of scale`);
  });
}

Deno.test("a vector is of any length, and graphs do not depend on the parameters' shapes", () => {
  const flat = { layout: "flat" } as const;
  const { inputs, outputs } = signatureOf(
    toOnnx(lion({ learningRate: 1 }), { a: [3], b: [2, 2] }, flat),
  );
  assertEquals(inputs, ["count int64 []", "w float [N]", "g float [N]", "m float [N]"]);
  assertEquals(outputs, ["next/count int64 []", "next/w float [N]", "next/m float [N]"]);
});

Deno.test("a vector is as long as the parameters where all of them are reduced", () => {
  const clipped = chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 1 }));
  const { inputs } = signatureOf(toOnnx(clipped, { a: [3], b: [2, 2] }, { layout: "flat" }));
  assertEquals(inputs, ["count int64 []", "w float [7]", "g float [7]", "m float [7]"]);
});

Deno.test("hyperparameters that differ between parameters are vectors", async () => {
  const opt = lion({
    learningRate: { b: 0.5, w: 0.25 },
    weightDecay: 0.125,
    mask: { b: false, w: true },
  });
  const bytes = toOnnx(opt, streamParams("float32"), { layout: "flat" });
  const { inputs } = signatureOf(bytes);
  assertEquals(inputs.filter((each) => each.startsWith("hyper/")), [
    "hyper/learningRate float [N]",
    "hyper/weightDecay float [N]",
  ]);
  const each = (b: number, w: number) => Float32Array.of(b, b, b, b, w, w, w, w, w, w);
  const vectors = { "hyper/learningRate": each(0.5, 0.25), "hyper/weightDecay": each(0, 0.125) };
  assert(await errorOf(opt, vectors) < 1e-7);
});

Deno.test("the metadata hold which parameters the vector is made of", () => {
  const bytes = toOnnx(lion({ learningRate: 1 }), { b: [3], a: [[2], [2, 2]] }, { layout: "flat" });
  assertEquals(JSON.parse(metadataOf(bytes)[METADATA.layout]), {
    leaves: [
      { path: "a/0", shape: [2] },
      { path: "a/1", shape: [2, 2] },
      { path: "b", shape: [3] },
    ],
    vectors: [],
  });
});

Deno.test("a program that looks at more than an element is refused by that and its line", () => {
  const refuse = (step: string, state: object, ...parts: string[]) =>
    assertRefused(
      () =>
        toOnnx(optimizer({ name: "whole", state: state as never, step })(), [2, 2], {
          layout: "flat",
        }),
      'Cannot export "whole" to ONNX: only a program that treats every element alike',
      ...parts,
    );
  refuse("u = g/norm(g)", {}, "`norm(g)` in `u = g/norm(g)`");
  refuse("u = g/rows", {}, "`rows` in `u = g/rows`");
  refuse("u = g@transpose(g)@g", {}, "`transpose(g)`");
  refuse("u = k*g", { k: { init: 1, over: 0 } }, "state `k` is kept over axes");
});

Deno.test("parameters of two types are no vector", () => {
  assertRefused(
    () =>
      toOnnx(lion({ learningRate: 1 }), { a: new Float32Array(1), b: new Float64Array(1) }, {
        layout: "flat",
      }),
    "must be of one type: given float32 at `a` and float64 at `b`",
  );
});

Deno.test("what runs trees refuses a graph of one vector", async () => {
  const bytes = toOnnx(lion({ learningRate: 1 }), [2], { layout: "flat" });
  await assertRejected(() => OrtOptimizer.load(bytes), [], "one vector");
});

Deno.test("an arrangement that is none is refused", () => {
  assertRefused(
    () => toOnnx(lion({ learningRate: 1 }), [2], { layout: "list" as "flat" }),
    '`layout` must be "tree" or "flat": given "list"',
  );
});
