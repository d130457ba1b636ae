/** How jax-js spells each operation: the one list of what it can compute. */
import type { ArrayLibrary, Operand } from "../library.ts";
import type { JaxArray, JaxNumpy } from "./types.ts";

/** jax-js, whose functions use up their arrays, as a library that borrows them. */
export function spellings<A extends JaxArray>(np: JaxNumpy<A>): ArrayLibrary<A> {
  const of = (x: Operand<A>) => typeof x === "number" ? x : x.ref;
  const unary = (f: (x: A) => A) => (x: Operand<A>) => f((x as A).ref);
  const binary = (f: (x: A | number, y: A | number) => A) => (x: Operand<A>, y: Operand<A>) =>
    f(of(x), of(y));
  const reduction = (f: JaxNumpy<A>["sum"]) => (x: A, axes: readonly number[]) =>
    f(x.ref, [...axes], { keepdims: true });
  // Its own gives 0 for 0, and loses -0 with it.
  const negative = (x: A | number) => np.multiply(x, -1);
  const float32 = { dtype: "float32" as never };
  return {
    name: "jax-js",
    element: {
      Add: binary(np.add),
      Sub: binary((x, y) => np.add(x, typeof y === "number" ? -y : negative(y))),
      Mul: binary(np.multiply),
      Div: binary(np.divide),
      Pow: (x, y) => power(np, x, y),
      Neg: unary(negative),
      Abs: unary((x) => np.maximum(x.ref, negative(x))),
      Sign: null, // Its own gives 0 for -0.
      Sqrt: unary(np.sqrt),
      Cbrt: null, // Its own is NaN at 0.
      Exp: unary(np.exp),
      Log: unary(np.log),
      Sin: unary(np.sin),
      Cos: unary(np.cos),
      Tan: unary(np.tan),
      Asin: unary(np.asin),
      Acos: unary(np.acos),
      Atan: unary(np.atan),
      Sinh: null, // Its own is 0 near 0.
      Cosh: null,
      Tanh: unary((x) => hyperbolicTangent(np, x)),
      Floor: unary(np.floor),
      Ceil: unary(np.ceil),
      Min: binary(np.minimum),
      Max: binary(np.maximum),
      Clip: null,
      Where: (condition, x, y) => np.where((condition as A).ref, of(x), of(y)),
      Less: binary(np.less),
      LessOrEqual: binary(np.lessEqual),
      Greater: binary(np.greater),
      GreaterOrEqual: binary(np.greaterEqual),
      Equal: binary(np.equal),
      IsNaN: unary(np.isnan),
      And: (x, y) => np.logicalAnd((x as A).ref, (y as A).ref),
      Or: (x, y) => np.logicalOr((x as A).ref, (y as A).ref),
      Not: unary(np.logicalNot),
    },
    reduce: {
      ReduceSum: reduction(np.sum),
      ReduceMean: reduction(np.mean),
      ReduceMax: reduction(np.max),
      ReduceMin: reduction(np.min),
      ReduceL2: null,
    },
    matrix: {
      MatMul: (x, y) => np.matmul(x.ref, y.ref),
      Transpose: (x) => np.transpose(x.ref),
    },
    random: { Normal: null, Uniform: null },
    truth: (value) => np.full([], value, { dtype: "bool" as never }),
    full: (value, shape) => np.full([...shape], value, float32),
    reshape: (x, shape) => np.reshape(x.ref, [...shape]),
    spread: (x, shape) => np.broadcastTo(x.ref, [...shape]),
    keep: (x) => x.ref,
    drop: (x) => x.dispose(),
  };
}

/**
 * x^y as in C. jax-js's own forgets the sign of -0 and the cases where the logarithm is 0 or infinite and
 * its product is none.
 */
function power<A extends JaxArray>(np: JaxNumpy<A>, x: Operand<A>, y: Operand<A>): A {
  const made: A[] = [];
  const own = (array: A) => (made.push(array), array);
  const of = (operand: Operand<A>) => typeof operand === "number" ? operand : operand.ref;
  const array = (operand: Operand<A>) =>
    typeof operand === "number"
      ? own(np.full([], operand, { dtype: "float32" as never }))
      : operand;
  const [a, b] = [array(x), array(y)];
  const size = own(np.maximum(a.ref, np.multiply(a.ref, -1)));
  // Of a number, the logarithm and its product are rounded once.
  const log = typeof x === "number" ? Math.log(Math.abs(x)) : own(np.log(size.ref));
  const value = own(np.exp(np.multiply(of(log), of(y))));
  const half = own(np.multiply(b.ref, 0.5));
  const isWhole = own(np.equal(np.floor(b.ref), b.ref));
  const isOdd = np.logicalAnd(isWhole.ref, np.logicalNot(np.equal(np.floor(half.ref), half.ref)));
  const isNegative = own(np.logicalOr(np.less(a.ref, 0), np.less(np.divide(1, a.ref), 0)));
  const signed = np.multiply(
    value.ref,
    np.where(np.logicalAnd(isNegative.ref, isOdd), -1, 1),
  );
  const isImaginary = np.logicalAnd(
    np.logicalAnd(np.less(a.ref, 0), np.less(size.ref, Infinity)),
    np.logicalNot(isWhole.ref),
  );
  const isUnit = np.logicalAnd(
    np.equal(size.ref, 1),
    np.equal(np.maximum(b.ref, np.multiply(b.ref, -1)), Infinity),
  );
  const isOne = np.logicalOr(np.logicalOr(np.equal(b.ref, 0), np.equal(a.ref, 1)), isUnit);
  const result = np.where(isOne, 1, np.where(isImaginary, NaN, signed));
  for (const each of made) each.dispose();
  return result;
}

/** tanh x, below 1 by Lambert's continued fraction: jax-js's own loses all digits near 0. */
function hyperbolicTangent<A extends JaxArray>(np: JaxNumpy<A>, x: A): A {
  const square = np.multiply(x.ref, x.ref);
  const below = [9, 7, 5, 3].reduce<A | number>(
    (below, odd) => np.add(np.divide(square.ref, below), odd),
    11,
  );
  const small = np.divide(x.ref, np.add(np.divide(square, below), 1));
  const isSmall = np.less(np.maximum(x.ref, np.multiply(x.ref, -1)), 1);
  return np.where(isSmall, small, np.tanh(x));
}
