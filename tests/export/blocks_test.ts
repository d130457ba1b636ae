/** States in blocks of 8 bits on ONNX Runtime: the bits that the library itself makes of the same steps. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import {
  adamw,
  type BlockTensor,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  type Tensor,
} from "../../mod.ts";
import { attachOptimizer, type OnnxOptions, toOnnx } from "../../export/onnx/mod.ts";
import { node, readModel, valueInfo } from "../../export/onnx/proto.ts";
import { OrtOptimizer, OrtTrainer } from "../../export/ort/mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { randomArray } from "../runtime/random.ts";
import { assertSameBits } from "../runtime/same_bits.ts";

const muDtype = "block8" as const;

/** Arrays of whole and broken blocks, and one that has too few numbers. */
function tree(seed: number) {
  return {
    whole: { data: randomArray(64 * 64, seed), shape: [64, 64] },
    broken: { deep: randomArray(4501, seed + 10) },
    few: randomArray(300, seed + 20),
  };
}

const root = (seed: number): Tensor => ({ data: randomArray(4100, seed), shape: [41, 100] });
const squares = factory(parseProgram({
  name: "squares",
  hyper: { b: { default: 0.9, domain: "[0, 1)" } },
  state: { m: 0.25 },
  step: "m = b*m + (1 - b)*g^2; u = -g/(1 + m)",
  evaluate: "w - 0.5*m",
}));

const cases: readonly [name: string, opt: Optimizer, options?: OnnxOptions][] = [
  ["adamw", adamw({ learningRate: 1e-2, muDtype })],
  ["lion, written out", lion({ learningRate: 1e-2, muDtype }), { inlineFunctions: true }],
  ["lion, in an older version", lion({ learningRate: 1e-2, muDtype }), { opset: 17 }],
  ["a state that is never below 0", squares({ muDtype }), { evaluate: true }],
];

for (const [name, opt, options] of cases) {
  for (const make of [tree, root] as const) {
    Deno.test(`${name}: blocks have the library's bits on ONNX Runtime, ${make.name}`, async () => {
      const [params, own] = [make(1), make(1)];
      const bytes = toOnnx(opt, params, options);
      const graph = await OrtOptimizer.load(bytes, { executionProvider: "wasm" });
      try {
        const [state, expected] = [graph.init(params), opt.init(own)];
        assertSameBits({ ...state }, { ...expected }, "init");
        for (let step = 2; step < 6; step++) {
          const gradients = make(step);
          const { data } = "whole" in gradients ? gradients.whole : gradients;
          // A block of zeros, and one that is lost to a NaN.
          if (step === 4) data.fill(0, 256, 512);
          if (step === 5) data[1030] = NaN;
          await graph.step(params, gradients, state);
          opt.step(own, gradients, expected);
          assertSameBits({ params, ...state }, { params: own, ...expected }, `step ${step}`);
        }
        if (options?.evaluate) {
          const evaluated = await graph.evaluationParams(params, state);
          assertSameBits(evaluated, opt.evaluationParams(own, expected), "evaluated");
        }
      } finally {
        await graph.dispose();
      }
    });
  }
}

Deno.test("codes and scales are inputs and outputs of a graph, where there are blocks", () => {
  const { inputs, outputs } = readModel(toOnnx(lion({ learningRate: 1, muDtype }), tree(1)));
  const states = inputs.filter(({ name }) => name.startsWith("m/"))
    .map(({ name, type, shape }) => `${name} ${type} ${shape.join("x")}`);
  assertEquals(states, [
    "m/broken/deep uint8 4501",
    "m/broken/deep~scales float32 18",
    "m/few float32 300",
    "m/whole uint8 64x64",
    "m/whole~scales float32 16",
  ]);
  const next = outputs.map(({ name }) => name);
  assert(["next/m/whole", "next/m/whole~scales"].every((name) => next.includes(name)));
});

Deno.test("a joined model trains with blocks, bit for bit as the library does of its gradients", async () => {
  const initial = root(1).data as Float32Array;
  const model = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 21n }],
      graph: {
        name: "pull",
        input: [valueInfo("x", "float32", [41, 100])],
        output: [valueInfo("loss", "float32", []), valueInfo("dw", "float32", [41, 100])],
        initializer: [{
          name: "w",
          dataType: 1,
          dims: [41n, 100n],
          rawData: new Uint8Array(initial.slice().buffer),
        }],
        node: [
          node("Sub", ["w", "x"], "dw"),
          node("ReduceSumSquare", ["dw"], "loss", { keepdims: 0 }),
        ],
      },
    }),
  );
  const opt = lion({ learningRate: 1e-2, muDtype });
  const bytes = attachOptimizer(model, opt, { params: ["w"], grads: { w: "dw" }, loss: "loss" });
  const params = { w: { data: initial.slice(), shape: [41, 100] } };
  const state = opt.init(params);
  const trainer = await OrtTrainer.load(bytes, { params: structuredClone(params) });
  try {
    for (let step = 2; step < 5; step++) {
      const x = randomArray(4100, step);
      await trainer.step({ x });
      const data = params.w.data.map((w, i) => w - x[i]);
      opt.step(params, { w: { data, shape: [41, 100] } }, state);
    }
    assertSameBits(await trainer.params(), params, "params");
    const { m } = await trainer.state();
    assertEquals((m as Record<string, BlockTensor>).w.dtype, "block8");
    assertSameBits(m, state.m, "m");
  } finally {
    await trainer.dispose();
  }
});

Deno.test("what a graph cannot have in blocks is refused by name", async () => {
  const opt = lion({ learningRate: 1, muDtype });
  assertRefused(
    () => toOnnx(opt, tree(1), { layout: "flat" }),
    "which a graph of one vector cannot",
  );
  const wide = { w: new Float64Array(5000) };
  assertRefused(() => toOnnx(opt, wide), "which a graph has beside float32 parameters only");
  assertEquals(toOnnx(opt, { w: new Float64Array(4095) }) instanceof Uint8Array, true);
  const graph = await OrtOptimizer.load(toOnnx(opt, tree(1)), { executionProvider: "wasm" });
  try {
    const params = tree(1);
    const state = lion({ learningRate: 1 }).init(params);
    await assertRejects(() => graph.step(params, tree(2), state), Error, "must be block8");
  } finally {
    await graph.dispose();
  }
});
