/** How torch spells each operation: of lists of tensors by `torch._foreach_*`, of a step's numbers by `math`. */
import { LEVEL } from "../../dsl/ops.ts";
import { RANDOM_HELPERS } from "./torch_random.ts";
import {
  atom,
  call,
  comparison,
  operators,
  type Row,
  SHAPE_HELPERS,
  type Spell,
  type Spelling,
} from "./spelling.ts";

const both = (spell: Spell): Row => ({ number: spell, array: spell });
const mixed = (number: Spell, name: string): Row => ({ number, array: call(name) });
const plain = (name: string): Row => both(call(name));
const compare = (sign: string, name: string): Row => ({
  number: comparison(sign),
  array: (a, b) => atom(`_each(operator.${name}, ${a.text}, ${b.text})`),
});

/** A function of one number: by `_foreach_*`, of a tensor, of a float. */
const unary = (name: string, host: string, foreach = `torch._foreach_${name}`): string => `
def _${name}(x):
    if isinstance(x, (list, tuple)):
        return ${foreach === "" ? `[torch.${name}(each) for each in x]` : `${foreach}(x)`}
    return torch.${name}(x) if isinstance(x, torch.Tensor) else ${host}`;

const extreme = (name: string, foreach: string, clamp: string, host: string): string => `
def _${name}(x, y):
    if isinstance(y, (list, tuple)) and not isinstance(x, (list, tuple)):
        x, y = y, x
    if isinstance(x, (list, tuple)):
        if isinstance(y, (int, float)):
            return torch._foreach_${clamp}(x, y)
        return torch._foreach_${foreach}(x, y if isinstance(y, (list, tuple)) else [y.to(each) for each in x])
    if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor):
        return torch.${foreach}(*_numbers(x, y))
    return math.nan if x != x or y != y else ${host}(x, y)`;

const reduction = (name: string, op: string, none = "each"): string => `
def _${name}(x, axes):
    made = []
    for each in x:
        over = tuple(range(each.dim())) if axes is None else axes
        made.append(${op} if over else ${none})
    return made`;

