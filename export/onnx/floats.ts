/** The numbers of initializers of floats, of 16 to 64 bits. */
import { type TensorProto, TensorProto_DataType as DataType } from "onnx-buf";
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from "../../runtime/trees/dtype.ts";

/** The numbers of an initializer of floats. */
export function floatsOf(tensor: TensorProto): Float32Array | Float64Array {
  const { dataType, rawData, floatData, doubleData, int32Data } = tensor;
  const bytes = rawData.length > 0 ? rawData.slice().buffer : undefined;
  const bits = () => bytes === undefined ? int32Data : new Uint16Array(bytes);
  switch (dataType) {
    case DataType.DOUBLE:
      return bytes === undefined ? Float64Array.from(doubleData) : new Float64Array(bytes);
    case DataType.FLOAT16:
      return Float32Array.from(bits(), fromFloat16);
    case DataType.BFLOAT16:
      return Float32Array.from(bits(), fromBfloat16);
    default:
      return bytes === undefined ? Float32Array.from(floatData) : new Float32Array(bytes);
  }
}

/** Gives an initializer of floats other numbers, rounded to its type. */
export function putFloats(tensor: TensorProto, numbers: ArrayLike<number>): void {
  const data = tensor.dataType === DataType.DOUBLE
    ? Float64Array.from(numbers)
    : tensor.dataType === DataType.FLOAT16
    ? Uint16Array.from(numbers, toFloat16)
    : tensor.dataType === DataType.BFLOAT16
    ? Uint16Array.from(numbers, toBfloat16)
    : Float32Array.from(numbers);
  [tensor.floatData, tensor.doubleData, tensor.int32Data] = [[], [], []];
  tensor.rawData = new Uint8Array(data.buffer);
}
