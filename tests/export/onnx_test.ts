/** The graphs that `toOnnx` writes, as an independent reader of ONNX sees them. */
import {
  adamw,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  optimizer,
  parseJson,
  sgd,
  type Tensor,
} from "../../mod.ts";
import { METADATA, toOnnx } from "../../export/onnx/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { streamParams } from "../golden/replay.ts";
import { catalogue } from "./catalogue.ts";
import {
  decodeModel,
  faultsOf,
  functionsOf,
  inputNames,
  metadataOf,
  operatorsOf,
  signatureOf,
} from "./models.ts";

const tensor = (data: Tensor["data"], ...shape: number[]): Tensor => ({ data, shape });

function tree() {
  return {
    w: tensor(new Float32Array(6), 2, 3),
    deep: { k: new Float64Array(4) },
    list: [new Float32Array(1), tensor(new Float64Array(1))],
  };
}

function assertSignature(
  opt: Optimizer,
  params: object,
  options: Parameters<typeof toOnnx>[2],
  inputs: readonly string[],
  outputs: readonly string[],
): void {
  const signature = signatureOf(toOnnx(opt, params, options));
  assertEquals([...signature.inputs].sort(), [...inputs].sort());
  assertEquals([...signature.outputs].sort(), [...outputs].sort());
}

Deno.test("inputs are named by path, and each that carries over has an output `next/`", () => {
  assertSignature(
    lion({ learningRate: 1 }),
    tree(),
    {},
    [
      "count int64 []",
      "w/w float [2, 3]",
      "g/w float [2, 3]",
      "m/w float [2, 3]",
      "w/deep/k double [4]",
      "g/deep/k double [4]",
      "m/deep/k double [4]",
      "w/list/0 float [1]",
      "g/list/0 float [1]",
      "m/list/0 float [1]",
      "w/list/1 double []",
      "g/list/1 double []",
      "m/list/1 double []",
    ],
    [
      "next/count int64 []",
      "next/w/w float [2, 3]",
      "next/m/w float [2, 3]",
      "next/w/deep/k double [4]",
      "next/m/deep/k double [4]",
      "next/w/list/0 float [1]",
      "next/m/list/0 float [1]",
      "next/w/list/1 double []",
      "next/m/list/1 double []",
    ],
  );
});

Deno.test("a parameter that is no tree has inputs without a path", () => {
  for (const params of [new Float32Array(3), [3]]) {
    assertSignature(
      adamw({ learningRate: 1 }),
      params,
      {},
      ["count int64 []", "w float [3]", "g float [3]", "m float [3]", "v float [3]"],
      ["next/count int64 []", "next/w float [3]", "next/m float [3]", "next/v float [3]"],
    );
  }
});

Deno.test("a state stored short comes in and goes out short", () => {
  assertSignature(
    adamw({ learningRate: 1, muDtype: "float16" }),
    { x: new Float64Array(2) },
    {},
    ["count int64 []", "w/x double [2]", "g/x double [2]", "m/x float16 [2]", "v/x double [2]"],
    ["next/count int64 []", "next/w/x double [2]", "next/m/x float16 [2]", "next/v/x double [2]"],
  );
});

Deno.test("a state that is not kept is neither an input nor an output", () => {
  assertSignature(
    sgd({ learningRate: 1 }),
    [2],
    {},
    ["count int64 []", "w float [2]", "g float [2]"],
    ["next/count int64 []", "next/w float [2]"],
  );
});

Deno.test("further inputs of the program bear their own names, used or not", () => {
  const opt = optimizer({
    name: "further",
    inputs: { value: "scalar", unused: "scalar" },
    step: "u = value*g",
  })();
  assertSignature(
    opt,
    { x: [2] },
    {},
    ["count int64 []", "w/x float [2]", "g/x float [2]", "value double []", "unused double []"],
    ["next/count int64 []", "next/w/x float [2]"],
  );
});

Deno.test("hyperparameters asked for stay inputs, the others do not", () => {
  const opt = lion({ learningRate: 1, b1: cosineDecaySchedule({ initValue: 1, decaySteps: 9 }) });
  const hypers = (inputs?: readonly string[]) =>
    signatureOf(toOnnx(opt, [2], { inputs })).inputs.filter((each) => each.startsWith("hyper"));
  assertEquals(hypers(), []);
  assertEquals(hypers([]), []);
  assertEquals(hypers(["learningRate"]), ["hyper/learningRate double []"]);
  assertEquals(hypers(["weightDecay", "b1"]).sort(), [
    "hyper/b1 double []",
    "hyper/weightDecay double []",
  ]);
});

Deno.test("a hyperparameter that is a tree has an input for each of its parts", () => {
  const learningRate = {
    w: 1,
    deep: cosineDecaySchedule({ initValue: 1, decaySteps: 9 }),
    list: [2, 3],
  };
  const bytes = toOnnx(lion({ learningRate }), tree(), { inputs: ["learningRate"] });
  assertEquals(inputNames(bytes).filter((name) => name.startsWith("hyper")).sort(), [
    "hyper/learningRate/deep",
    "hyper/learningRate/list/0",
    "hyper/learningRate/list/1",
    "hyper/learningRate/w",
  ]);
});

Deno.test("a schedule that is a function stays an input without being asked for", () => {
  const bytes = toOnnx(lion({ learningRate: { a: 1, b: (count) => 1 / (1 + count) } }), {
    a: [1],
    b: [1],
  });
  assertEquals(inputNames(bytes).filter((name) => name.startsWith("hyper")), [
    "hyper/learningRate/b",
  ]);
});

