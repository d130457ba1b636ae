/**
 * What kernels begin with: the type they compute in, and functions for what WGSL leaves open. WGSL may
 * assume that no number is NaN, so what NaN decides is told by bits; and it has no way to write an
 * infinity, so those are read from the numbers of the step.
 */
import type { Features } from "./features.ts";
import { RANDOM_FUNCTIONS } from "./random.ts";
import { FLOAT16_FUNCTIONS, STORAGE_FUNCTIONS } from "./storage_functions.ts";
import { type Width, workgroupText } from "./workgroup.ts";

/** What `exponentOf` gives of 0 and of what is not finite: less than of any other number. */
export const NO_NUMBER = -150;

const FUNCTIONS: Readonly<Record<string, string>> = {
  isNan: `fn isNan(x: V) -> B {
  return (bitcast<U>(x) & U(0x7fffffffu)) > U(0x7f800000u);
}`,
  ordered: `fn ordered(a: V, b: V) -> B {
  return !(isNan(a) | isNan(b));
}`,
  signOf: `fn signOf(x: V) -> V {
  let bits = bitcast<U>(x);
  let one = bitcast<V>((bits & U(0x80000000u)) | U(0x3f800000u));
  return select(x, one, ((bits & U(0x7fffffffu)) - U(1u)) < U(0x7f800000u));
}`,
  // As whole numbers, the bits of numbers are in the order of the numbers, -0 before 0.
  inOrder: `fn inOrder(x: V) -> I {
  let bits = bitcast<I>(x);
  return bits ^ ((bits >> U(31u)) & I(0x7fffffff));
}`,
  least: `fn least(a: V, b: V) -> V {
  let x = select(b, a, inOrder(a) <= inOrder(b));
  return select(select(x, b, isNan(b)), a, isNan(a));
}`,
  greatest: `fn greatest(a: V, b: V) -> V {
  let x = select(b, a, inOrder(a) >= inOrder(b));
  return select(select(x, b, isNan(b)), a, isNan(a));
}`,
  // What the root of a negative number is, WGSL leaves open.
  root: `fn root(x: V) -> V {
  return select(sqrt(x), V(values[2]), x < V(0f));
}`,
  // A part of a sum: `value` times `scale`, or, of squares, times the square of that. Scales are told
  // by bits, and what is no number has the largest, so that compilers leave it where it is.
  Part: `struct Part {
  scale: V,
  value: V,
}`,
  // What is beyond 2^96 counts by 2^32: so may be added as often as there are elements.
  termOf: `fn termOf(x: V) -> Part {
  let isLarge = (bitcast<U>(x) & U(0x7fffffffu)) > U(0x6f800000u);
  return Part(select(V(1f), V(${2 ** 32}f), isLarge), select(x, x * ${2 ** -32}f, isLarge));
}`,
  sumOf: `fn sumOf(a: Part, b: Part) -> Part {
  let scale = max(a.scale, b.scale);
  let x = select(a.value * ${2 ** -32}f, a.value, a.scale == scale);
  let y = select(b.value * ${2 ** -32}f, b.value, b.scale == scale);
  return Part(scale, x + y);
}`,
  // Squares count by 2^-120, 2^-60, 1, 2^60 or 2^120, so that what is added is from 2^-60 to 2^60.
  squareOf: `fn squareOf(x: V) -> Part {
  let exponent = (bitcast<U>(x) & U(0x7fffffffu)) >> U(23u);
  let level = U(60u) * ((exponent + U(23u)) / U(60u));
  let y = x * bitcast<V>((U(247u) - level) << U(23u));
  return Part(bitcast<V>((level + U(7u)) << U(23u)), y * y);
}`,
  sumOfSquares: `fn sumOfSquares(a: Part, b: Part) -> Part {
  let scale = max(a.scale, b.scale);
  return Part(scale, a.value * share(a, scale) + b.value * share(b, scale));
}`,
  share: `fn share(part: Part, scale: V) -> V {
  let other = select(V(0f), V(${2 ** -120}f), part.scale * ${2 ** 60}f == scale);
  return select(other, V(1f), part.scale == scale);
}`,
  // By bits, as what follows: so compilers do not take a subnormal number for 0.
  exponentOf: `fn exponentOf(x: V) -> I {
  let size = bitcast<U>(x) & U(0x7fffffffu);
  let subnormal = I(firstLeadingBit(size)) - I(149);
  let exponent = select(I(size >> U(23u)) - I(127), subnormal, size < U(0x800000u));
  return select(exponent, I(${NO_NUMBER}), size >= U(0x7f800000u));
}`,
  // What it gives must not overflow; what is below the normal numbers is 0.
  timesPowerOf2: `fn timesPowerOf2(x: V, power: I) -> V {
  let bits = bitcast<U>(x);
  let isSubnormal = (bits & U(0x7f800000u)) == U(0u);
  let size = select(bits & U(0x7fffffffu), bitcast<U>(V(bits & U(0x7fffffu))), isSubnormal);
  let exponent = I(size >> U(23u)) - select(I(0), I(149), isSubnormal) + power;
  let isGone = (size == U(0u)) | (exponent < I(1));
  let y = bitcast<V>((bits & U(0x80000000u)) | (U(exponent) << U(23u)) | (size & U(0x7fffffu)));
  return select(select(y, V(0f), isGone), x, size >= U(0x7f800000u));
}`,
  carried: `fn carried(y: V, x: V) -> V {
  return select(y, x, isNan(x));
}`,
  logarithm: `fn logarithm(x: V) -> V {
  let y = select(log(x), V(values[1]), x == V(0f));
  return carried(select(y, V(values[2]), x < V(0f)), x);
}`,
  // WGSL's own may be 0 where b is beyond 2^126.
  quotient: `fn quotient(a: V, b: V) -> V {
  let scale = select(V(1f), V(${2 ** -32}f), abs(b) > V(${2 ** 100}f));
  return (a * scale) / (b * scale);
}`,
  // An angle less the nearest of the quarters of a turn, whose three parts times their number are exact up to
  // 2^13 of them; WGSL's own are off by 1e-4 and more far from 0, as this is beyond 65536.
  Turned: `struct Turned {
  quarters: I,
  sine: V,
  cosine: V,
}`,
  turned: `fn turned(x: V) -> Turned {
  let k = round(x * ${Math.fround(2 / Math.PI)}f);
  let r = ((x - k * 1.5703125f) - k * 0.0004837512969970703f) - k * 7.549789954891882e-8f;
  let q = r * r;
  let sine = r - r * q * (1f / 6f - q * (1f / 120f - q * (1f / 5040f - q / 362880f)));
  let cosine = 1f - q * (0.5f - q * (1f / 24f - q * (1f / 720f - q * (1f / 40320f - q / 3628800f))));
  return Turned(I(k), sine, cosine);
}`,
  sineAt: `fn sineAt(angle: Turned, quarters: I) -> V {
  let size = select(angle.sine, angle.cosine, (quarters & I(1)) == I(1));
  return select(size, -size, (quarters & I(2)) == I(2));
}`,
  sine: `fn sine(x: V) -> V {
  let angle = turned(x);
  return carried(select(sineAt(angle, angle.quarters), sin(x), abs(x) > V(65536f)), x);
}`,
  cosine: `fn cosine(x: V) -> V {
  let angle = turned(x);
  return carried(select(sineAt(angle, angle.quarters + I(1)), cos(x), abs(x) > V(65536f)), x);
}`,
  tangent: `fn tangent(x: V) -> V {
  let angle = turned(x);
  let own = sineAt(angle, angle.quarters) / sineAt(angle, angle.quarters + I(1));
  return carried(select(own, tan(x), abs(x) > V(65536f)), x);
}`,
  // WGSL's own may be off by 1e-4 and more.
  arcsine: `fn arcsine(x: V) -> V {
  let y = 2f * atan(x / (1f + sqrt((1f - x) * (1f + x))));
  return carried(select(y, V(values[2]), abs(x) > V(1f)), x);
}`,
  arccosine: `fn arccosine(x: V) -> V {
  return V(1.5707963705062866f) - arcsine(x);
}`,
  // e^|x| overflows before half of it does; |x| - 1 is exact from 1 on.
  halfExponential: `fn halfExponential(x: V) -> V {
  return exp(abs(x) - 1f) * ${Math.fround(Math.E / 2)}f;
}`,
  // Near 0 the difference would lose what it is of.
  hyperbolicSine: `fn hyperbolicSine(x: V) -> V {
  let half = halfExponential(x);
  let large = half - 0.25f / half;
  let q = x * x;
  let small = 1f + q / 6f * (1f + q / 20f * (1f + q / 42f * (1f + q / 72f)));
  return carried(select(select(large, -large, x < V(0f)), x * small, abs(x) < V(1f)), x);
}`,
  hyperbolicCosine: `fn hyperbolicCosine(x: V) -> V {
  let half = halfExponential(x);
  return carried(half + 0.25f / half, x);
}`,
  // Beyond 10 the result is 1 in float32, and what it is made of may overflow; WGSL's own is off by a
  // number near 0, and not by a part of itself.
  hyperbolicTangent: `fn hyperbolicTangent(x: V) -> V {
  let q = x * x;
  let small = x / (1f + q / (3f + q / (5f + q / (7f + q / 9f))));
  return carried(select(tanh(clamp(x, V(-10f), V(10f))), small, abs(x) < V(1f)), x);
}`,
  // WGSL's own is off by a number, not by a part of itself, which powers of what is near 1 enlarge.
  binaryLogarithm: `fn binaryLogarithm(x: V) -> V {
  let bits = bitcast<U>(x);
  let over = select(U(0u), U(1u), (bits & U(0x7fffffu)) > U(0x3504f3u));
  let exponent = V(I((bits >> U(23u)) + over) - I(127));
  let m = bitcast<V>((bits & U(0x7fffffu)) | (U(0x3f800000u) - (over << U(23u))));
  let s = (m - 1f) / (m + 1f);
  let q = s * s;
  let series = 1f + q * (1f / 3f + q * (1f / 5f + q * (1f / 7f + q * (1f / 9f))));
  return exponent + 2.885390043258667f * (s * series);
}`,
  power: `fn power(a: V, b: V) -> V {
  let size = bitcast<U>(a) & U(0x7fffffffu);
  let isZero = size == U(0u);
  let isInfinite = size == U(0x7f800000u);
  let isSteep = (bitcast<U>(b) & U(0x7fffffffu)) == U(0x7f800000u);
  let isWhole = isSteep | (floor(b) == b);
  let half = b * V(0.5f);
  let isOdd = isWhole & !isSteep & (floor(half) != half);
  let isNegative = (bitcast<U>(a) & U(0x80000000u)) != U(0u);
  let rises = b > V(0f);
  var y = exp2(b * binaryLogarithm(bitcast<V>(size)));
  y = select(y, V(values[0]), (isZero & !rises) | (isInfinite & rises));
  y = select(y, V(0f), (isZero & rises) | (isInfinite & !rises));
  y = select(y, V(values[2]), isNegative & !isWhole & !isZero & !isInfinite);
  y = select(y, -y, isNegative & isOdd);
  y = select(y, a, b == V(1f));
  y = select(y, V(values[2]), isNan(a) | isNan(b));
  let isOne = ((b == V(0f)) & !isNan(b)) | ((a == V(1f)) & !isNan(a));
  return select(y, V(1f), isOne | (isSteep & (size == U(0x3f800000u))));
}`,
};

const FIXED = { ...FUNCTIONS, ...RANDOM_FUNCTIONS, ...STORAGE_FUNCTIONS };

/** What kernels may call or name, by name. */
export function functionsFor(width: Width, features: Features): Record<string, string> {
  return {
    ...FIXED,
    ...(features.float16 ? FLOAT16_FUNCTIONS : {}),
    ...workgroupText(width, features),
  };
}

/** The types of a kernel that computes `width` numbers at once, and what `body` calls or names. */
export function prelude(width: Width, body: string, features: Features): string {
  const of = (type: string) => width === 1 ? type : `vec4<${type}>`;
  const types = { V: "f32", U: "u32", I: "i32", B: "bool" };
  const all = Object.entries(functionsFor(width, features));
  const named = new Set<string>();
  const visit = (text: string): void => {
    for (const [name, source] of all) {
      if (named.has(name) || !(text.includes(`${name}(`) || text.includes(`${name}[`))) continue;
      named.add(name);
      visit(source.slice(source.indexOf("{")));
    }
  };
  visit(body);
  return [
    ...Object.entries(types).map(([name, type]) => `alias ${name} = ${of(type)};`),
    ...all.flatMap(([name, source]) => named.has(name) ? [source] : []),
  ].join("\n");
}
