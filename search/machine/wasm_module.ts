/** Writes the machine: one WebAssembly module that interprets instructions, each on whole vectors. */
import { elementOps, reduceOps } from "../../dsl/ops.ts";
import type { ElementOpName, ReduceOpName } from "../../dsl/node.ts";
import { BLOCK } from "../../runtime/backends/backend.ts";
import { Code, type FunctionType, type Local } from "../../runtime/backends/wasm/code.ts";
import { Module } from "../../runtime/backends/wasm/module.ts";
import { addRoutine, routineTypes } from "../../runtime/backends/wasm/math.ts";
import {
  elementOperations,
  fused,
  INSTRUCTION_BYTES,
  opcodes,
  reductions,
  SEGMENT,
  WORD,
} from "./instructions.ts";

/** Pages of memory. */
export const MEMORY = { initial: 64, maximum: 16_384 } as const;

/** Every operation takes where its instruction is, and the step. */
const WORK: Omit<FunctionType, "name"> = { params: ["i32", "i32"], results: [] };

/** A word of the instruction. */
function word(code: Code, name: "bytes" | "table" | "extra"): Local {
  const local = code.local("i32");
  code.get(code.param(0)).memory("i32.load", 4 * WORD[name]).set(local);
  return local;
}

/** Where an operand is at the step. */
function operand(code: Code, name: "dst" | "a" | "b" | "c" | "d"): Local {
  const [at, step] = [code.param(0), code.param(1)];
  const local = code.local("i32");
  code.get(at).memory("i32.load", 4 * WORD[name]);
  code.get(at).memory("i32.load", 4 * WORD[`${name}Step`]).get(step).op("i32.mul", "i32.add");
  code.set(local);
  return local;
}

/**
 * The module: `run(code, end, from, to)` does the instructions for every step from `from` up to `to`. No
 * program is ever compiled: to look an instruction up costs little beside the hundreds of numbers it works on.
 */
export function machineModule(): Module {
  const module = new Module({ shared: false, ...MEMORY });
  const routines = new Map<string, number>();
  const functions: number[] = [];
  const add = (name: string, write: (code: Code) => void) => {
    const code = new Code({ name, ...WORK });
    write(code);
    functions[opcodes.get(name)!] = module.add(code);
  };
  for (const { name, op, form } of elementOperations) {
    add(name, (code) => {
      elementwise(code, (code, operands) => spell(module, code, op, operands, routines), {
        vectors: [...form].map((operand) => operand === "v"),
        unroll: elementOps[op].wasm === "routine" ? 1 : 4,
      });
    });
  }
  for (const { name, operations } of fused.values()) {
    const write = (code: Code, operands: readonly (() => void)[]) => {
      const given = [...operands];
      const made: (() => void)[] = [];
      for (const { op, form } of operations) {
        const results = made.splice(made.length - [...form].filter((each) => each === "r").length);
        const src = [...form].map((each) => each === "r" ? results.shift()! : given.shift()!);
        made.push(() => spell(module, code, op, src, routines));
      }
      made[0]();
    };
    const forms = operations.flatMap(({ form }) => [...form.replaceAll("r", "")]);
    const vectors = forms.map((form) => form === "v");
    add(name, (code) => elementwise(code, write, { vectors, unroll: 4 }));
  }
  for (const name of reductions) add(name, (code) => reduction(code, name));
  const pass = (_: Code, [push]: readonly (() => void)[]) => push();
  add("copy", (code) => elementwise(code, pass, { vectors: [true], unroll: 4 }));
  add("fill", (code) => elementwise(code, pass, { vectors: [false], unroll: 4 }));
  add("gradient", gradient);
  add("gradient8", gradient8);
  module.add(dispatcher(functions));
  return module;
}

/** Pushes an operation's result on operands, each a function that pushes it. */
function spell(
  module: Module,
  code: Code,
  name: ElementOpName,
  operands: readonly (() => void)[],
  routines: Map<string, number>,
): void {
  const { wasm } = elementOps[name];
  if (wasm === "routine") {
    operands.forEach((push) => push());
    code.call(addRoutine(module, name, routines), routineTypes.get(name)!);
  } else if (wasm !== null && "chain" in wasm) {
    operands[0]();
    for (const [instruction, constant] of wasm.chain) {
      code.splat("f32x4", constant.f32x4).op(instruction.replace("*", "f32x4"));
    }
  } else if (wasm !== null) {
    (wasm.order ?? operands.map((_, i) => i)).forEach((i) => operands[i]());
    code.op(wasm.instruction.replace("*", "f32x4"));
  }
}

