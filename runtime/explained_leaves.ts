/** Tells where each parameter goes: how it is computed, what limits it, and what it keeps. */
import type { Program } from "../dsl/program.ts";
import type { Optimizer } from "./optimizer.ts";
import type { Binding } from "./step/binding.ts";
import { hasMatrices, unseenBy } from "./step/views.ts";
import { spellPath } from "./trees/leaf.ts";
import { showView } from "./trees/view.ts";

/** Where a leaf goes. */
export interface ExplainedLeaf {
  /** The keys from the root to it, joined by `/`. */
  readonly path: string;
  /** Its extents. */
  readonly shape: readonly number[];
  /** Its group: leaves of one group are computed alike. The first is shown in the stages. */
  readonly group: number;
  /** The matrices that it is computed as; undefined where no operation on matrices is done. */
  readonly matrices:
    | { readonly count: number; readonly rows: number; readonly columns: number }
    | undefined;
  /** Of each hyperparameter that a mask limits, a partition's and `matrices` among them, whether it applies. */
  readonly masks: Readonly<Record<string, boolean>>;
  /** The states that it keeps. */
  readonly states: readonly string[];
}

/** Leaves that are no matrices, and of which nobody has said so. */
export function unseenIn(program: Program, { layout, groupOf, views }: Binding): string[] {
  return layout.leaves.flatMap((info, i) => {
    const name = views[i] === undefined ? unseenBy(program, info, groupOf[i].settings) : undefined;
    if (name === undefined) return [];
    return [
      `the parameter at ${
        spellPath(info.path)
      } has ${info.shape.length} axes and is computed as no ` +
      `matrix: \`${name}\` says how it could be one, or by \`false\` that it is to be none`,
    ];
  });
}

/** Where the leaves of a binding go. */
export function leavesOf(
  { program, settings }: Optimizer,
  { layout, groups, groupOf, views }: Binding,
): ExplainedLeaf[] {
  const masked = [...settings].flatMap(([name, { mask }]) => mask === undefined ? [] : [name]);
  const isMatrix = new Map(groups.map((each) => [each, hasMatrices(program, each.structural)]));
  return layout.leaves.map(({ path, shape }, i): ExplainedLeaf => {
    const group = groupOf[i];
    const { count, shape: [rows, columns] } = views[i] ?? { count: 1, shape };
    return {
      ...{ path, shape, group: groups.indexOf(group) },
      matrices: isMatrix.get(group)! ? { count, rows, columns } : undefined,
      masks: Object.fromEntries(masked.map((name) => [name, !group.settings.get(name)!.isMasked])),
      states: [...group.live],
    };
  });
}

/** Leaves as text, a line each. */
export function showLeaves(leaves: readonly ExplainedLeaf[]): string {
  const others = leaves.some(({ matrices }) => matrices !== undefined) ? ["as no matrix"] : [];
  return leaves.map((leaf) => showLeaf(leaf, others)).join("\n");
}

function showLeaf(
  { path, shape, group, matrices, masks, states }: ExplainedLeaf,
  others: readonly string[],
): string {
  return [
    `${spellPath(path)} [${shape.join(", ")}]: group ${group}`,
    ...(matrices === undefined
      ? others
      : [`as ${showView({ ...matrices, shape: [matrices.rows, matrices.columns] })}`]),
    ...Object.entries(masks).map(([name, applies]) => `${applies ? "" : "not "}${name}`),
    states.length === 0 ? "keeps no state" : `keeps ${states.join(", ")}`,
  ].join("; ");
}
