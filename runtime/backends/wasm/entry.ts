/** What an entry of a pass's table holds: its words, and the numbers that it brings. */
import type { Node } from "../../../dsl/node.ts";
import { elementOps, elementRow } from "../../../dsl/ops.ts";
import { bytesOf } from "../../trees/dtype.ts";
import type { Plan } from "../../plan/plan.ts";
import type { ArrayKind, GroupArrays, GroupRun } from "../backend.ts";
import { roundedOutputs } from "../random.ts";
import { BLOCK_WORDS, blockBytes } from "./blocks.ts";

/**
 * Words at the beginning of an entry, before the addresses of its arrays; `first` is the place in its
 * leaf of the first element, and `leaf` the leaf's in the tree.
 */
export const ENTRY = { length: 0, numbers: 1, sums: 2, first: 3, leaf: 4, arrays: 5 } as const;

/** The number of 32-bit words of an entry of leaves with these arrays; the last ones are of its blocks, if it has any. */
export function entryWords(arrays: Pick<GroupArrays, "inputs" | "outputs">): number {
  const blocks = blockBytes(arrays) === undefined ? 0 : BLOCK_WORDS.words;
  return ENTRY.arrays + arrays.inputs.length + arrays.outputs.length + blocks;
}

/** The numbers that an entry brings: scalars of the step, then values of its tensor. */
interface EntryNumbers {
  readonly scalars: readonly Node[];
  readonly tensor: readonly Node[];
}

const entries = new WeakMap<Plan, EntryNumbers>();

/** The numbers that the entries of a plan bring, worked out once: every pass asks for them. */
export function entryNumbers(plan: Plan): EntryNumbers {
  const known = entries.get(plan);
  if (known !== undefined) return known;
  const loops = plan.phases.flat();
  const tensor = new Set([
    ...loops.flatMap((loop) => loop.extent === 0 ? loop.kept : []),
    ...plan.cells.flatMap(({ node, extent }) => extent === 0 ? [node] : []),
    ...[...plan.extents].flatMap(([node, extent]) =>
      extent === 0 && node.op === "Symbol" ? [node] : []
    ),
  ]);
  const made = { scalars: plan.scalars.map(({ node }) => node), tensor: [...tensor] };
  entries.set(plan, made);
  return made;
}

/**
 * The bytes of the numbers of one entry and its keys, behind which the record of its leaf is, if it has
 * one.
 */
export function numbersBytes(
  plan: Plan,
  dtype: GroupRun["dtype"],
  outputs: readonly ArrayKind[],
): number {
  const { scalars, tensor } = entryNumbers(plan);
  const numbers = bytesOf(dtype) * (scalars.length + tensor.length);
  const keys = plan.random.length + roundedOutputs(outputs).length;
  return Math.ceil((numbers + 8 * keys) / 16) * 16;
}

/** Whether a number of an entry is a condition, which a kernel takes as a mask. */
export function isTruth(node: Node): boolean {
  return node.op in elementOps && elementRow(node.op)!.gives === "truth";
}
