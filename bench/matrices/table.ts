/** What came out as a table: a row for each optimizer. */
import { median } from "../measure.ts";
import { REFERENCE, type Setting } from "./contestants.ts";
import type { Run } from "./race.ts";

/** What came of one network. */
export interface Outcome {
  readonly network: string;
  readonly parameters: number;
  readonly target: number;
  readonly steps: number;
  /** For each contestant the setting that was chosen, and a run for each fresh seed. */
  readonly contestants: Readonly<
    Record<string, { readonly setting: Setting; readonly runs: Run[] }>
  >;
}

/** What a row says. */
interface Figures {
  /** Median, least and most steps to the target; infinite where it was not reached. */
  readonly reached: readonly [number, number, number];
  readonly last: readonly [number, number, number];
  /** Milliseconds of a processor that a step of the optimizer takes, and the gradients before it. */
  readonly optimizer: number;
  readonly gradients: number;
}

/** The table of a network, in Markdown. */
export function tableOf({ network, parameters, target, steps, contestants }: Outcome): string {
  const reference = figuresOf(contestants[REFERENCE].runs);
  // The gradients are the same work for all.
  const gradients = median(
    Object.values(contestants).map(({ runs }) => figuresOf(runs).gradients),
  );
  const rows = Object.entries(contestants).map(([name, { setting, runs }]) => {
    const own = figuresOf(runs);
    const seconds = own.reached[0] * (own.optimizer + gradients) / 1e3;
    return [
      name,
      `${setting.learningRate}, ${setting.momentum}`,
      spread(own.reached, (x) => Number.isFinite(x) ? x.toFixed(0) : "never"),
      spread(own.last, (x) => x.toFixed(3)),
      own.optimizer.toFixed(2),
      Number.isFinite(seconds) ? seconds.toFixed(2) : "–",
      name === REFERENCE ? "–" : paysFrom(own, reference),
    ];
  });
  return [
    `## ${network}, ${parameters.toLocaleString("en")} parameters`,
    "",
    `Gradients take ${gradients.toFixed(2)} ms.`,
    "",
    ...markdown([
      [
        "optimizer",
        "rate, momentum",
        `steps to a loss of ${target}`,
        `loss after ${steps} steps`,
        "ms of its step",
        "s to the loss",
        `pays from`,
      ],
      ...rows,
    ]),
  ].join("\n");
}

/** From how many milliseconds of gradients on fewer steps make up for steps that take longer. */
function paysFrom(own: Figures, reference: Figures): string {
  const [mine, theirs] = [own.reached[0], reference.reached[0]];
  if (!Number.isFinite(mine) || mine >= theirs) return "never";
  if (!Number.isFinite(theirs)) return "0 ms";
  const least = (mine * own.optimizer - theirs * reference.optimizer) / (theirs - mine);
  return `${Math.max(0, least).toFixed(1)} ms`;
}

function figuresOf(runs: readonly Run[]): Figures {
  const each = (of: "optimizer" | "gradients") =>
    1e3 * median(runs.map((run) => run[of].processor / run.steps));
  return {
    reached: threeOf(runs.map(({ reached = Infinity }) => reached)),
    last: threeOf(runs.map(({ losses }) => losses.at(-1) ?? NaN)),
    optimizer: each("optimizer"),
    gradients: each("gradients"),
  };
}

/** The median, the least and the most; of an odd number of values, so that the median is one of them. */
function threeOf(values: readonly number[]): readonly [number, number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[sorted.length >> 1], sorted[0], sorted.at(-1)!];
}

function spread(
  [middle, least, most]: readonly [number, number, number],
  show: (x: number) => string,
): string {
  return `${show(middle)} (${show(least)} to ${show(most)})`;
}

function markdown([head, ...rows]: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(
        " | ",
      )
    } |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), line(rule), ...rows.map(line)];
}
