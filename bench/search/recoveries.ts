/** Planted rules that searches start at AdamW and find again, or do not. */
import {
  constantsOnly,
  type Individual,
  polish,
  printGenome,
  programOf,
  search,
  searched,
  space,
} from "../../search/mod.ts";
import { printStatements } from "../../dsl/print.ts";
import { freshError, PLANTED, recovery } from "./planted.ts";

/**
 * Updates are a rule's if their error, on recordings unseen, is below this share of them, both as root
 * mean squares: of rules like sign, fewer than one update in 200 has another sign.
 */
const SUCCESS = 0.141;
/** Once structure brings the error below this, constants are polished. */
const NEAR = 0.35;
const POLISHED = 3000;

/** Searches rules under so many seeds, for at most so many trained programs each. */
export async function recoveries(
  seeds: number,
  trained: number,
  rules: readonly string[] = Object.keys(PLANTED),
): Promise<void> {
  console.log(`| rule | found | trained until then, median | made | error | example |`);
  console.log(`| --- | --- | --- | --- | --- | --- |`);
  for (const rule of rules) {
    const errorOf = await freshError(rule);
    const runs: { trained: number; generated: number; error: number; text: string }[] = [];
    for (let seed = 1; seed <= seeds; seed++) {
      const found = await recover(rule, seed, trained, errorOf);
      runs.push(found);
      console.error(rule, seed, found.trained, found.error.toFixed(3));
    }
    const found = runs.filter(({ error }) => error < SUCCESS);
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
    console.log(
      `| ${rule} | ${found.length} of ${seeds} | ${
        median(found.map(({ trained }) => trained))
      } | ` +
        `${median(found.map(({ generated }) => generated))} | ` +
        `${median(runs.map(({ error }) => error)).toFixed(3)} | ` +
        `\`${found[0]?.text ?? "none"}\` |`,
    );
  }
}

async function recover(
  rule: string,
  seed: number,
  trained: number,
  errorOf: (genome: Individual["genome"]) => number,
): Promise<{ trained: number; generated: number; error: number; text: string }> {
  const options = recovery(rule, seed, trained);
  const known = space(options.space);
  const spent = { trained: 0, generated: 0 };
  let best: Individual | undefined;
  let polishedAt = Infinity;
  for await (const event of search(options)) {
    if (event.type === "done") break;
    const { counts, best: now } = event;
    if (now === undefined || now === best) continue;
    best = now;
    const error = errorOf(now.genome);
    if (error > NEAR || error > 0.9 * polishedAt) continue;
    polishedAt = error;
    const { best: fine, counts: own } = await searched({
      ...options,
      init: [printGenome(known, now.genome)],
      mutations: { ...constantsOnly, polish: { weight: 3, mutate: polish } },
      budget: { generated: POLISHED },
      population: 50,
      restart: undefined,
    });
    spent.trained += own.trained;
    spent.generated += own.generated;
    if (errorOf(fine!.genome) < SUCCESS) {
      const text = printStatements(programOf(known, fine!.genome).statements).replaceAll(
        "\n",
        "; ",
      );
      return {
        trained: counts.trained + spent.trained,
        generated: counts.generated + spent.generated,
        error: errorOf(fine!.genome),
        text,
      };
    }
  }
  return {
    trained,
    generated: NaN,
    error: best === undefined ? 1 : errorOf(best.genome),
    text: "",
  };
}
