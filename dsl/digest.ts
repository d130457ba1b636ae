/** Short texts that stand for long ones: of data, and of what a program computes. */
import { printExpression, printSizes } from "./print.ts";
import type { Program } from "./program.ts";

const FACTORS = [0x85ebca6b, 0xc2b2ae35, 0x9e3779b1, 0x27d4eb2f] as const;

/**
 * A hash of bytes or of a well-formed text: 128 bits in hexadecimal, by which they differ from all that were
 * not made to be taken for them.
 */
export function digestOf(data: Uint8Array | string): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const hash = FACTORS.map((factor) => factor ^ bytes.length);
  const mix = (k: number, word: number): void => {
    const x = Math.imul(hash[k] ^ word, FACTORS[k]);
    hash[k] = (x << 13 | x >>> 19) + hash[(k + 1) & 3] | 0;
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~3;
  for (let at = 0; at < whole; at += 4) mix(at >> 2 & 3, view.getUint32(at, true));
  for (let at = whole; at < bytes.length; at++) mix(at & 3, bytes[at]);
  // Every bit reaches every other.
  for (let round = 0; round < 16; round++) mix(round & 3, hash[(round + 2) & 3] >>> 15);
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** A hash of what a program computes: not of its name and notes, nor of the defaults of its hyperparameters. */
export function programDigest({ hyper, inputs, state, statements, evaluate }: Program): string {
  return digestOf(JSON.stringify([
    [...hyper.keys()],
    [...inputs],
    [...state].map(([name, { init, over, sizes }]) => [
      name,
      printExpression(init),
      sizes === undefined ? over : printSizes(sizes),
    ]),
    statements.map(({ target, value }) => [target, printExpression(value)]),
    printExpression(evaluate),
  ]));
}