Deno.test("a hyperparameter asked for stays an input where it is 0", () => {
  const bytes = toOnnx(lion({ learningRate: 1, weightDecay: 0 }), [2], { inputs: ["weightDecay"] });
  assert(inputNames(bytes).includes("hyper/weightDecay"));
});

Deno.test("a hyperparameter asked for stays an input where a mask leaves parameters", () => {
  const opt = lion({ learningRate: 1, weightDecay: 0.5, mask: { a: false, b: true } });
  const bytes = toOnnx(opt, { a: [1], b: [1] }, { inputs: ["weightDecay"] });
  assertEquals(inputNames(bytes).filter((name) => name.startsWith("hyper")), [
    "hyper/weightDecay",
  ]);
});

Deno.test("models are of opset 21 and IR 10 and name their producer", () => {
  const model = decodeModel(toOnnx(lion({ learningRate: 1 }), [2]));
  assertEquals(model.irVersion, 10n);
  assertEquals(model.opsetImport.map(({ domain, version }) => [domain, version]), [
    ["", 21n],
    ["gradus", 1n],
  ]);
  assertEquals(model.producerName, "gradus");
  assertEquals(model.graph!.name, "lion");
  assertEquals(model.docString, lion.program.doc);
});

for (const [name, make] of Object.entries(catalogue)) {
  Deno.test(`the graph of ${name} defines each name and constant once, and uses it`, () => {
    for (const precision of ["float32", "float64"] as const) {
      for (const inlineFunctions of [false, true]) {
        const bytes = toOnnx(make(), streamParams(precision), { inlineFunctions });
        assertEquals(faultsOf(bytes), [], precision);
      }
    }
  });
}

Deno.test("Lion takes at most 14 nodes for each parameter, and one for the count", () => {
  const opt = lion({ learningRate: 1e-3 });
  for (const leaves of [1, 2, 5]) {
    const params = Object.fromEntries(Array.from({ length: leaves }, (_, i) => [`p${i}`, [3]]));
    const operators = operatorsOf(toOnnx(opt, params, { inlineFunctions: true }));
    assert(operators.length <= 14 * leaves + 1, `${operators.length} nodes for ${leaves}`);
    assert(operators.length > 9 * leaves, `${operators.length} nodes cannot be Lion`);
    const bytes = toOnnx(opt, params);
    assertEquals(operatorsOf(bytes), [...Array(leaves).fill("lion"), "Add"]);
    assertEquals([...functionsOf(bytes)].map(([name, nodes]) => [name, nodes.length]), [[
      "lion",
      14,
    ]]);
  }
});

Deno.test("the constants of Lion do not multiply with the parameters", () => {
  const opt = lion({ learningRate: 1e-3 });
  const constants = (params: object) =>
    decodeModel(toOnnx(opt, params)).graph!.initializer.map(({ name }) => name);
  assertEquals(constants({ a: [1], b: [2], c: [3] }), constants({ a: [1] }));
});

Deno.test("what changes once a step is computed once for all parameters", () => {
  const opt = adamw({ learningRate: cosineDecaySchedule({ initValue: 1, decaySteps: 10 }) });
  const count = (operator: string, params: object) =>
    operatorsOf(toOnnx(opt, params)).filter((each) => each === operator).length;
  assertEquals(count("Cos", { a: [1] }), 1);
  assertEquals(count("Cos", { a: [1], b: [2], c: new Float64Array(3) }), 1);
  assertEquals(count("Pow", { a: [1] }), 2);
  assertEquals(count("Pow", { a: [1], b: [2], c: new Float64Array(3) }), 2);
});

Deno.test("shapes are written as the arrays of those shapes, and twice the same", () => {
  const opt = lion({ learningRate: 1e-3 });
  const arrays = { a: tensor(new Float32Array(6), 2, 3), b: [new Float32Array(4)] };
  const bytes = toOnnx(opt, { a: [2, 3], b: [[4]] });
  assertEquals(bytes, toOnnx(opt, arrays));
  assertEquals(bytes, toOnnx(opt, arrays));
});

Deno.test("the metadata hold the very program", () => {
  for (const make of Object.values(catalogue)) {
    const opt = make();
    const metadata = metadataOf(toOnnx(opt, streamParams("float32")));
    assertEquals(Object.keys(metadata).sort(), Object.values(METADATA).sort());
    assert(parseJson(metadata[METADATA.program]) === opt.program);
  }
});

Deno.test("the metadata hold each state's initial value: a number or an expression of `w`", () => {
  const opt = optimizer({
    name: "initial",
    hyper: { a: 0.25 },
    state: { zero: 0, some: -1.5, first: { init: "a*abs(w)" }, half: { init: "2*a" } },
    step: `
      u = zero + some + first + half
    `,
  })({ a: 4 });
  assertEquals(JSON.parse(metadataOf(toOnnx(opt, [2]))[METADATA.state]), {
    zero: 0,
    some: -1.5,
    first: "4*abs(w)",
    half: 8,
  });
});

Deno.test("the metadata hold the hyperparameters that are inputs and their values at the start", () => {
  const opt = lion({
    learningRate: cosineDecaySchedule({ initValue: 0.5, decaySteps: 10 }),
    b1: (count) => count,
    weightDecay: { a: 0.25, b: 0.125 },
  });
  const bytes = toOnnx(opt, { a: [1], b: [1] }, { inputs: ["learningRate", "weightDecay"] });
  assertEquals(JSON.parse(metadataOf(bytes)[METADATA.inputs]), {
    "hyper/learningRate": 0.5,
    "hyper/b1": null,
    "hyper/weightDecay/a": 0.25,
    "hyper/weightDecay/b": 0.125,
  });
});