/** torch. */
export const torchSpelling: Spelling = {
  name: "torch",
  isFloat32: false,
  reserved: (
    "params grads param group steps tree values loss lists bucket exact state closure self key name maximize " +
    "foreach capturable first some step trained places param_names rule_names known given value_of"
  ).split(" "),
  rename: (name) => name.replace(/^learningRate(?=_|$)/, "lr"),
  element: {
    Add: mixed(operators.Add, "_add"),
    Sub: mixed(operators.Sub, "_sub"),
    Mul: mixed(operators.Mul, "_mul"),
    Div: plain("_div"),
    Pow: plain("_pow"),
    Neg: mixed(operators.Neg, "torch._foreach_neg"),
    Abs: mixed(call("abs"), "torch._foreach_abs"),
    Sign: plain("_sign"),
    Sqrt: plain("_sqrt"),
    Cbrt: plain("_cbrt"),
    Exp: plain("_exp"),
    Log: plain("_log"),
    Sin: plain("_sin"),
    Cos: plain("_cos"),
    Tan: plain("_tan"),
    Asin: plain("_asin"),
    Acos: plain("_acos"),
    Atan: plain("_atan"),
    Sinh: plain("_sinh"),
    Cosh: plain("_cosh"),
    Tanh: plain("_tanh"),
    Floor: plain("_floor"),
    Ceil: plain("_ceil"),
    Min: plain("_min"),
    Max: plain("_max"),
    Clip: null,
    // Of two numbers it takes the type of the parameter.
    Where: {
      number: call("_where"),
      array: (condition, x, y) =>
        call("_where")(condition, x, y, ...x.isNumber && y.isNumber ? [atom("bucket")] : []),
    },
    Less: compare("<", "lt"),
    LessOrEqual: compare("<=", "le"),
    Greater: compare(">", "gt"),
    GreaterOrEqual: compare(">=", "ge"),
    Equal: compare("==", "eq"),
    IsNaN: {
      number: (x) => comparison("!=")(x, x),
      array: (x) => atom(`_each(torch.isnan, ${x.text})`),
    },
    And: plain("_and"),
    Or: plain("_or"),
    Not: plain("_not"),
  },
  reduce: {
    ReduceSum: (x, axes) => call("_sum")(x, axes),
    ReduceMean: (x, axes) => call("_mean")(x, axes),
    ReduceMax: (x, axes) => call("_amax")(x, axes),
    ReduceMin: (x, axes) => call("_amin")(x, axes),
    ReduceL2: (x, axes) => call("_norm")(x, axes),
  },
  matrix: {
    MatMul: (x, y) => atom(`_each(torch.matmul, ${x.text}, ${y.text})`),
    Transpose: (x) => atom(`[each.mT for each in ${x.text}]`),
    QR: call("_qr"),
  },
  part: {
    ReduceSum: (x) => atom(`[each.sum() for each in ${x.text}]`),
    ReduceMean: (x) => call("_part_mean")(x),
    ReduceMax: (x) => atom(`[each.amax() for each in ${x.text}]`),
    ReduceMin: (x) => atom(`[each.amin() for each in ${x.text}]`),
    ReduceL2: (x) => atom(`torch._foreach_norm(${x.text})`),
  },
  spread: (x, like) => ({
    text: `[torch.zeros_like(each) + ${
      x.level < LEVEL.product ? `(${x.text})` : x.text
    } for each in ${like.text}]`,
    level: LEVEL.atom,
  }),
  index: (axis, like) => atom(`_index(${axis}, ${like.text})`),
  places: (axis, length) => atom(`_places(bucket, ${axis}, ${length.text})`),
  random: (op, seed, counter, shape) =>
    atom(
      `_${op.toLowerCase()}(w, bucket["place of w"], ${seed.text}, ${counter.text}${
        shape === undefined ? "" : `, ${shape.text}`
      })`,
    ),
  knowsNames: true,
  evaluates: true,
  stores: ["bfloat16", "float16"],
  helpers: {
    ...SHAPE_HELPERS,
    ...RANDOM_HELPERS,
    _places: `
def _places(bucket, axis, length):
    """The places along an axis of a matrix beside each parameter."""
    shape = (-1, 1) if axis == 0 else (1, -1)
    return [torch.arange(length, dtype=p.dtype, device=p.device).reshape(shape) for p in bucket["w"]]`,
    _numbers: `
def _numbers(*given):
    """Numbers as tensors on one device."""
    device = next(each.device for each in given if isinstance(each, torch.Tensor))
    return [torch.as_tensor(each, dtype=_exact(device), device=device) for each in given]`,
    _exact: `
def _exact(device):
    """What the numbers of a step are formed in."""
    return torch.float32 if device.type == "mps" else torch.float64`,
    _like: `
def _like(y, x):
    """\`y\` beside the tensors \`x\`."""
    return y.to(x[0].dtype) if isinstance(y, torch.Tensor) else y`,
    _each: `
def _each(function, *operands):
    """\`function\` of tensors one by one, and of the numbers beside them."""
    length = max(len(each) for each in operands if isinstance(each, (list, tuple)))
    return [
        function(*[each[k] if isinstance(each, (list, tuple)) else each for each in operands])
        for k in range(length)
    ]`,
    _scalar: `
def _scalar(x, like):
    """The number \`x\` as a tensor without axes."""
    return x.to(like) if isinstance(x, torch.Tensor) else torch.full((), x, dtype=like.dtype, device=like.device)`,
    _new: `
def _new(bucket, shape, value):
    """A state of one parameter at the beginning."""
    (p,) = bucket.get("stored w", bucket["w"])
    # What is made of a parameter is sharded as it is.
    if tuple(shape) == tuple(p.shape):
        made = torch.empty_like(p, requires_grad=False)
    else:
        made = p.new_empty(shape, requires_grad=False)
    return made.copy_(value[0]) if isinstance(value, (list, tuple)) else made.fill_(value)`,
    _widen: `
def _widen(bucket, names):
    """Computes in float32 what is stored in less, and in the parameter's type what is stored in another."""
    (dtype,) = {each.dtype for each in bucket["w"]}
    dtype = torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype
    for name in names:
        if any(each.dtype != dtype for each in bucket[name]):
            bucket[f"stored {name}"] = bucket[name]
            bucket[name] = [each.to(dtype) for each in bucket[name]]`,
    _is_plain: `
def _is_plain(x):
    """Whether a tensor is none of a kind of its own, such as a sharded one."""
    return type(x) in (torch.Tensor, torch.nn.Parameter)`,
    _copy: `
def _copy(into, values):
    if all(map(_is_plain, into)):
        torch._foreach_copy_(into, values)
    else:
        # Those of sharded tensors have no such operation.
        for each, value in zip(into, values):
            each.copy_(value)`,
    _blank: `
def _blank(bucket, shape):
    return [torch.empty(shape, dtype=each.dtype, device=each.device) for each in bucket["w"]]`,
    _number: `
def _number(x, exact):
    """A number of a step: a float, or on the device where \`exact\`."""
    if not isinstance(x, torch.Tensor):
        return x
    return x.detach().to(_exact(x.device)) if exact else x.item()`,
    _total: `
def _total(join, parts):
    """Joins what each parameter adds to a reduction over all."""
    device = parts[0].device
    return join(torch.stack([each.to(device, _exact(device)) for each in parts]))`,
    _add: `
def _add(x, y):
    if not isinstance(x, (list, tuple)):
        x, y = y, x
    return torch._foreach_add(x, _like(y, x))`,
    _sub: `
def _sub(x, y):
    if not isinstance(y, (list, tuple)):
        return torch._foreach_add(x, _like(-y, x))
    if isinstance(x, (list, tuple)):
        return torch._foreach_sub(x, y)
    return torch._foreach_add(torch._foreach_neg(y), _like(x, y))`,
    _mul: `
def _mul(x, y):
    if not isinstance(x, (list, tuple)):
        x, y = y, x
    return torch._foreach_mul(x, _like(y, x))`,
    _div: `
def _div(x, y):
    if isinstance(x, (list, tuple)):
        return torch._foreach_div(x, _like(y, x))
    if isinstance(y, (list, tuple)):
        return [_scalar(x, each) / each for each in y]
    if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor) or y != 0:
        return x / y
    return math.nan if x == 0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)`,
    _pow: `
def _pow(x, y):
    if isinstance(x, (list, tuple)):
        return torch._foreach_pow(x, y) if not isinstance(y, torch.Tensor) else [each.pow(y) for each in x]
    if isinstance(y, (list, tuple)):
        return [torch.pow(_scalar(x, each), each) for each in y]
    if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor):
        return torch.pow(*_numbers(x, y))
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError):
        return math.nan if x < 0 and y != math.floor(y) else math.copysign(math.inf, x) if y % 2 == 1 else math.inf`,
    _sign: `
def _sign(x):
    # Zeros and NaN stay as they are: all else is lifted beyond 1, then held to it.
    if isinstance(x, (list, tuple)):
        much = 2.0**127 if x[0].dtype == torch.float32 else 2.0**1023
        lifted = torch._foreach_mul(torch._foreach_mul(x, much), much)
        return torch._foreach_clamp_max(torch._foreach_clamp_min(lifted, -1.0), 1.0)
    if isinstance(x, torch.Tensor):
        return torch.where(x.abs() > 0, x.sign(), x)
    return math.copysign(1.0, x) if abs(x) > 0 else x`,
    _sqrt: unary("sqrt", "(math.sqrt(x) if x >= 0 else math.nan)"),
    _cbrt: `
def _cbrt(x):
    if isinstance(x, (list, tuple)):
        return [torch.copysign(each.abs().pow(1 / 3), each) for each in x]
    if isinstance(x, torch.Tensor):
        return torch.copysign(x.abs().pow(1 / 3), x)
    return math.copysign(abs(x) ** (1 / 3), x)`,
    _exp: unary("exp", "(math.inf if x > 709.782712893384 else math.exp(x))"),
    _log: unary("log", "(math.log(x) if x > 0 else -math.inf if x == 0 else math.nan)"),
    _sin: unary("sin", "(math.nan if math.isinf(x) else math.sin(x))"),
    _cos: unary("cos", "(math.nan if math.isinf(x) else math.cos(x))"),
    _tan: unary("tan", "(math.nan if math.isinf(x) else math.tan(x))"),
    _asin: unary("asin", "(math.asin(x) if abs(x) <= 1 else math.nan)"),
    _acos: unary("acos", "(math.acos(x) if abs(x) <= 1 else math.nan)"),
    _atan: unary("atan", "math.atan(x)"),
    _sinh: unary(
      "sinh",
      "(math.copysign(math.inf, x) if abs(x) > 710.475860073943 else math.sinh(x))",
    ),
    _cosh: unary("cosh", "(math.inf if abs(x) > 710.475860073943 else math.cosh(x))"),
    _tanh: unary("tanh", "math.tanh(x)"),
    _floor: unary("floor", "(math.copysign(math.floor(x), x) if math.isfinite(x) else x)"),
    _ceil: unary("ceil", "(math.copysign(math.ceil(x), x) if math.isfinite(x) else x)"),
    _min: extreme("min", "minimum", "clamp_max", "min"),
    _max: extreme("max", "maximum", "clamp_min", "max"),
    _where: `
def _where(condition, x, y, bucket=None):
    if isinstance(condition, (list, tuple)):
        if bucket is not None:
            dtype = bucket["w"][0].dtype
            x, y = [torch.as_tensor(each, dtype=dtype, device=condition[0].device) for each in (x, y)]
            return [torch.where(each, x, y) for each in condition]
        return _each(_choose, condition, x, y)
    if isinstance(x, (list, tuple)) or isinstance(y, (list, tuple)):
        if isinstance(condition, torch.Tensor):
            return _each(lambda a, b: _choose(condition, a, b), x, y)
        chosen, other = (x, y) if condition else (y, x)
        return chosen if isinstance(chosen, (list, tuple)) else [torch.zeros_like(each) + chosen for each in other]
    if isinstance(condition, torch.Tensor):
        _, x, y = _numbers(condition, x, y)
        return torch.where(condition, x, y)
    return x if condition else y`,
    _choose: `
def _choose(condition, x, y):
    like = x if isinstance(x, torch.Tensor) and x.dim() else y if isinstance(y, torch.Tensor) else condition
    dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
    x, y = [torch.as_tensor(each, dtype=dtype, device=condition.device) for each in (x, y)]
    return torch.where(condition, x, y)`,
    _and: `
def _and(x, y):
    if isinstance(x, (list, tuple)) or isinstance(y, (list, tuple)):
        return _each(operator.and_, x, y)
    return x & y if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor) else bool(x and y)`,
    _or: `
def _or(x, y):
    if isinstance(x, (list, tuple)) or isinstance(y, (list, tuple)):
        return _each(operator.or_, x, y)
    return x | y if isinstance(x, torch.Tensor) or isinstance(y, torch.Tensor) else bool(x or y)`,
    _not: `
def _not(x):
    if isinstance(x, (list, tuple)):
        return [torch.logical_not(each) for each in x]
    return torch.logical_not(x) if isinstance(x, torch.Tensor) else not x`,
    _sum: reduction("sum", "each.sum(over, keepdim=True)"),
    _mean: reduction("mean", "each.mean(over, keepdim=True)"),
    _amax: reduction("amax", "each.amax(over, keepdim=True)"),
    _amin: reduction("amin", "each.amin(over, keepdim=True)"),
    _norm: reduction(
      "norm",
      "torch.linalg.vector_norm(each, dim=over, keepdim=True)",
      "each.abs()",
    ),
    _part_mean: `
def _part_mean(x):
    """The sum of each tensor and its number of elements."""
    return [torch.stack((each.sum(), torch.full_like(each.sum(), each.numel()))) for each in x]`,
    _qr: `
def _qr(x):
    """Orthonormal columns: the factor whose triangle has a diagonal above 0."""
    made = []
    for each in x:
        q, r = torch.linalg.qr(each)
        q = q * torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(q)
        made.append(torch.nn.functional.pad(q, (0, each.shape[-1] - q.shape[-1])))
    return made`,
    _index: `
def _index(axis, like):
    """The places along an axis of each tensor."""
    return [
        torch.arange(each.shape[axis], dtype=each.dtype, device=each.device)
        .reshape([-1 if k == axis % each.dim() else 1 for k in range(each.dim())])
        for each in like
    ]`,
  },
};
