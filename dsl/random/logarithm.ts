/** The logarithm to base 2, from exactly rounded operations only. */
import { type Doubles, polynomial } from "./doubles.ts";

/**
 * log2((1 + √s)/(1 - √s))/√s for s in [0, 0.02945], to 6e-16: a power series' values at the Chebyshev
 * nodes, lowest power first.
 */
export const LOG2: readonly number[] = [
  2.885390081777927,
  0.9617966939243302,
  0.5770780172482943,
  0.4121984017274641,
  0.3206164115008349,
  0.2614434727591238,
  0.24292568227582953,
];

/** The logarithm of a normal float64 above 0, to nearly all its digits, also near 1. */
export function log2<V, M>(doubles: Doubles<V, M>, x: V): V {
  const [exponent, mantissa] = doubles.split(x);
  const f = doubles.sub(mantissa, 1);
  const s = doubles.div(f, doubles.add(f, 2));
  return doubles.add(exponent, doubles.mul(s, polynomial(doubles, doubles.mul(s, s), LOG2)));
}
