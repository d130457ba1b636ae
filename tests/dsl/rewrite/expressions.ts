/** Random expressions over a few symbols, as text, and values for the symbols. */
import type { Scope } from "../../../dsl/reader.ts";

/** Every name is a number. */
export const SCOPE: Scope = { read: () => "number", assign: () => {} };

const ATOMS = ["x", "y", "b1", "learningRate", "eps", "t", "2", "0.5", "-1"];

/** An expression of at most `depth` operations upon one another. */
export function expression(next: () => number, depth: number): string {
  if (depth === 0) return ATOMS[next() % ATOMS.length];
  const [a, b] = [expression(next, depth - 1), expression(next, next() % depth)];
  const forms = [`(${a} + ${b})`, `(${a} - ${b})`, `(${a}*${b})`, `(${a}/${b})`, `(-${a})`];
  const calls = ["abs", "sqrt", "exp", "sign", "tanh"].map((f) => `${f}(${a})`);
  const all = [...forms, ...calls, `max(${a}, ${b})`, `(${a})^2`, `where(${a} < ${b}, ${b}, x)`];
  return all[next() % all.length];
}

/** Values that the usual facts allow. */
export function values(next: () => number): Map<string, number> {
  const unit = () => (next() + 1) / (2 ** 32 + 1);
  return new Map([
    ["x", 8 * unit() - 4],
    ["y", 8 * unit() - 4],
    ["b1", unit()],
    ["learningRate", 3 * unit()],
    ["eps", unit()],
    ["t", 1 + next() % 9],
  ]);
}
