/**
 * Runs a step phase by phase, each group of leaves on the backend that it is planned for; between phases the
 * reductions over the tree are joined, leaf by leaf in the tree's order.
 */
import { JsPart } from "./js/run.ts";
import { GlobalTotal, type LeafRun, type Part, type StepRun } from "./backend.ts";
import { WasmPart } from "./wasm/run.ts";

/** One step, prepared for its arrays. */
export class PhasedStep {
  readonly #run: StepRun;
  readonly #parts: Part[] = [];
  /** Of each leaf, the part that runs it and its place there. */
  readonly #places: readonly { readonly part: Part; readonly place: number }[];
  readonly #phases: number;

  constructor(run: StepRun) {
    this.#run = run;
    const places = new Map<LeafRun, { readonly part: Part; readonly place: number }>();
    for (const backend of ["wasm", "js"] as const) {
      const leaves = run.leaves.filter(({ group }) => group.backend === backend);
      if (leaves.length === 0) continue;
      const part = backend === "wasm"
        ? new WasmPart(leaves, run.threads)
        : new JsPart(leaves, run.matrices);
      this.#parts.push(part);
      leaves.forEach((leaf, place) => places.set(leaf, { part, place }));
    }
    this.#places = run.leaves.map((leaf) => places.get(leaf)!);
    this.#phases = Math.max(...run.leaves.map(({ group }) => group.plan.phases.length));
  }

  refit(): boolean {
    return this.#parts.every((part) => part.refit());
  }

  run(): ReadonlyMap<string, number> {
    const { leaves, globals } = this.#run;
    const known: (number | undefined)[] = globals.map(() => undefined);
    for (const part of this.#parts) part.begin();
    for (let phase = 0; phase < this.#phases; phase++) {
      for (const part of this.#parts) part.execute(phase, known);
      if (globals.length > 0) this.#join(phase, known);
    }
    for (const part of this.#parts) part.end();
    const { group } = leaves[0];
    return group.plan.treeStates.size === 0 ? NONE : this.#places[0].part.treeStates(group, known);
  }

  /** Joins what the leaves came to of the reductions over the tree that end with a phase. */
  #join(phase: number, known: (number | undefined)[]): void {
    const totals = new Map<number, GlobalTotal>();
    for (const { part, place } of this.#places) {
      part.eachGlobal(place, phase, (k, accumulator, count) => {
        if (!totals.has(k)) totals.set(k, new GlobalTotal(this.#run.globals[k].op));
        totals.get(k)!.add(accumulator, count);
      });
    }
    totals.forEach((total, k) => known[k] = total.finish());
  }
}

const NONE: ReadonlyMap<string, number> = new Map();
