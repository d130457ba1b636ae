/** Planted rules that searches start at AdamW and find again, or do not. */
import process from "node:process";
import { programOf, search, space, type TraceTask } from "../../search/mod.ts";
import { printStatements } from "../../dsl/print.ts";
import { today, writeResult } from "../record.ts";
import { median } from "./interval.ts";
import { ENGINES, PLANTED } from "./planted.ts";
import { settled } from "./settle.ts";

/**
 * Scores from which a find is settled, by how much it must be better than the last that was, and the score from
 * which that does not matter.
 */
const NEAR = { score: 1, better: 0.1, there: 5 } as const;

/** One search for a rule. */
export interface Run {
  readonly rule: string;
  readonly engine: string;
  readonly seed: number;
  /** The rule as it was found; undefined if it was not. */
  readonly found?: string;
  /** Programs trained until then, in the search and to settle finds. */
  readonly trained: number;
  /** Seconds of a processor. */
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
  const runs: Run[] = [];
  for (const rule of rules) {
    for (const engine of engines) {
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
        const run = await recover(rule, engine, seed, trained);
        runs.push(run);
        console.error(rule, engine, seed, run.trained, run.seconds.toFixed(1), run.found ?? "-");
      }
    }
  }
  const command = `deno task bench:search ${Deno.args.join(" ")}`;
  await writeRecoveries(`\`${command}\``, trained, runs);
}

/** Prints and keeps the table of runs, and the runs. */
export async function writeRecoveries(
  command: string,
  most: number,
  runs: readonly Run[],
): Promise<void> {
  const groups = Map.groupBy(runs, ({ rule, engine }) => `${rule} | ${engine}`);
  const lines = [...groups].map(([name, group]) => {
    const until = group.map(({ found, trained }) => found === undefined ? Infinity : trained);
    const found = until.filter(Number.isFinite).length;
    const counts = medianWithin(until).map((each) => Number.isFinite(each) ? each : `> ${most}`);
    const seconds = median(group.map((run) => run.seconds)).toFixed(1);
    return `| ${name} | ${found} of ${group.length} | ${counts.join(" | ")} | ${seconds} |`;
  });
  const examples = [...groups].flatMap(([name, group]) => {
    const shortest = group.flatMap(({ found, seed }) =>
      found === undefined ? [] : [{ found, seed }]
    )
      .toSorted((a, b) => a.found.length - b.found.length)[0];
    return shortest === undefined
      ? []
      : [`- ${name.replace(" | ", ", ")}, seed ${shortest.seed}: \`${shortest.found}\``];
  });
  const seeds = runs.map(({ seed }) => seed);
  const text = `# Planted rules, found again

${command} on ${today()}, seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}.

A search starts at AdamW and sees four recordings of a rule's updates, of 32 elements and 40 steps, a tenth of
the gradients 0. It ends once what it found is \`equivalent\` to the rule, by form or on gradients of other
kinds, for a learning rate of 0.01 and of 0.7, updates no further apart than 1e-6 of the largest; or after
${most} trained programs, those to settle finds included. Beside the median stands what it is between with 95 %
confidence or more, by order alone. Seconds are of a processor, medians.

| rule | engine | found | trained until then, median | at least | at most | seconds |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
${lines.join("\n")}

The shortest that was found of each:

${examples.join("\n")}
`;
  console.log(text);
  await writeResult("recovery", "json", JSON.stringify({ command, most, runs }, null, 2) + "\n");
  console.log(`Written: ${await writeResult("recovery", "md", text)}`);
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
  const began = process.cpuUsage();
  const done = (trained: number, found?: string): Run => {
    const { user, system } = process.cpuUsage(began);
    return { rule, engine, seed, trained, seconds: (user + system) / 1e6, found };
  };
  const settledKeys = new Set<string>();
  let [score, settling, used] = [-Infinity, 0, 0];
  for await (const event of search(options)) {
    if (event.type === "done") break;
    const { counts, best: now } = event;
    // What is trained to settle finds counts, too.
    used = counts.trained + settling;
    if (used >= trained) break;
    if (now === undefined) continue;
    const least = Math.min(NEAR.there, Math.max(NEAR.score, score + NEAR.better));
    const finds = now.score < NEAR.there ? [now] : event.front.toReversed();
    for (const each of finds) {
      if (each.score < least || settledKeys.has(each.key)) continue;
      settledKeys.add(each.key);
      score = Math.max(score, each.score);
      const find = await settled(known, task, each.genome);
      settling += find.trained;
      used += find.trained;
      if (!find.isEquivalent) continue;
      const { statements } = programOf(known, find.genome);
      const text = printStatements(statements).replaceAll("\n", "; ");
      return done(used, text);
    }
  }
  return done(used);
}
