/** Compiles a plan's loops to WebAssembly and binds them to memories. */
import type { ArrayKind, GroupRun } from "../backend.ts";
import { isSized } from "../../plan/extent.ts";
import { operandsOf, type Plan } from "../../plan/plan.ts";
import { symbol } from "../../../dsl/node.ts";
import { elementRow, randomRow } from "../../../dsl/ops.ts";
import { Code } from "./code.ts";
import { type MemoryImport, Module } from "./module.ts";
import type { Arena } from "../../trees/arena.ts";
import { type Pass, passesOf } from "./passes.ts";
import { renderModule } from "./render.ts";

/** Which arrays a pass touches, by their place among inputs and outputs. */
export interface PassArrays {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** The entry point of a pass: steps `count` entries of the table at `table`. */
export type PassFunction = (table: number, count: number) => void;

const LARGEST = 65_535;
let nextId = 0;

/** Whether a plan has matrices of their own shapes, or places along axes, of which a kernel has no loops. */
function hasShapes({ products, extents }: Plan): boolean {
  return products.some((each) => each.length > 0) ||
    [...extents].some(([{ op }, extent]) => op === "Index" || isSized(extent));
}

const runnable = new WeakMap<Plan, boolean>();

/** Whether a group can be computed here: in types that kernels have, by ops that they can spell. */
export function isRunnable(group: GroupRun): boolean {
  if (!isAllowed()) return false;
  let known = runnable.get(group.plan);
  if (known === undefined) runnable.set(group.plan, known = isSpelled(group));
  return known;
}

function isSpelled({ plan, dtype, inputs, outputs }: GroupRun): boolean {
  if (hasShapes(plan)) return false;
  const isRead = ({ name }: ArrayKind) => plan.extents.get(symbol(name)) === "element";
  const wide = [
    ...inputs.filter(isRead),
    ...outputs.filter((_, k) => plan.outputs[k]?.extent === "element"),
  ];
  if (dtype === "float64" && wide.some((kind) => kind.dtype !== "float64")) return false;
  return passesOf(plan).every(({ loop }) =>
    loop.nodes.every(({ op }) => {
      // Routines are on vectors of float32.
      if (randomRow(op) !== undefined) return dtype === "float32";
      const wasm = elementRow(op)!.wasm;
      return wasm !== null && (wasm !== "routine" || dtype === "float32");
    })
  );
}

let allowed: boolean | undefined;

/** Whether this place can compile WebAssembly SIMD; says so once where it cannot. */
export function isAllowed(): boolean {
  if (allowed === undefined) {
    try {
      const code = new Code({ name: "probe", params: ["v128"], results: ["v128"] });
      const module = new Module({ shared: false, initial: 0, maximum: 1 });
      module.add(code.get(code.param(0)).op("f32x4.sqrt"));
      new WebAssembly.Module(module.bytes());
      allowed = true;
    } catch {
      allowed = false;
      console.warn("gradus: WebAssembly SIMD is not allowed here; steps run in JavaScript");
    }
  }
  return allowed;
}

/** The compiled loops of a plan; `plan` must be of one set of types. */
export class Kernel {
  readonly #plan: Plan;
  readonly #dtype: GroupRun["dtype"];
  readonly #inputs: readonly ArrayKind[];
  readonly #outputs: readonly ArrayKind[];
  readonly #modules = new Map<boolean, WebAssembly.Module>();
  readonly #instances = new WeakMap<Arena, readonly PassFunction[]>();
  /** A number of its own, by which worker threads know it. */
  readonly id: number = nextId++;
  /** What each pass touches. */
  readonly arrays: readonly PassArrays[];

  /** The number of phases. */
  get phases(): number {
    return this.#plan.phases.length;
  }

  constructor({ plan, dtype, inputs, outputs }: GroupRun) {
    [this.#plan, this.#dtype, this.#inputs, this.#outputs] = [plan, dtype, inputs, outputs];
    this.arrays = passesOf(plan).map((pass) => touched(plan, pass, inputs, outputs));
  }

  /** The functions of the passes, on the memory of `arena`. */
  on(arena: Arena): readonly PassFunction[] {
    let passes = this.#instances.get(arena);
    if (passes === undefined) {
      const instance = new WebAssembly.Instance(this.module(arena.isShared), {
        env: { memory: arena.memory },
      });
      passes = passesOf(this.#plan).map((_, k) => instance.exports[`pass${k}`] as PassFunction);
      this.#instances.set(arena, passes);
    }
    return passes;
  }

  /** The module, for memories that are shared or not. */
  module(isShared: boolean): WebAssembly.Module {
    let module = this.#modules.get(isShared);
    if (module === undefined) {
      const memory: MemoryImport = { shared: isShared, initial: 1, maximum: LARGEST };
      const rendered = renderModule(this.#plan, this.#dtype, this.#inputs, this.#outputs, memory);
      const bytes = rendered.bytes();
      const key = new TextDecoder("latin1").decode(bytes);
      module = compiled.get(key) ?? new WebAssembly.Module(bytes);
      if (compiled.size >= MOST_COMPILED) compiled.delete(compiled.keys().next().value!);
      compiled.set(key, module);
      this.#modules.set(isShared, module);
    }
    return module;
  }
}

// By bytes: programs of equal structure share what is compiled, whatever their names.
const compiled = new Map<string, WebAssembly.Module>();
const MOST_COMPILED = 512;
const kernels = new WeakMap<Plan, Kernel>();

/** The kernel of a group, compiled once a plan. */
export function kernelOf(group: GroupRun): Kernel {
  let kernel = kernels.get(group.plan);
  if (kernel === undefined) kernels.set(group.plan, kernel = new Kernel(group));
  return kernel;
}

function touched(
  plan: Plan,
  { loop }: Pass,
  inputs: readonly ArrayKind[],
  outputs: readonly ArrayKind[],
): PassArrays {
  if (loop.extent !== "element") return { reads: [], writes: [] };
  const operands = new Set(operandsOf(loop));
  const places = (kinds: readonly ArrayKind[], isTouched: (name: string) => boolean) =>
    kinds.flatMap(({ name }, i) => isTouched(name) ? [i] : []);
  return {
    reads: places(
      inputs,
      (name) => operands.has(symbol(name)) && plan.extents.get(symbol(name)) === "element",
    ),
    writes: places(outputs, (name) => loop.outputs.some(({ target }) => target === name)),
  };
}
