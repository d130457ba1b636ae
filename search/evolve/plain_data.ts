/** Plain data as text that gives it back: JSON that can also say every number, and arrays of numbers. */
import { GradusError } from "../../dsl/errors.ts";

/** The key of what JSON has no word for. */
const MARK = "$";
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["NaN", NaN],
  ["-0", -0],
]);
const ARRAYS = { Float32Array, Float64Array, Int32Array, Uint32Array, Uint8Array } as const;
type ArrayName = keyof typeof ARRAYS;

/** The text of plain data; functions are left out. */
export function printData(data: unknown): string {
  return JSON.stringify(data, (_, value) => {
    if (typeof value === "number") {
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [MARK]: Object.is(value, -0) ? "-0" : String(value) };
    }
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return { [MARK]: value.constructor.name, base64: base64Of(bytes) };
  });
}

/**
 * The data of a text.
 *
 * @throws {GradusError} if it is the text of none.
 */
export function readData(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) => {
      const mark = value?.[MARK];
      if (mark === undefined) return value;
      if (NUMBERS.has(mark)) return NUMBERS.get(mark);
      if (!Object.hasOwn(ARRAYS, mark)) {
        throw new Error(`\`${mark}\` is no kind of number or array`);
      }
      const bytes = Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
      return new ARRAYS[mark as ArrayName](bytes.buffer);
    });
  } catch (error) {
    throw new GradusError(`Cannot read plain data: ${(error as Error).message}`);
  }
}

function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}
