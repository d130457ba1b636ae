/**
 * Writes what the optimizers keep and cost into the README: `deno run -A tests/optimizer_table.ts`.
 * The section \`## The optimizers\` is replaced.
 */
import { cells, COLUMNS, LEGEND, listed, WRAPPERS } from "../cli/list.ts";

/** The README. */
export const README = new URL("../README.md", import.meta.url);

/** The section as it should be, laid out as the formatter does. */
export function section(): string {
  const lines = [[...COLUMNS], ...listed().map(cells)];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  const isText = (i: number) => i === 0 || i === COLUMNS.length - 1;
  const row = (cells: readonly string[]) =>
    `| ${
      cells.map((text, i) => isText(i) ? text.padEnd(widths[i]) : text.padStart(widths[i]))
        .join(" | ")
    } |`;
  const rule = widths.map((width, i) =>
    isText(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  const [heading, ...rows] = lines.map(row);
  const paragraphs = [
    "## The optimizers",
    wrapped(`As \`gradus list\` shows them. ${LEGEND}`),
    [heading, row(rule), ...rows].join("\n"),
    wrapped(`Wrappers: ${WRAPPERS.map((name) => `\`${name}\``).join(", ")}.`),
  ];
  return `${paragraphs.join("\n\n")}\n\n`;
}

/** `text` with its section replaced. */
export function withSection(text: string): string {
  return text.replace(/^## The optimizers\n.*?(?=^## )/ms, () => section());
}

function wrapped(text: string): string {
  return text.replace(/(?=.{101}).{1,100} |.{1,100}$/g, (line) => `${line.trimEnd()}\n`).trimEnd();
}

if (import.meta.main) {
  Deno.writeTextFileSync(README, withSection(Deno.readTextFileSync(README)));
}
