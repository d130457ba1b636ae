/** Planted rules that searches start at AdamW and find again, or do not. */
import { type Individual, programOf, search, space, type TraceTask } from "../../search/mod.ts";
import { printStatements } from "../../dsl/print.ts";
import { ENGINES, PLANTED } from "./planted.ts";
import { settled } from "./settle.ts";

/**
 * Scores from which a find is settled, by how much it must be better than the last that was, and the score from
 * which that does not matter.
 */
const NEAR = { score: 1, better: 0.1, there: 5 } as const;

interface Run {
  /** The rule as it was found; undefined if it was not. */
  readonly found: string | undefined;
  /** Programs trained until then, in the search and to settle finds. */
  readonly trained: number;
  readonly seconds: number;
}

/** Searches rules under so many seeds by each engine, for at most so many trained programs a run. */
export async function recoveries(
  seeds: number,
  trained: number,
  rules: readonly string[] = Object.keys(PLANTED),
  firstSeed: number = 0,
  engines: readonly string[] = Object.keys(ENGINES),
): Promise<void> {
  const lines: string[] = [];
  const examples: string[] = [];
  for (const rule of rules) {
    for (const engine of engines) {
      const runs: Run[] = [];
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
        const run = await recover(rule, engine, seed, trained);
        runs.push(run);
        console.error(rule, engine, seed, run.trained, run.seconds.toFixed(1), run.found);
      }
      const found = runs.flatMap((run) => run.found === undefined ? [] : [run.found]);
      const until = runs.map((run) => run.found === undefined ? Infinity : run.trained);
      lines.push(`| ${
        [
          rule,
          engine,
          `${found.length} of ${seeds}`,
          ...medianWithin(until).map((each) => Number.isFinite(each) ? each : `> ${trained}`),
          runs.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(0),
        ].join(" | ")
      } |`);
      if (found.length > 0) examples.push(`- ${rule}, ${engine}: \`${found[0]}\``);
    }
  }
  console.log(
    `Seeds ${firstSeed} to ${
      firstSeed + seeds - 1
    }, at most ${trained} trained programs a run.\n\n` +
      "| rule | engine | found | trained until then, median | at least | at most | seconds, all seeds |\n" +
      "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n" +
      `${lines.join("\n")}\n\nThe first that was found of each:\n\n${examples.join("\n")}`,
  );
}

/** The median, and what it is between with 95 % confidence or more: by the order of the values alone. */
function medianWithin(values: readonly number[]): [median: number, least: number, most: number] {
  const sorted = values.toSorted((a, b) => a - b);
  const count = sorted.length;
  // The chance that fewer than `k` of the values are below the true median.
  let [k, chance, term] = [0, 0, 2 ** -count];
  while (k < count / 2 && chance + term <= 0.025) {
    chance += term;
    k++;
    term *= (count - k + 1) / k;
  }
  const low = Math.max(0, k - 1);
  return [sorted[count >> 1], sorted[low], sorted[count - 1 - low]];
}

async function recover(
  rule: string,
  engine: string,
  seed: number,
  trained: number,
): Promise<Run> {
  const options = ENGINES[engine](rule, seed, trained);
  const [task] = options.tasks as readonly TraceTask[];
  const known = space(options.space);
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let best: Individual | undefined;
  let [score, settling, used] = [-Infinity, 0, 0];
  for await (const event of search(options)) {
    if (event.type === "done") break;
    const { counts, best: now } = event;
    // What is trained to settle finds counts, too.
    used = counts.trained + settling;
    if (used >= trained) break;
    if (now === undefined || now === best) continue;
    best = now;
    const least = Math.min(NEAR.there, Math.max(NEAR.score, score + NEAR.better));
    if (now.score < least) continue;
    score = now.score;
    const find = await settled(known, task, now.genome);
    settling += find.trained;
    used += find.trained;
    if (!find.isEquivalent) continue;
    const { statements } = programOf(known, find.genome);
    const text = printStatements(statements).replaceAll("\n", "; ");
    return { found: text, trained: used, seconds: seconds() };
  }
  return { found: undefined, trained: used, seconds: seconds() };
}