function elementwise(
  code: Code,
  write: (code: Code, operands: readonly (() => void)[]) => void,
  { vectors, unroll }: { readonly vectors: readonly boolean[]; readonly unroll: number },
): void {
  const dst = operand(code, "dst");
  const addresses = vectors.map((_, i) => operand(code, OPERANDS[i]));
  const end = endOf(code, dst);
  const splats = vectors.map((isVector, i) => {
    if (isVector) return undefined;
    const splat = code.local("v128");
    code.get(addresses[i]).memory("v128.load").set(splat);
    return splat;
  });
  code.loop(() => {
    for (let k = 0; k < unroll; k++) {
      code.get(dst);
      write(
        code,
        vectors.map((isVector, i) => () => {
          if (isVector) code.get(addresses[i]).memory("v128.load", 16 * k);
          else code.get(splats[i]!);
        }),
      );
      code.memory("v128.store", 16 * k);
    }
    vectors.forEach((isVector, i) => {
      if (isVector) advance(code, addresses[i], 16 * unroll);
    });
    advance(code, dst, 16 * unroll);
    code.get(dst).get(end).op("i32.lt_u").branchIf(0);
  });
}

const OPERANDS = ["a", "b", "c", "d"] as const;

/** The end of what is written. */
function endOf(code: Code, dst: Local): Local {
  const end = word(code, "bytes");
  code.get(dst).get(end).op("i32.add").set(end);
  return end;
}

function advance(code: Code, address: Local, bytes: number): void {
  code.get(address).i32(bytes).op("i32.add").set(address);
}

/**
 * One number a segment, written to every place of it. The order of accumulation is the one that every
 * backend keeps: blocks in turn, four lanes within a block, joined as (0, 2) with (1, 3).
 */
function reduction(code: Code, name: ReduceOpName): void {
  const { start, wasm: { combine, squares } } = reduceOps[name];
  const [dst, a, last] = [operand(code, "dst"), operand(code, "a"), word(code, "extra")];
  const segment = word(code, "table");
  const [end, at, whole, padded, blockEnd, wholeEnd] = Array.from(
    { length: 6 },
    () => code.local("i32"),
  );
  const [low, high, total, x] = Array.from({ length: 4 }, () => code.local("v128"));
  const accumulate = (push: () => void) => {
    push();
    code.set(x);
    for (const [sum, isHigh] of [[low, false], [high, true]] as const) {
      const half = code.local("v128");
      code.get(x);
      if (isHigh) code.get(x).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
      code.op("f64x2.promote_low_f32x4").set(half);
      code.get(sum).get(half);
      if (squares) code.get(half).op("f64x2.mul");
      code.op(combine).set(sum);
    }
  };
  code.loop(() => {
    const place = (word: number, local: Local) =>
      code.get(a).get(segment).memory("i32.load", SEGMENT.offset).op("i32.add")
        .get(segment).memory("i32.load", word).op("i32.add").set(local);
    code.get(a).get(segment).memory("i32.load", SEGMENT.offset).op("i32.add").set(at);
    place(SEGMENT.whole, whole);
    place(SEGMENT.padded, padded);
    code.splat("f64x2", start).set(total);
    code.loop(() => {
      code.splat("f64x2", start).tee(low).set(high);
      smaller(code, at, 4 * BLOCK, padded, blockEnd);
      smaller(code, blockEnd, 0, whole, wholeEnd);
      code.block(() => {
        code.loop(() => {
          code.get(at).get(wholeEnd).op("i32.ge_u").branchIf(1);
          accumulate(() => code.get(at).memory("v128.load"));
          advance(code, at, 16);
          code.branch(0);
        });
      });
      code.block(() => {
        code.get(at).get(blockEnd).op("i32.ge_u").branchIf(0);
        accumulate(() => {
          code.get(at).memory("v128.load").splat("f32x4", start);
          code.get(segment).memory("v128.load", SEGMENT.mask).op("v128.bitselect");
        });
        advance(code, at, 16);
      });
      code.get(low).get(high).op(combine).tee(low);
      code.get(low).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7).set(high);
      code.get(total).get(low).get(high).op(combine).op(combine).set(total);
      code.get(at).get(padded).op("i32.lt_u").branchIf(0);
    });
    code.get(total);
    if (name === "ReduceL2") code.op("f64x2.sqrt");
    if (name === "ReduceMean") {
      code.get(segment).memory("v128.load64_splat", SEGMENT.count).op("f64x2.div");
    }
    code.op("f32x4.demote_f64x2_zero").set(x);
    code.get(x).get(x).shuffle(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3).set(x);
    code.get(dst).get(segment).memory("i32.load", SEGMENT.offset).op("i32.add")
      .tee(at).get(segment).memory("i32.load", SEGMENT.padded).op("i32.add").set(end);
    code.loop(() => {
      code.get(at).get(x).memory("v128.store");
      advance(code, at, 16);
      code.get(at).get(end).op("i32.lt_u").branchIf(0);
    });
    advance(code, segment, SEGMENT.bytes);
    code.get(segment).get(last).op("i32.lt_u").branchIf(0);
  });
}

/** `result = min(a + plus, b)`. */
function smaller(code: Code, a: Local, plus: number, b: Local, result: Local): void {
  code.get(a).i32(plus).op("i32.add").set(result);
  code.block(() => {
    code.get(result).get(b).op("i32.le_u").branchIf(0);
    code.get(b).set(result);
  });
}

