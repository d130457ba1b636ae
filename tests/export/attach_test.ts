/** Models joined with optimizers: a run is a training step. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { attachOptimizer, fromOnnx, initializersOf, METADATA } from "../../export/onnx/mod.ts";
import { valueInfo } from "../../export/onnx/proto.ts";
import { OrtTrainer } from "../../export/ort/mod.ts";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  dynamicLossScale,
  GradusError,
  lion,
  type Optimizer,
  schedule,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { linearModel } from "./linear_model.ts";
import { faultsOf, metadataOf, signatureOf } from "./models.ts";

const X = [1, 2, -1, 0.5, 3, -2, 0.25, 1];
const Y = [3, -1, 2, 0];
const model = linearModel;
const names = { params: ["w", "b"], grads: { w: "dw", b: "db" } };

/** The same gradients, each operation rounded as ONNX Runtime does it here. */
function gradients(w: Float32Array, b: Float32Array) {
  const f = Math.fround;
  const errors = Y.map((y, i) => f(f(f(f(X[2 * i] * w[0]) + f(X[2 * i + 1] * w[1])) + b[0]) - y));
  const sum = (values: number[]) => values.reduce((total, value) => f(total + value), 0);
  return {
    w: {
      data: Float32Array.from(
        [0, 1],
        (k) => f(0.5 * sum(errors.map((e, i) => f(X[2 * i + k] * e)))),
      ),
      shape: [2, 1],
    },
    b: Float32Array.of(f(0.5 * sum(errors))),
  };
}

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: 0.1, momentum: 0.9 }),
  adamw: adamw({ learningRate: schedule("0.1/t") }),
  clipped: chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.01 })),
};

for (const [name, opt] of Object.entries(OPTIMIZERS)) {
  Deno.test(`a model joined with ${name} trains as the library does`, async () => {
    const bytes = attachOptimizer(model(), opt, names);
    assert(fromOnnx(bytes) === opt.program);
    const session = await ort.InferenceSession.create(bytes, {
      graphOptimizationLevel: "disabled",
    });
    assertEquals(session.outputNames.filter((each) => each.startsWith("d")), []);
    const batch = {
      x: new ort.Tensor("float32", Float32Array.from(X), [4, 2]),
      y: new ort.Tensor("float32", Float32Array.from(Y), [4, 1]),
    };
    const params = {
      w: { data: Float32Array.of(0.5, -0.5), shape: [2, 1] },
      b: Float32Array.of(0.25),
    };
    const state = opt.init(params);
    const feeds: Record<string, ort.Tensor> = {
      count: new ort.Tensor("int64", BigInt64Array.of(0n), []),
    };
    for (const input of session.inputNames) {
      if (input in batch || input === "count" || input === "w" || input === "b") continue;
      const size = input.endsWith("/w") ? 2 : 1;
      feeds[input] = new ort.Tensor("float32", new Float32Array(size), size === 2 ? [2, 1] : [1]);
    }
    for (const [key, { data, shape }] of Object.entries(initializersOf(model(), ["w", "b"]))) {
      feeds[key] = new ort.Tensor("float32", data as Float32Array, shape);
    }
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      const results = await session.run({ ...batch, ...feeds });
      losses.push(results.loss.data[0] as number);
      for (const [output, value] of Object.entries(results)) {
        if (output.startsWith("next/")) feeds[output.slice("next/".length)] = value;
      }
      opt.step(params, gradients(params.w.data, params.b), state);
      const close = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        Array.from(a).forEach((value, i) =>
          assert(Math.abs(value - b[i]) < 1e-6, `${value} ${b[i]}`)
        );
      close(feeds.w.data as Float32Array, params.w.data);
      close(feeds.b.data as Float32Array, params.b);
    }
    assert(losses[4] < losses[0]);
    await session.release();
  });
}

