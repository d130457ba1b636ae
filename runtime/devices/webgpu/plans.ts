/** The plans of a step on the GPU. */
import { elaborate, globalsRead } from "../../../dsl/graph.ts";
import type { StepKey } from "../../step/form.ts";
import { requireKept } from "../../step/groups.ts";
import { elementInputs } from "../../backends/backend.ts";
import { type Extent, isMatrix, isSized } from "../../plan/extent.ts";
import { countsOf } from "../../plan/counts.ts";
import { formOf } from "../../plan/forms.ts";
import { variantOf } from "../../plan/variants.ts";
import { extentOf, type GroupPlan } from "../../backends/webgpu/kernel.ts";
import { HostNumbers } from "../../backends/webgpu/numbers.ts";

/** How each group is computed in a step of one form. */
export function plansOf(
  { binding: { groups, live }, program, keys }: StepKey,
  mode: "step" | "update",
  ofData: ReadonlySet<string>,
  doing: string,
): GroupPlan[] {
  const globals = new Set(keys.flatMap((key) => [...globalsRead(formOf(program, key))]));
  return groups.map((group, i) => {
    const { plan } = variantOf(program, {
      ...keys[i],
      ...{ live: group.live, axes: group.axes, globals },
      ...{ mode, backend: "wgsl", dtypes: "float32" },
    });
    if (keys[i].structural.size !== group.structural.size) {
      requireKept(program, plan.extents.keys(), group.live, doing);
    }
    return {
      plan,
      numbers: new HostNumbers(plan, ofData),
      ofData: [...live].filter((name) => ofData.has(name)),
      counts: countsOf(program),
      perTensor: [...group.live].filter((name) => extentOf(plan, name) === 0),
      usesAxes: [...plan.extents.values()].some((extent) => isNarrow(extent)),
      globals: elaborate(program).globals.length,
      read: ["g", ...elementInputs(program)],
    };
  });
}

/** Whether something varies over some axes and not over others. */
function isNarrow(extent: Extent): boolean {
  return typeof extent === "number" ? extent !== 0 : isSized(extent) && !isMatrix(extent);
}
