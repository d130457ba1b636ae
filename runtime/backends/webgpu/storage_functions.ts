/**
 * Functions of WGSL that make numbers of the bits they are stored as, and bits of numbers: by operations on whole
 * numbers, since what WGSL's own conversions round to is left open; and by these, for devices that were seen to round
 * as the library does.
 */
import { FLOAT16_NORMAL } from "../../trees/rounding.ts";
import { wordsFunction } from "./random.ts";

const each = (call: (lane: string) => string) => [..."xyzw"].map(call).join(", ");
const fourOf = (name: string) =>
  `fn four${name}(x: vec4<f32>) -> vec4<u32> {
  return vec4<u32>(${each((lane) => `${name}(x.${lane})`)});
}`;
const fourFrom = (name: string, ...lows: string[]) =>
  `fn four${name}(a: u32, b: u32${lows.map((low) => `, ${low}: u32`).join("")}) -> vec4<f32> {
  return vec4<f32>(${
    ["a & 0xffffu", "a >> 16u", "b & 0xffffu", "b >> 16u"]
      .map((word, k) => `${name}(${[word, ...lows.map((low) => `byteAt(${low}, ${k}u)`)]})`).join(
        ", ",
      )
  });
}`;

/** The bits of a number without the lowest `dropped`, rounded to nearest; of what is no number one that is none. */
const shortened = (name: string, dropped: number) =>
  `fn ${name}(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let near = (bits + ${2 ** (dropped - 1) - 1}u + ((bits >> ${dropped}u) & 1u)) >> ${dropped}u;
  return select(near, (bits >> ${dropped}u) | ${2 ** (22 - dropped)}u, ${IS_NONE});
}`;
const IS_NONE = "(bits & 0x7fffffffu) > 0x7f800000u";

