/** Which row of a report wins: what was searched, a baseline search, or an optimizer over a hand grid. */
import type { Program } from "../../dsl/program.ts";
import { programOf } from "../analysis/to_program.ts";
import { describe } from "../derive/describe.ts";
import type { GridResult } from "../evolve/baselines.ts";
import type { SearchResult } from "../evolve/options.ts";
import type { Space } from "../programs/space.ts";

/** Searches by name; the first is the one that the report is of. */
export type Runs = readonly (readonly [name: string, result: SearchResult])[];

/** The best of one search or grid. */
export interface Row {
  readonly name: string;
  readonly score: number | undefined;
  readonly heldOut: number | undefined;
  /** How many programs, or settings, were trained. */
  readonly trained: number;
  /** What it is, in a line. */
  readonly text: string;
  readonly program: Program | undefined;
  readonly isGrid: boolean;
}

/** A row for each search and each grid. */
export function rowsOf(space: Space, runs: Runs, grids: readonly GridResult[]): Row[] {
  return [
    ...runs.map(([name, { best, counts, heldOut, front }]): Row => {
      const program = best && programOf(space, best.genome);
      return {
        name,
        score: best?.score,
        heldOut: heldOut[front.findIndex((each) => each === best)],
        trained: counts.trained,
        text: program === undefined ? "" : describe(program).summary,
        program,
        isGrid: false,
      };
    }),
    ...grids.map(({ name, score, heldOut, tried, options, program }): Row => ({
      name: `${name}, grid`,
      score,
      heldOut,
      trained: tried,
      text: Object.entries(options).map(([key, value]) => `${key} ${value}`).join(", "),
      program,
      isGrid: true,
    })),
  ];
}

/** The row of the highest number; the first of equals, undefined if none has a finite one. */
export function bestBy(rows: readonly Row[], of: "score" | "heldOut"): Row | undefined {
  const sound = rows.filter((row) => Number.isFinite(row[of]));
  return sound.reduce<Row | undefined>(
    (best, row) => best === undefined || row[of]! > best[of]! ? row : best,
    undefined,
  );
}

/** Who wins, and whether it took a search, in sentences. */
export function verdict(rows: readonly Row[]): string {
  const [searched] = rows;
  const winner = bestBy(rows, "score");
  if (winner === undefined) return "Every program exploded.";
  const number = (value: number | undefined) => value!.toFixed(3);
  const first = `${winner.name} has the best score, ${number(winner.score)}.`;
  const last = bestBy(rows, "heldOut");
  const beyond = last === undefined || last === winner
    ? ""
    : ` On the held-out tasks ${last.name} is the best, ${number(last.heldOut)}.`;
  const grid = bestBy(rows.filter(({ isGrid }) => isGrid), "score");
  const isBeaten = grid !== undefined && grid.score! > (searched.score ?? -Infinity);
  if (!isBeaten) return first + beyond;
  const found = Number.isFinite(searched.score)
    ? `the best of the search scores ${number(searched.score)}`
    : "the search found none that trains";
  return `${first}${beyond} A grid beats the search: ${grid.name} scores ${
    number(grid.score)
  } with ` +
    `${grid.text}, and ${found}.`;
}
