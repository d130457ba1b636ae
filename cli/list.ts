/** `gradus list`: what each built-in optimizer keeps and costs, worked out from its program. */
import { factory } from "../runtime/define.ts";
import { explain, type Explanation } from "../runtime/explain.ts";
import { BUILT_IN, SCHEDULES, WRAPPERS } from "./files.ts";
import type { Command } from "./command.ts";
import { kindOf } from "./kind.ts";
import { aligned, cut, WIDTH, wrapped } from "./text.ts";
import { requiredOf } from "../runtime/required.ts";
import { type Options, UsageError } from "./values.ts";

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

/** Built-in optimizers, by default all. */
export function listed(names: Iterable<string> = BUILT_IN.keys()): Listed[] {
  return [...names].map((name) => {
    const { program } = BUILT_IN.get(name)!;
    const opt = factory(program)(requiredOf(program, 1));
    const { stateBytes, narrowStates, passes, products, arithmetic, bytesMoved } = explain(opt);
    const { source } = program;
    return { name, stateBytes, narrowStates, passes, products, arithmetic, bytesMoved, source };
  });
}

/** What can be listed by `--kind`. */
const KINDS = ["optimizer", "transform", "wrapper", "schedule"] as const;

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

/** The command. */
export const list: Command = {
  usage: ["[WORD…] [--kind optimizer|transform|wrapper|schedule] [--json]"],
  summary: "Lists the built-in optimizers: what each keeps and costs, and where it is from.",
  notes: [
    "With words it lists those whose name, description or paper has all of them, and what each is.",
  ],
  options: {
    kind: {
      value: "KIND",
      text: "only optimizers, which go against the gradient; transforms, which pass on a changed " +
        "gradient; wrappers around optimizers; or schedules",
    },
    json: { text: "the rows as JSON, with whole sources" },
  },
  takes: () => ({ least: 0, most: Infinity, what: "words" }),
  run: printList,
};

/** Prints the table, or its rows as JSON. */
function printList(
  words: readonly string[],
  { kind, json }: Options,
  print: (line: string) => void,
): void {
  if (kind !== undefined && !KINDS.some((each) => each === kind)) {
    throw new UsageError(`--kind takes ${KINDS.join(", ")}: given ${kind}`);
  }
  const has = (...texts: string[]) =>
    words.every((word) => texts.join("\n").toLowerCase().includes(word.toLowerCase()));
  const named = (names: readonly string[], of: string) =>
    kind === undefined || kind === of ? names.filter((name) => has(name)) : [];
  const programOf = (name: string) => BUILT_IN.get(name)!.program;
  const names = [...BUILT_IN.values()].map(({ program }) => program)
    .filter(({ name, doc, source }) => has(name, doc, source))
    .filter((program) => kind === undefined || kind === kindOf(program))
    .map(({ name }) => name);
  const rows = listed(names);
  const others = { wrappers: named(WRAPPERS, "wrapper"), schedules: named(SCHEDULES, "schedule") };
  if (json) return print(JSON.stringify({ optimizers: rows, ...others }, null, 2));
  const groups = [
    ...(rows.length === 0 ? [] : [table(rows, words.length > 0).join("\n"), wrapped(LEGEND)]),
    ...Object.entries(others).flatMap(([what, found]) =>
      found.length === 0 ? [] : [wrapped(`${what}: ${found.join(", ")}`)]
    ),
  ];
  if (groups.length === 0) {
    return print(`Nothing has ${words.join(" ")} in its name, description or paper`);
  }
  print(groups.join("\n\n"));

  /** The table in the width of a page: of a source the authors and the year. */
  function table(rows: readonly Listed[], isLong: boolean): string[] {
    const [heading, ...lines] = aligned(
      [
        COLUMNS.map((name) => name === "operations" ? "ops" : name),
        ...rows.map((row) => [...cells(row).slice(0, -1), row.source.split(",")[0]]),
      ],
      [1, 2, 3, 4],
    ).map((line) => cut(line, WIDTH));
    const about = (name: string) => {
      const { doc, source } = programOf(name);
      return [doc, source].filter(Boolean).map((text) => wrapped(text, 4));
    };
    return [
      heading,
      ...lines.flatMap((line, i) => isLong ? [line, ...about(rows[i].name)] : [line]),
    ];
  }
}
