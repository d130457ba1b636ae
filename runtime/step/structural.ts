/** What is known of a leaf for good, before any step. */
import { constant, type Node, ZERO } from "../../dsl/node.ts";
import type { LeafSetting } from "../trees/hyperparameters.ts";

const NONE: ReadonlySet<string> = new Set();

/** What a shape tells of a matrix: its columns are all axes but the first. */
export function shapeNumbers(
  names: readonly string[],
  shape: readonly number[],
): Map<string, number> {
  const [rows = 1, ...others] = shape;
  const columns = others.reduce((a, b) => a * b, 1);
  const numbers: Record<string, number> = {
    rank: shape.length,
    rows,
    columns,
    size: rows * columns,
  };
  return new Map(names.map((name) => [name, numbers[name]]));
}

/**
 * What is known of one leaf for good: truth values, which a mask makes false, hyperparameters that are
 * 0 or among `fixed`, and what its shape tells, `numbers`.
 */
export function structuralOf(
  settings: ReadonlyMap<string, LeafSetting>,
  numbers: ReadonlyMap<string, number> = new Map(),
  fixed: ReadonlySet<string> = NONE,
): Map<string, Node> {
  const structural = new Map<string, Node>();
  for (const [name, { value, isMasked }] of settings) {
    if (typeof value === "boolean") structural.set(name, constant(Number(value && !isMasked)));
    else if (isMasked || value === 0) structural.set(name, ZERO);
    else if (fixed.has(name)) structural.set(name, constant(value as number));
  }
  for (const [name, value] of numbers) structural.set(name, constant(value));
  return structural;
}
