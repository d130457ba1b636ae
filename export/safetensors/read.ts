/** Reads safetensors files: tensors that are views of the bytes. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { rowOf, type SafeArray, type SafeDType } from "./dtypes.ts";
import { type Entry, readHeader } from "./header.ts";

/** A tensor of a safetensors file. */
export interface SafeTensor {
  /** The type of its elements. */
  readonly dtype: SafeDType;
  /** The extents, row-major; none for a single number. */
  readonly shape: readonly number[];
  /** The elements; {@linkcode SafeDType} says in which array. */
  readonly data: SafeArray;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /** The texts that the file says of itself; often there are none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads a safetensors file. The arrays are views of `bytes`, which must therefore stay as they are; where a
 * tensor is not aligned there, its array is a copy. Files of the official library and of
 * {@linkcode writeSafetensors} are aligned.
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@gradus/gradus/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = writeSafetensors({ w: { data: Float32Array.of(1, 2), shape: [2, 1] } }, { by: "me" });
 * const { tensors, metadata } = readSafetensors(bytes);
 * assertEquals(tensors.get("w"), { dtype: "F32", shape: [2, 1], data: Float32Array.of(1, 2) });
 * assertEquals(metadata.get("by"), "me");
 * ```
 *
 * @throws {GradusError} if it is no such file, or a tensor's type, shape and place in it do not agree, or some
 * byte belongs to no tensor or to two.
 */
export function readSafetensors(bytes: Uint8Array | ArrayBuffer): Safetensors {
  const doing = "Cannot read safetensors";
  if (!(bytes instanceof Uint8Array || bytes instanceof ArrayBuffer)) {
    throw new GradusError(
      `${doing}: it must be a Uint8Array or an ArrayBuffer: given ${shown(bytes)}`,
    );
  }
  const all = plainBytes(bytes, doing);
  const { entries, metadata, start } = readHeader(all, doing);
  const tensors = new Map(
    entries.map((entry) => [entry.name, tensorAt(entry, all.subarray(start))]),
  );
  return { tensors, metadata };
}

/** A view of bytes that is no subclass, which may cut and copy in a way of its own. */
function plainBytes(bytes: Uint8Array | ArrayBuffer, doing: string): Uint8Array {
  try {
    return bytes instanceof ArrayBuffer
      ? new Uint8Array(bytes)
      : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw new GradusError(
      `${doing}: its bytes must be here: given some that were transferred to another place`,
      { cause: error },
    );
  }
}

function tensorAt({ dtype, shape, begin, end }: Entry, bytes: Uint8Array): SafeTensor {
  const { array } = rowOf(dtype);
  const width = array.BYTES_PER_ELEMENT;
  const own = bytes.subarray(begin, end);
  const { buffer, byteOffset } = own.byteOffset % width === 0 ? own : own.slice();
  return { dtype, shape, data: new array(buffer, byteOffset, own.length / width) };
}
