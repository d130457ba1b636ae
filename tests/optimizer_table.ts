/**
 * Writes what the optimizers keep and cost into `docs/optimizers.md` and the README:
 * `deno run -A tests/optimizer_table.ts`. Which optimizers a table has, and what is said of each in its
 * second column, stands in the page; the other columns are replaced.
 */
import { BUILT_IN } from "../cli/files.ts";
import { cells, COLUMNS, LEGEND, listed } from "../cli/list.ts";
import { requiredOf } from "../runtime/required.ts";
import { factory } from "../runtime/define.ts";

/** The README. */
export const README = new URL("../README.md", import.meta.url);
/** The page of all optimizers. */
export const PAGE = new URL("../docs/optimizers.md", import.meta.url);

/** Those the README shows. */
const MOST_USED = [
  ...["sgd", "adam", "adamw", "lion", "adafactor", "rmsprop", "muon"],
  ...["scheduleFreeAdamw", "prodigy"],
];
const MOST_NAMES = 6;

const costs = new Map(listed().map((each) => [each.name, cells(each)]));

/** The README with its section `## The optimizers` replaced. */
export function withSection(text: string): string {
  const rows = MOST_USED.map((name) => costs.get(name)!);
  const paragraphs = [
    "## The optimizers",
    wrapped(
      `The most used of ${BUILT_IN.size}, with bytes of state, loops, operations and bytes moved for each ` +
        `parameter; [all](docs/optimizers.md), [from Optax](docs/from-optax.md), [from PyTorch](docs/from-torch.md).`,
    ),
    table([[...COLUMNS], ...rows]),
  ];
  return text.replace(/^## The optimizers\n.*?(?=^## )/ms, () => `${paragraphs.join("\n\n")}\n\n`);
}

/** The page with its legend and the columns of its tables replaced. */
export function withTables(text: string): string {
  return text
    .replace(/^For each element .*?\n\n/ms, () => `${wrapped(LEGEND)}\n\n`)
    .replace(/(?:^\|.*\n)+/gm, (found) => {
      const [heading, , ...rows] = found.trimEnd().split("\n").map((line) =>
        line.split("|").slice(1, 3).map((cell) => cell.trim())
      );
      const [first, ...numbers] = COLUMNS;
      if (heading[0] !== first) return `${table([heading, ...rows])}\n`;
      return `${
        table([
          [first, heading[1], "states", ...numbers],
          ...rows.map(([name, choice]) => {
            const [, ...others] = costs.get(name) ?? [];
            return [name, choice, statesOf(name), ...others];
          }),
        ])
      }\n`;
    });
}

/** The names in the tables of the page. */
export function namesIn(text: string): string[] {
  return Array.from(text.matchAll(/^\| (\w+) /gm), ([, name]) => name)
    .filter((name) => name !== COLUMNS[0] && name !== "wrapper");
}

/** The states of an optimizer; in parentheses those that a matrix has not, as it is made by default. */
function statesOf(name: string): string {
  const { program } = BUILT_IN.get(name)!;
  const state = factory(program)(requiredOf(program, 1))
    .init({ data: new Float32Array(4), shape: [2, 2] });
  const names = [...program.state.keys()];
  const kept = names.filter((each) => Object.hasOwn(state, each));
  const others = names.filter((each) => !kept.includes(each)).map((each) => `(${each})`);
  const all = [...kept, ...others];
  return [...all.slice(0, MOST_NAMES), ...(all.length > MOST_NAMES ? ["…"] : [])].join(" ");
}

/** A table as the formatter lays it out: cells of numbers to the right. */
function table(lines: readonly (readonly string[])[]): string {
  const [first] = lines;
  const isText = first.map((_, i) => lines.slice(1).some((line) => !/^[\d+]+$/.test(line[i])));
  const widths = first.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const row = (cells: readonly string[]) =>
    `| ${
      cells.map((text, i) => isText[i] ? text.padEnd(widths[i]) : text.padStart(widths[i]))
        .join(" | ")
    } |`;
  const rule = widths.map((width, i) =>
    isText[i] ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  return [row(first), row(rule), ...lines.slice(1).map(row)].join("\n");
}

function wrapped(text: string): string {
  return text.replace(/(?=.{101}).{1,100} |.{1,100}$/g, (line) => `${line.trimEnd()}\n`).trimEnd();
}

if (import.meta.main) {
  Deno.writeTextFileSync(README, withSection(Deno.readTextFileSync(README)));
  Deno.writeTextFileSync(PAGE, withTables(Deno.readTextFileSync(PAGE)));
}
