/**
 * Random numbers in WGSL: the bits are those of every other backend, by the same sequence of operations on
 * words; normal numbers are formed of them in float32.
 */
import type { RandomOpName } from "../../../dsl/node.ts";
import { polynomial } from "../../../dsl/random/doubles.ts";
import { FAR_TAIL, MIDDLE, type Rational, TAIL } from "../../../dsl/random/normal.ts";
import { threefry, type Words } from "../../../dsl/random/threefry.ts";
import { streamBit } from "../../../dsl/random/draw.ts";
import { randomOps } from "../../../dsl/ops.ts";

/** The functions that draw. The whole number that a key begins with is two numbers of the step. */
export const RANDOM_FUNCTIONS: Readonly<Record<string, string>> = {
  wordFrom: `fn wordFrom(at: u32) -> U {
  return U((u32(values[at]) << 16u) | u32(values[at + 1u]));
}`,
  // Of a whole number its rest modulo 2^32; of any other, what its bits as a float64 number are the key of.
  wordOf: `fn wordOf(x: V) -> U {
  let bits = bitcast<U>(x);
  let exponent = (bits >> U(23u)) & U(255u);
  let digits = (bits & U(0x7fffffu)) | U(0x800000u);
  let down = digits >> min(U(150u) - min(exponent, U(150u)), U(31u));
  let up = digits << min(max(exponent, U(150u)) - U(150u), U(31u));
  let size = select(down, select(up, U(0u), exponent > U(181u)), exponent > U(150u));
  let isFinite = exponent < U(255u);
  let sign = bits & U(0x80000000u);
  let upper = ((exponent + U(896u)) << U(20u)) | ((bits & U(0x7fffffu)) >> U(3u));
  let high = select(sign, U(0u), isNan(x)) | select(U(0x7ff00000u), upper, isFinite);
  let low = select(U(0u), bits << U(29u), isFinite);
  let word = wordsAt(low, high, U(0u), U(0u)).high ^ select(U(0u), U(1u), isNan(x));
  return select(word, select(size, U(0u) - size, sign != U(0u)), isFinite & (floor(x) == x));
}`,
  Words: `struct Words {
  high: U,
  low: U,
}`,
  wordsAt: wordsFunction("wordsAt", "Words", "U"),
  // Cut off and not rounded, which might give 1.
  uniform: `fn uniform(words: Words) -> V {
  return V(words.high >> U(8u)) * ${2 ** -24}f;
}`,
  // The first 52 bits are an interval's number, of which the middle counts. What it is from the middle of all
  // and from the nearer end, as two words each, keeps its digits where it is small.
  normal: `fn normal(words: Words) -> V {
  let isUpper = words.high >= U(0x80000000u);
  let flip = select(U(0xffffffffu), U(0u), isUpper);
  let high = (words.high ^ flip) & U(0x7fffffffu);
  let low = words.low ^ flip;
  let q = middleOf(high, low);
  let x = 0.180625f - q * q;
  let r = sqrt(-log(middleOf(high ^ U(0x7fffffffu), ~low)));
  let far = select(r - 1.6f, r - 5f, r > V(5f));
  let tail = select(${quotient("far", TAIL)}, ${quotient("far", FAR_TAIL)}, r > V(5f));
  let size = select(tail, q * (${quotient("x", MIDDLE)}), q <= V(0.425f));
  return select(-size, size, isUpper);
}`,
  middleOf: `fn middleOf(high: U, low: U) -> V {
  return V(high) * ${2 ** -32}f + (V(low >> U(12u)) + 0.5f) * ${2 ** -52}f;
}`,
};

/** The numbers of a distribution: of a key, and of elements of a leaf. */
export function drawn(
  op: RandomOpName,
  [seed, count]: readonly string[],
  elements: string,
  leaf: string,
): string {
  const { call, stream } = randomOps[op];
  return `${call}(wordsAt(${seed}, ${count}, ${elements}, U(${leaf} ^ ${streamBit(stream)}u)))`;
}

/** A function that gives the random words of a key at a counter, of numbers of a type. */
export function wordsFunction(name: string, result: string, type: string): string {
  const lines: string[] = [];
  const named = (value: string) => `w${lines.push(`  let w${lines.length} = ${value};`) - 1}`;
  const spelled = (word: string | number) => typeof word === "number" ? `${type}(${word}u)` : word;
  const words: Words<string> = {
    add: (a, b) => named(`${a} + ${spelled(b)}`),
    xor: (a, b) => named(`${a} ^ ${spelled(b)}`),
    rotate: (a, by) => named(`(${a} << ${type}(${by}u)) | (${a} >> ${type}(${32 - by}u))`),
  };
  const [high, low] = threefry(words, ["seed", "count"], ["element", "leaf"]);
  const takes = ["seed", "count", "element", "leaf"].map((each) => `${each}: ${type}`).join(", ");
  return [
    `fn ${name}(${takes}) -> ${result} {`,
    ...lines,
    `  return ${result}(${high}, ${low});`,
    "}",
  ].join("\n");
}

function quotient(x: string, { above, below }: Rational): string {
  const text = (coefficients: readonly number[]) =>
    polynomial<string, never>(
      {
        add: (a, b) => `(${literal(a)} + ${literal(b)})`,
        mul: (a, b) => `${literal(a)} * ${literal(b)}`,
      },
      x,
      coefficients,
    );
  return `${text(above)} / ${text(below)}`;
}

function literal(value: string | number): string {
  return typeof value === "number" ? `${Math.fround(value)}f` : value;
}
