/** Random numbers as JavaScript makes them: what their keys are, and the numbers of a leaf. */
import type { Node } from "../../dsl/node.ts";
import { randomRow } from "../../dsl/ops.ts";
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import type { Plan } from "../plan/plan.ts";
import type { LeafRun } from "./backend.ts";

/** The words of the keys of `nodes`, two each, from the numbers of a step. */
export function keysOf(
  nodes: Plan["random"],
  valueOf: (node: Node) => number,
): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(
    nodes.flatMap(({ src }) => src.map((operand) => wordOf(valueOf(operand)))),
  );
}

/** The number of the `k`th of a plan's random nodes at an element. */
export type LeafNumbers = (k: number, element: number) => number;

/** The random numbers of one leaf. */
export function leafNumbers(
  nodes: Plan["random"],
  keys: Uint32Array,
  { number: leaf, group: { dtype } }: Pick<LeafRun, "number" | "group">,
): LeafNumbers {
  const rows = nodes.map(({ op }) => randomRow(op)!);
  return (k, element) => {
    const row = rows[k];
    const [high, low] = bitsAt([keys[2 * k], keys[2 * k + 1]], element, leaf, row.stream);
    return row[dtype](high, low);
  };
}
