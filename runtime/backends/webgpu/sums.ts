/** Reductions of many parts by a workgroup: each thread takes some, then they join what they have. */
import type { ReduceOpName } from "../../../dsl/node.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import type { Accumulation } from "../../plan/plan.ts";
import { type GroupPlan, ofLeaf } from "./kernel.ts";
import { FEW, joined, start } from "./workgroup.ts";

/** How many levels there are of sums of few. */
const DEPTH = 5;

/**
 * A reduction of any number of parts by one thread: those of few, then those of few of such, so that no
 * part is added to many.
 */
export const Sum = {
  /** Begins it. */
  begin: (op: ReduceOpName): string[] => [
    `var sums: array<Part, ${DEPTH}>;`,
    `for (var at = 0u; at < ${DEPTH}u; at++) {`,
    `  sums[at] = ${start(op)};`,
    `}`,
    `var taken = 0u;`,
  ],
  /** Adds `part`. */
  add: (op: ReduceOpName, part: string): string[] => [
    `sums[0] = ${reduceOps[op].wgsl.combine("sums[0]", part)};`,
    `taken++;`,
    `if (taken % ${FEW}u == 0u) {`,
    `  for (var at = 1u; at < ${DEPTH}u && taken % (1u << (${
      Math.log2(FEW)
    }u * at)) == 0u; at++) {`,
    `    sums[at] = ${reduceOps[op].wgsl.combine("sums[at]", "sums[at - 1u]")};`,
    `    sums[at - 1u] = ${start(op)};`,
    `  }`,
    `}`,
  ],
  /** Joins what the threads of a workgroup have added, as `total`. */
  end: (op: ReduceOpName): string[] => [
    `var sum = sums[0];`,
    `for (var at = 1u; at < ${DEPTH}u; at++) {`,
    `  sum = ${reduceOps[op].wgsl.combine("sum", "sums[at]")};`,
    `}`,
    `let total = ${joined(op, "sum")};`,
  ],
};

/** Writes what the part `part` of a leaf comes to: finished, or as it is where the tree's is made of it. */
export function leavePart(
  group: GroupPlan,
  { op, into }: Pick<Accumulation, "op" | "into">,
  part: string,
  cell: string,
  size: string,
): string[] {
  if ("cell" in into) return [`values[${cell}] = ${reduceOps[op].wgsl.finish(part, size)};`];
  const place = ofLeaf.global(group, into.global);
  return [
    `values[own + ${place}u] = ${part}.scale;`,
    `values[own + ${place + 1}u] = ${part}.value;`,
  ];
}
