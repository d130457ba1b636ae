/** Planted rules that searches start at AdamW and find again, or do not. */
import { type Individual, programOf, search, space } from "../../search/mod.ts";
import { printStatements } from "../../dsl/print.ts";
import { median } from "./interval.ts";
import { type Ended, ended, PLANTED, recovery } from "./planted.ts";

/**
 * A program is the rule if, on recordings unseen, fewer than this share of its updates are apart from the
 * rule's by more than 2 % of the root mean square of their element's: for rules like sign, fewer than one
 * sign in 200; for smooth ones a bound of 2 % on all but rare updates. Some recordings end the search, and
 * others judge what ended it, once.
 */
const SUCCESS = 1 / 200;
/** A search ends at half of that, since what is just below it on some recordings may be above on others. */
const END = SUCCESS / 2;
/** Scores from which a find is ended and compared, and by how much it must be better than the last that was. */
const NEAR = { score: 1, better: 0.1 } as const;

interface Run {
  readonly isFound: boolean;
  readonly trained: number;
  readonly made: number;
  readonly seconds: number;
  readonly nearest: Ended | undefined;
}

/** Searches rules under so many seeds, for at most so many trained programs each. */
export async function recoveries(
  seeds: number,
  trained: number,
  rules: readonly string[] = Object.keys(PLANTED),
  firstSeed: number = 1,
): Promise<void> {
  console.log(
    `| rule | found | trained until then, median | made | seconds, all seeds | ` +
      `differing updates: found, median | not found | error: found, median | example |`,
  );
  console.log(`| --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
  for (const rule of rules) {
    const runs: Run[] = [];
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const run = await recover(rule, seed, trained);
      runs.push(run);
      const { isFound, nearest } = run;
      console.error(rule, seed, isFound, run.trained, nearest?.judged.differing.toFixed(4));
    }
    const found = runs.filter(({ isFound }) => isFound);
    const missed = runs.filter(({ isFound }) => !isFound);
    const differing = ({ nearest }: Run) => nearest?.judged.differing ?? 1;
    console.log(`| ${
      [
        rule,
        `${found.length} of ${seeds}`,
        median(found.map(({ trained }) => trained)),
        median(found.map(({ made }) => made)),
        runs.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0),
        shown(median(found.map(differing))),
        missed.map((run) => shown(differing(run))).join(", "),
        shown(median(found.map(({ nearest }) => nearest!.judged.error))),
        `\`${found.length === 0 ? "none" : textOf(found[0].nearest!)}\``,
      ].join(" | ")
    } |`);
  }
}

const shown = (share: number): string => `${(100 * share).toFixed(2)} %`;

function textOf({ genome }: Ended): string {
  return printStatements(programOf(space(), genome).statements).replaceAll("\n", "; ");
}

async function recover(rule: string, seed: number, trained: number): Promise<Run> {
  const options = recovery(rule, seed, trained);
  const began = performance.now();
  let best: Individual | undefined;
  let nearest: Ended | undefined;
  let [score, ending, made, used] = [-Infinity, 0, 0, 0];
  for await (const event of search(options)) {
    if (event.type === "done") break;
    const { counts, best: now } = event;
    [made, used] = [counts.generated, counts.trained + ending];
    // What is trained to end finds counts, too.
    if (used >= trained) break;
    if (now === undefined || now === best) continue;
    best = now;
    if (now.score < Math.max(NEAR.score, score + NEAR.better)) continue;
    score = now.score;
    const end = await ended(rule, options, now.genome);
    ending += end.trained;
    used += end.trained;
    if (nearest === undefined || end.fresh.differing < nearest.fresh.differing) nearest = end;
    if (nearest.fresh.differing < END) break;
  }
  return {
    isFound: nearest !== undefined && nearest.judged.differing < SUCCESS,
    trained: used,
    made,
    seconds: (performance.now() - began) / 1000,
    nearest,
  };
}
