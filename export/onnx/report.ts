/** How large exported graphs are. */
import { GradusError } from "../../dsl/errors.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { readModel } from "./proto.ts";
import { toOnnx } from "./write.ts";

/** The size of one optimizer's graph. */
export interface Size {
  /** How many nodes each further leaf takes. */
  readonly leaf: number;
  /** How many nodes there are once for all leaves. */
  readonly step: number;
  /** The bytes of the model for the parameters given. */
  readonly bytes: number;
}

/**
 * The size of the graph of `optimizer`, or why it has none.
 *
 * @throws what `toOnnx` throws, unless the optimizer is refused for what it computes.
 */
export function sizeOf(optimizer: Optimizer, params: object): Size | string {
  const nodesOf = (leaves: number) => {
    const all = Array.from({ length: leaves }, () => [2, 3]);
    return readModel(toOnnx(optimizer, all, { inlineFunctions: true })).nodes;
  };
  try {
    const leaf = nodesOf(2) - nodesOf(1);
    return { leaf, step: nodesOf(1) - leaf, bytes: toOnnx(optimizer, params).length };
  } catch (error) {
    if (error instanceof GradusError) return error.message;
    throw error;
  }
}

/** The sizes of some graphs as lines of a table. */
export function reportOf(sizes: ReadonlyMap<string, Size | string>): string[] {
  const rows = [
    ["optimizer", "nodes a leaf", "nodes a step", "bytes"],
    ...[...sizes].map(([name, size]) =>
      typeof size === "string"
        ? [name, "-", "-", "-"]
        : [name, String(size.leaf), String(size.step), String(size.bytes)]
    ),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const written = rows.map((row) =>
    line(row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
  );
  const rule = line(
    widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`),
  );
  const refused = [...sizes].flatMap(([, size]) => typeof size === "string" ? [size] : []);
  return [written[0], rule, ...written.slice(1), ...(refused.length > 0 ? ["", ...refused] : [])];
}