/** The functions that read and write what is stored short. */
export const STORAGE_FUNCTIONS: Readonly<Record<string, string>> = {
  halfAt: `fn halfAt(word: u32, at: u32) -> u32 {
  return (word >> (16u * (at & 1u))) & 0xffffu;
}`,
  byteAt: `fn byteAt(word: u32, at: u32) -> u32 {
  return (word >> (8u * (at & 3u))) & 0xffu;
}`,
  bytesOf: `fn bytesOf(x: vec4<u32>) -> u32 {
  return x.x | (x.y << 8u) | (x.z << 16u) | (x.w << 24u);
}`,
  fourfromBfloat16: fourFrom("fromBfloat16"),
  fromBfloat16: `fn fromBfloat16(bits: u32) -> f32 {
  return bitcast<f32>(bits << 16u);
}`,
  fourfromFloat16: fourFrom("fromFloat16"),
  fromFloat16: `fn fromFloat16(bits: u32) -> f32 {
  let size = bits & 0x7fffu;
  let usual = (size << 13u) + 0x38000000u;
  let beyond = (size << 13u) | 0x7f800000u;
  let small = bitcast<u32>(f32(size) * ${2 ** -24}f);
  let all = select(select(usual, beyond, size >= 0x7c00u), small, size < 0x400u);
  return bitcast<f32>(all | ((bits & 0x8000u) << 16u));
}`,
  fourfromSplit: fourFrom("fromSplit", "low"),
  fromSplit: `fn fromSplit(high: u32, low: u32) -> f32 {
  return bitcast<f32>((high << 16u) | (low << 8u));
}`,
  fourfromCode: `fn fourfromCode(word: u32, scale: u32, table: u32) -> vec4<f32> {
  return vec4<f32>(${
    [0, 1, 2, 3].map((k) => `fromCode(byteAt(word, ${k}u), scale, table)`).join(", ")
  });
}`,
  fromCode: `fn fromCode(code: u32, scale: u32, table: u32) -> f32 {
  return values[table + code] * bitcast<f32>(scale);
}`,
  fourtoBfloat16: fourOf("toBfloat16"),
  toBfloat16: shortened("toBfloat16", 16),
  fourtoSplit: fourOf("toSplit"),
  toSplit: shortened("toSplit", 8),
  fourtoFloat16: fourOf("toFloat16"),
  // Normal numbers drop 13 bits; subnormal ones drop more, with the hidden bit made visible.
  toFloat16: `fn toFloat16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  let exponent = size >> 23u;
  let isNormal = exponent >= 113u;
  let dropped = select(126u - max(exponent, 102u), 13u, isNormal);
  let whole = select((size & 0x7fffffu) | 0x800000u, size - 0x38000000u, isNormal);
  let kept = whole >> min(dropped, 31u);
  let rest = whole & ((1u << min(dropped, 31u)) - 1u);
  let half = 1u << min(dropped - 1u, 31u);
  let isUp = rest > half || (rest == half && (kept & 1u) == 1u);
  var near = kept + select(0u, 1u, isUp);
  near = select(near, 0u, exponent < 102u);
  near = select(near, 0x7c00u, size >= 0x47800000u);
  return ((bits >> 16u) & 0x8000u) | select(near, 0x7e00u, size > 0x7f800000u);
}`,
  // Of two neighbours that have fewer bits, one is chosen by 16 random bits: they carry into what is kept.
  scattered: `fn scattered(x: vec4<f32>, random: vec4<u32>, dropped: u32) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(x);
  let isFinite = (bits & vec4<u32>(0x7fffffffu)) < vec4<u32>(0x7f800000u);
  let kept = (bits + (random >> vec4<u32>(16u - dropped))) & vec4<u32>(0xffffffffu << dropped);
  return bitcast<vec4<f32>>(select(bits, kept, isFinite));
}`,
  scatteredHalf: `fn scatteredHalf(x: vec4<f32>, random: vec4<u32>) -> vec4<f32> {
  let bits = bitcast<vec4<u32>>(x);
  let units = abs(x) * ${2 ** 24}f;
  let whole = floor(units);
  let isUp = (vec4<f32>(random) + 0.5f) * ${2 ** -16}f < units - whole;
  let small = (whole + select(vec4<f32>(0f), vec4<f32>(1f), isUp)) * ${2 ** -24}f;
  let signed = bitcast<vec4<u32>>(small) | (bits & vec4<u32>(0x80000000u));
  let isSmall = (bits & vec4<u32>(0x7fffffffu)) < vec4<u32>(${FLOAT16_NORMAL}u);
  return select(scattered(x, random, 13u), bitcast<vec4<f32>>(signed), isSmall);
}`,
  fourBits: `fn fourBits(seed: u32, count: u32, element: vec4<u32>, leaf: vec4<u32>) -> vec4<u32> {
  let at = ((element >> vec4<u32>(4u)) << vec4<u32>(2u)) | (element & vec4<u32>(3u));
  let words = fourWords(vec4<u32>(seed), vec4<u32>(count), at, leaf);
  let both = select(words.high, words.low, (element & vec4<u32>(8u)) != vec4<u32>(0u));
  let upper = both >> vec4<u32>(16u);
  return select(upper, both & vec4<u32>(0xffffu), (element & vec4<u32>(4u)) != vec4<u32>(0u));
}`,
  FourWords: `struct FourWords {
  high: vec4<u32>,
  low: vec4<u32>,
}`,
  fourWords: wordsFunction("fourWords", "FourWords", "vec4<u32>"),
  // The bits of the greatest number from 0 on, and of the greatest size below; what is not finite is greater.
  sizesOf: `fn sizesOf(x: vec4<f32>) -> vec2<u32> {
  let bits = bitcast<vec4<u32>>(x);
  let size = bits & vec4<u32>(0x7fffffffu);
  let isBelow = (bits >= vec4<u32>(0x80000000u)) & (size < vec4<u32>(0x7f800000u));
  let above = select(size, vec4<u32>(), isBelow);
  let below = select(vec4<u32>(), size, isBelow);
  return vec2<u32>(
    max(max(above.x, above.y), max(above.z, above.w)),
    max(max(below.x, below.y), max(below.z, below.w)),
  );
}`,
  // The bits of the scale of a block, which has the sign of its number.
  scaleOf: `fn scaleOf(size: vec2<u32>, isUnsigned: bool) -> u32 {
  let scale = select(size.y | 0x80000000u, size.x, isUnsigned || size.x >= size.y);
  return select(scale, 0x7fc00000u, size.x >= 0x7f800000u);
}`,
  // Positive x/s, rounded to nearest even, of the bits of numbers of which x is no greater. What devices divide may
  // be off by some of the last bits, so whole numbers tell what is left. What is below 2^-126 is 0.
  shareOf: `fn shareOf(x: u32, s: u32) -> f32 {
  let a = (x & 0x7fffffu) | 0x800000u;
  let b = i32((s & 0x7fffffu) | 0x800000u);
  let shift = select(24u, 23u, a >= u32(b));
  var count = i32(f32(a) / f32(b) * f32(1u << shift));
  var rest = i32((a << shift) - u32(count * b));
  for (var k = 0; k < 4; k++) {
    let more = select(0, 1, rest >= b) - select(0, 1, rest < 0);
    count += more;
    rest -= more * b;
  }
  count += select(0, 1, 2 * rest + (count & 1) > b);
  let exponent = i32(x >> 23u) - i32(s >> 23u) - i32(shift) + 127;
  let power = bitcast<f32>(u32(max(exponent, 0)) << 23u);
  return select(f32(count) * power, 0f, x < 0x800000u || exponent < 1);
}`,
  // The place of a fraction is the number of limits below it; of what no fraction is, 0.
  toCode: `fn toCode(x: f32, scale: u32, table: u32, zero: u32) -> u32 {
  let size = scale & 0x7fffffffu;
  let isNone = size < 0x800000u || size > 0x7f800000u;
  let bits = bitcast<u32>(x);
  let isBelow = (bits ^ scale) > 0x7fffffffu;
  let share = shareOf(bits & 0x7fffffffu, select(size, 0x7f000000u, isNone));
  let fraction = select(share, 0f, isNone || (isBelow && zero == 0u));
  var place = 0u;
  for (var step = 128u; step > 0u; step >>= 1u) {
    place += select(0u, step, fraction > values[table + 255u + place + step]);
  }
  return select(zero + place, zero - min(place, zero), isBelow);
}`,
};

/** In place of those of the same names: conversions of float16 by the device, where these have the same bits. */
export const FLOAT16_FUNCTIONS: Readonly<Record<string, string>> = {
  fourfromFloat16: `fn fourfromFloat16(a: u32, b: u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(a), unpack2x16float(b));
}`,
  fromFloat16: `fn fromFloat16(bits: u32) -> f32 {
  return unpack2x16float(bits).x;
}`,
  // Of what is no number, devices give one of many.
  fourtoFloat16: `fn fourtoFloat16(x: vec4<f32>) -> vec4<u32> {
  let bits = bitcast<vec4<u32>>(x);
  let low = pack2x16float(x.xy);
  let high = pack2x16float(x.zw);
  let near = vec4<u32>(low & 0xffffu, low >> 16u, high & 0xffffu, high >> 16u);
  let none = ((bits >> vec4<u32>(16u)) & vec4<u32>(0x8000u)) | vec4<u32>(0x7e00u);
  return select(near, none, (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}`,
};
