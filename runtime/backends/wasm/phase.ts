/** One phase of leaves that share a kernel and a memory: what is one value a tensor, then pass by pass. */
import type { Kernel } from "./kernel.ts";
import type { LeafStep } from "./leaf.ts";
import type { Arena } from "../../trees/arena.ts";
import { PassRun } from "./pass.ts";
import { passesOf } from "./passes.ts";

/** One phase of leaves that share a kernel and a memory. */
export class PhaseRun {
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
