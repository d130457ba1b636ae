/** Prints a run as one table: rows are tasks and contestants, columns sizes. */
import type { Cell, Run } from "./record.ts";

/** The row that the ratios of each task refer to. */
export const REFERENCE = "best JavaScript loop";

/** The table, with the reasons for its gaps below. */
export function table({ contestants, cells, gaps }: Run): string {
  const all = [...cells, ...gaps];
  const sizes = [...new Set(all.map(({ size }) => size))].sort((a, b) => a - b);
  const tasks = [...new Set(all.map(({ task }) => task))];
  const lines = [row("parameters", sizes.map((size) => size.toLocaleString("en")))];
  for (const task of tasks) {
    const at = (contestant: string, size: number) => find(cells, task, contestant, size);
    lines.push("", task);
    for (const contestant of contestants) {
      if (!all.some((each) => each.task === task && each.contestant === contestant)) continue;
      const columns = sizes.map((size) => showCell(at(contestant, size), at(REFERENCE, size)));
      lines.push(row(`  ${contestant}`, columns));
    }
  }
  const reasons = gaps.map(({ contestant, reason }) => `- ${contestant}: ${reason}`);
  return [
    `Median time of a step, and how many times as fast that is as the ${REFERENCE}`,
    "",
    ...lines,
    ...(reasons.length === 0 ? [] : ["", "Absent (–):", ...new Set(reasons)]),
  ].join("\n");
}

/** The cell of a contestant, if it has one. */
export function find(
  cells: readonly Cell[],
  task: string,
  contestant: string,
  size: number,
): Cell | undefined {
  return cells.find((cell) =>
    cell.task === task && cell.contestant === contestant && cell.size === size
  );
}

/** A time in its natural unit, to three digits. */
export function showTime(milliseconds: number): string {
  for (const [unit, length] of [["s", 1000], ["ms", 1], ["µs", 1e-3]] as const) {
    if (milliseconds >= length) return `${threeDigits(milliseconds / length)} ${unit}`;
  }
  return `${threeDigits(milliseconds * 1e6)} ns`;
}

/** A ratio, to as many digits as mean something. */
export function showRatio(ratio: number): string {
  if (ratio < 0.01) return "<0.01×";
  return `${ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0)}×`;
}

function threeDigits(x: number): string {
  return x >= 100 ? x.toFixed(0) : x.toPrecision(3);
}

function showCell(cell: Cell | undefined, reference: Cell | undefined): string {
  if (cell === undefined) return "–";
  const ratio = reference === undefined ? "" : showRatio(reference.median / cell.median);
  return `${showTime(cell.median)} ${ratio.padStart(6)}`;
}

function row(label: string, columns: readonly string[]): string {
  return label.padEnd(46) + columns.map((column) => column.padStart(16)).join("");
}
