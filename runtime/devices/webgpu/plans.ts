/** The plans of a step on the GPU. */
import { GradusError } from "../../../dsl/errors.ts";
import { elaborate, globalsRead } from "../../../dsl/graph.ts";
import { matrixRow } from "../../../dsl/ops.ts";
import { sketchExpression } from "../../../dsl/print.ts";
import type { StepKey } from "../../step/form.ts";
import { requireKept } from "../../step/groups.ts";
import type { Plan } from "../../plan/plan.ts";
import { elementInputs } from "../../backends/backend.ts";
import { isSized } from "../../plan/extent.ts";
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
    requireSpelled(plan, doing);
    if (keys[i].structural.size !== group.structural.size) {
      requireKept(program, plan.extents.keys(), group.live, doing);
    }
    return {
      plan,
      numbers: new HostNumbers(plan, ofData),
      ofData: [...live].filter((name) => ofData.has(name)),
      counts: countsOf(program),
      perTensor: [...group.live].filter((name) => extentOf(plan, name) === 0),
      usesAxes: [...plan.extents.values()].some((extent) => Number(extent) > 0),
      globals: elaborate(program).globals.length,
      read: ["g", ...elementInputs(program)],
    };
  });
}

/** Refuses what no kernel here computes. */
function requireSpelled({ extents }: Plan, doing: string): void {
  for (const [node, extent] of extents) {
    const fault = isSized(extent) || node.op === "Index"
      ? "matrices of their own shapes are not computed"
      : matrixRow(node.op) !== undefined
      ? "matrices are not multiplied"
      : undefined;
    if (fault === undefined) continue;
    throw new GradusError(
      `${doing}: ${fault} there: needed by \`${sketchExpression(node)}\`; step it in the library`,
    );
  }
}