/**
 * The gradient of quadratics: a matrix of few rows times each stretch of `a`, and `b` added. Matrices lie
 * one after the other, column after column; `extra` is the bytes of a column, a multiple of 16.
 */
function gradient(code: Code): void {
  const [dst, a, b] = (["dst", "a", "b"] as const).map((name) => operand(code, name));
  const [table, column, end] = [word(code, "table"), word(code, "extra"), endOf(code, dst)];
  const [blockEnd, stretchEnd, element, entry, matrixEnd] = Array.from(
    { length: 5 },
    () => code.local("i32"),
  );
  const sum = code.local("v128");
  code.loop(() => {
    code.get(dst).get(column).op("i32.add").set(blockEnd);
    code.get(a).get(column).op("i32.add").set(stretchEnd);
    code.loop(() => {
      code.get(a).set(element);
      code.get(table).set(entry);
      code.splat("f32x4", 0).set(sum);
      code.loop(() => {
        for (let k = 0; k < 4; k++) {
          code.get(sum).get(element).memory("v128.load32_splat", 4 * k);
          code.get(entry).memory("v128.load").op("f32x4.mul").op("f32x4.add").set(sum);
          code.get(entry).get(column).op("i32.add").set(entry);
        }
        advance(code, element, 16);
        code.get(element).get(stretchEnd).op("i32.lt_u").branchIf(0);
      });
      code.get(entry).set(matrixEnd);
      code.get(dst).get(sum).get(b).memory("v128.load").op("f32x4.add").memory("v128.store");
      advance(code, dst, 16);
      advance(code, b, 16);
      advance(code, table, 16);
      code.get(dst).get(blockEnd).op("i32.lt_u").branchIf(0);
    });
    // The last row's entry ended one column beyond the matrix, less the columns' own rows before it.
    code.get(matrixEnd).get(column).op("i32.sub").i32(16).op("i32.add").set(table);
    code.get(stretchEnd).set(a);
    code.get(dst).get(end).op("i32.lt_u").branchIf(0);
  });
}

/** {@linkcode gradient} of matrices of 8 rows: two of them side by side, since their sums wait for themselves. */
function gradient8(code: Code): void {
  const [dst, a, b] = (["dst", "a", "b"] as const).map((name) => operand(code, name));
  const [table, end] = [word(code, "table"), endOf(code, dst)];
  const elements = [0, 1].map(() => code.local("v128"));
  const sums = [0, 1, 2, 3].map(() => code.local("v128"));
  code.loop(() => {
    for (const sum of sums) code.splat("f32x4", 0).set(sum);
    for (let column = 0; column < 8; column++) {
      elements.forEach((element, matrix) =>
        code.get(a).memory("v128.load32_splat", 32 * matrix + 4 * column).set(element)
      );
      sums.forEach((sum, k) => {
        const [matrix, half] = [k >> 1, k & 1];
        code.get(sum).get(elements[matrix]).get(table)
          .memory("v128.load", 256 * matrix + 32 * column + 16 * half)
          .op("f32x4.mul").op("f32x4.add").set(sum);
      });
    }
    sums.forEach((sum, k) => {
      code.get(dst).get(sum).get(b).memory("v128.load", 16 * k).op("f32x4.add")
        .memory("v128.store", 16 * k);
    });
    for (const each of [a, b, dst]) advance(code, each, 64);
    advance(code, table, 512);
    code.get(dst).get(end).op("i32.lt_u").branchIf(0);
  });
}

function dispatcher(functions: readonly number[]): Code {
  const code = new Code({ name: "run", params: ["i32", "i32", "i32", "i32"], results: [] });
  const [first, end, step, to] = [0, 1, 2, 3].map((i) => code.param(i));
  const at = code.local("i32");
  code.block(() => {
    code.loop(() => {
      code.get(step).get(to).op("i32.ge_u").branchIf(1);
      code.get(first).set(at);
      code.loop(() => {
        // Nested blocks, the innermost of which goes to the end of the one that its operation follows.
        const nest = (depth: number) => {
          if (depth < 0) {
            code.get(at).memory("i32.load", 4 * WORD.op).branchTable(...functions.map((_, k) => k));
            return;
          }
          code.block(() => {
            nest(depth - 1);
            if (depth === 0) return;
            callWork(depth - 1);
            code.branch(functions.length - depth);
          });
        };
        const callWork = (k: number) => {
          code.get(at).get(step).call(functions[k], { name: "", ...WORK });
        };
        code.block(() => {
          nest(functions.length - 1);
          callWork(functions.length - 1);
        });
        advance(code, at, INSTRUCTION_BYTES);
        code.get(at).get(end).op("i32.lt_u").branchIf(0);
      });
      advance(code, step, 1);
      code.branch(0);
    });
  });
  return code;
}