for (const precision of ["float64", "float32"] as const) {
  Deno.test(`parameters as one vector train as each by itself does, in ${precision}`, async () => {
    for (const opt of [OPTIMIZERS.adamw, OPTIMIZERS.clipped, dynamicLossScale(OPTIMIZERS.sgd)]) {
      const losses = [];
      for (const layout of ["tree", "flat"] as const) {
        const bytes = attachOptimizer(model(), opt, { ...names, precision, layout });
        // The model has constants that the optimizer's graph has too.
        assertEquals(faultsOf(bytes).filter((fault) => !fault.endsWith(" again")), []);
        losses.push(await lossesOf(bytes, layout === "flat"));
      }
      const [tree, flat] = losses;
      assert(flat[4] < flat[0]);
      flat.forEach((loss, i) => assert(Math.abs(loss - tree[i]) < 1e-6, `${loss} ${tree[i]}`));
    }
  });
}

/** Five losses of a model that an optimizer was attached to, from parameters as a tree or as one vector. */
async function lossesOf(bytes: Uint8Array, isFlat: boolean): Promise<number[]> {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: "disabled" });
  const host = Object.entries<{ value: string }>(JSON.parse(metadataOf(bytes)[METADATA.host]));
  const begin: Record<string, number[]> = {
    ...{ x: X, y: Y, lossScale: [1] },
    ...(isFlat ? { w: [0.25, 0.5, -0.5] } : { w: [0.5, -0.5], b: [0.25] }),
  };
  const feeds: Record<string, ort.Tensor> = {};
  for (const text of signatureOf(bytes).inputs) {
    const [, name, type, sizes] = /^(.+) (\w+) \[(.*)\]$/.exec(text)!;
    const dims = sizes === ""
      ? []
      : sizes.split(", ").map((size) => size === "N" ? 3 : Number(size));
    const data = begin[name] ?? new Array(dims.reduce((a, b) => a * b, 1)).fill(0);
    feeds[name] = type === "int64"
      ? new ort.Tensor("int64", BigInt64Array.from(data, BigInt), dims)
      : type === "double"
      ? new ort.Tensor("float64", Float64Array.from(data), dims)
      : new ort.Tensor("float32", Float32Array.from(data), dims);
  }
  const losses: number[] = [];
  for (let count = 0; count < 5; count++) {
    for (const [name, { value }] of host) {
      if (name.startsWith("next/")) continue;
      feeds[name] = new ort.Tensor("float32", Float32Array.of(schedule(value)(count)), []);
    }
    const results = await session.run(feeds);
    losses.push(Number(results.loss.data[0]));
    for (const [name, value] of Object.entries(results)) {
      if (name.startsWith("next/")) feeds[name.slice("next/".length)] = value;
    }
  }
  await session.release();
  return losses;
}

Deno.test("a model of one vector says which parameter is where, and is refused by what runs trees", async () => {
  const bytes = attachOptimizer(model(), OPTIMIZERS.clipped, { ...names, layout: "flat" });
  const { inputs, outputs } = signatureOf(bytes);
  assertEquals(inputs.slice(2), ["count int64 []", "w float [3]", "m float [3]"]);
  assertEquals(outputs, [
    "loss float []",
    "next/count int64 []",
    "next/w float [3]",
    "next/m float [3]",
  ]);
  const { leaves } = JSON.parse(metadataOf(bytes)[METADATA.layout]);
  assertEquals(leaves, [{ path: "b", shape: [1] }, { path: "w", shape: [2, 1] }]);
  const error = await OrtTrainer.load(bytes).catch((error) => error);
  assert(error instanceof GradusError && error.message.includes("one vector"), error.message);
});

Deno.test("initializers are read as they are, or refused", () => {
  assertEquals(initializersOf(model(), ["b", "w"]), {
    b: { data: Float32Array.of(0.25), shape: [1] },
    w: { data: Float32Array.of(0.5, -0.5), shape: [2, 1] },
  });
  assertThrows(() => initializersOf(model(), ["x"]), GradusError, "it has no initializer `x`");
  assertThrows(() => initializersOf(model(), ["one"]), GradusError, "given int64 and 0 numbers");
});

