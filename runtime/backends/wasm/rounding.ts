/** Stochastic rounding on vectors: before it is stored, a number becomes one that its type has. */
import type { DType, ShortType } from "../../trees/dtype.ts";
import { droppedBits, FLOAT16_NORMAL, FLOAT16_UNIT } from "../../trees/rounding.ts";
import type { Code, Local } from "./code.ts";

/** Pushes `value` rounded by 16 random bits; infinities and NaN stay. */
export function roundStochastically(
  code: Code,
  dtype: DType,
  value: Local,
  random: Local,
): void {
  const dropped = droppedBits(dtype as ShortType);
  code.get(random);
  if (dropped < 16) code.i32(16 - dropped).op("i32x4.shr_u");
  code.get(value).op("i32x4.add");
  code.bits("i32x4", (-1 << dropped) >>> 0).op("v128.and");
  if (dtype === "float16") chooseSubnormal(code, value, random);
  // Bits of a NaN may have carried away.
  code.get(value).get(value).get(value).op("f32x4.eq", "v128.bitselect");
}

/** Where a float16 would be subnormal, replaces what is on the stack by whole units of it. */
function chooseSubnormal(code: Code, value: Local, random: Local): void {
  const [units, whole] = [code.local("v128"), code.local("v128")];
  code.get(value).op("f32x4.abs").splat("f32x4", 1 / FLOAT16_UNIT).op("f32x4.mul").tee(units);
  code.op("f32x4.floor").tee(whole);
  code.get(random).op("f32x4.convert_i32x4_u").splat("f32x4", 0.5).op("f32x4.add");
  code.splat("f32x4", 2 ** -16).op("f32x4.mul").get(units).get(whole).op("f32x4.sub");
  code.op("f32x4.lt").splat("f32x4", 1).op("v128.and", "f32x4.add");
  code.splat("f32x4", FLOAT16_UNIT).op("f32x4.mul");
  code.get(value).bits("i32x4", 0x80000000).op("v128.and", "v128.or");
  code.get(value).op("f32x4.abs").bits("i32x4", FLOAT16_NORMAL).op("i32x4.ge_u");
  code.op("v128.bitselect");
}
