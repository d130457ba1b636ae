/** A small model with all that a batch may have: open extents, labels, a mask that is drawn, running statistics. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { JOINED } from "../../export/onnx/metadata.ts";
import { listOf, node, scalarOf, valueInfo } from "../../export/onnx/proto.ts";

/** How often its mask is 0. */
export const PROBABILITY = 0.25;

/**
 * The loss of whole labels `y` [N] by `x` [N, 2] times a mask, and its gradient with respect to `w`; an average
 * `mean` of `x` is carried along, and `seen` is what the mask has left of `x`.
 */
export function maskedModel(type: "int64" | "int32" = "int64"): Uint8Array {
  const tensor = (name: string, dims: number[], values: number[]) => ({
    name,
    dims: dims.map(BigInt),
    dataType: 1,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  });
  const y = valueInfo("y", "int64", ["N"]);
  if (type === "int32") Object.assign(y.type!.value!.value!, { elemType: 6 });
  const masks = { mask: { probability: PROBABILITY, seed: 7 } };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 21n }],
      metadataProps: [{ key: JOINED.masks, value: JSON.stringify(masks) }],
      graph: {
        name: "masked",
        input: [
          valueInfo("x", "float32", ["N", 2]),
          y,
          valueInfo("mask", "float32", ["N", 2]),
          valueInfo("mean", "float32", [2]),
        ],
        output: [
          valueInfo("loss", "float32", []),
          valueInfo("seen", "float32", ["N", 2]),
          valueInfo("p", "float32", ["N", 1]),
          valueInfo("dw", "float32", [2, 1]),
          valueInfo("next/mean", "float32", [2]),
        ],
        initializer: [
          tensor("w", [2, 1], [0.5, -0.5]),
          scalarOf("two", "float32", 2),
          scalarOf("slow", "float32", 0.75),
          scalarOf("fast", "float32", 0.25),
          listOf("first", [0]),
          listOf("column", [-1, 1]),
          listOf("like_w", [2, 1]),
        ],
        node: [
          node("Mul", ["x", "mask"], "seen"),
          node("MatMul", ["seen", "w"], "p"),
          node("Cast", ["y"], "label", { to: 1 }),
          node("Reshape", ["label", "column"], "labels"),
          node("Sub", ["p", "labels"], "e"),
          node("Mul", ["e", "e"], "ee"),
          node("ReduceMean", ["ee"], "loss", { keepdims: 0 }),
          node("Mul", ["seen", "e"], "xe"),
          node("ReduceMean", ["xe", "first"], "xe_mean", { keepdims: 0 }),
          node("Mul", ["xe_mean", "two"], "dw_"),
          node("Reshape", ["dw_", "like_w"], "dw"),
          node("ReduceMean", ["x", "first"], "x_mean", { keepdims: 0 }),
          node("Mul", ["x_mean", "fast"], "new"),
          node("Mul", ["mean", "slow"], "old"),
          node("Add", ["old", "new"], "next/mean"),
        ],
      },
    }),
  );
}
