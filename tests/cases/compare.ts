/** Holds what a backend made against what the interpreter did, as near as the backend says it comes. */
import { fromBfloat16, fromFloat16 } from "../../runtime/trees/dtype.ts";
import { ulpsBetween } from "../numbers.ts";

/** How far numbers may be apart; each that is left out allows nothing. */
export interface Tolerance {
  /** Units in the last place. */
  readonly ulp?: number;
  /** A part of the largest finite number of the same array. */
  readonly ofScale?: number;
  /** A part of the number itself, or of 1 where that is more. */
  readonly ofOne?: number;
  /** Whether 0 may have either sign. */
  readonly zeros?: boolean;
  /** Whether numbers below float32's least normal one may be 0. */
  readonly subnormals?: boolean;
}

const LEAST_NORMAL = 2 ** -126;

/** Where two trees differ by more than is allowed, in structure, type, shape or number: the first few. */
export function differences(actual: unknown, expected: unknown, tolerance: Tolerance): string[] {
  const found: string[] = [];
  visit(actual, expected, "", tolerance, found);
  return found.length > 4 ? [...found.slice(0, 3), `and ${found.length - 3} more`] : found;
}

function visit(a: unknown, b: unknown, path: string, tolerance: Tolerance, found: string[]): void {
  if (ArrayBuffer.isView(b)) return arrays(a, b as Float32Array, "", path, tolerance, found);
  if (typeof b === "number") {
    const numbers = [a, b].map((x) => Float64Array.of(Number(x)));
    if (typeof a !== "number") found.push(`${path} is ${Deno.inspect(a)}, not ${b}`);
    else arrays(numbers[0], numbers[1], "", path, tolerance, found);
    return;
  }
  if (typeof b !== "object" || b === null || typeof a !== "object" || a === null) {
    if (!Object.is(a, b)) found.push(`${path} is ${Deno.inspect(a)}, not ${Deno.inspect(b)}`);
    return;
  }
  const [ours, theirs] = [a, b].map((tree) => Object.keys(tree).sort());
  if (ours.join("\0") !== theirs.join("\0")) {
    found.push(`${path || "the tree"} has ${ours.join(", ")}, and not ${theirs.join(", ")}`);
    return;
  }
  const { dtype = "", data } = b as { dtype?: string; data?: unknown };
  for (const key of theirs) {
    const [x, y] = [a, b].map((tree) => (tree as Record<string, unknown>)[key]);
    if (key === "data" && data instanceof Uint16Array) {
      arrays(x, y as Uint16Array, dtype, path, tolerance, found);
    } else visit(x, y, path === "" ? key : `${path}/${key}`, tolerance, found);
  }
}

function arrays(
  actual: unknown,
  expected: Float32Array | Float64Array | Uint16Array,
  dtype: string,
  path: string,
  tolerance: Tolerance,
  found: string[],
): void {
  const kind = (x: unknown) =>
    ArrayBuffer.isView(x) ? `${x.constructor.name} of ${(x as Float32Array).length}` : typeof x;
  if (kind(actual) !== kind(expected)) {
    found.push(`${path} is a ${kind(actual)}, not a ${kind(expected)}`);
    return;
  }
  const widen = dtype === "bfloat16" ? fromBfloat16 : dtype === "float16" ? fromFloat16 : undefined;
  const given = actual as Float32Array;
  let scale = 0;
  if (tolerance.ofScale !== undefined) {
    for (const x of expected) {
      const size = Math.abs(widen === undefined ? x : widen(x));
      if (size > scale && size < Infinity) scale = size;
    }
  }
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(given[i], expected[i])) continue;
    const [a, b] = widen === undefined ? [given[i], expected[i]] : [given[i], expected[i]].map(widen);
    const isDouble = expected instanceof Float64Array;
    if (isNear(a, b, scale, isDouble, tolerance)) continue;
    found.push(`${path}[${i}] is ${spell(a)}, not ${spell(b)}`);
  }
}

function isNear(
  a: number,
  b: number,
  scale: number,
  isDouble: boolean,
  { ulp = 0, ofScale = 0, ofOne = 0, zeros = false, subnormals = false }: Tolerance,
): boolean {
  if (Object.is(a, b)) return true;
  if (a === b) return zeros || ofScale > 0 || ofOne > 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false;
  const apart = Math.abs(a - b);
  if (subnormals && Math.abs(a) <= LEAST_NORMAL && Math.abs(b) <= LEAST_NORMAL) return true;
  return apart <= ofScale * scale || apart <= ofOne * Math.max(1, Math.abs(b)) ||
    ulp > 0 && ulpsBetween(a, b, isDouble ? "float64" : "float32") <= ulp;
}

const spell = (x: number) => Object.is(x, -0) ? "-0" : String(x);
