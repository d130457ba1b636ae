/** Reads arrays that NumPy saved: `.npy` files of versions 1 to 3. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import type { BatchArray, BatchTensor } from "../../export/ort/mod.ts";
import { fromFloat16 } from "../../runtime/trees/dtype.ts";

const DOING = "Cannot read .npy";
const MAGIC = "\x93NUMPY";
/** What NumPy itself reads without being asked twice. */
const MOST_HEADER = 10_000;

type Reader = new (buffer: ArrayBufferLike, offset: number, length: number) => BatchArray;

/** What holds the elements of each type, and how many bytes each has. */
const TYPES: Readonly<Record<string, readonly [bytes: number, ArrayOf: Reader]>> = {
  ...{ f2: [2, Uint16Array], f4: [4, Float32Array], f8: [8, Float64Array] },
  ...{ i1: [1, Int8Array], i2: [2, Int16Array], i4: [4, Int32Array], i8: [8, BigInt64Array] },
  ...{ u1: [1, Uint8Array], u2: [2, Uint16Array], u4: [4, Uint32Array], u8: [8, BigUint64Array] },
  ...{ b1: [1, Uint8Array], "?": [1, Uint8Array] },
};

/**
 * The array in a `.npy` file, row-major, whatever order and byte order it was saved in. Numbers of float16 become float32;
 * booleans are 0 and 1.
 *
 * @throws {GradusError} if the file is cut off, longer than its array, or of another type.
 */
export function readNpy(bytes: Uint8Array): BatchTensor {
  const { header, start } = headerOf(bytes);
  const { type, isSwapped, isFortran, shape } = described(header);
  const [width, ArrayOf] = TYPES[type];
  const count = shape.reduce((product, extent) => product * extent, 1);
  const given = bytes.length - start;
  if (!Number.isSafeInteger(count * width) || given !== count * width) {
    throw new GradusError(
      `${DOING}: an array of shape [${shape.join(", ")}] and type ${type} must have ${
        count * width
      } bytes: ` +
        `the file has ${given}`,
    );
  }
  const own = bytes.slice(start);
  if (isSwapped) {
    for (let at = 0; at < own.length; at += width) own.subarray(at, at + width).reverse();
  }
  const numbers = new ArrayOf(own.buffer, 0, count);
  const data = type === "f2" ? Float32Array.from(numbers as Uint16Array, fromFloat16) : numbers;
  return { data: isFortran && shape.length > 1 ? rowMajor(data, shape) : data, shape };
}

function headerOf(bytes: Uint8Array): { readonly header: string; readonly start: number } {
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  const version = bytes[6];
  if (magic !== MAGIC || !(version >= 1 && version <= 3)) {
    throw new GradusError(
      `${DOING}: it must begin as NumPy's files of versions 1 to 3 do: given ${
        magic === MAGIC ? `version ${version}` : `${bytes.length} other bytes`
      }`,
    );
  }
  const before = version === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isCut = bytes.length < before;
  const length = isCut ? 0 : version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (isCut || length > MOST_HEADER || before + length > bytes.length) {
    throw new GradusError(
      `${DOING}: its header must lie in the file and have at most ${MOST_HEADER} bytes: given ${length} in a ` +
        `file of ${bytes.length}`,
    );
  }
  const own = bytes.subarray(before, before + length);
  return { header: new TextDecoder().decode(own), start: before + length };
}

const ENTRIES: Readonly<Record<string, RegExp>> = {
  descr: /'descr':\s*'([<>=|]?)([a-zA-Z?]\d*)'/,
  fortran_order: /'fortran_order':\s*(True|False)/,
  shape: /'shape':\s*\(\s*((?:\d+\s*(?:,\s*\d+\s*)*,?)?)\s*\)/,
};

function described(header: string): {
  readonly type: string;
  readonly isSwapped: boolean;
  readonly isFortran: boolean;
  readonly shape: readonly number[];
} {
  const [descr, order, shape] = Object.entries(ENTRIES).map(([key, pattern]) => {
    const found = pattern.exec(header);
    if (found !== null) return found;
    const given = new RegExp(`'${key}':\\s*(.{0,40})`).exec(header)?.[1];
    throw new GradusError(
      `${DOING}: its header must have ${quoted(key)} of a plain array: given ${
        shown(given ?? header)
      }`,
    );
  });
  const [, byteOrder, type] = descr;
  if (!Object.hasOwn(TYPES, type)) {
    throw new GradusError(
      `${DOING}: its type must be one of ${Object.keys(TYPES).join(", ")}: given ${type}`,
    );
  }
  return {
    type,
    isSwapped: byteOrder === ">",
    isFortran: order[1] === "True",
    shape: shape[1].split(",").filter((part) => part.trim() !== "").map(Number),
  };
}

/** The elements of an array whose first extent ran fastest, so that its last does. */
function rowMajor(data: BatchArray, shape: readonly number[]): BatchArray {
  const made = data.slice();
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < made.length; to++) {
    made[to] = data[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return made;
}
