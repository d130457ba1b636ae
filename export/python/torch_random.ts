/** Random numbers of torch's files: the same bits as Gradus draws, from whole numbers of 64 bits and float64. */
import { LOG2 } from "../../dsl/random/logarithm.ts";
import { FAR_TAIL, MIDDLE, TAIL } from "../../dsl/random/normal.ts";
import { PARITY, ROTATIONS, ROUNDS } from "../../dsl/random/threefry.ts";
import { pythonNumber } from "./names.ts";
import type { Spelling } from "./spelling.ts";

const tuple = (numbers: readonly number[]) => `(${numbers.map(pythonNumber).join(", ")})`;
const rational = (name: string, { above, below }: typeof TAIL) =>
  `_${name} = (
    ${tuple(above)},
    ${tuple(below)},
)`;

/** Helpers that draw. */
export const RANDOM_HELPERS: Spelling["helpers"] = {
  _threefry: `
def _threefry(key, counter):
    """Two random words for a key and a counter, by Threefry-2x32 with ${ROUNDS} rounds; words are numbers or tensors."""
    word = 0xFFFFFFFF
    key = (*key, key[0] ^ key[1] ^ 0x${PARITY.toString(16).toUpperCase()})
    a, b = (counter[0] + key[0]) & word, (counter[1] + key[1]) & word
    for k in range(${ROUNDS}):
        by = ${tuple(ROTATIONS)}[k % ${ROTATIONS.length}]
        a = (a + b) & word
        b = (((b << by) | (b >> (32 - by))) & word) ^ a
        if k % 4 == 3:
            n = k // 4 + 1
            a, b = (a + key[n % 3]) & word, (b + key[(n + 1) % 3] + n) & word
    return a, b`,
  _word: `
def _word(x):
    """What stands for a number in a key: its rest modulo 2**32 if it is whole, else random bits of its own."""
    if isinstance(x, torch.Tensor):
        x = x.to("cpu" if x.device.type == "mps" else x.device, torch.float64)
        whole = torch.isfinite(x) & (x == x.floor())
        rest = torch.where(whole, x, 0.0).remainder(2.0**32).to(torch.int64)
        bits = torch.where(torch.isnan(x), math.inf, x).view(torch.int64)
        own = _threefry((bits & 0xFFFFFFFF, (bits >> 32) & 0xFFFFFFFF), (0, 0))[0] ^ torch.isnan(x).to(torch.int64)
        return torch.where(whole, rest, own)
    if math.isfinite(x) and x == math.floor(x):
        return int(x) % 2**32
    bits = struct.unpack("<2I", struct.pack("<d", math.inf if x != x else x))
    return _threefry(bits, (0, 0))[0] ^ int(x != x)`,
  _draw: `
def _draw(w, places, stream, seed, counter, shape, distribution):
    """Random numbers for each tensor, by its place among all parameters; \`distribution\` makes them of two words."""
    key = (_word(seed), _word(counter))
    made = []
    for each, place in zip(w, places):
        size = tuple(each.shape) if shape is None else shape
        # Float64 is not everywhere.
        device = torch.device("cpu") if each.device.type == "mps" else each.device
        elements = torch.arange(math.prod(size), dtype=torch.int64, device=device)
        own = [word.to(device) if isinstance(word, torch.Tensor) else word for word in key]
        high, low = _threefry(own, (elements & 0xFFFFFFFF, place ^ (stream << 31)))
        drawn = distribution(high, low, each.dtype == torch.float64)
        made.append(drawn.reshape(size).to(each.device, each.dtype))
    return made`,
  _normal: `
def _normal(w, places, seed, counter, shape=None):
    return _draw(w, places, 0, seed, counter, shape, _quantile)`,
  _uniform: `
def _uniform(w, places, seed, counter, shape=None):
    return _draw(w, places, 1, seed, counter, shape, _between)`,
  _between: `
def _between(high, low, is_double):
    """Numbers from 0 up to 1, which they never are."""
    if is_double:
        return (high.to(torch.float64) * 2.0**21 + (low >> 11)) * 2.0**-53
    return ((high >> 8).to(torch.float64) * 2.0**-24).to(torch.float32)`,
  _quantile: `
def _quantile(high, low, is_double):
    """Normal numbers, by the quantile function of Wichura 1988 (AS 241) in float64."""
    q = (high.to(torch.float64) * 2.0**20 + (low >> 12) + 0.5) * 2.0**-52 - 0.5
    middle = q * _quotient(0.180625 - q * q, *_MIDDLE)
    mantissa, exponent = torch.frexp(0.5 - q.abs())
    is_below = mantissa < math.sqrt(2) / 2
    mantissa, exponent = torch.where(is_below, mantissa * 2, mantissa), exponent - is_below.to(exponent.dtype)
    f = mantissa - 1
    s = f / (f + 2)
    r = torch.sqrt((exponent + s * _horner(s * s, ${tuple(LOG2)})) * ${pythonNumber(-Math.LN2)})
    size = torch.where(r > 5, _quotient(r - 5, *_FAR_TAIL), _quotient(r - 1.6, *_TAIL))
    drawn = torch.where(q.abs() > 0.425, torch.where(q < 0, 0 - size, size), middle)
    return drawn if is_double else drawn.to(torch.float32)`,
  _quotient: `
def _quotient(x, above, below):
    return _horner(x, above) / _horner(x, below)`,
  _horner: `
def _horner(x, coefficients):
    """A polynomial, coefficients from the lowest power up."""
    made = coefficients[-1]
    for each in coefficients[-2::-1]:
        made = x * made + each
    return made`,
  _MIDDLE: rational("MIDDLE", MIDDLE),
  _TAIL: rational("TAIL", TAIL),
  _FAR_TAIL: rational("FAR_TAIL", FAR_TAIL),
};
