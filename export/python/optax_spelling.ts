/** How Optax's file spells each operation: in `jax.numpy`, of one leaf. */
import { LEVEL } from "../../dsl/ops.ts";
import { both, chosen, numbersBeside } from "./array_rows.ts";
import { OPTAX_FRAME } from "./optax_frame.ts";
import { RANDOM_HELPERS } from "./optax_random.ts";
import {
  atom,
  call,
  comparison,
  enclose,
  infix,
  operators,
  type Row,
  SHAPE_HELPERS,
  type Spelling,
  type Term,
} from "./spelling.ts";

const jnp = (name: string): Row => both(call(`jnp.${name}`));
const { known, unary, pair } = numbersBeside("jnp");
const reduced = (name: string, more = "") => (x: Term, axes: Term) =>
  atom(`jnp.${name}(${x.text}, axis=${axes.text}, keepdims=True${more})`);
/** Optax. */
export const optaxSpelling: Spelling = {
  name: "Optax",
  isFloat32: true,
  knowsNames: true,
  evaluates: true,
  stores: ["bfloat16", "float16"],
  reserved:
    ("bucket buckets updates state params extra_args treedef init_fn update_fn options masks " +
      "init type").split(" "),
  rename: (name) => name,
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
    Abs: both(call("abs")),
    Sign: jnp("sign"),
    Sqrt: known("sqrt", "sqrt"),
    Cbrt: jnp("cbrt"),
    Exp: known("exp", "exp"),
    // In float64 where it can be: the logarithm of what is near 1 would lose its digits.
    Log: known("log", "log"),
    Sin: jnp("sin"),
    Cos: jnp("cos"),
    Tan: jnp("tan"),
    Asin: jnp("arcsin"),
    Acos: jnp("arccos"),
    Atan: jnp("arctan"),
    Sinh: jnp("sinh"),
    Cosh: jnp("cosh"),
    Tanh: jnp("tanh"),
    Floor: known("floor", "floor"),
    Ceil: known("ceil", "ceil"),
    Min: known("min", "minimum"),
    Max: known("max", "maximum"),
    Clip: null,
    Where: { number: chosen("_where"), array: chosen("jnp.where") },
    Less: both(comparison("<")),
    LessOrEqual: both(comparison("<=")),
    Greater: both(comparison(">")),
    GreaterOrEqual: both(comparison(">=")),
    Equal: both(comparison("==")),
    IsNaN: jnp("isnan"),
    And: known("and", "logical_and"),
    Or: known("or", "logical_or"),
    Not: known("not", "logical_not"),
  },
  reduce: {
    ReduceSum: reduced("sum"),
    ReduceMean: reduced("mean"),
    ReduceMax: reduced("max", ", initial=-jnp.inf"),
    ReduceMin: reduced("min", ", initial=jnp.inf"),
    ReduceL2: (x, axes) => call("_norm")(x, axes),
  },
  matrix: {
    MatMul: infix("@", LEVEL.product, [LEVEL.product, LEVEL.unary]),
    Transpose: (x) => atom(`${enclose(x, LEVEL.atom)}.T`),
    QR: call("_qr"),
  },
  part: {
    ReduceSum: call("jnp.sum"),
    ReduceMean: call("_part_mean"),
    ReduceMax: (x) => atom(`jnp.max(${x.text}, initial=-jnp.inf)`),
    ReduceMin: (x) => atom(`jnp.min(${x.text}, initial=jnp.inf)`),
    ReduceL2: (x) => atom(`jnp.sum(jnp.square(${x.text}))`),
  },
  spread: (x, like) => atom(`jnp.full_like(${like.text}, ${x.text})`),
  index: (axis, like) => atom(`_index(${axis}, ${like.text})`),
  places: (axis, length) => atom(`_places(bucket, ${axis}, ${length.text})`),
  random: (op, seed, counter, shape) =>
    call(op === "Normal" ? "_normal" : "_uniform")(
      atom("bucket"),
      seed,
      // As a whole number it goes on beyond where float32 counts.
      counter.text === "count" ? atom('bucket["steps"]') : counter,
      shape ?? atom('bucket["shape of w"]'),
    ),
  helpers: {
    ...SHAPE_HELPERS,
    ...RANDOM_HELPERS,
    ...OPTAX_FRAME,
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
    return not x if isinstance(x, bool) else jnp.logical_not(x)`,
    _where: `
def _where(condition, x, y):
    if isinstance(condition, bool):
        return x if condition else y
    return jnp.where(condition, x, y)`,
    _places: `
def _places(bucket, axis, length):
    """The places along an axis of a matrix."""
    return jnp.expand_dims(jnp.arange(length, dtype=bucket["kind of w"]), 1 - axis)`,
    _norm: `
def _norm(x, axes):
    return jnp.sqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True))`,
    _qr: `
def _qr(x):
    """Orthonormal columns: the factor whose triangle has a diagonal above 0."""
    q, r = jnp.linalg.qr(x)
    q = q * jnp.where(jnp.diagonal(r) < 0, -1.0, 1.0).astype(q.dtype)
    return jnp.pad(q, ((0, 0), (0, x.shape[1] - q.shape[1])))`,
    _index: `
def _index(axis, like):
    """The places along an axis of an array."""
    places = jnp.arange(like.shape[axis], dtype=like.dtype)
    return places.reshape([-1 if k == axis % like.ndim else 1 for k in range(like.ndim)])`,
    _part_mean: `
def _part_mean(x):
    """The sum of an array and its number of elements."""
    return jnp.stack([jnp.sum(x), jnp.asarray(x.size, dtype=x.dtype)])`,
    _new: `
def _new(bucket, shape, value):
    """A state of one parameter at the beginning, which is no other array."""
    return jnp.broadcast_to(jnp.array(value, dtype=bucket["kind of w"]), shape)`,
    _blank: `
def _blank(bucket, shape):
    return jnp.zeros(shape, dtype=bucket["kind of w"])`,
  },
};
