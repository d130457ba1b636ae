/** A report of a search as one HTML file that needs nothing else: curves, the front, baselines, lineage. */
import { printJson } from "../../dsl/json.ts";
import { programOf } from "../analysis/to_program.ts";
import { describe } from "../derive/describe.ts";
import { ancestry, type Individual, type Lineage } from "../evolve/archive.ts";
import type { GridResult } from "../evolve/baselines.ts";
import { type Passed, rankCorrelations } from "../evolve/funnel.ts";
import type { CurvePoint, SearchResult } from "../evolve/options.ts";
import { rankText } from "../evolve/ranks.ts";
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import { chart, type Series } from "./chart.ts";
import { escaped, page, table } from "./html.ts";
import { asPython } from "./python.ts";
import { type Typesetter, typesetter } from "./typesetter.ts";
import { bestBy, type Row, rowsOf, type Runs, verdict } from "./winner.ts";

/** What a report is of. */
export interface Report {
  /** Its heading. */
  readonly title: string;
  /** The search that it is of. */
  readonly result: SearchResult;
  /** The space that was searched, if it is not the paper's. */
  readonly space?: SpaceOptions;
  /** Searches to compare with, by name. */
  readonly searches?: Readonly<Record<string, SearchResult>>;
  /** Optimizers of the library over hand grids. */
  readonly grids?: readonly GridResult[];
  /** How the hall of fame did on larger tasks: what each stage is called, and what a `Funnel` gave. */
  readonly larger?: { readonly stages: readonly string[]; readonly passed: readonly Passed[] };
}

/** The paper's shares of redundant statements and of known programs, at 300 000 programs made. */
const PAPER = { redundancy: 0.698, hits: 0.891 } as const;
/** Significant digits of constants in equations; the source beside has all. */
const DIGITS = 4;
/** Ancestors beyond which they are shown only when asked for. */
const MANY = 20;

/**
 * The text of an HTML file.
 *
 * @example
 * ```ts
 * import { htmlReport, quadraticProxy, searched } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const result = await searched({ tasks: quadraticProxy(2), budget: { trained: 20 } });
 * assert((await htmlReport({ title: "A search", result })).includes("<math"));
 * ```
 */
export async function htmlReport(
  { title, result, space: options, searches = {}, grids = [], larger }: Report,
): Promise<string> {
  const space = makeSpace(options);
  const typeset = await typesetter();
  const runs: Runs = [["evolution", result], ...Object.entries(searches)];
  const rows = rowsOf(space, runs, grids);
  return page(
    title,
    `${larger === undefined ? "" : transfer(larger)}
<p>${overview(result)}</p>
<h2>Best score</h2>
${chart(scoreCurves(runs, grids), { x: "programs trained", y: "best score" })}
<p><strong>${escaped(verdict(rows))}</strong></p>
${scoreTable(rows)}
${winningProgram(rows, typeset)}
${result.best === undefined ? "" : bestProgram(space, typeset, result.best)}
<h2>The front</h2>
<p>None of these is bettered in score, statements and state at once. In the chart, the best score of a
program of at most so many statements.</p>
${chart(runs.map(frontCurve), { x: "statements that matter", y: "score" })}
${result.front.map((each, i) => frontMember(space, typeset, result, each, i)).join("\n")}
${larger === undefined ? "" : largerTasks(space, larger)}
<h2>Known programs and redundant statements</h2>
${chart(shareCurves(result.curve), { x: "programs made", y: "share", low: 0, high: 1 })}
<p class="note">Dashed: the paper's, over whole runs of 300 000 programs made; ${
      percent(PAPER.hits)
    } known, ${percent(PAPER.redundancy)} redundant.</p>
${result.best === undefined ? "" : origin(result.best.lineage)}`,
  );
}

/** Whether a cheap tier says anything of a dear one: what all else on the page rests on. */
function transfer({ stages, passed }: NonNullable<Report["larger"]>): string {
  const tiers = ["the search's tasks", ...stages];
  const lines = rankCorrelations(passed).map((each, i) =>
    `<li>from ${escaped(tiers[i])} to ${escaped(tiers[i + 1])}: ${rankText(each)}</li>`
  );
  return `<p>Rank correlation (Spearman) from tier to tier, of the hall of fame:</p>
<ul>${lines.join("")}</ul>`;
}

function overview({ counts }: SearchResult): string {
  const hits = (counts.structuralHits + counts.probeHits) / counts.generated;
  return `${counts.generated} programs made, ${counts.trained} trained; ${percent(hits)} were known
(${counts.structuralHits} by structure, ${counts.probeHits} by what they update),
${percent(1 - counts.live / counts.statements)} of all statements redundant,
${counts.stopped} trainings stopped early, ${counts.restarts} restarts.
The score is the mean of ln(first loss / last loss).`;
}

