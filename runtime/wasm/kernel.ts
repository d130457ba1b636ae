/** Compiles a plan's loops to WebAssembly and binds them to memories. */
import type { ArrayKind, GroupRun } from "../run.ts";
import type { Extent, Plan } from "../plan.ts";
import { symbol } from "../../dsl/node.ts";
import { elementRow, randomRow } from "../../dsl/ops.ts";
import { Code, type MemoryImport, Module } from "./emit.ts";
import type { Arena } from "./memory.ts";
import { elementLoop, renderModule } from "./render.ts";

/** Which arrays a phase touches, by their place among inputs and outputs. */
export interface PhaseArrays {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** The entry point of a phase: steps `count` entries of the table at `table`. */
export type PhaseFunction = (table: number, count: number) => void;

const LARGEST = 65_535;
let nextId = 0;

/** Whether a plan multiplies matrices: then only its products are in WebAssembly, its loops are not. */
export function hasProducts({ products }: Plan): boolean {
  return products.some((each) => each.length > 0);
}

const runnable = new WeakMap<Plan, boolean>();

/** Whether a group can be computed here: element-wise and per tensor, in types that kernels have. */
export function isRunnable(group: GroupRun): boolean {
  if (!isAllowed()) return false;
  let known = runnable.get(group.plan);
  if (known === undefined) runnable.set(group.plan, known = isSpelled(group));
  return known;
}

function isSpelled({ plan, dtype, inputs, outputs }: GroupRun): boolean {
  if (hasProducts(plan)) return false;
  const isRead = ({ name }: ArrayKind) => plan.extents.get(symbol(name)) === "element";
  const wide = [
    ...inputs.filter(isRead),
    ...outputs.filter((_, k) => plan.outputs[k].extent === "element"),
  ];
  if (dtype === "float64" && wide.some((kind) => kind.dtype !== "float64")) return false;
  const isAxes = (extent: Extent) => typeof extent === "number" && extent !== 0;
  if ([...plan.extents.values()].some(isAxes)) return false;
  return plan.phases.flat().every((loop) =>
    (loop.extent === "element" || loop.extent === 0) &&
    loop.accumulations.every(({ extent }) => extent === 0) &&
    (loop.extent === 0 || loop.nodes.every(({ op }) => {
      // Routines are on vectors of float32.
      if (randomRow(op) !== undefined) return dtype === "float32";
      const wasm = elementRow(op)!.wasm;
      return wasm !== null && (wasm !== "routine" || dtype === "float32");
    }))
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
  readonly #instances = new WeakMap<Arena, readonly (PhaseFunction | undefined)[]>();
  /** A number of its own, by which worker threads know it. */
  readonly id: number = nextId++;
  /** What each phase touches. */
  readonly arrays: readonly PhaseArrays[];

  /** The number of phases. */
  get phases(): number {
    return this.#plan.phases.length;
  }

  constructor({ plan, dtype, inputs, outputs }: GroupRun) {
    [this.#plan, this.#dtype, this.#inputs, this.#outputs] = [plan, dtype, inputs, outputs];
    this.arrays = plan.phases.map((_, k) => touched(plan, k, inputs, outputs));
  }

  /** The functions of the phases, on the memory of `arena`. */
  on(arena: Arena): readonly (PhaseFunction | undefined)[] {
    let phases = this.#instances.get(arena);
    if (phases === undefined) {
      const instance = new WebAssembly.Instance(this.module(arena.isShared), {
        env: { memory: arena.memory },
      });
      phases = this.#plan.phases.map((_, k) =>
        instance.exports[`phase${k}`] as PhaseFunction | undefined
      );
      this.#instances.set(arena, phases);
    }
    return phases;
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
  phase: number,
  inputs: readonly ArrayKind[],
  outputs: readonly ArrayKind[],
): PhaseArrays {
  const loop = elementLoop(plan, phase);
  if (loop === undefined) return { reads: [], writes: [] };
  const operands = new Set([
    ...loop.nodes.flatMap(({ src }) => src),
    ...loop.accumulations.map(({ operand }) => operand),
    ...loop.outputs.map(({ node }) => node),
  ]);
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
