/** Runs leaves on compiled JavaScript, phase by phase. */
import type { MatrixRoutines } from "../../plan/products.ts";
import type { AddGlobal, GroupRun, Known, LeafRun, Part } from "../backend.ts";
import { Kernel } from "./kernel.ts";
import { JsLeaf } from "./leaf.ts";

/** Leaves that run on compiled loops. */
export class JsPart implements Part {
  readonly #kernels = new Map<GroupRun, Kernel>();
  readonly #leaves: readonly JsLeaf[];

  /** What is done to whole matrices is left to `matrices`. */
  constructor(leaves: readonly LeafRun[], matrices: MatrixRoutines) {
    for (const { group } of leaves) {
      if (!this.#kernels.has(group)) this.#kernels.set(group, new Kernel(group));
    }
    this.#leaves = leaves.map((leaf) => new JsLeaf(leaf, this.#kernels.get(leaf.group)!, matrices));
  }

  // Arrays are read where the leaves have them.
  refit(): boolean {
    return true;
  }

  begin(): void {
    for (const leaf of this.#leaves) leaf.begin();
  }

  execute(phase: number, globals: Known): void {
    this.#kernels.forEach((kernel) => kernel.evaluate(globals));
    for (const leaf of this.#leaves) leaf.run(phase);
  }

  eachGlobal(leaf: number, _phase: number, add: AddGlobal): void {
    this.#leaves[leaf].eachGlobal(add);
  }

  // A leaf is done with its last phase.
  end(): void {}

  treeStates(group: GroupRun, globals: Known): Map<string, number> {
    return this.#kernels.get(group)!.treeStates(globals);
  }
}
