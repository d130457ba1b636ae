/** The plans of a step on the GPU. */
import { elaborate, globalsRead } from "../../../dsl/graph.ts";
import type { StepKey } from "../../step/form.ts";
import { requireKept } from "../../step/groups.ts";
import { elementInputs, stateKind } from "../../backends/backend.ts";
import type { Node } from "../../../dsl/node.ts";
import type { Program } from "../../../dsl/program.ts";
import type { Mode } from "../../plan/plan.ts";
import { initialPlan } from "../../step/initial.ts";
import { type DType, isShort } from "../../trees/dtype.ts";
import type { StateStorage } from "../../trees/state_storage.ts";
import { type Extent, isMatrix, isSized } from "../../plan/extent.ts";
import { Counts, countsOf } from "../../plan/counts.ts";
import { formOf } from "../../plan/forms.ts";
import { variantOf } from "../../plan/variants.ts";
import { extentOf, type GroupPlan } from "../../backends/webgpu/kernel.ts";
import { HostNumbers, type Rounded } from "../../backends/webgpu/numbers.ts";

/** How each group is computed in a step of one form. */
export function plansOf(
  { binding: { groups, live }, program, keys, late }: StepKey,
  mode: "step" | "update",
  ofData: ReadonlySet<string>,
  storage: StateStorage,
  doing: string,
): GroupPlan[] {
  const globals = new Set(keys.flatMap((key) => [...globalsRead(formOf(program, key))]));
  return groups.map((group, i) => {
    const { plan } = variantOf(program, {
      ...keys[i],
      ...{ live: group.live, axes: group.axes, globals },
      ...{ mode: modeOf(group.stored, mode), backend: "wgsl", dtypes: "float32" },
    });
    const states = [...program.state].filter(([name, { over }]) =>
      over !== "tree" && group.live.has(name)
    );
    if (keys[i].structural.size !== group.structural.size) {
      requireKept(program, plan.extents.keys(), group.live, doing);
    }
    return {
      plan,
      numbers: new HostNumbers(
        plan,
        ofData,
        mode === "step" ? roundedIn(program, storage) : NONE,
        late.map(({ name }) => name),
      ),
      ofData: [...live].filter((name) => ofData.has(name)),
      counts: countsOf(program),
      perTensor: [...group.live].filter((name) => extentOf(plan, name) === 0),
      usesAxes: [...plan.extents.values()].some(isNarrow),
      globals: elaborate(program).globals.length,
      read: ["g", ...elementInputs(program)],
      out: mode === "step" && !isShort(group.stored) ? "w" : "",
      states: new Map(states.map(([name, { over }]) => [name, over])),
      storage,
    };
  });
}

/** The plan of what a state begins as, made of its parameter. */
export function beginningPlan(init: Node, shape: readonly number[]): GroupPlan {
  const { plan } = initialPlan(init, shape, "wgsl");
  return {
    plan,
    numbers: new HostNumbers(plan, new Set(), NONE),
    ...{ ofData: [], counts: new Counts(new Set()), perTensor: [], globals: 0 },
    usesAxes: [...plan.extents.values()].some(isNarrow),
    ...{ read: ["w"], out: "", states: NONE, storage: NONE },
  };
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

function modeOf(stored: DType, mode: "step" | "update"): Mode {
  if (!isShort(stored) || mode === "update") return mode;
  return "masterStep";
}

/** The states that are rounded stochastically. */
function roundedIn(program: Program, storage: StateStorage): Map<string, Rounded> {
  return new Map(
    [...storage].flatMap(([name, stored]) => {
      const { rounding } = stateKind(program, name, stored);
      return rounding === undefined ? [] : [[name, rounding] as const];
    }),
  );
}

/** Whether something varies over some axes and not over others. */
function isNarrow(extent: Extent): boolean {
  return typeof extent === "number" ? extent !== 0 : isSized(extent) && !isMatrix(extent);
}
