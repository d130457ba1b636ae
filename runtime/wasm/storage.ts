/** Loads and stores of a kernel: numbers as they are, and the short types widened and rounded. */
import type { DType } from "../storage.ts";
import type { Code } from "./emit.ts";

/** Whether a whole vector is moved, or a single element that then fills all lanes. */
export type Width = "vector" | "single";

/** Bytes that a vector of computation covers in memory, by how it is stored. */
export function strideOf(dtype: DType, width: Width): number {
  const single = { float64: 8, float32: 4, bfloat16: 2, float16: 2 }[dtype];
  return width === "single" ? single : dtype === "float64" ? 16 : single * 4;
}

/** Replaces the address on the stack by the value there. */
export function emitLoad(code: Code, dtype: DType, width: Width, offset: number): void {
  const isVector = width === "vector";
  switch (dtype) {
    case "float64":
      code.memory(isVector ? "v128.load" : "v128.load64_splat", offset);
      return;
    case "float32":
      code.memory(isVector ? "v128.load" : "v128.load32_splat", offset);
      return;
  }
  if (isVector) code.memory("v128.load16x4_u", offset);
  else code.memory("i32.load16_u", offset).op("i32x4.splat");
  if (dtype === "bfloat16") code.i32(16).op("i32x4.shl");
  else widenFloat16(code);
}

/** Stores the vector on the stack at the address below it. */
export function emitStore(code: Code, dtype: DType, width: Width, offset: number): void {
  if (dtype === "bfloat16") narrowBfloat16(code);
  if (dtype === "float16") narrowFloat16(code);
  if (width === "vector") {
    if (dtype === "float32" || dtype === "float64") code.memory("v128.store", offset);
    else {
      const bits = code.local("v128");
      code.set(bits).get(bits).get(bits).op("i16x8.narrow_i32x4_u");
      code.memoryLane("v128.store64_lane", 0, offset);
    }
  } else if (dtype === "float64") code.lane("f64x2.extract_lane", 0).memory("f64.store", offset);
  else if (dtype === "float32") code.lane("f32x4.extract_lane", 0).memory("f32.store", offset);
  else code.lane("i32x4.extract_lane", 0).memory("i32.store16", offset);
}

function widenFloat16(code: Code): void {
  const [bits, magnitude] = [code.local("v128"), code.local("v128")];
  code.tee(bits).bits("i32x4", 0x7fff).op("v128.and").i32(13).op("i32x4.shl").set(magnitude);
  // The exponent's bias differs by 112: a product by 2^112 shifts it, subnormals included.
  code.get(magnitude).splat("f32x4", 2 ** 112).op("f32x4.mul");
  code.get(magnitude).bits("i32x4", 0x7f800000).op("v128.or");
  code.get(magnitude).bits("i32x4", 0x0f800000).op("i32x4.lt_u");
  code.op("v128.bitselect");
  code.get(bits).bits("i32x4", 0x8000).op("v128.and").i32(16).op("i32x4.shl", "v128.or");
}

function narrowBfloat16(code: Code): void {
  const bits = code.local("v128");
  code.tee(bits).bits("i32x4", 0x7fff).op("i32x4.add");
  code.get(bits).i32(16).op("i32x4.shr_u").bits("i32x4", 1).op("v128.and", "i32x4.add");
  code.i32(16).op("i32x4.shr_u");
  code.get(bits).i32(16).op("i32x4.shr_u").bits("i32x4", 0x40).op("v128.or");
  code.get(bits).get(bits).op("f32x4.eq", "v128.bitselect");
}

function narrowFloat16(code: Code): void {
  const [bits, magnitude] = [code.local("v128"), code.local("v128")];
  code.tee(bits).bits("i32x4", 0x7fffffff).op("v128.and").set(magnitude);
  // Normal results: round off 13 bits to even and shift the exponent's bias.
  code.get(magnitude).bits("i32x4", 0xfff).op("i32x4.add");
  code.get(magnitude).i32(13).op("i32x4.shr_u").bits("i32x4", 1).op("v128.and", "i32x4.add");
  code.bits("i32x4", 0x38000000).op("i32x4.sub").i32(13).op("i32x4.shr_u");
  // Subnormal results: adding 1/2 leaves the rounded bits at the bottom of the sum.
  code.get(magnitude).splat("f32x4", 0.5).op("f32x4.add").bits("i32x4", 0x3f000000).op("i32x4.sub");
  code.get(magnitude).bits("i32x4", 0x38800000).op("i32x4.ge_u", "v128.bitselect");
  code.bits("i32x4", 0x7c00);
  code.get(magnitude).bits("i32x4", 0x47800000).op("i32x4.lt_u", "v128.bitselect");
  code.bits("i32x4", 0x7e00).get(bits).get(bits).op("f32x4.eq", "v128.bitselect");
  code.get(bits).i32(16).op("i32x4.shr_u").bits("i32x4", 0x8000).op("v128.and", "v128.or");
}
