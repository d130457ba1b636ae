"""Arrays that hold to their types as those of `mlx.core` do: a Python number takes the type of the array beside it."""

import numpy as np

float16, float32 = np.dtype("float16"), np.dtype("float32")
# NumPy has no such type: nothing here is of it.
bfloat16 = None
int32, uint64, bool_ = np.dtype("int32"), np.dtype("uint64"), np.dtype("bool")
cpu = "cpu"


def _plain(x):
    return x._data if isinstance(x, array) else x


def _typed(x):
    """A Python number as the array that it becomes where no other is beside it."""
    if isinstance(x, array):
        return x._data
    return np.asarray(x, bool_ if isinstance(x, bool) else int32 if isinstance(x, int) else float32)


def _float(x):
    """Functions of whole numbers and of truth values are in float32."""
    data = _typed(x)
    return data if data.dtype.kind == "f" else data.astype(float32)


def _made(data):
    data = np.asarray(data)
    assert data.dtype != np.float64, "MLX forms no float64"
    return array(data)


def _quiet(function, *operands):
    with np.errstate(all="ignore"):
        return _made(function(*operands))


class array:
    def __init__(self, value, dtype=None):
        data = _plain(value)
        if dtype is None and isinstance(data, (list, tuple)):
            dtype = float32
        self._data = np.array(data if dtype is not None else _typed(value), dtype=dtype)

    shape = property(lambda self: self._data.shape)
    dtype = property(lambda self: self._data.dtype)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)

    def astype(self, dtype):
        return array(self._data, dtype)

    def reshape(self, *shape):
        return array(self._data.reshape(*shape))

    def flatten(self):
        return array(self._data.ravel())

    def item(self):
        return self._data.item()

    def tolist(self):
        return self._data.tolist()

    def __bool__(self):
        return bool(self._data)

    def __iter__(self):
        return map(array, self._data)


def _together(x, y):
    """Two operands in one type: whole numbers are float32 beside others."""
    if not isinstance(x, array) and not isinstance(y, array):
        x, y = _typed(x), _typed(y)
    x, y = _plain(x), _plain(y)
    kinds = [each.dtype.kind if isinstance(each, np.ndarray) else "f" if isinstance(each, float) else "i" for each in (x, y)]
    if "f" in kinds:
        x, y = [each.astype(float32) if isinstance(each, np.ndarray) and each.dtype.kind != "f" else each for each in (x, y)]
    return x, y


def _operator(function):
    def operator(a, b):
        if not isinstance(b, (array, int, float)):
            return NotImplemented
        return _quiet(function, *_together(a, b))

    return operator


def _divide(x, y):
    made = np.divide(x, y)
    return made.astype(float32) if np.result_type(x, y).kind != "f" else made


for _name, _function in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "pow": np.power,
    "matmul": np.matmul,
    "truediv": _divide,
}.items():
    setattr(array, f"__{_name}__", _operator(_function))
    setattr(array, f"__r{_name}__", _operator(lambda x, y, f=_function: f(y, x)))
for _name, _function in {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}.items():
    setattr(array, f"__{_name}__", _operator(_function))
array.__neg__ = lambda self: _quiet(np.negative, self._data)
array.__hash__ = None


def _unary(function, of=_float):
    return lambda x: _quiet(function, of(x))


abs = _unary(np.abs, _typed)
# Of NaN it is 0 in MLX.
sign = _unary(lambda x: (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype), _typed)
sqrt, square, exp, log = _unary(np.sqrt), _unary(np.square, _typed), _unary(np.exp), _unary(np.log)
sin, cos, tan = _unary(np.sin), _unary(np.cos), _unary(np.tan)
arcsin, arccos, arctan = _unary(np.arcsin), _unary(np.arccos), _unary(np.arctan)
sinh, cosh, tanh = _unary(np.sinh), _unary(np.cosh), _unary(np.tanh)
floor, ceil, isnan = _unary(np.floor, _typed), _unary(np.ceil, _typed), _unary(np.isnan, _typed)
logical_not = _unary(np.logical_not, _typed)


def _binary(function):
    return lambda x, y: _quiet(function, *_together(x, y))


minimum, maximum = _binary(np.minimum), _binary(np.maximum)
logical_and, logical_or = _binary(np.logical_and), _binary(np.logical_or)


def where(condition, x, y):
    return _binary(lambda a, b: np.where(_typed(condition), a, b))(x, y)


def _reduction(function):
    return lambda x, axis=None, keepdims=False: _quiet(lambda data: function(data, axis=axis, keepdims=keepdims), _typed(x))


sum, mean, max, min = _reduction(np.sum), _reduction(np.mean), _reduction(np.max), _reduction(np.min)


def zeros(shape, dtype=float32):
    return array(np.zeros(shape, dtype))


def zeros_like(x):
    return zeros(x.shape, x.dtype)


def arange(stop, dtype=int32):
    return array(np.arange(stop), dtype)


def broadcast_to(x, shape):
    return array(np.broadcast_to(_typed(x), shape))


def reshape(x, shape):
    return x.reshape(shape)


def stack(arrays):
    return array(np.stack([_typed(each) for each in arrays]))


def swapaxes(x, axis1, axis2):
    return array(np.swapaxes(x._data, axis1, axis2))


def diagonal(x):
    return array(np.diagonal(x._data))


def pad(x, widths):
    return array(np.pad(x._data, widths))


class linalg:
    @staticmethod
    def qr(x, stream=None):
        assert stream == cpu, "MLX decomposes on the CPU alone"
        return tuple(array(each) for each in np.linalg.qr(x._data))
