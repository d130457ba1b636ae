/** A report of a search as one HTML file that needs nothing else: curves, the front, baselines, lineage. */
import { latex } from "../dsl/latex.ts";
import { printStatements } from "../dsl/print.ts";
import { ancestry, type Individual } from "./archive.ts";
import type { GridResult } from "./baselines.ts";
import { labelsOf, labelText } from "./labels.ts";
import type { SearchResult } from "./options.ts";
import { chart, escaped, type Series } from "./plot.ts";
import { programOf } from "./program.ts";
import { space as makeSpace, type SpaceOptions } from "./space.ts";

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
}

/** The paper's shares of redundant statements and of known programs, at 300 000 programs made. */
const PAPER = { redundancy: 0.698, hits: 0.891 } as const;

/**
 * The text of an HTML file.
 *
 * @example
 * ```ts
 * import { htmlReport, quadraticProxy, searched } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const result = await searched({ tasks: quadraticProxy(2), budget: { trained: 20 } });
 * assert(htmlReport({ title: "A search", result }).includes("<svg"));
 * ```
 */
export function htmlReport({ title, result, space, searches = {}, grids = [] }: Report): string {
  const known = makeSpace(space);
  const { best, front, curve, counts } = result;
  const runs: [string, SearchResult][] = [["evolution", result], ...Object.entries(searches)];
  const curves = runs.map(([name, { curve }]): Series => ({
    name,
    points: curve.map(({ trained, best }) => [trained, best]),
  }));
  const levels = grids.map(({ name, score }): Series => ({
    name: `${name}, grid`,
    points: [[0, score], [
      Math.max(...curves.flatMap(({ points }) => points.map(([x]) => x))),
      score,
    ]],
    isDashed: true,
  }));
  const shares: Series[] = [
    { name: "known programs", points: curve.map(({ generated, hitRate }) => [generated, hitRate]) },
    {
      name: "redundant statements",
      points: curve.map(({ generated, redundancy }) => [generated, redundancy]),
    },
  ];
  const fronts = runs.map(([name, { front }]): Series => ({
    name,
    points: front.map(({ length, score }): [number, number] => [length, score]).reverse(),
    hasDots: true,
  }));
  const hits = (counts.structuralHits + counts.probeHits) / counts.generated;
  const rows = [
    ...runs.map(([name, { best, counts, heldOut, front }]) => [
      name,
      number(best?.score),
      number(heldOut[front.findIndex((each) => each === best)]),
      String(counts.trained),
      best === undefined ? "" : labelText(labelsOf(known, best.genome)),
    ]),
    ...grids.map(({ name, score, heldOut, tried, options }) => [
      `${name}, grid`,
      number(score),
      number(heldOut),
      String(tried),
      Object.entries(options).map(([key, value]) => `${key} ${value}`).join(", "),
    ]),
  ];
  return `<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
    color: #1b1f24; background: #fff; }
  h1, h2 { line-height: 1.2; font-weight: 600; }
  h2 { margin-top: 2.5rem; }
  table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
  th, td { text-align: left; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #d8dee4;
    vertical-align: top; }
  pre { background: #f6f8fa; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; }
  svg { width: 100%; height: auto; }
  .note { color: #57606a; font-size: 0.9rem; }
</style>
<h1>${escaped(title)}</h1>
<p>${counts.generated} programs made, ${counts.trained} trained; ${percent(hits)} were known
(${counts.structuralHits} by structure, ${counts.probeHits} by what they update),
${percent(1 - counts.live / counts.statements)} of all statements redundant,
${counts.stopped} trainings stopped early, ${counts.restarts} restarts.
The score is the mean of ln(first loss / last loss).</p>
<h2>Best score</h2>
${chart([...curves, ...levels], { x: "programs trained", y: "best score" })}
${table(["", "score", "held out", "trained", "what it is"], rows)}
<h2>The front</h2>
${chart(fronts, { x: "statements that matter", y: "score" })}
${
    table(
      ["statements", "bytes of state", "score", "held out", "program"],
      front.map((each, i) => [
        String(each.length),
        String(each.stateBytes),
        number(each.score),
        number(result.heldOut[i]),
        text(known, each),
      ]),
      4,
    )
  }
${
    best === undefined ? "" : `<h2>The best program</h2>
<pre>${escaped(latex(programOf(known, best.genome)))}</pre>
<h2>How it came to be</h2>
${
      table(
        ["birth", "mutation", "score"],
        ancestry(best.lineage).map(({ birth, mutation, score }) => [
          String(birth),
          mutation,
          number(score),
        ]),
      )
    }`
  }
<h2>Known programs and redundant statements</h2>
${chart(shares, { x: "programs made", y: "share", low: 0, high: 1 })}
<p class="note">In the paper, at 300 000 programs made: ${percent(PAPER.hits)} known and
${percent(PAPER.redundancy)} redundant, over whole runs.</p>
</html>
`;
}

function text(space: ReturnType<typeof makeSpace>, { genome }: Individual): string {
  return printStatements(programOf(space, genome).statements);
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  codeColumn: number = -1,
): string {
  const cell = (value: string, column: number) =>
    `<td>${column === codeColumn ? `<pre>${escaped(value)}</pre>` : escaped(value)}</td>`;
  return `<table><thead><tr>${head.map((name) => `<th>${escaped(name)}</th>`).join("")}</tr></thead>
<tbody>${rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n")}</tbody></table>`;
}

function number(value: number | undefined): string {
  return value === undefined ? "" : Number.isFinite(value) ? value.toFixed(3) : "exploded";
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
