/** Exponentials, logarithms and cosines from exactly rounded operations, so that every machine agrees. */
import { numbers } from "../../dsl/random/doubles.ts";
import { log2 } from "../../dsl/random/logarithm.ts";

/** 2^x. */
export function exp2(x: number): number {
  if (!(x < 1024)) return x === x ? Infinity : NaN;
  if (x < -1074) return 0;
  const whole = Math.round(x);
  const y = (x - whole) * Math.LN2;
  let sum = 1;
  for (let k = 17; k > 0; k--) sum = 1 + sum * y / k;
  for (let i = Math.abs(whole); i > 0; i--) sum *= whole > 0 ? 2 : 0.5;
  return sum;
}

/** e^x. */
export const exp = (x: number): number => exp2(x * Math.LOG2E);

/** The natural logarithm; -∞ of what is below the normal numbers. */
export function log(x: number): number {
  if (!(x > 0) || x === Infinity) return x === Infinity ? x : x <= 0 ? -Infinity : NaN;
  if (x < 2 ** -1022) return -Infinity;
  return log2(numbers, x) * Math.LN2;
}

/** The cosine of `turns` whole turns. */
export function cosine(turns: number): number {
  let y = turns - Math.round(turns);
  const isFlipped = Math.abs(y) > 0.25;
  if (isFlipped) y = 0.5 - Math.abs(y);
  const angle = y * 2 * Math.PI;
  const square = angle * angle;
  let sum = 1;
  for (let k = 22; k > 0; k -= 2) sum = 1 - sum * square / (k * (k - 1));
  return isFlipped ? -sum : sum;
}
