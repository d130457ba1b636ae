/** Runs single SIMD instructions, assembled by wabt, on lanes of numbers. */
import wabtFactory from "wabt";
import type { ElementOp, Type } from "../../dsl/ops.ts";

/** How a vector is split. */
export type LaneType = "f32x4" | "f64x2";

const wabt = await wabtFactory();
const RESULT = 48;

/**
 * The instruction of a row as a function of numbers. Truth goes in and comes out as masks; a mask
 * that is neither all ones nor all zeros comes out as NaN.
 */
export function laneFunction(
  { wasm, takes, gives }: Pick<ElementOp, "wasm" | "takes" | "gives">,
  laneType: LaneType,
): (tuples: readonly (readonly number[])[]) => number[] {
  if (wasm === null || wasm === "routine") throw new Error("the row has no instruction");
  const text = `(module
    (memory (export "memory") 1)
    (func (export "run") (v128.store (i32.const ${RESULT}) ${expression(wasm, takes, laneType)})))`;
  const parsed = wabt.parseWat("instruction.wat", text);
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(buffer.slice()));
  const memory = new DataView((exports.memory as WebAssembly.Memory).buffer);
  const run = exports.run as () => void;
  const bytes = laneType === "f32x4" ? 4 : 8;
  const [write, read] = bytes === 4 ? [write32, read32] : [write64, read64];

  return (tuples) => {
    const results: number[] = [];
    for (let at = 0; at < tuples.length; at += 16 / bytes) {
      const some = tuples.slice(at, at + 16 / bytes);
      some.forEach((tuple, lane) =>
        takes.forEach((type, operand) =>
          write(memory, 16 * operand + bytes * lane, type, tuple[operand])
        )
      );
      run();
      some.forEach((_, lane) => results.push(read(memory, RESULT + bytes * lane, gives)));
    }
    return results;
  };
}

function expression(
  wasm: Exclude<ElementOp["wasm"], "routine" | null>,
  takes: readonly Type[],
  laneType: LaneType,
): string {
  const operand = (i: number) => `(v128.load (i32.const ${16 * i}))`;
  if ("chain" in wasm) {
    return wasm.chain.reduce((value, [instruction, constant]) => {
      const lanes = new Array(laneType === "f32x4" ? 4 : 2).fill(constant[laneType]).join(" ");
      return `(${instruction.replace("*", laneType)} ${value} (v128.const ${laneType} ${lanes}))`;
    }, operand(0));
  }
  const order = wasm.order ?? takes.map((_, i) => i);
  return `(${wasm.instruction.replace("*", laneType)} ${order.map(operand).join(" ")})`;
}

function write32(memory: DataView, address: number, type: Type, value: number): void {
  if (type === "number") memory.setFloat32(address, value, true);
  else memory.setInt32(address, -value, true);
}

function write64(memory: DataView, address: number, type: Type, value: number): void {
  if (type === "number") memory.setFloat64(address, value, true);
  else memory.setBigInt64(address, BigInt(-value), true);
}

function read32(memory: DataView, address: number, type: Type): number {
  if (type === "number") return memory.getFloat32(address, true);
  const mask = memory.getInt32(address, true);
  return mask === -1 ? 1 : mask === 0 ? 0 : NaN;
}

function read64(memory: DataView, address: number, type: Type): number {
  if (type === "number") return memory.getFloat64(address, true);
  const mask = memory.getBigInt64(address, true);
  return mask === -1n ? 1 : mask === 0n ? 0 : NaN;
}
