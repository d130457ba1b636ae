/** Writes safetensors files, whole or as a stream. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { isShape } from "../../runtime/trees/leaf.ts";
import {
  bytesFor,
  dtypeFor,
  DTYPES,
  isDType,
  rowOf,
  type SafeArray,
  type SafeDType,
} from "./dtypes.ts";
import { type Entry, headerBytes, METADATA_KEY } from "./header.ts";

/** A tensor to be written. */
export interface TensorToWrite {
  /** The elements; {@linkcode SafeDType} says in which array. */
  readonly data: SafeArray;
  /** The extents, row-major; none for a single number. */
  readonly shape: readonly number[];
  /**
   * The type of the elements. Default: that of the array, such as `F32` for a `Float32Array` and `U16` for a
   * `Uint16Array`; so `BF16`, `F16`, `BOOL`, `C64` and what has 8 bits or less must be said.
   */
  readonly dtype?: SafeDType;
}

/** Values by name. */
export type ByName<T> = ReadonlyMap<string, T> | Readonly<Record<string, T>>;

/**
 * The bytes of a safetensors file. Its tensors stand in the order of the official library, wider types
 * first and then by name, so that each is aligned.
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "@gradus/gradus/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * const half = { data: Uint16Array.of(0x3f80), shape: [], dtype: "BF16" } as const; // 1 as bfloat16
 * const bytes = writeSafetensors({ half, w: { data: Float64Array.of(0.5), shape: [1] } });
 * assertEquals([...readSafetensors(bytes).tensors.keys()], ["w", "half"]);
 * ```
 *
 * @throws {GradusError} if a tensor's type, shape and array do not agree, or a name cannot be written.
 */
export function writeSafetensors(
  tensors: ByName<TensorToWrite>,
  metadata: ByName<string> = {},
): Uint8Array<ArrayBuffer> {
  const { pieces, size } = arranged(tensors, metadata);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/**
 * The same bytes as a stream, which holds one piece of at most a mebibyte at a time and makes the next when it
 * is asked for. The arrays must stay as they are until the last has been read; the stream ends with an error if
 * one has become shorter.
 *
 * @example
 * ```ts
 * import { streamSafetensors, writeSafetensors } from "@gradus/gradus/safetensors";
 * import { assertEquals } from "@std/assert";
 *
 * const tensors = { w: { data: Float32Array.of(1, 2), shape: [2] } };
 * const streamed = await new Response(streamSafetensors(tensors)).arrayBuffer();
 * assertEquals(new Uint8Array(streamed), writeSafetensors(tensors));
 * ```
 *
 * @throws {GradusError} if a tensor's type, shape and array do not agree, or a name cannot be written.
 */
export function streamSafetensors(
  tensors: ByName<TensorToWrite>,
  metadata: ByName<string> = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return streamed(tensors, metadata, () => {});
}

/** Such a stream, which ends with an error as soon as `requireKept` throws one. */
export function streamed(
  tensors: ByName<TensorToWrite>,
  metadata: ByName<string>,
  requireKept: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = inChunks(arranged(tensors, metadata), requireKept);
  return new ReadableStream({
    pull(controller) {
      const { value, done } = chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}

const CHUNK = 2 ** 20;

/** What a file consists of, in turn. */
interface Arranged {
  readonly pieces: readonly Uint8Array[];
  readonly size: number;
}

/** Copies of the pieces, joined and cut; who is given one may keep it, or hand its memory on. */
function* inChunks(
  { pieces, size }: Arranged,
  requireKept: () => void,
): Generator<Uint8Array<ArrayBuffer>, void> {
  let left = size;
  let chunk = new Uint8Array(Math.min(CHUNK, left));
  let filled = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + chunk.length - filled);
      chunk.set(part, filled);
      [at, filled] = [at + part.length, filled + part.length];
      if (filled < chunk.length) continue;
      left -= filled;
      requireKept();
      yield chunk;
      [chunk, filled] = [new Uint8Array(Math.min(CHUNK, left)), 0];
    }
  }
  if (left === 0) return;
  throw new GradusError(
    `Cannot write safetensors: arrays must stay as they are until the last byte has been read: given ` +
      `some that have become ${left - filled} bytes shorter`,
  );
}

function arranged(tensors: ByName<TensorToWrite>, metadata: ByName<string>): Arranged {
  const doing = "Cannot write safetensors";
  const given = entriesOf(tensors, "its tensors", doing).map(([name, tensor]) =>
    checked(name, tensor, doing)
  );
  const texts = new Map(entriesOf(metadata, "its metadata", doing));
  for (const [key, text] of texts) {
    requireText(key, `a key of its metadata`, doing);
    requireText(text, `${quoted(key)} in its metadata`, doing);
  }
  const order = (dtype: SafeDType) => DTYPES.indexOf(dtype);
  given.sort((a, b) => order(b.dtype) - order(a.dtype) || compare(a.name, b.name));
  let at = 0;
  const entries = given.map(({ name, dtype, shape, bytes }): Entry => {
    const begin = at;
    at += bytes.length;
    return { name, dtype, shape, begin, end: at };
  });
  const header = headerBytes(entries, texts, doing);
  return { pieces: [header, ...given.map(({ bytes }) => bytes)], size: header.length + at };
}

interface Checked {
  readonly name: string;
  readonly dtype: SafeDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

function checked(name: string, tensor: TensorToWrite, doing: string): Checked {
  requireText(name, "the name of a tensor", doing);
  const must = (what: string, given: string): never => {
    throw new GradusError(`${doing}: tensor ${quoted(name)} must ${what}: given ${given}`);
  };
  if (name === METADATA_KEY) must("have another name, since that is the metadata's", quoted(name));
  if (typeof tensor !== "object" || tensor === null) must("be `{ data, shape }`", shown(tensor));
  const { data, shape, dtype = dtypeFor(data) } = tensor;
  if (dtype === undefined) {
    return must("hold an array of numbers, such as a Float32Array", shown(data));
  }
  if (!isDType(dtype)) {
    const near = suggestion(String(dtype), DTYPES);
    return must("have a `dtype` that the format knows", `${shown(dtype)}${near}`);
  }
  const { array } = rowOf(dtype);
  if (!(data instanceof array)) must(`hold a ${array.name}, being ${dtype}`, shown(data));
  if (!isShape(shape)) must("have a `shape` of whole numbers from 0", shown(shape));
  const size = bytesFor(dtype, shape);
  if (size === undefined) must("have a size below 2^53", `shape ${shown(shape)}`);
  if (size !== data.byteLength) {
    must(`take ${size} bytes, being ${dtype} of shape [${shape.join(", ")}]`, `${data.byteLength}`);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype, shape: [...shape], bytes };
}

function entriesOf<T>(given: ByName<T>, what: string, doing: string): [string, T][] {
  if (given instanceof Map) return [...given];
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new GradusError(`${doing}: ${what} must be a Map or an object: given ${shown(given)}`);
  }
  return Object.entries(given);
}

/** Refuses what UTF-8 has not: half a surrogate pair. */
function requireText(value: unknown, what: string, doing: string): void {
  if (typeof value === "string" && !/\p{Surrogate}/u.test(value)) return;
  throw new GradusError(
    `${doing}: ${what} must be a text in whole characters: given ${shown(value)}`,
  );
}

/** In the order of code points, which is that of UTF-8. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  for (let i = 0;; i++) {
    const [x, y] = [a.codePointAt(i) ?? -1, b.codePointAt(i) ?? -1];
    if (x !== y) return x - y;
  }
}
