/** How Optax's file spells each operation: in `jax.numpy`, of one leaf. */
import { LEVEL } from "../../dsl/ops.ts";
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

const both = (spell: Spell): Row => ({ number: spell, array: spell });
const jnp = (name: string): Row => both(call(`jnp.${name}`));
const reduced = (name: string) => (x: { text: string }, axes: { text: string }) =>
  atom(`jnp.${name}(${x.text}, axis=${axes.text}, keepdims=True)`);

/** Optax. */
export const optaxSpelling: Spelling = {
  name: "Optax",
  isFloat32: true,
  reserved: ("bucket updates state params extra_args leaves treedef rows init_fn update_fn made " +
    "name values k given").split(" "),
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
    Abs: jnp("abs"),
    Sign: jnp("sign"),
    Sqrt: jnp("sqrt"),
    Cbrt: jnp("cbrt"),
    Exp: jnp("exp"),
    // In float64 where it can be: the logarithm of what is near 1 would lose its digits.
    Log: { number: call("_log"), array: call("jnp.log") },
    Sin: jnp("sin"),
    Cos: jnp("cos"),
    Tan: jnp("tan"),
    Asin: jnp("arcsin"),
    Acos: jnp("arccos"),
    Atan: jnp("arctan"),
    Sinh: jnp("sinh"),
    Cosh: jnp("cosh"),
    Tanh: jnp("tanh"),
    Floor: jnp("floor"),
    Ceil: jnp("ceil"),
    Min: jnp("minimum"),
    Max: jnp("maximum"),
    Clip: null,
    Where: jnp("where"),
    Less: both(comparison("<")),
    LessOrEqual: both(comparison("<=")),
    Greater: both(comparison(">")),
    GreaterOrEqual: both(comparison(">=")),
    Equal: both(comparison("==")),
    IsNaN: jnp("isnan"),
    And: jnp("logical_and"),
    Or: jnp("logical_or"),
    Not: jnp("logical_not"),
  },
  reduce: {
    ReduceSum: reduced("sum"),
    ReduceMean: reduced("mean"),
    ReduceMax: reduced("max"),
    ReduceMin: reduced("min"),
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
    ReduceMax: call("jnp.max"),
    ReduceMin: call("jnp.min"),
    ReduceL2: (x) => atom(`jnp.sum(jnp.square(${x.text}))`),
  },
  spread: (x, like) => atom(`jnp.full_like(${like.text}, ${x.text})`),
  index: (axis, like) => atom(`_index(${axis}, ${like.text})`),
  places: null,
  random: null,
  knowsNames: false,
  evaluates: false,
  stores: [],
  helpers: {
    ...SHAPE_HELPERS,
    _log: `
def _log(x):
    return math.log(x) if isinstance(x, (int, float)) and x > 0 else jnp.log(x)`,
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
    """A state of one parameter at the beginning."""
    return jnp.broadcast_to(jnp.asarray(value, dtype=bucket["w"].dtype), shape)`,
    _blank: `
def _blank(bucket, shape):
    return jnp.zeros(shape, dtype=bucket["w"].dtype)`,
  },
};
