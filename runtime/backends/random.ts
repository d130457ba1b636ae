/**
 * Random numbers as JavaScript makes them: what their keys are, the numbers of a leaf, and how its results
 * are rounded by others.
 */
import type { Node } from "../../dsl/node.ts";
import { randomRow } from "../../dsl/ops.ts";
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import type { Plan } from "../plan/plan.ts";
import { type NumberArray, type ShortType, store, storesTo } from "../trees/dtype.ts";
import { roundingBits, roundingKey, roundStochastically } from "../trees/rounding.ts";
import { type ArrayKind, arrayOf, type GroupRun, isPair, type LeafRun } from "./backend.ts";

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

/** The results that are rounded stochastically, by their places among `outputs`. */
export function roundedOutputs(outputs: readonly ArrayKind[]): number[] {
  return outputs.flatMap(({ rounding, isSecond }, k) =>
    rounding === undefined || isSecond ? [] : [k]
  );
}

/** The words of the keys that these are rounded by at a step, two each. */
export function roundingKeys(
  { outputs, symbols }: Pick<GroupRun, "outputs" | "symbols">,
): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(
    roundedOutputs(outputs).flatMap((k) => {
      const { seed, state } = outputs[k].rounding!;
      return roundingKey(seed, symbols.get("count")!, state);
    }),
  );
}

/** What writes an element of the `k`th result of a leaf as it is stored; those of one in order. */
export function storesOf(
  { group, number: leaf, outputs }: Pick<LeafRun, "group" | "number" | "outputs">,
): (k: number, element: number, value: number) => void {
  const kinds = group.outputs;
  const rounded = roundedOutputs(kinds);
  if (rounded.length === 0 && !kinds.some(isPair)) {
    return (k, element, value) => store(kinds[k].dtype, outputs[k] as NumberArray, element, value);
  }
  const keys = roundingKeys(group);
  const writes = kinds.map(({ dtype }, k) => {
    const write = storesTo(dtype, arrayOf(kinds, outputs, k));
    const at = 2 * rounded.indexOf(k);
    if (at < 0) return write;
    return (element: number, value: number) => {
      const bits = roundingBits([keys[at], keys[at + 1]], element, leaf);
      write(element, roundStochastically(dtype as ShortType, value, bits));
    };
  });
  return (k, element, value) => writes[k](element, value);
}
