/** The WebAssembly instructions that kernels use: how each is encoded and what it does to the stack. */

/** The types of values. */
export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** One instruction without structure of its own. */
export interface Instruction {
  readonly opcode: readonly number[];
  readonly takes: readonly ValueType[];
  readonly gives: readonly ValueType[];
  /** What follows the opcode: nothing, an alignment and offset, a lane, or both. */
  readonly immediate: "none" | "memory" | "lane" | "memory lane";
  /** The natural alignment of an access, as a power of two. */
  readonly align: number;
}

const table = new Map<string, Instruction>();

function define(
  name: string,
  opcode: readonly number[],
  takes: readonly ValueType[],
  gives: readonly ValueType[],
  immediate: Instruction["immediate"] = "none",
  align: number = 0,
): void {
  table.set(name, { opcode, takes, gives, immediate, align });
}

/** Consecutive opcodes from `first`; a `_` skips one. */
function range(
  first: number,
  prefix: string,
  names: string,
  takes: readonly ValueType[],
  gives: readonly ValueType[],
): void {
  names.split(" ").forEach((name, i) => {
    if (name !== "_") define(`${prefix}.${name}`, [first + i], takes, gives);
  });
}

/** The same for instructions on vectors, whose opcodes have a prefix and are written as LEB128. */
function vectors(
  first: number,
  prefix: string,
  names: string,
  takes: readonly ValueType[],
  gives: readonly ValueType[],
): void {
  names.split(" ").forEach((name, i) => {
    if (name !== "_") define(`${prefix}.${name}`, vectorOpcode(first + i), takes, gives);
  });
}

function vectorOpcode(code: number): number[] {
  return code < 0x80 ? [0xfd, code] : [0xfd, (code & 0x7f) | 0x80, code >>> 7];
}

const V = "v128" as const;
const unary = [V] as const;
const binary = [V, V] as const;