function scoreCurves(runs: Runs, grids: readonly GridResult[]): Series[] {
  const curves = runs.map(([name, { curve }]): Series => ({
    name,
    points: curve.map(({ trained, best }) => [trained, best]),
  }));
  const end = Math.max(...runs.flatMap(([, { curve }]) => curve.map(({ trained }) => trained)));
  const levels = grids.map(({ name, score }) => level(`${name}, grid`, score, end));
  return [...curves, ...levels];
}

function level(name: string, y: number, end: number): Series {
  return { name, points: [[0, y], [end, y]], isDashed: true };
}

function scoreTable(rows: readonly Row[]): string {
  const winner = bestBy(rows, "score");
  return table(
    ["", "score", "held out", "trained", "what it is"],
    rows.map((row) => [
      row === winner ? `${row.name} (wins)` : row.name,
      number(row.score),
      number(row.heldOut),
      String(row.trained),
      row.text,
    ]),
  );
}

/** The program of the row that wins, if that is not the search's own. */
function winningProgram(rows: readonly Row[], typeset: Typesetter): string {
  const winner = bestBy(rows, "score");
  if (winner?.program === undefined || winner === rows[0]) return "";
  const { name, text, program } = winner;
  return `<h2>What wins: ${escaped(name)}</h2>
<p class="note">${escaped(text)}</p>
${typeset.program(program, { digits: DIGITS })}
${typeset.hyper(program)}
${asPython(program)}`;
}

function bestProgram(space: Space, typeset: Typesetter, { genome }: Individual): string {
  const program = programOf(space, genome);
  return `<h2>The best program that was found</h2>
${typeset.program(program, { digits: DIGITS })}
${typeset.hyper(program)}
<p class="note">States are 0 at first. Constants in equations are rounded to ${DIGITS} digits; the source
has all.</p>
${asPython(program)}
<details><summary>As a file that reads back</summary>
<pre>${escaped(printJson(program))}</pre>
</details>
<details><summary>What it is like</summary>
<pre>${escaped(String(describe(program)))}</pre>
</details>`;
}

function frontCurve([name, { front }]: Runs[number]): Series {
  const dots = front.map(({ length, score }): [number, number] => [length, score])
    .sort(([a], [b]) => a - b);
  let best = -Infinity;
  const points = dots.flatMap(([length, score]): [number, number][] => {
    const before = best;
    best = Math.max(best, score);
    return [[length, before], [length, best]];
  });
  return { name, points, dots };
}

function frontMember(
  space: Space,
  typeset: Typesetter,
  { best, heldOut }: SearchResult,
  each: Individual,
  place: number,
): string {
  const { genome, length, stateBytes, score } = each;
  const program = programOf(space, genome);
  const parts = [
    `${length} statement${length === 1 ? "" : "s"}`,
    `${stateBytes} bytes of state`,
    `score ${number(score)}`,
    ...(place in heldOut ? [`held out ${number(heldOut[place])}`] : []),
  ];
  return `<h3>${parts.join(" · ")}</h3>
<p class="note">${escaped(describe(program).summary)}</p>
${
    each === best
      ? "<p>The best program, above.</p>"
      : `${typeset.program(program, { digits: DIGITS })}\n${asPython(program)}`
  }`;
}

function largerTasks(space: Space, { stages, passed }: NonNullable<Report["larger"]>): string {
  const rows = passed.map(({ individual, scores }) => [
    number(individual.score),
    ...stages.map((_, i) => number(scores[i])),
    describe(programOf(space, individual.genome)).summary,
  ]);
  return `<h2>On larger tasks</h2>
<p>The hall of fame; only the best of each stage come to the next.</p>
${table(["score", ...stages, "what it is"], rows)}`;
}

function shareCurves(curve: readonly CurvePoint[]): Series[] {
  const end = curve.at(-1)?.generated ?? 0;
  return [
    { name: "known programs", points: curve.map(({ generated, hitRate }) => [generated, hitRate]) },
    {
      name: "redundant statements",
      points: curve.map(({ generated, redundancy }) => [generated, redundancy]),
    },
    { ...level("known programs, paper", PAPER.hits, end), colourOf: 0 },
    { ...level("redundant statements, paper", PAPER.redundancy, end), colourOf: 1 },
  ];
}

function origin(lineage: Lineage): string {
  const ancestors = ancestry(lineage);
  const rows = ancestors.map(({ birth, mutation, score }) => [
    String(birth),
    mutation,
    number(score),
  ]);
  return `<h2>How it came to be</h2>
<details${ancestors.length > MANY ? "" : " open"}>
<summary>${ancestors.length} ancestor${ancestors.length === 1 ? "" : "s"}, itself included</summary>
${table(["birth", "mutation", "score"], rows)}
</details>`;
}

function number(value: number | undefined): string {
  return value === undefined ? "" : Number.isFinite(value) ? value.toFixed(3) : "exploded";
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
