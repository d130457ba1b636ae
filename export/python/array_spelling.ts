/** How frameworks with arrays like NumPy's spell operations: by the functions of one module, a leaf at a time. */
import { LEVEL } from "../../dsl/ops.ts";
import { both, chosen, numbersBeside } from "./array_rows.ts";
import {
  atom,
  call,
  comparison,
  enclose,
  infix,
  operators,
  type Row,
  SHAPE_HELPERS,
  type Spell,
  type Spelling,
} from "./spelling.ts";

/** What differs between such frameworks. */
export interface ArrayModule {
  /** What messages call the framework. */
  readonly name: string;
  /** The module in Python, such as `ops`. */
  readonly module: string;
  /** Names that are not given to hyperparameters. */
  readonly reserved: string;
  /** Python that decomposes the matrix `x` into `q` and `r`. */
  readonly qr: string;
}

/** The spelling of a framework whose functions have NumPy's names. */
export function arraySpelling({ name, module, reserved, qr }: ArrayModule): Spelling {
  const own = (each: string): Row => both(call(`${module}.${each}`));
  const { known, unary, pair } = numbersBeside(module);
  const reduced = (each: string) => (x: { text: string }, axes: { text: string }) =>
    atom(`_over(${module}.${each}, ${x.text}, ${axes.text})`);
  const total = (each: string): Spell => call(`${module}.${each}`);
  return {
    name,
    isFloat32: true,
    knowsNames: false,
    evaluates: false,
    stores: [],
    random: null,
    reserved: ["bucket", "self", module, ...reserved.split(" ")],
    rename: (each) => each,
    element: {
      Add: both(operators.Add),
      Sub: both(operators.Sub),
      Mul: both(operators.Mul),
      Div: both(operators.Div),
      Pow: both((x, y) => ({
        text: `${enclose(x, LEVEL.atom)} ** ${enclose(y, LEVEL.unary)}`,
        level: LEVEL.power,
      })),
      Neg: both(operators.Neg),
      Abs: own("abs"),
      Sign: both(call("_sign")),
      Sqrt: known("sqrt"),
      Cbrt: null,
      Exp: known("exp"),
      // In float64 where it can be: the logarithm of what is near 1 would lose its digits.
      Log: known("log"),
      Sin: own("sin"),
      Cos: own("cos"),
      Tan: own("tan"),
      Asin: own("arcsin"),
      Acos: own("arccos"),
      Atan: own("arctan"),
      Sinh: own("sinh"),
      Cosh: own("cosh"),
      Tanh: own("tanh"),
      Floor: known("floor"),
      Ceil: known("ceil"),
      Min: known("min", "minimum"),
      Max: known("max", "maximum"),
      Clip: null,
      Where: { number: chosen("_where"), array: chosen(`${module}.where`) },
      Less: both(comparison("<")),
      LessOrEqual: both(comparison("<=")),
      Greater: both(comparison(">")),
      GreaterOrEqual: both(comparison(">=")),
      Equal: both(comparison("==")),
      IsNaN: own("isnan"),
      And: known("and", "logical_and"),
      Or: known("or", "logical_or"),
      Not: known("not", "logical_not"),
    },
    reduce: {
      ReduceSum: reduced("sum"),
      ReduceMean: reduced("mean"),
      ReduceMax: reduced("max"),
      ReduceMin: reduced("min"),
      ReduceL2: (x, axes) =>
        atom(`${module}.sqrt(_over(${module}.sum, ${module}.square(${x.text}), ${axes.text}))`),
    },
    matrix: {
      MatMul: infix("@", LEVEL.product, [LEVEL.product, LEVEL.unary]),
      Transpose: (x) => atom(`${module}.swapaxes(${x.text}, -1, -2)`),
      QR: call("_qr"),
    },
    part: {
      ReduceSum: total("sum"),
      ReduceMean: call("_part_mean"),
      ReduceMax: total("max"),
      ReduceMin: total("min"),
      ReduceL2: (x) => atom(`${module}.sum(${module}.square(${x.text}))`),
    },
    spread: (x, like) => ({
      text: `${module}.zeros_like(${like.text}) + ${enclose(x, LEVEL.product)}`,
      level: LEVEL.sum,
    }),
    index: (axis, like) => atom(`_index(${axis}, ${like.text})`),
    places: (axis, length) => atom(`_places(bucket, ${axis}, ${length.text})`),
    helpers: {
      ...SHAPE_HELPERS,
      _sign: `
def _sign(x):
    # Of NaN it is NaN.
    return ${module}.where(${module}.isnan(x), x, ${module}.sign(x))`,
      _sqrt: unary("sqrt", "x >= 0"),
      _exp: unary("exp", "x < 709"),
      _log: unary("log", "x > 0"),
      _floor: unary("floor", "math.isfinite(x)", "float(math.floor(x))"),
      _ceil: unary("ceil", "math.isfinite(x)", "float(math.ceil(x))"),
      _min: pair("min", "minimum", "min(x, y)"),
      _max: pair("max", "maximum", "max(x, y)"),
      _and: pair("and", "logical_and", "bool(x and y)"),
      _or: pair("or", "logical_or", "bool(x or y)"),
      _not: `
def _not(x):
    return not x if isinstance(x, bool) else ${module}.logical_not(x)`,
      _where: `
def _where(condition, x, y):
    if isinstance(condition, bool):
        return x if condition else y
    return ${module}.where(condition, x, y)`,
      _over: `
def _over(reduce, x, axes):
    """A reduction over some axes, which stay with an extent of 1."""
    axes = tuple(range(len(x.shape))) if axes is None else axes
    return reduce(x, axis=axes, keepdims=True) if axes else x`,
      _part_mean: `
def _part_mean(x):
    """The sum of an array and its number of elements."""
    return ${module}.sum(x), math.prod(x.shape)`,
      _qr: `
def _qr(x):
    """Orthonormal columns: the factor whose triangle has a diagonal above 0."""
    q, r = ${qr}
    q = q * ${module}.where(${module}.diagonal(r) < 0, -1.0, 1.0)
    return ${module}.pad(q, ((0, 0), (0, x.shape[1] - q.shape[1])))`,
      _index: `
def _index(axis, like):
    """The places along an axis of an array."""
    rank = len(like.shape)
    places = ${module}.arange(like.shape[axis], dtype=like.dtype)
    return ${module}.reshape(places, [-1 if k == axis % rank else 1 for k in range(rank)])`,
      _places: `
def _places(bucket, axis, length):
    """The places along an axis of a matrix."""
    places = ${module}.arange(length, dtype=bucket["w"].dtype)
    return ${module}.reshape(places, (-1, 1) if axis == 0 else (1, -1))`,
      _new: `
def _new(bucket, shape, value):
    """A state of one parameter at the beginning."""
    return ${module}.zeros(shape, dtype=bucket["w"].dtype) + value`,
      _blank: `
def _blank(bucket, shape):
    return ${module}.zeros(shape, dtype=bucket["w"].dtype)`,
    },
  };
}
