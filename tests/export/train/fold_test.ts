/** Small tables of whole numbers are computed before the graph runs, as exporters write the pads of an image. */
import * as ort from "onnxruntime-web/wasm";
import { node, valueInfo } from "../../../export/onnx/proto.ts";
import { meanSquaredError, withGradients } from "../../../export/train/mod.ts";
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
