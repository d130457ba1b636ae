/** Runs leaves on WebAssembly, phase by phase. */
import { groupBy } from "../../../dsl/group_by.ts";
import type { AddGlobal, GroupRun, Known, LeafRun, Part } from "../backend.ts";
import { fieldsIn } from "./fields.ts";
import { LeafStep } from "./leaf.ts";
import { type Arena, stagingArena } from "../../trees/arena.ts";
import { GroupNumbers } from "./numbers.ts";
import type { Kernel } from "./kernel.ts";
import { hasWorkingSpace, PassRun, workingSpace } from "./pass_run.ts";
import { passesOf } from "./passes.ts";
import { stagedBytes } from "./window.ts";

/** Leaves that run on WebAssembly. */
export class WasmPart implements Part {
  readonly #leaves: readonly LeafRun[];
  readonly #threads: number;
  readonly #groups = new Map<GroupRun, GroupNumbers>();
  #steps: readonly LeafStep[] = [];
  /** Those that keep more than elements from phase to phase. */
  #begun: readonly LeafStep[] = [];
  /** For each phase, what is run together. */
  #phases: readonly (readonly PhaseRun[])[] = [];
  /** The bytes of working space that are needed in each memory. */
  #spaces: ReadonlyMap<Arena, number> = new Map();

  constructor(leaves: readonly LeafRun[], threads: number) {
    [this.#leaves, this.#threads] = [leaves, threads];
    for (const { group } of leaves) {
      if (!this.#groups.has(group)) this.#groups.set(group, new GroupNumbers(group));
    }
    this.#place(true);
    // A step may need more room than a memory has left beside the arrays: then these come out of it.
    if (![...this.#spaces].every(([arena, bytes]) => hasWorkingSpace(arena, bytes))) {
      this.#place(false);
    }
  }

  #place(mayBeDirect: boolean): void {
    const leaves = this.#leaves;
    const staging = stagingArena(
      leaves.reduce((sum, leaf) => sum + (fieldsIn(leaf, 0)?.bytes ?? 0), 0) +
        Math.max(...[...this.#groups.keys()].map((group) => stagedBytes(group))),
    );
    this.#steps = leaves.map((leaf) =>
      new LeafStep(leaf, this.#groups.get(leaf.group)!, staging, mayBeDirect)
    );
    const phases = Math.max(...this.#steps.map(({ kernel }) => kernel.phases));
    const spaces = new Map<Arena, number>();
    const together = [...groupBy(this.#steps, ({ arena }) => arena)].flatMap(([arena, steps]) => {
      const fields = steps.reduce((end, step) => step.placeFields(end), 0);
      spaces.set(arena, fields);
      return [...groupBy(steps, ({ kernel }) => kernel)].map(([kernel, alike]) => ({
        arena,
        fields,
        kernel,
        alike,
      }));
    });
    this.#phases = Array.from(
      { length: phases },
      (_, phase) =>
        together.flatMap(({ arena, fields, kernel, alike }) => {
          if (phase >= kernel.phases) return [];
          const run = new PhaseRun(phase, alike, kernel, arena, fields);
          spaces.set(arena, Math.max(spaces.get(arena)!, run.bytes));
          return [run];
        }),
    );
    this.#spaces = spaces;
    this.#begun = this.#steps.filter((step) => step.fields !== undefined || step.hasTensor);
  }

  refit(): boolean {
    for (const step of this.#steps) {
      const moved = step.refit();
      if (moved === undefined) return false;
      if (moved) { for (const phase of this.#phases) phase.forEach((run) => run.forget()); }
    }
    return true;
  }

  begin(): void {
    for (const step of this.#begun) {
      step.begin(workingSpace(step.arena, this.#spaces.get(step.arena)!));
    }
  }

  execute(phase: number, globals: Known): void {
    this.#groups.forEach((numbers) => numbers.evaluate(globals));
    for (const run of this.#phases[phase] ?? []) run.execute(this.#threads);
  }

  eachGlobal(leaf: number, phase: number, add: AddGlobal): void {
    this.#steps[leaf].eachGlobal(phase, add);
  }

  end(): void {
    for (const step of this.#begun) step.end();
  }

  treeStates(group: GroupRun, globals: Known): Map<string, number> {
    const numbers = this.#groups.get(group)!;
    numbers.evaluate(globals);
    return new Map([...group.plan.treeStates].map(([name, node]) => [name, numbers.scalar(node)]));
  }
}

/** One phase of leaves that share a kernel and a memory. */
class PhaseRun {
  readonly #phase: number;
  /** The leaves that the phase comes to more for than elements. */
  readonly #steps: readonly LeafStep[];
  readonly #passes: readonly PassRun[];

  /** The leaves' fields take the first `fields` bytes of the working space. */
  constructor(
    phase: number,
    steps: readonly LeafStep[],
    kernel: Kernel,
    arena: Arena,
    fields: number,
  ) {
    this.#phase = phase;
    const { plan } = steps[0].leaf.group;
    const isReduced = plan.phases[phase].some(({ accumulations }) => accumulations.length > 0);
    this.#steps = steps.filter(({ hasTensor }) => hasTensor || isReduced);
    this.#passes = passesOf(plan).flatMap((pass, k) =>
      pass.phase === phase ? [new PassRun(k, steps, kernel, arena, fields)] : []
    );
  }

  /** Bytes of working space that it needs. */
  get bytes(): number {
    return Math.max(0, ...this.#passes.map(({ bytes }) => bytes));
  }

  /** Forgets where the leaves' arrays are. */
  forget(): void {
    for (const pass of this.#passes) pass.forget();
  }

  execute(threads: number): void {
    for (const step of this.#steps) step.enter(this.#phase);
    for (const pass of this.#passes) pass.execute(threads);
    for (const step of this.#steps) step.leave();
  }
}
