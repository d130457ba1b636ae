/** A run beside others as tables of Markdown. */
import type { Run } from "../record.ts";
import { showTime } from "../table.ts";
import { type Cell, type Form, FORMS, type RuleName, RULES } from "./cells.ts";
import type { Missing, Ratio } from "./compete.ts";

/** One figure. */
export interface Figure extends Cell {
  readonly contestant: string;
  /** Milliseconds of a step, or of a training. */
  readonly median: number;
  readonly least: number;
  /** Whose times are the ratio's other side; absent where that one has none. */
  readonly against?: string;
  /** How long it takes as a multiple of the other. */
  readonly ratio?: Ratio;
  readonly rounds: number;
  readonly steps: number;
  /** How far its parameters are from those of Gradus after ten steps. */
  readonly difference: number;
}

/** A whole run. */
export interface PeersRun {
  readonly name: string;
  readonly date: string;
  readonly command: string;
  readonly machine: Run["machine"];
  /** The machine's load before, between and after. */
  readonly loads: readonly number[];
  /** What each contestant says of itself. */
  readonly contestants: Readonly<Record<string, string>>;
  /** Who takes no part at all, and why. */
  readonly left: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
  readonly missing: readonly Missing[];
}

/** The whole report. */
export function report(run: PeersRun): string {
  const { machine, figures, contestants, left, missing, loads } = run;
  const forms = (Object.keys(FORMS) as Form[])
    .filter((form) => figures.some((each) => each.form === form));
  return [
    `# Gradus beside others, ${run.date}`,
    "",
    `\`${run.command}\` on ${machine.cores} cores of ${machine.processor}, Deno ${machine.deno}. The machine's ` +
    `load was ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.`,
    "",
    "All take turns, round by round. A row that is its own reference has its time, the median of all rounds; other " +
    "rows have their time as a multiple of their reference's in the same round: the median, and the least and " +
    "largest. **Above 1 Gradus is faster.**",
    ...forms.flatMap((form) => section(figures.filter((each) => each.form === form), form)),
    "",
    "## Who took part",
    "",
    ...Object.entries(contestants).map(([name, hello]) => `- ${name}: ${hello}`),
    ...Object.entries(left).map(([name, reason]) => `- ${name} was left out: ${reason}`),
    ...(missing.length === 0 ? [] : ["", "## What has no figure", ""]),
    ...new Set(
      missing.map(({ name, cell: { rule, form, size }, reason }) =>
        `- ${name}, ${RULES[rule].title}, ${form}, ${count(size)}: ${reason}`
      ),
    ),
    "",
  ].join("\n");
}

function section(figures: readonly Figure[], form: Form): string[] {
  const sizes = [...new Set(figures.map(({ size }) => size))].sort((a, b) => a - b);
  const rules = (Object.keys(RULES) as RuleName[])
    .filter((rule) => figures.some((each) => each.rule === rule));
  return [
    "",
    `## ${FORMS[form][0].toUpperCase()}${FORMS[form].slice(1)}`,
    ...rules.flatMap((rule) => {
      const own = figures.filter((each) => each.rule === rule);
      const names = [...new Set(own.map(({ contestant }) => contestant))];
      return [
        "",
        `| ${RULES[rule].title} | beside | ${sizes.map(count).join(" | ")} |`,
        `| --- | --- |${" --: |".repeat(sizes.length)}`,
        ...names.map((name) => {
          const row = own.filter(({ contestant }) => contestant === name);
          const cells = sizes.map((size) => shown(row.find((each) => each.size === size)));
          const against = row.find((each) => each.against !== undefined)?.against;
          const beside = against === undefined || against === name ? "" : against;
          return `| ${[name, beside, ...cells].join(" | ")} |`;
        }),
      ];
    }),
  ];
}

function shown(figure: Figure | undefined): string {
  if (figure === undefined) return "–";
  const { ratio, against, contestant, median } = figure;
  return ratio === undefined || against === contestant ? showTime(median) : showSpread(ratio);
}

/** A ratio with its spread. */
export function showSpread({ median, least, most }: Ratio): string {
  return `${digits(median)} (${digits(least)}–${digits(most)})`;
}

function digits(x: number): string {
  return x.toFixed(x < 10 ? 2 : x < 100 ? 1 : 0);
}

function count(x: number): string {
  return x.toLocaleString("en");
}
