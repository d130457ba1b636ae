/** How jax-js spells each operation: the one list of what it can compute. */
import type { ArrayLibrary, Operand } from "../library.ts";
import { arccosine, hyperbolicTangent, logarithm, power } from "./functions.ts";
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
      Log: unary((x) => logarithm(np, x)),
      Sin: unary(np.sin),
      Cos: unary(np.cos),
      Tan: unary(np.tan),
      Asin: unary(np.asin),
      Acos: unary((x) => arccosine(np, x)),
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
      QR: null,
    },
    random: { Normal: null, Uniform: null },
    truth: (value) => np.full([], value, { dtype: "bool" as never }),
    full: (value, shape) => np.full([...shape], Math.fround(value), float32),
    reshape: (x, shape) => np.reshape(x.ref, [...shape]),
    spread: (x, shape) => np.broadcastTo(x.ref, [...shape]),
    // Whatever is reduced, over no axes too, is a kernel of its own.
    once: (x) => np.max(x.ref, [], { keepdims: true }),
    keep: (x) => x.ref,
    drop: (x) => x.dispose(),
  };
}