define("drop", [0x1a], ["i32"], []);
define("i32.load", [0x28], ["i32"], ["i32"], "memory", 2);
define("f32.load", [0x2a], ["i32"], ["f32"], "memory", 2);
define("f64.load", [0x2b], ["i32"], ["f64"], "memory", 3);
define("i32.load8_u", [0x2d], ["i32"], ["i32"], "memory", 0);
define("i32.load16_u", [0x2f], ["i32"], ["i32"], "memory", 1);
define("i32.store", [0x36], ["i32", "i32"], [], "memory", 2);
define("f32.store", [0x38], ["i32", "f32"], [], "memory", 2);
define("f64.store", [0x39], ["i32", "f64"], [], "memory", 3);
define("i32.store8", [0x3a], ["i32", "i32"], [], "memory", 0);
define("i32.store16", [0x3b], ["i32", "i32"], [], "memory", 1);
define("i32.eqz", [0x45], ["i32"], ["i32"]);
range(0x46, "i32", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u", ["i32", "i32"], ["i32"]);
range(0x5b, "f32", "eq ne lt gt le ge", ["f32", "f32"], ["i32"]);
range(0x61, "f64", "eq ne lt gt le ge", ["f64", "f64"], ["i32"]);
range(
  0x6a,
  "i32",
  "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u",
  ["i32", "i32"],
  ["i32"],
);
range(0x99, "f64", "abs neg ceil floor trunc nearest sqrt", ["f64"], ["f64"]);
range(0xa0, "f64", "add sub mul div min max copysign", ["f64", "f64"], ["f64"]);
define("f32.demote_f64", [0xb6], ["f64"], ["f32"]);
define("f64.promote_f32", [0xbb], ["f32"], ["f64"]);

define("v128.load", vectorOpcode(0), ["i32"], [V], "memory", 4);
define("v128.load8x8_u", vectorOpcode(2), ["i32"], [V], "memory", 3);
define("v128.load16x4_u", vectorOpcode(4), ["i32"], [V], "memory", 3);
define("v128.load32_splat", vectorOpcode(9), ["i32"], [V], "memory", 2);
define("v128.load64_splat", vectorOpcode(10), ["i32"], [V], "memory", 3);
define("v128.store", vectorOpcode(11), ["i32", V], [], "memory", 4);
define("i8x16.swizzle", vectorOpcode(14), binary, [V]);
const SPLATS = ["i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2"];
const SPLATTED: readonly ValueType[] = ["i32", "i32", "i32", "i64", "f32", "f64"];
SPLATS.forEach((lanes, i) => define(`${lanes}.splat`, vectorOpcode(15 + i), [SPLATTED[i]], [V]));
define("i32x4.extract_lane", vectorOpcode(27), [V], ["i32"], "lane");
define("f32x4.extract_lane", vectorOpcode(31), [V], ["f32"], "lane");
define("f32x4.replace_lane", vectorOpcode(32), [V, "f32"], [V], "lane");
define("f64x2.extract_lane", vectorOpcode(33), [V], ["f64"], "lane");
define("f64x2.replace_lane", vectorOpcode(34), [V, "f64"], [V], "lane");
vectors(45, "i16x8", "eq", binary, [V]);
vectors(55, "i32x4", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u", binary, [V]);
vectors(65, "f32x4", "eq ne lt gt le ge", binary, [V]);
vectors(71, "f64x2", "eq ne lt gt le ge", binary, [V]);
define("v128.not", vectorOpcode(77), unary, [V]);
vectors(78, "v128", "and andnot or xor", binary, [V]);
define("v128.bitselect", vectorOpcode(82), [V, V, V], [V]);
define("v128.any_true", vectorOpcode(83), unary, ["i32"]);
define("v128.load32_zero", vectorOpcode(92), ["i32"], [V], "memory", 2);
define("v128.load64_zero", vectorOpcode(93), ["i32"], [V], "memory", 3);
define("v128.store64_lane", vectorOpcode(91), ["i32", V], [], "memory lane", 3);
define("f32x4.demote_f64x2_zero", vectorOpcode(94), unary, [V]);
define("f64x2.promote_low_f32x4", vectorOpcode(95), unary, [V]);
define("i8x16.bitmask", vectorOpcode(100), unary, ["i32"]);
define("i16x8.narrow_i32x4_u", vectorOpcode(134), binary, [V]);
vectors(151, "i16x8", "min_u", binary, [V]);
define("i32x4.bitmask", vectorOpcode(164), unary, ["i32"]);
vectors(169, "i32x4", "extend_low_i16x8_u extend_high_i16x8_u", unary, [V]);
vectors(171, "i32x4", "shl shr_s shr_u", [V, "i32"], [V]);
vectors(174, "i32x4", "add", binary, [V]);
vectors(177, "i32x4", "sub", binary, [V]);
vectors(181, "i32x4", "mul min_s min_u max_s max_u", binary, [V]);
vectors(203, "i64x2", "shl shr_s shr_u", [V, "i32"], [V]);
vectors(206, "i64x2", "add", binary, [V]);
vectors(209, "i64x2", "sub", binary, [V]);
vectors(103, "f32x4", "ceil floor trunc nearest", unary, [V]);
vectors(116, "f64x2", "ceil floor", unary, [V]);
vectors(122, "f64x2", "trunc", unary, [V]);
vectors(148, "f64x2", "nearest", unary, [V]);
vectors(224, "f32x4", "abs neg _ sqrt", unary, [V]);
vectors(228, "f32x4", "add sub mul div min max pmin pmax", binary, [V]);
vectors(236, "f64x2", "abs neg _ sqrt", unary, [V]);
vectors(240, "f64x2", "add sub mul div min max pmin pmax", binary, [V]);
define("i32x4.trunc_sat_f64x2_s_zero", vectorOpcode(252), unary, [V]);
define("f64x2.convert_low_i32x4_s", vectorOpcode(254), unary, [V]);
define("f32x4.convert_i32x4_u", vectorOpcode(251), unary, [V]);
vectors(199, "i64x2", "extend_low_i32x4_s extend_high_i32x4_s", unary, [V]);

/** Every instruction, by its name in WebAssembly text. */
export const instructions: ReadonlyMap<string, Instruction> = table;
