/** Runs the mathematical routines on arrays, and measures how far they are from their rows. */
import { elementOps } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import { Code } from "../../runtime/backends/wasm/code.ts";
import { Module } from "../../runtime/backends/wasm/module.ts";
import { addRoutine, routineTypes, routineUlps } from "../../runtime/backends/wasm/math.ts";
import { assert } from "../assert.ts";
import { ulpsBetween } from "../numbers.ts";

const PAGES = 32;
const PAGE_BYTES = 65_536;
/** How many numbers fit a third of the memory. */
const MOST = 131_072;

const runners = new Map<ElementOpName, (operands: readonly Float32Array[]) => Float32Array>();

/** What the routine of `op` gives for operands of equal lengths, four by four. */
export function runRoutine(op: ElementOpName, ...operands: Float32Array[]): Float32Array {
  const run = runners.get(op) ?? compile(op);
  runners.set(op, run);
  const results = new Float32Array(operands[0].length);
  for (let at = 0; at < results.length; at += MOST) {
    results.set(run(operands.map((each) => each.subarray(at, at + MOST))), at);
  }
  return results;
}

function compile(op: ElementOpName): (operands: readonly Float32Array[]) => Float32Array {
  const module = new Module({ shared: false, initial: PAGES, maximum: PAGES });
  const index = addRoutine(module, op, new Map());
  const type = routineTypes.get(op)!;
  const code = new Code({ name: "run", params: ["i32"], results: [] });
  const [bytes, at] = [code.param(0), code.local("i32")];
  code.block(() =>
    code.loop(() => {
      code.get(at).get(bytes).op("i32.ge_u").branchIf(1);
      code.get(at);
      type.params.forEach((_, k) => code.get(at).memory("v128.load", 4 * MOST * (k + 1)));
      code.call(index, type).memory("v128.store");
      code.get(at).i32(16).op("i32.add").set(at).branch(0);
    })
  );
  module.add(code);
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
  const compiled = new WebAssembly.Module(module.bytes());
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  assert(PAGES * PAGE_BYTES >= 4 * MOST * 3);
  const numbers = new Float32Array(memory.buffer);
  return (operands) => {
    operands.forEach((operand, k) => numbers.set(operand, MOST * (k + 1)));
    (exports.run as (bytes: number) => void)(4 * operands[0].length);
    return numbers.subarray(0, operands[0].length);
  };
}

/** One result in so many may be other than `eval` of its row, rounded to float32. */
const RARE = 100_000;

/**
 * Fails where the routine's result has another sign than `eval` of its row, rounded to float32, is NaN
 * where that is not, or is further off than `routineUlps` says; and if more than a rare result is off at all.
 */
export function assertWithinUlps(op: ElementOpName, ...operands: Float32Array[]): void {
  const results = runRoutine(op, ...operands);
  const { eval: evaluate } = elementOps[op];
  const [x, y] = operands;
  const wanted = new Float32Array(results.length);
  for (let i = 0; i < wanted.length; i++) {
    wanted[i] = y === undefined ? evaluate(x[i]) : evaluate(x[i], y[i]);
  }
  const [resultBits, wantedBits] = [results, wanted].map((each) => new Int32Array(each.buffer));
  let off = 0;
  for (let i = 0; i < wanted.length; i++) {
    if (resultBits[i] === wantedBits[i]) continue;
    if (Number.isNaN(results[i]) && Number.isNaN(wanted[i])) continue;
    const isSignRight = (resultBits[i] ^ wantedBits[i]) >= 0;
    const ulps = ulpsBetween(results[i], wanted[i], "float32");
    off++;
    const given = operands.map((each) => each[i]).join(", ");
    assert(
      isSignRight && ulps <= routineUlps.get(op)!,
      `${op}(${given}) is ${results[i]}, ${ulps} ulps from ${wanted[i]}`,
    );
  }
  const most = 1 + wanted.length / RARE;
  assert(off <= most, `${op} is off at ${off} of ${wanted.length} operands`);
}
