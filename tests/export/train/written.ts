/** Small models written by hand: nodes, float32 parameters and whole numbers. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import type { NodeInit, ValueInit } from "../../../export/onnx/proto.ts";

/** A constant of a model: float32 numbers, whole numbers, or truths. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly type?: "float32" | "int64" | "bool";
}

/** What a model consists of. */
export interface Written {
  readonly input?: ValueInit[];
  readonly output: ValueInit[];
  readonly initializers?: Readonly<Record<string, Numbers>>;
  readonly node: NodeInit[];
  readonly opset?: number;
}

function bytesOf({ values, type = "float32" }: Numbers): Uint8Array<ArrayBuffer> {
  const data = type === "float32"
    ? Float32Array.from(values)
    : type === "int64"
    ? BigInt64Array.from(values, BigInt)
    : Uint8Array.from(values);
  return new Uint8Array(data.buffer);
}

const TYPES = { float32: DataType.FLOAT, int64: DataType.INT64, bool: DataType.BOOL };

/** The bytes of a model. */
export function writtenModel({ input = [], output, initializers = {}, node, opset = 20 }: Written) {
  const initializer = Object.entries(initializers).map(([name, given]) => ({
    name,
    dataType: TYPES[given.type ?? "float32"],
    dims: given.shape.map(BigInt),
    rawData: bytesOf(given),
  }));
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: "", version: BigInt(opset) }],
      graph: { name: "written", input, output, initializer, node },
    }),
  );
}
