/**
 * Writes the element loops of a plan as WebAssembly SIMD, one function a phase. A function goes through a
 * table of entries in memory, each a stretch of one leaf, so that one call steps all leaves.
 */
import { type Node, symbol } from "../../dsl/node.ts";
import {
  type ElementOpName,
  elementOps,
  elementRow,
  type RandomOpName,
  type ReduceOpName,
  reduceOps,
} from "../../dsl/ops.ts";
import type { Loop, Plan } from "../plan.ts";
import type { ArrayKind, GroupRun } from "../run.ts";
import { Draws, isRandom } from "./draws.ts";
import { Code, type FunctionType, type Local, type MemoryImport, Module } from "./emit.ts";
import { addRandom, addRoutine, routineTypes } from "./math.ts";
import { RANDOM } from "./math/random.ts";
import { isShort, type Stream, strideOf, Transfers, type Width } from "./storage.ts";

/** Words at the beginning of an entry, before the addresses of its arrays. */
export const ENTRY = { length: 0, numbers: 1, sums: 2, first: 3, leaf: 4, arrays: 5 } as const;

/** The number of 32-bit words of an entry for so many arrays. */
export function entryWords(arrays: number): number {
  return ENTRY.arrays + arrays;
}

/** The numbers that an entry brings: scalars of the step, then values of its tensor. */
export function entryNumbers(plan: Plan): { readonly scalars: Node[]; readonly tensor: Node[] } {
  const loops = plan.phases.flat();
  const tensor = new Set([
    ...loops.flatMap((loop) => loop.extent === 0 ? loop.kept : []),
    ...plan.cells.map(({ node }) => node),
    ...[...plan.extents].flatMap(([node, extent]) =>
      extent === 0 && node.op === "Symbol" ? [node] : []
    ),
  ]);
  return { scalars: plan.scalars.map(({ node }) => node), tensor: [...tensor] };
}

/** The loop of a phase over elements, if it has one. */
export function elementLoop(plan: Plan, phase: number): Loop | undefined {
  return plan.phases[phase].find(({ extent }) => extent === "element");
}

const PHASE: Omit<FunctionType, "name"> = { params: ["i32", "i32"], results: [] };

/** The vector loop of a phase: what it runs, as names, for so many elements. */
export interface VectorLoop {
  readonly phase: number;
  readonly elements: number;
  readonly instructions: readonly string[];
}

/**
 * A module with the function `phase<k>` for each phase that has a loop over elements. `note` is told of
 * each vector loop.
 */
export function renderModule(
  plan: Plan,
  dtype: GroupRun["dtype"],
  inputs: readonly ArrayKind[],
  outputs: readonly ArrayKind[],
  memory: MemoryImport,
  note?: (loop: VectorLoop) => void,
): Module {
  const module = new Module(memory);
  const routines: Routines = new Map();
  plan.phases.forEach((_, k) => {
    const loop = elementLoop(plan, k);
    if (loop === undefined) return;
    const code = new Code({ name: `phase${k}`, ...PHASE });
    const calls = {
      routine: (op: ElementOpName) =>
        code.call(addRoutine(module, op, routines), routineTypes.get(op)!),
      random: (op: RandomOpName) => code.call(addRandom(module, op, routines), RANDOM),
    };
    const renderer = new Renderer(code, calls, plan, loop, dtype, inputs, outputs);
    renderer.render();
    module.add(code);
    if (note === undefined) return;
    const { from, to, elements } = renderer.vectorLoop;
    note({ phase: k, elements, instructions: withCalls(module, code.instructions(from, to)) });
  });
  return module;
}

/** The names of instructions, those of a routine in the place of its call. */
function withCalls(module: Module, instructions: ReturnType<Code["instructions"]>): string[] {
  return instructions.flatMap(([name, index]) => {
    const called = name === "call" ? module.code(index as number) : undefined;
    if (called === undefined) return [name as string];
    return withCalls(module, called.instructions(0, called.length));
  });
}

type Routines = Map<ElementOpName | string, number>;

/** Calls the routines of what is no instruction. */
interface Calls {
  routine(op: ElementOpName): void;
  random(op: RandomOpName): void;
}