Deno.test("sizes and numbers that cannot be are refused by their names", () => {
  const spoilt = (dims: bigint[], bytes: number, dataType = 1) => {
    const spoiling = fromBinary(ModelProtoSchema, model());
    const w = spoiling.graph!.initializer.find(({ name }) => name === "w")!;
    [w.dims, w.rawData, w.dataType, w.floatData] = [dims, new Uint8Array(bytes), dataType, []];
    return toBinary(ModelProtoSchema, spoiling);
  };
  const opt = lion({ learningRate: 1e-3 });
  for (const dims of [[-2n, -1n], [2n ** 40n, 2n ** 40n], [-(2n ** 63n)]]) {
    const bytes = spoilt(dims, 8);
    const wanted = `\`w\` must have a shape of whole numbers`;
    assertThrows(() => initializersOf(bytes, ["w"]), GradusError, `initializer ${wanted}`);
    assertThrows(() => attachOptimizer(bytes, opt, names), GradusError, `parameter ${wanted}`);
  }
  for (const bytes of [1, 4, 7, 9, 12]) {
    assertThrows(
      () => initializersOf(spoilt([2n, 1n], bytes), ["w"]),
      GradusError,
      `initializer \`w\` must hold float32 or float64 numbers in the model itself, 2 for its shape ` +
        `[2, 1]: given float32 and ${bytes} bytes, not 8`,
    );
  }
  assertThrows(() => initializersOf(spoilt([2n], 0), ["w"]), GradusError, "and 0 numbers");
  assertThrows(() => initializersOf(spoilt([2n], 8, 11), ["w"]), GradusError, "8 bytes, not 16");
  const huge = spoilt([2n ** 50n], 8);
  assertThrows(() => initializersOf(huge, ["w"]), GradusError, "given float32 and 8 bytes");
  assertThrows(() => attachOptimizer(huge, opt, names), GradusError, "must have the shape of `w`");
});

Deno.test("what does not fit is refused, each by its own words", () => {
  const opt = lion({ learningRate: 1e-3 });
  const refuse = (bytes: Uint8Array, options: unknown, message: string) =>
    assertThrows(() => attachOptimizer(bytes, opt, options as typeof names), GradusError, message);
  const good = model();
  refuse(good.slice(0, good.length - 7), names, "must be an ONNX model");
  refuse(new Uint8Array(0), names, "must be an ONNX model with a graph");
  refuse(good, { ...names, params: ["w", "bb"] }, "`grads` must name the gradient of `bb`");
  refuse(
    good,
    { params: ["w", "bb"], grads: ["dw", "db"] },
    "it has no initializer or input `bb`; did you mean `b`?",
  );
  refuse(good, { params: ["w"], grads: { w: "dv" } }, "it has no output `dv`");
  refuse(good, { params: ["w"], grads: { w: "dw", b: "db" } }, "`b`, which is none of `params`");
  refuse(good, { params: ["w", "b"], grads: ["dw", "dw"] }, "given `dw` for two");
  refuse(
    good,
    { params: ["w"], grads: { w: "db" } },
    "must have the shape of `w`, [2, 1]: given [1]",
  );
  refuse(model({ gradient: [2] }), names, "must have the shape of `w`, [2, 1]: given [2]");
  refuse(model({ opset: 13n }), names, "its opset must be from 17 to 23: given 13");
  refuse(model({ type: 6 }), names, "must be float32 or float64: given int32");
  refuse(good, { params: ["x"], grads: { x: "dw" } }, "must have the shape of `x`");
  refuse(good, { params: [], grads: {} }, "`params` must be a list of different names");
});

Deno.test("a size left open in a gradient is taken on trust, one of a parameter is not", () => {
  const opt = lion({ learningRate: 1e-3 });
  assert(attachOptimizer(model({ gradient: ["n", 1] }), opt, names).length > 0);
  const open = fromBinary(ModelProtoSchema, model());
  open.graph!.initializer = open.graph!.initializer.filter(({ name }) => name !== "w");
  open.graph!.input.push(
    fromBinary(
      ModelProtoSchema,
      toBinary(
        ModelProtoSchema,
        create(ModelProtoSchema, { graph: { input: [valueInfo("w", "float32", ["n", 1])] } }),
      ),
    ).graph!.input[0],
  );
  assertThrows(
    () => attachOptimizer(toBinary(ModelProtoSchema, open), opt, names),
    GradusError,
    "parameter `w` must have a shape that is known: given [?, 1]",
  );
});
