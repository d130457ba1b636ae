/** Random numbers of Optax's files: the same bits as Gradus draws, from words of uint32 and from float64. */
import { LOG2 } from "../../dsl/random/logarithm.ts";
import { PARITY, ROTATIONS, ROUNDS } from "../../dsl/random/threefry.ts";
import { pythonNumber } from "./names.ts";
import type { Spelling } from "./spelling.ts";
import { RANDOM_HELPERS as torchs } from "./torch_random.ts";

const tuple = (numbers: readonly number[]) => `(${numbers.map(pythonNumber).join(", ")})`;
const { _quotient, _horner, _MIDDLE, _TAIL, _FAR_TAIL } = torchs;

/** Helpers that draw. */
export const RANDOM_HELPERS: Spelling["helpers"] = {
  _threefry: `
def _threefry(key, counter):
    """Two random words for a key and a counter, by Threefry-2x32 with ${ROUNDS} rounds; all are of uint32."""
    key = (*key, key[0] ^ key[1] ^ jnp.uint32(0x${PARITY.toString(16).toUpperCase()}))
    a, b = counter[0] + key[0], counter[1] + key[1]
    for k in range(${ROUNDS}):
        by = ${tuple(ROTATIONS)}[k % ${ROTATIONS.length}]
        a = a + b
        b = ((b << by) | (b >> (32 - by))) ^ a
        if k % 4 == 3:
            n = k // 4 + 1
            a, b = a + key[n % 3], b + key[(n + 1) % 3] + jnp.uint32(n)
    return a, b`,
  _word: `
def _word(x):
    """What stands for a number in a key: its rest modulo 2**32; of one that is not whole, random bits of its own."""
    if isinstance(x, (int, float)):
        if math.isfinite(x) and x == math.floor(x):
            return jnp.uint32(int(x) % 2**32)
        key = struct.unpack("<2I", struct.pack("<d", math.inf if x != x else x))
        zero = jnp.uint32(0)
        return _threefry([jnp.uint32(each) for each in key], (zero, zero))[0] ^ jnp.uint32(x != x)
    if jnp.issubdtype(x.dtype, jnp.floating):
        # On a device it must be whole.
        x = jnp.mod(jnp.floor(x), 2.0**32)
    return x.astype(jnp.uint32)`,
  _draw: `
def _draw(bucket, stream, seed, counter, shape):
    """Two random words for each element, by its place in the leaf and the leaf's in the tree."""
    elements = jnp.arange(math.prod(shape), dtype=jnp.uint32)
    leaf = jnp.full_like(elements, bucket["place of w"] ^ (stream << 31))
    high, low = _threefry((_word(seed), _word(counter)), (elements, leaf))
    return high.reshape(shape), low.reshape(shape)`,
  _float64: `
def _float64():
    """Within it there are arrays of float64, whatever JAX is told elsewhere."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()`,
  _normal: `
def _normal(bucket, seed, counter, shape):
    """Normal numbers, by the quantile function of Wichura 1988 (AS 241) in float64."""
    high, low = _draw(bucket, 0, seed, counter, shape)
    with _float64():
        q = (high.astype(jnp.float64) * 2.0**20 + (low >> 12).astype(jnp.float64) + 0.5) * 2.0**-52 - 0.5
        middle = q * _quotient(0.180625 - q * q, *_MIDDLE)
        mantissa, exponent = _split(0.5 - jnp.abs(q))
        f = mantissa - 1
        s = f / (f + 2)
        r = jnp.sqrt((exponent + s * _horner(s * s, ${tuple(LOG2)})) * ${pythonNumber(-Math.LN2)})
        size = jnp.where(r > 5, _quotient(r - 5, *_FAR_TAIL), _quotient(r - 1.6, *_TAIL))
        drawn = jnp.where(jnp.abs(q) > 0.425, jnp.where(q < 0, 0 - size, size), middle)
        return drawn.astype(bucket["kind of w"])`,
  _split: `
def _split(x):
    """The mantissa, from sqrt(1/2) to sqrt(2), and the exponent to base 2 of numbers between 0 and 1."""
    exponent = jnp.zeros_like(x)
    for k in (32, 16, 8, 4, 2, 1):
        is_small = x < 2.0 ** (1 - k)
        x, exponent = jnp.where(is_small, x * 2.0**k, x), exponent - jnp.where(is_small, k, 0)
    is_large = x >= math.sqrt(2)
    return jnp.where(is_large, x / 2, x), exponent + jnp.where(is_large, 1, 0)`,
  _uniform: `
def _uniform(bucket, seed, counter, shape):
    """Numbers from 0 up to 1, which they never are."""
    high, low = _draw(bucket, 1, seed, counter, shape)
    if bucket["kind of w"] == jnp.float64:
        return (high.astype(jnp.float64) * 2.0**21 + (low >> 11)) * 2.0**-53
    return (high >> 8).astype(jnp.float32) * 2.0**-24`,
  ...{ _quotient, _horner, _MIDDLE, _TAIL, _FAR_TAIL },
};
