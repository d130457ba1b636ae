/** Constants of a graph: numbers in and out of the bytes of a file. */
import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProtoSchema } from "onnx-buf";
import { toBfloat16, toFloat16 } from "../../runtime/trees/dtype.ts";
import { DataType, isFloat, type Kind, MOST_KNOWN } from "./value.ts";

/** The numbers of a tensor, if they are of a type that is read here; 16-bit floats are not. */
export function numbersIn(tensor: TensorProto): ArrayLike<number> | undefined {
  const { dataType, rawData, floatData, doubleData, int32Data, int64Data } = tensor;
  const isRaw = rawData.length > 0;
  const buffer = () => rawData.slice().buffer;
  switch (dataType) {
    case DataType.FLOAT:
      return isRaw ? new Float32Array(buffer()) : floatData;
    case DataType.DOUBLE:
      return isRaw ? new Float64Array(buffer()) : doubleData;
    case DataType.INT64:
      return Array.from(isRaw ? new BigInt64Array(buffer()) : int64Data, Number);
    case DataType.INT32:
      return isRaw ? new Int32Array(buffer()) : int32Data;
    case DataType.BOOL:
      return isRaw ? rawData : int32Data;
    default:
      return undefined;
  }
}

/** What is known of a constant. */
export function kindOf(tensor: TensorProto): Kind {
  const shape = tensor.dims.map(Number);
  const size = shape.reduce((count, dim) => count * dim, 1);
  const numbers = shape.length <= 1 && size <= MOST_KNOWN ? numbersIn(tensor) : undefined;
  const known = numbers?.length === size ? Array.from(numbers) : undefined;
  return { type: tensor.dataType, shape, known };
}

/** A constant. */
export function tensorOf(
  name: string,
  values: readonly number[],
  type: DataType,
  shape: readonly number[],
): TensorProto {
  const dims = shape.map(BigInt);
  if (type === DataType.FLOAT16 || type === DataType.BFLOAT16) {
    const int32Data = values.map(type === DataType.FLOAT16 ? toFloat16 : toBfloat16);
    return create(TensorProtoSchema, { name, dataType: type, dims, int32Data });
  }
  const data = type === DataType.FLOAT
    ? Float32Array.from(values)
    : type === DataType.DOUBLE
    ? Float64Array.from(values)
    : type === DataType.INT64
    ? BigInt64Array.from(values, BigInt)
    : type === DataType.INT32
    ? Int32Array.from(values)
    : Uint8Array.from(values);
  const rawData = new Uint8Array(data.buffer);
  return create(TensorProtoSchema, { name, dataType: type, dims, rawData });
}

/** Whether constants of a type can be written. */
export function isWritable(type: DataType): boolean {
  return isFloat(type) || type === DataType.INT64 || type === DataType.INT32 ||
    type === DataType.BOOL;
}
