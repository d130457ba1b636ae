/** Small tables of whole numbers are computed before the graph runs, as exporters write the pads of an image. */
import * as ort from "onnxruntime-web/wasm";
import { node, type NodeInit, valueInfo } from "../../../export/onnx/proto.ts";
import { lossOutput, meanSquaredError, withGradients } from "../../../export/train/mod.ts";
import { assertEquals } from "../../assert.ts";
import { opened } from "./driver.ts";
import { type Numbers, writtenModel } from "./written.ts";

const list = (...values: number[]): Numbers => ({ shape: [values.length], values, type: "int64" });

Deno.test("pads that are a table turned over are those of PyTorch", async () => {
  // Of PyTorch's pads, those of the last axis first: 1 before and 2 behind it, 3 before and 0 behind the other.
  const model = writtenModel({
    output: [valueInfo("out", "float32", [5, 5])],
    initializers: {
      w: { shape: [2, 2], values: [1, 2, 3, 4] },
      ...{ given: list(1, 2, 3, 0), pairs: list(-1, 2), flat: list(-1), zero: list(0) },
      ...{ back: list(-1), end: list(-(2 ** 53)) },
    },
    node: [
      node("Reshape", ["given", "pairs"], "table"),
      node("Slice", ["table", "back", "end", "zero", "back"], "turned"),
      { ...node("Transpose", ["turned"], "columns") },
      node("Reshape", ["columns", "flat"], "pads"),
      node("Pad", ["w", "pads"], "out"),
    ],
  });
  const bytes = withGradients(model, { loss: meanSquaredError({ output: "out" }) });
  const session = await opened(bytes);
  const target = Float32Array.from({ length: 25 }, (_, i) => i);
  const results = await session.run({ y: new ort.Tensor("float32", target, [5, 5]) });
  await session.release();
  const at = [16, 17, 21, 22];
  const wanted = at.map((place, i) => Math.fround(2 / 25 * (i + 1 - place)));
  assertEquals(
    Array.from(results["grad/w"].data as Float32Array, (v) => v.toFixed(5)),
    wanted.map((v) => v.toFixed(5)),
  );
});

Deno.test("what is cast is rounded, or wraps, as ONNX Runtime does it", async () => {
  const [FLOAT, INT8, INT16, FLOAT16, DOUBLE] = [1, 3, 5, 10, 11];
  const floats = { shape: [3], values: [1 / 3, 2049, -0.1], type: "float32" } as const;
  const ways: [Numbers, number[], number[]][] = [
    // float16 has 11 binary digits.
    [floats, [FLOAT16], [0.333251953125, 2048, -0.0999755859375]],
    [list(2049, 65519, 3), [FLOAT16], [2048, 65504, 3]],
    [list(2 ** 24 + 1, 7, 0), [FLOAT, DOUBLE], [2 ** 24, 7, 0]],
    [list(300, -129, 5), [INT8], [44, 127, 5]],
    [list(300, -129, 5), [INT16], [300, -129, 5]],
  ];
  for (const [given, types, wanted] of ways) {
    const names = ["given", ...types.map((_, i) => `cast${i}`)];
    const model = writtenModel({
      output: [valueInfo("total", "float32", [])],
      initializers: { p: { shape: [3], values: [1, 2, 3] }, given },
      node: [
        ...types.map((to, i) => node("Cast", [names[i]], names[i + 1], { to })),
        node("Cast", [names.at(-1)!], "factors", { to: FLOAT }),
        node("Mul", ["p", "factors"], "scaled"),
        node("ReduceSum", ["scaled"], "total", { keepdims: 0 }),
      ],
    });
    const bytes = withGradients(model, { loss: lossOutput("total"), params: ["p"] });
    const session = await opened(bytes);
    const results = await session.run({});
    await session.release();
    assertEquals(Array.from(results["grad/p"].data as Float32Array), wanted, `${types}`);
  }
});

Deno.test("of one number, of three, and of remainders by their signs, a size is what ONNX Runtime says", async () => {
  const ways: [NodeInit, number][] = [
    [node("Max", ["two"], "size"), 2],
    [node("Max", ["two", "one", "three"], "size"), 3],
    [node("Min", ["three", "two", "one"], "size"), 1],
    [node("Mod", ["back", "three"], "size"), 2],
    [node("Mod", ["back", "three"], "size", { fmod: 1 }), -1],
  ];
  for (const [sized, wanted] of ways) {
    const model = writtenModel({
      output: [valueInfo("total", "float32", [])],
      initializers: {
        p: { shape: [1], values: [1] },
        ...{ one: list(1), two: list(2), three: list(3), back: list(-7) },
      },
      node: [
        sized,
        node("Cast", ["size"], "factor", { to: 1 }),
        node("Mul", ["p", "factor"], "scaled"),
        node("ReduceSum", ["scaled"], "total", { keepdims: 0 }),
      ],
    });
    const bytes = withGradients(model, { loss: lossOutput("total"), params: ["p"] });
    const session = await opened(bytes);
    const results = await session.run({});
    await session.release();
    assertEquals([...results["grad/p"].data as Float32Array], [wanted]);
  }
});
