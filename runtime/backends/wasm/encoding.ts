/** How WebAssembly writes types, numbers, lists and names as bytes. */
import type { ValueType } from "./instructions.ts";

/** The byte of each type. */
export const TYPE_BYTES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** A number from 0 on, seven bits a byte. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 | 0x80);
  return [...bytes, value];
}

/** A whole number of 32 bits, seven a byte. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    const isDone = (value === 0 && !(low & 0x40)) || (value === -1 && (low & 0x40) !== 0);
    bytes.push(isDone ? low : low | 0x80);
    if (isDone) return bytes;
  }
}

/** Bytes one behind the other. */
export function joined(pieces: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

/** Entries behind their number. */
export function vector(entries: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  return joined([unsigned(entries.length), ...entries]);
}

/** Bytes behind their number. */
export function sized(bytes: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  return joined([unsigned(bytes.length), bytes]);
}

/** A section of a module. */
export function section(
  id: number,
  entries: readonly ArrayLike<number>[],
): Uint8Array<ArrayBuffer> {
  return joined([[id], sized(vector(entries))]);
}

/** A name. */
export function name(text: string): Uint8Array<ArrayBuffer> {
  return sized(new TextEncoder().encode(text));
}
