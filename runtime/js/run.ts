/** The JavaScript backend. */
import { GlobalTotal, type GroupRun, type StepRun } from "../run.ts";
import { Kernel } from "./kernel.ts";
import { JsLeaf } from "./leaf.ts";
import { multiply } from "./multiply.ts";

/** Runs one step on compiled loops. */
export function runJs({ leaves, globals }: StepRun): Map<string, number> {
  const kernels = new Map<GroupRun, Kernel>();
  for (const { group } of leaves) {
    if (!kernels.has(group)) kernels.set(group, new Kernel(group));
  }
  const steps = leaves.map((leaf) => new JsLeaf(leaf, kernels.get(leaf.group)!, multiply));
  const known: (number | undefined)[] = globals.map(() => undefined);
  const phases = Math.max(...leaves.map(({ group }) => group.plan.phases.length));
  for (let phase = 0; phase < phases; phase++) {
    kernels.forEach((kernel) => kernel.evaluate(known));
    const totals = new Map<number, GlobalTotal>();
    for (const step of steps) {
      step.run(phase);
      step.eachGlobal(phase, (k, sum, count) => {
        if (!totals.has(k)) totals.set(k, new GlobalTotal(globals[k].op));
        totals.get(k)!.add(sum, count);
      });
    }
    totals.forEach((total, k) => known[k] = total.finish());
  }
  return kernels.get(leaves[0].group)!.treeStates(known);
}
