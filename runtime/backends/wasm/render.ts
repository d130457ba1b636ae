/** Writes the passes of a plan as a module of WebAssembly SIMD, a function each, with what they call. */
import type { ElementOpName } from "../../../dsl/node.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ArrayKind, GroupRun } from "../backend.ts";
import { STORE_BLOCK, storeBlock } from "./blocks.ts";
import { Code, type FunctionType } from "./code.ts";
import { type MemoryImport, Module } from "./module.ts";
import { type Calls, Loops } from "./loops.ts";
import { addRandom, addRoutine, routineTypes } from "./math.ts";
import { BITS, type Drawn, RANDOM } from "./math/random.ts";
import { passesOf } from "./passes.ts";

const PASS: Omit<FunctionType, "name"> = { params: ["i32", "i32"], results: [] };

/** The vector loop of a pass: what it runs, as names, for so many elements. */
export interface VectorLoop {
  readonly pass: number;
  readonly elements: number;
  readonly instructions: readonly string[];
}

/**
 * A module with the function `pass<k>` for each pass. `note` is told of its vector loop.
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
  const stores = new Map<boolean, { readonly index: number; readonly loop: Instructions }>();
  passesOf(plan).forEach((pass, k) => {
    const code = new Code({ name: `pass${k}`, ...PASS });
    const calls: Calls = {
      storeBlock: (isUnsigned) => {
        if (!stores.has(isUnsigned)) {
          const { code, from, to } = storeBlock(isUnsigned);
          stores.set(isUnsigned, { index: module.add(code), loop: code.instructions(from, to) });
        }
        code.call(stores.get(isUnsigned)!.index, STORE_BLOCK as FunctionType);
      },
      routine: (op: ElementOpName) =>
        code.call(addRoutine(module, op, routines), routineTypes.get(op)!),
      random: (op: Drawn) =>
        code.call(addRandom(module, op, routines), op === "Bits" ? BITS : RANDOM),
    };
    const loops = new Loops(code, calls, plan, pass, dtype, inputs, outputs);
    loops.render();
    module.add(code);
    if (note === undefined) return;
    const { from, to, elements } = loops.vectorLoop;
    // Blocks are stored four numbers at a time.
    const stored = loops.blocksStored.flatMap((isUnsigned) =>
      new Array<Instructions>(elements / 4).fill(stores.get(isUnsigned)!.loop).flat()
    );
    const instructions = withCalls(module, [...code.instructions(from, to), ...stored]);
    note({ pass: k, elements, instructions });
  });
  return module;
}

/** The names of instructions, those of a routine in the place of its call. */
function withCalls(module: Module, instructions: Instructions): string[] {
  return instructions.flatMap(([name, index]) => {
    const called = name === "call" ? module.code(index as number) : undefined;
    if (called === undefined) return [name as string];
    return withCalls(module, called.instructions(0, called.length));
  });
}

type Routines = Map<ElementOpName | string, number>;
type Instructions = ReturnType<Code["instructions"]>;
