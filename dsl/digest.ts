/** Short texts that stand for long ones: of data, and of what a program computes. */
import { printExpression } from "./print.ts";
import type { Program } from "./program.ts";
import { integers, threefry } from "./random/threefry.ts";

/** A hash of a text: 64 bits in hexadecimal. */
export function digestOf(text: string): string {
  let hash: [number, number] = [1, 2];
  for (let i = 0; i < text.length; i++) hash = threefry(integers, hash, [text.charCodeAt(i), i]);
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** A hash of what a program computes: not of its name and notes, nor of the defaults of its hyperparameters. */
export function programDigest({ hyper, inputs, state, statements, evaluate }: Program): string {
  return digestOf(JSON.stringify([
    [...hyper.keys()],
    [...inputs],
    [...state].map(([name, { init, over }]) => [name, printExpression(init), over]),
    statements.map(({ target, value }) => [target, printExpression(value)]),
    printExpression(evaluate),
  ]));
}
