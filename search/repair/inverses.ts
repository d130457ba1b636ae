/** Inverses of operations: what an operand must be for a result to be what it should. */
import type { ElementOpName } from "../../dsl/node.ts";
import { cosine, exp, log } from "../programs/exact_math.ts";

/**
 * The operand for which the operation gives `y`, beside the `other` operand if there is one; where several
 * do, it is the one nearest in kind to what the operand is now, `x`. NaN where none does.
 */
export type Inverse = (y: number, x: number, other: number) => number;

const sine = (x: number): number => cosine(x / (2 * Math.PI) - 0.25);
const withSignOf = (x: number, y: number): number => x < 0 ? -y : y;
/** The base or the exponent of a power is told only where both are above 0. */
const positive = (a: number, b: number, f: () => number): number => a > 0 && b > 0 ? f() : NaN;

/** What remains of a choice between two: where the other one was taken, nothing need change that was not. */
const chosen = (isBeyond: (a: number, b: number) => boolean): Inverse => (y, x, other) =>
  y === other ? (isBeyond(x, other) ? other : x) : isBeyond(y, other) ? y : NaN;

/** The inverse of an operation for each of its operands; null where too much is lost to tell. */
export const inverses: Readonly<Partial<Record<ElementOpName, readonly (Inverse | null)[]>>> = {
  Add: [(y, _, b) => y - b, (y, _, a) => y - a],
  Sub: [(y, _, b) => y + b, (y, _, a) => a - y],
  Mul: [(y, _, b) => y / b, (y, _, a) => y / a],
  Div: [(y, _, b) => y * b, (y, _, a) => a / y],
  Pow: [
    (y, _, b) => positive(y, 1, () => exp(log(y) / b)),
    (y, _, a) => positive(y, a, () => log(y) / log(a)),
  ],
  Neg: [(y) => -y],
  Abs: [(y, x) => y >= 0 ? withSignOf(x, y) : NaN],
  Sqrt: [(y) => y >= 0 ? y * y : NaN],
  Cbrt: [(y) => y * y * y],
  Exp: [(y) => y >= 0 ? log(y) : NaN],
  Log: [exp],
  Asin: [(y) => 2 * Math.abs(y) <= Math.PI ? sine(y) : NaN],
  Acos: [(y) => y >= 0 && y <= Math.PI ? cosine(y / (2 * Math.PI)) : NaN],
  Atan: [(y) => 2 * Math.abs(y) < Math.PI ? sine(y) / cosine(y / (2 * Math.PI)) : NaN],
  Sinh: [(y) => withSignOf(y, log(Math.abs(y) + Math.sqrt(y * y + 1)))],
  Cosh: [(y, x) => y >= 1 ? withSignOf(x, log(y + Math.sqrt(y * y - 1))) : NaN],
  Tanh: [(y) => Math.abs(y) < 1 ? 0.5 * log((1 + y) / (1 - y)) : NaN],
  Max: [chosen((a, b) => a > b), chosen((a, b) => a > b)],
  Min: [chosen((a, b) => a < b), chosen((a, b) => a < b)],
};

/** The inverse of a square, which is a product of two equal operands. */
export const ofSquare: Inverse = (y, x) => y >= 0 ? withSignOf(x, Math.sqrt(y)) : NaN;
