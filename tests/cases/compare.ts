/** Holds what a backend made against what the interpreter did, as near as the backend says it comes. */
import type { StoredTensor } from "../../mod.ts";
import { load, SplitArray } from "../../runtime/trees/dtype.ts";
import { ulpsBetween } from "../numbers.ts";

/** How far two numbers may be apart. What is left out allows nothing; a number is near by any of them. */
export interface Tolerance {
  /** Units in the last place. */
  readonly ulp?: number;
  /** A part of the largest finite number of the same array. */
  readonly ofScale?: number;
  /** A part of the number itself, or of 1 where that is more. */
  readonly ofOne?: number;
  /** A part of the largest finite number of the same array, for float64 and for numbers of the tree. */
  readonly double?: number;
  /** Whether 0 may have either sign. */
  readonly zeros?: boolean;
  /** Whether 0 is as good as a number below the least normal one of float32. */
  readonly subnormals?: boolean;
  /** Whether any number is as good. */
  readonly isOpen?: boolean;
}

/**
 * Where two trees differ by more than is allowed, in structure, type, length or number: the first few
 * of many.
 */
export function differences(actual: unknown, expected: unknown, allowed: Tolerance): string[] {
  const found = [...differencesAt(actual, expected, "", allowed)];
  return found.length > 4 ? [...found.slice(0, 3), `and ${found.length - 3} more`] : found;
}

function* differencesAt(
  actual: unknown,
  expected: unknown,
  path: string,
  allowed: Tolerance,
): Generator<string> {
  if (typeof expected === "number" && typeof actual === "number") {
    yield* numbersApart([actual], [expected], path, true, allowed);
    return;
  }
  const isTree = (each: unknown) => typeof each === "object" && each !== null;
  if (!isTree(actual) || !isTree(expected)) {
    if (actual !== expected) yield `${path} is ${inspect(actual)}, not ${inspect(expected)}`;
    return;
  }
  const [ours, theirs] = [formOf(actual), formOf(expected)];
  if (ours !== theirs) {
    yield `${path || "the tree"} is ${ours}, not ${theirs}`;
    return;
  }
  if (ArrayBuffer.isView(expected)) {
    if (haveSameBits(actual as ArrayBufferView, expected)) return;
    const [a, b] = [actual, expected] as unknown as readonly ArrayLike<number>[];
    yield* numbersApart(a, b, path, expected instanceof Float64Array, allowed);
    return;
  }
  const [a, b] = [actual, expected] as readonly Readonly<Record<string, unknown>>[];
  if (b.data instanceof Uint16Array) {
    for (const key of ["dtype", "rounding", "seed"]) {
      if (a[key] !== b[key]) yield `${path} has ${key} ${a[key]}, not ${b[key]}`;
    }
    const [ours, theirs] = [a, b] as unknown as readonly StoredTensor[];
    const isSame = (["data", "low"] as const).every((key) => {
      const [mine, other] = [ours[key], theirs[key]];
      return mine === other ||
        mine !== undefined && other !== undefined && haveSameBits(mine, other);
    });
    if (isSame && ours.dtype === theirs.dtype) return;
    const [x, y] = [ours, theirs].map(widened);
    yield* numbersApart(x, y, path, false, allowed);
    return;
  }
  for (const key of Object.keys(b)) {
    yield* differencesAt(a[key], b[key], path === "" ? key : `${path}/${key}`, allowed);
  }
}

/** Whether two arrays of one type and length have the same bits, which most have, and is told at once. */
function haveSameBits(actual: ArrayBufferView, expected: ArrayBufferView): boolean {
  const [a, b] = [actual, expected].map(({ buffer, byteOffset, byteLength }) =>
    byteOffset % 4 === 0 && byteLength % 4 === 0
      ? new Int32Array(buffer, byteOffset, byteLength / 4)
      : new Uint8Array(buffer, byteOffset, byteLength)
  );
  return a.length === b.length && a.every((bits, i) => bits === b[i]);
}

function widened({ data, low, dtype }: StoredTensor): Float32Array {
  const array = low === undefined ? data : new SplitArray(data, low);
  return Float32Array.from(data, (_, i) => load(dtype, array, i));
}

function formOf(tree: unknown): string {
  if (!ArrayBuffer.isView(tree)) return `{ ${Object.keys(tree as object).sort().join(", ")} }`;
  return `a ${tree.constructor.name} of ${(tree as Float32Array).length}`;
}

const inspect = (value: unknown) => Object.is(value, -0) ? "-0" : Deno.inspect(value);

function* numbersApart(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  path: string,
  isDouble: boolean,
  { ulp = 0, ofScale = 0, ofOne = 0, double = 0, zeros, subnormals, isOpen }: Tolerance,
): Generator<string> {
  if (isOpen) return;
  const part = isDouble && double > 0 ? double : ofScale;
  const most = part === 0 ? 0 : part * scaleOf(expected);
  const isNear = (a: number, b: number): boolean => {
    const apart = Math.abs(a - b);
    if (apart === 0) return zeros || most > 0 || ofOne > 0;
    if (!(apart < Infinity)) return false;
    if (apart <= most || apart <= ofOne * Math.max(1, Math.abs(b))) return true;
    if (subnormals && Math.max(Math.abs(a), Math.abs(b)) <= 2 ** -126) return true;
    return ulp > 0 && ulpsBetween(a, b, isDouble ? "float64" : "float32") <= ulp;
  };
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (Object.is(a, b) || isNear(a, b)) continue;
    yield `${path}[${i}] is ${inspect(a)}, not ${inspect(b)}`;
  }
}

function scaleOf(numbers: ArrayLike<number>): number {
  let scale = 0;
  for (let i = 0; i < numbers.length; i++) {
    const size = Math.abs(numbers[i]);
    if (size > scale && size < Infinity) scale = size;
  }
  return scale;
}