class Renderer {
  readonly #code: Code;
  readonly #calls: Calls;
  readonly #plan: Plan;
  readonly #loop: Loop;
  readonly #lanes: "f32x4" | "f64x2";
  readonly #inputs = new Map<Node["arg"], Stream>();
  readonly #outputs = new Map<string, Stream>();
  /** Constants and numbers of the entry, in registers throughout a loop. */
  readonly #fixed = new Map<Node, Local>();
  readonly #constants = new Map<number | "-0", Local>();
  readonly #sums: { readonly low: Local; readonly high: Local }[];
  readonly #transfers: Transfers;
  readonly #left: Local;
  readonly #position: Local;
  readonly #draws: Draws | undefined;

  constructor(
    code: Code,
    calls: Calls,
    plan: Plan,
    loop: Loop,
    dtype: GroupRun["dtype"],
    inputs: readonly ArrayKind[],
    outputs: readonly ArrayKind[],
  ) {
    [this.#code, this.#calls, this.#plan, this.#loop] = [code, calls, plan, loop];
    this.#lanes = dtype === "float32" ? "f32x4" : "f64x2";
    this.#left = code.local("i32");
    this.#position = code.local("i32");
    this.#sums = loop.accumulations.map(() => ({
      low: code.local("v128"),
      high: code.local("v128"),
    }));
    if (loop.nodes.some(isRandom)) {
      const { scalars, tensor } = entryNumbers(plan);
      const places = { ...ENTRY, keys: scalars.length + tensor.length };
      this.#draws = new Draws(code, plan, loop, places, calls.random);
    }
    const used = new Set(this.#operands().map(({ op, arg }) => op === "Symbol" ? arg : null));
    const written = new Set(loop.outputs.map(({ target }) => target));
    this.#entry(inputs, outputs, used, written);
    this.#transfers = new Transfers(code, this.#arrays.map(({ slot }) => slot.dtype));
  }

  render(): void {
    const code = this.#code;
    const [entry, count] = [code.param(0), code.param(1)];
    const arrays = this.#arrays!;
    code.block(() => {
      code.loop(() => {
        code.get(count).op("i32.eqz").branchIf(1);
        code.get(entry).memory("i32.load", 4 * ENTRY.length).set(this.#left);
        arrays.forEach(({ slot, word }) =>
          code.get(entry).memory("i32.load", 4 * word).set(slot.address)
        );
        this.#readNumbers(entry);
        this.#draws?.begin(entry);
        this.#loop.accumulations.forEach(({ op }, k) => {
          code.splat("f64x2", reduceOps[op].start).tee(this.#sums[k].low).set(this.#sums[k].high);
        });
        this.#stretch("vector");
        code.i32(0).set(this.#position);
        this.#stretch("single");
        this.#writeSums(entry);
        code.get(entry).i32(4 * entryWords(this.#arrayCount)).op("i32.add").set(entry);
        code.get(count).i32(1).op("i32.sub").set(count);
        code.branch(0);
      });
    });
  }

  #arrays: { slot: Stream; word: number }[] = [];
  #arrayCount = 0;
  /** Where in the code the loop over vectors is, and how many elements it takes at a time. */
  vectorLoop: { readonly from: number; readonly to: number; readonly elements: number } = {
    from: 0,
    to: 0,
    elements: 1,
  };

  #entry(
    inputs: readonly ArrayKind[],
    outputs: readonly ArrayKind[],
    used: ReadonlySet<Node["arg"]>,
    written: ReadonlySet<string>,
  ): void {
    this.#arrayCount = inputs.length + outputs.length;
    const place = (kind: ArrayKind, word: number): Stream => {
      const slot = { dtype: kind.dtype, address: this.#code.local("i32") };
      this.#arrays.push({ slot, word });
      return slot;
    };
    inputs.forEach((kind, i) => {
      const isElement = this.#plan.extents.get(symbol(kind.name)) === "element";
      if (isElement && used.has(kind.name)) {
        this.#inputs.set(kind.name, place(kind, ENTRY.arrays + i));
      }
    });
    outputs.forEach((kind, i) => {
      if (!written.has(kind.name)) return;
      this.#outputs.set(kind.name, place(kind, ENTRY.arrays + inputs.length + i));
    });
  }

  #operands(): Node[] {
    const { nodes, accumulations, outputs } = this.#loop;
    return [
      ...nodes.flatMap(({ src }) => src),
      ...accumulations.map(({ operand }) => operand),
      ...outputs.map(({ node }) => node),
    ];
  }

  #readNumbers(entry: Local): void {
    const code = this.#code;
    const isDouble = this.#lanes === "f64x2";
    const used = new Set(this.#operands());
    const { scalars, tensor } = entryNumbers(this.#plan);
    [...scalars, ...tensor].forEach((node, i) => {
      if (!used.has(node)) return;
      const local = this.#fixed.get(node) ?? code.local("v128");
      this.#fixed.set(node, local);
      code.get(entry).memory("i32.load", 4 * ENTRY.numbers);
      if (isDouble) code.memory("v128.load64_splat", 8 * i);
      else code.memory("v128.load32_splat", 4 * i);
      code.set(local);
    });
    for (const node of used) {
      if (node.op !== "Const" || this.#fixed.has(node)) continue;
      this.#fixed.set(node, this.#constant(node.arg as number));
    }
    for (const { op } of this.#loop.nodes) {
      const wasm = elementRow(op)?.wasm ?? null;
      if (wasm === null || wasm === "routine" || !("chain" in wasm)) continue;
      for (const [, constant] of wasm.chain) this.#constant(constant[this.#lanes]);
    }
  }

  /** A vector filled with `value`, which stays in a register. */
  #constant(value: number): Local {
    const known = this.#constants.get(keyOf(value));
    if (known !== undefined) return known;
    const local = this.#code.local("v128");
    this.#constants.set(keyOf(value), local);
    this.#code.splat(this.#lanes, value).set(local);
    return local;
  }

  /** A loop over all whole vectors that are left, or over what is left then. */
  #stretch(width: Width): void {
    const code = this.#code;
    // Two vectors of float64 take the place of one of float32; of short numbers, two are moved at once.
    const isDouble = this.#lanes === "f64x2";
    const isPaired = isDouble || this.#arrays.some(({ slot }) => isShort(slot.dtype));
    const halves = width === "vector" && isPaired ? 2 : 1;
    const elements = width === "single" ? 1 : halves * (isDouble ? 2 : 4);
    const from = code.length;
    code.block(() => {
      code.loop(() => {
        code.get(this.#left).i32(elements).op("i32.lt_u").branchIf(1);
        for (let half = 0; half < halves; half++) {
          this.#body(width, half);
          this.#draws?.advance(elements / halves);
        }
        for (const { slot } of this.#arrays) {
          const bytes = halves * strideOf(slot.dtype, width);
          code.get(slot.address).i32(bytes).op("i32.add").set(slot.address);
        }
        if (width === "single") {
          code.get(this.#position).i32(1).op("i32.add").i32(3).op("i32.and").set(this.#position);
        }
        code.get(this.#left).i32(elements).op("i32.sub").set(this.#left);
        code.branch(0);
      });
    });
    if (width === "vector") this.vectorLoop = { from, to: code.length, elements };
  }

  readonly #reused: Local[] = [];

  #body(width: Width, half: number): void {
    const code = this.#code;
    // Bodies share their locals, since engines allow a function only so many.
    let taken = 0;
    const take = () => this.#reused[taken++] ??= code.local("v128");
    const values = new Map<Node, Local>(this.#fixed);
    const read = (node: Node): Local => {
      const known = values.get(node);
      if (known !== undefined) return known;
      const local = take();
      this.#transfers.load(this.#inputs.get(node.arg)!, width, half);
      code.set(local);
      values.set(node, local);
      return local;
    };
    for (const node of this.#loop.nodes) {
      if (isRandom(node)) this.#draws!.push(node, width);
      else this.#operate(node, node.src.map(read));
      const local = take();
      code.set(local);
      values.set(node, local);
    }
    this.#loop.accumulations.forEach(({ op, operand }, k) =>
      this.#accumulate(op, read(operand), k, width, half)
    );
    // Everything is read before anything is written: the arrays may be the same.
    const results = this.#loop.outputs.map(({ node }) => read(node));
    this.#loop.outputs.forEach(({ target }, k) => {
      this.#transfers.store(this.#outputs.get(target)!, width, half, results[k]);
    });
  }

  /** Pushes the result of an operation. */
  #operate({ op }: Node, operands: readonly Local[]): void {
    const code = this.#code;
    const { wasm } = elementRow(op)!;
    const isOne = wasm !== "routine" && "instruction" in wasm!;
    const order = (isOne ? wasm.order : undefined) ?? operands.map((_, i) => i);
    for (const i of order) code.get(operands[i]);
    if (isOne) code.op(wasm.instruction.replace("*", this.#lanes));
    else if (wasm === "routine") this.#calls.routine(op as ElementOpName);
    else {
      for (const [instruction, constant] of wasm!.chain) {
        const value = this.#constants.get(keyOf(constant[this.#lanes]))!;
        code.get(value).op(instruction.replace("*", this.#lanes));
      }
    }
  }

  /** Adds to the four lanes: the low two and the high two, each a pair of float64. */
  #accumulate(op: ReduceOpName, value: Local, k: number, width: Width, half: number): void {
    const code = this.#code;
    const { low, high } = this.#sums[k];
    const pair = code.local("v128");
    const add = (into: Local) => {
      if (reduceOps[op].wasm.squares) code.get(pair).get(pair).op("f64x2.mul").set(pair);
      code.get(into).get(pair).op(reduceOps[op].wasm.combine).set(into);
    };
    const isDouble = this.#lanes === "f64x2";
    if (width === "single") {
      // An element beyond the last vector: it counts for its own lane only.
      for (const [into, first] of [[low, 0], [high, 2]] as const) {
        code.get(value);
        if (!isDouble) code.op("f64x2.promote_low_f32x4");
        if (reduceOps[op].wasm.squares) {
          code.set(pair).get(pair).get(pair).op("f64x2.mul");
        }
        code.splat("f64x2", reduceOps[op].start);
        code.get(this.#position).op("i32x4.splat");
        code.get(this.#lanesFrom(first)).op("i32x4.eq", "v128.bitselect").set(pair);
        code.get(into).get(pair).op(reduceOps[op].wasm.combine).set(into);
      }
    } else if (isDouble) {
      code.get(value).set(pair);
      add(half === 0 ? low : high);
    } else {
      code.get(value).op("f64x2.promote_low_f32x4").set(pair);
      add(low);
      code.get(value).get(value).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
      code.op("f64x2.promote_low_f32x4").set(pair);
      add(high);
    }
  }

  readonly #lanePairs = new Map<number, Local>();

  /** The numbers `first`, `first`, `first` + 1, `first` + 1: which lane each half of a pair is. */
  #lanesFrom(first: number): Local {
    const code = this.#code;
    const known = this.#lanePairs.get(first) ?? code.local("v128");
    this.#lanePairs.set(first, known);
    code.bits("i64x2", BigInt(first) * 0x1_0000_0001n);
    code.bits("i64x2", BigInt(first + 1) * 0x1_0000_0001n);
    code.shuffle(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23).set(known);
    return known;
  }

  #writeSums(entry: Local): void {
    const code = this.#code;
    this.#loop.accumulations.forEach(({ op }, k) => {
      const { low, high } = this.#sums[k];
      code.get(low).get(high).op(reduceOps[op].wasm.combine).set(low);
      code.get(entry).memory("i32.load", 4 * ENTRY.sums);
      // The second lane joins the first.
      code.get(low).get(low).get(low).shuffle(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
      code.op(reduceOps[op].wasm.combine).lane("f64x2.extract_lane", 0).memory("f64.store", 8 * k);
    });
  }
}

/** By what a map tells every constant from all others. */
function keyOf(value: number): number | "-0" {
  return Object.is(value, -0) ? "-0" : value;
}

/** Whether a number of an entry is a condition, which a kernel takes as a mask. */
export function isTruth(node: Node): boolean {
  return node.op in elementOps && elementRow(node.op)!.gives === "truth";
}
