/** `gradus list`: what each built-in optimizer keeps and costs, worked out from its program. */
import { factory } from "../runtime/define.ts";
import { explain, type Explanation } from "../runtime/explain.ts";
import * as wrappers from "../zoo/wrappers/mod.ts";
import { BUILT_IN } from "./files.ts";
import { type Options, requiredOf } from "./values.ts";

/** What is listed of an explanation. */
type Costs = Pick<
  Explanation,
  "stateBytes" | "narrowStates" | "passes" | "products" | "arithmetic" | "bytesMoved"
>;

/** One built-in optimizer, made with its defaults; what is required is an ordinary number. */
export interface Listed extends Costs {
  readonly name: string;
  readonly source: string;
}

/** Every built-in optimizer. */
export function listed(): Listed[] {
  return [...BUILT_IN].map(([name, { program }]) => {
    const opt = factory(program)(requiredOf(program, 1));
    const { stateBytes, narrowStates, passes, products, arithmetic, bytesMoved } = explain(opt);
    const { source } = program;
    return { name, stateBytes, narrowStates, passes, products, arithmetic, bytesMoved, source };
  });
}

/** The names of the functions that make optimizers of optimizers. */
export const WRAPPERS: readonly string[] = Object.keys(wrappers);

/** The heading of each column of the table. */
export const COLUMNS = ["name", "state", "loops", "operations", "moved", "source"] as const;

/** What each column of the table holds; the first is text, the last of any length. */
export function cells(each: Listed): string[] {
  const { name, stateBytes, narrowStates, passes, products, arithmetic, bytesMoved } = each;
  return [
    name,
    `${stateBytes}${narrowStates.length > 0 ? "+" : ""}`,
    `${passes}${products > 0 ? `+${products}` : ""}`,
    String(arithmetic),
    String(bytesMoved),
    each.source,
  ];
}

/** What the columns mean. */
export const LEGEND =
  "For each element of a float32 matrix: bytes of state, loops over all elements in a step, " +
  "operations, and bytes read and written. `4+` is 4 bytes and some numbers for each tensor, row, " +
  "column or tree; `2+5` is 2 loops and 5 products of matrices.";

/** Prints the table, or its rows as JSON. */
export function list(options: Options, print: (line: string) => void): void {
  const rows = listed();
  if (options.json) return print(JSON.stringify({ optimizers: rows, wrappers: WRAPPERS }, null, 2));
  const lines = [[...COLUMNS], ...rows.map(cells)];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  for (const [name, ...others] of lines) {
    const source = others.pop()!;
    const numbers = others.map((text, i) => text.padStart(widths[i + 1]));
    print([name.padEnd(widths[0]), ...numbers, source].join("  ").trimEnd());
  }
  print(`\n${LEGEND}\n\nWrappers around any of them: ${WRAPPERS.join(", ")}.`);
}
