/** Reads arrays by name from safetensors files. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import type { BatchArray, BatchTensor } from "../../export/ort/mod.ts";
import { readSafetensors, type SafeTensor } from "../../export/safetensors/mod.ts";
import { fromBfloat16, fromFloat16 } from "../../runtime/trees/dtype.ts";

const PLAIN = ["BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "F32", "F64", "I64", "U64"];
const SHORT: Readonly<Record<string, (bits: number) => number>> = {
  F16: fromFloat16,
  BF16: fromBfloat16,
};

/**
 * The arrays of a safetensors file, by name. Numbers of float16 and bfloat16 become float32.
 *
 * @throws {GradusError} if the bytes are no such file, or it has an array of another type.
 */
export function readTensors(bytes: Uint8Array): Record<string, BatchTensor> {
  const { tensors } = readSafetensors(bytes);
  return Object.fromEntries(
    [...tensors].map((
      [name, tensor],
    ) => [name, { data: numbersOf(name, tensor), shape: tensor.shape }]),
  );
}

function numbersOf(name: string, { dtype, data }: SafeTensor): BatchArray {
  if (PLAIN.includes(dtype)) return data;
  if (Object.hasOwn(SHORT, dtype)) return Float32Array.from(data as Uint16Array, SHORT[dtype]);
  throw new GradusError(
    `Cannot use safetensors as data: ${quoted(name)} must be of ${
      [...PLAIN, ...Object.keys(SHORT)].join(", ")
    }: given ${dtype}`,
  );
}
