/** Runs a step on WebAssembly: phase by phase, the tree's reductions joined between them. */
import { Kernel as JsKernel } from "../js/kernel.ts";
import { JsLeaf } from "../js/leaf.ts";
import { GlobalTotal, type GroupRun, type StepRun } from "../run.ts";
import { hasProducts } from "./kernel.ts";
import { LeafStep } from "./leaf.ts";
import { multiply } from "./multiply.ts";
import { GroupNumbers } from "./numbers.ts";
import { PhaseRun } from "./phase.ts";

const prepared = new WeakMap<StepRun, WasmRun>();

/** Runs one step; a run that is given again is prepared once. */
export function runWasm(run: StepRun): Map<string, number> {
  let known = prepared.get(run);
  if (known === undefined) prepared.set(run, known = new WasmRun(run));
  return known.execute();
}

class WasmRun {
  readonly #run: StepRun;
  readonly #groups = new Map<GroupRun, GroupNumbers>();
  readonly #steps: readonly LeafStep[];
  /** The loops of groups that multiply matrices. */
  readonly #jsKernels = new Map<GroupRun, JsKernel>();
  readonly #jsLeaves: readonly JsLeaf[];
  /** All leaves, in tree order. */
  readonly #leaves: readonly (LeafStep | JsLeaf)[];
  /** For each phase, what is run together. */
  readonly #phases: readonly (readonly PhaseRun[])[];

  constructor(run: StepRun) {
    this.#run = run;
    this.#leaves = run.leaves.map((leaf) => {
      const { group } = leaf;
      let numbers = this.#groups.get(group);
      if (numbers === undefined) {
        this.#groups.set(group, numbers = new GroupNumbers(group));
        if (hasProducts(group.plan)) this.#jsKernels.set(group, new JsKernel(group));
      }
      const jsKernel = this.#jsKernels.get(group);
      return jsKernel === undefined
        ? new LeafStep(leaf, numbers)
        : new JsLeaf(leaf, jsKernel, multiply);
    });
    this.#steps = this.#leaves.filter((leaf) => leaf instanceof LeafStep);
    this.#jsLeaves = this.#leaves.filter((leaf) => leaf instanceof JsLeaf);
    const phases = Math.max(...run.leaves.map(({ group }) => group.plan.phases.length));
    const together = [...groupBy(this.#steps, ({ arena }) => arena)].flatMap(([arena, steps]) =>
      [...groupBy(steps, ({ kernel }) => kernel)].map(([kernel, alike]) => ({
        arena,
        kernel,
        alike,
      }))
    );
    this.#phases = Array.from(
      { length: phases },
      (_, phase) =>
        together.flatMap(({ arena, kernel, alike }) =>
          phase < kernel.phases ? [new PhaseRun(phase, alike, kernel, arena)] : []
        ),
    );
  }

  execute(): Map<string, number> {
    const { leaves, globals } = this.#run;
    const known: (number | undefined)[] = globals.map(() => undefined);
    for (const leaf of this.#leaves) leaf.begin();
    for (const [phase, runs] of this.#phases.entries()) {
      this.#groups.forEach((numbers) => numbers.evaluate(known));
      this.#jsKernels.forEach((kernel) => kernel.evaluate(known));
      for (const leaf of this.#jsLeaves) leaf.run(phase);
      for (const run of runs) run.execute(this.#run.threads);
      const totals = new Map<number, GlobalTotal>();
      if (globals.length > 0) {
        for (const step of this.#leaves) {
          step.eachGlobal(phase, (k, sum, count) => {
            if (!totals.has(k)) totals.set(k, new GlobalTotal(globals[k].op));
            totals.get(k)!.add(sum, count);
          });
        }
      }
      totals.forEach((total, k) => known[k] = total.finish());
    }
    for (const step of this.#steps) step.writeTensorStates();
    const first = this.#groups.get(leaves[0].group)!;
    first.evaluate(known);
    const { treeStates } = leaves[0].group.plan;
    return new Map([...treeStates].map(([name, node]) => [name, first.scalar(node)]));
  }
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
