/** Searches beside their baselines, over seeds, on heavy-tailed noise and on normal noise. */
import { describe, simplify } from "../../search/derive/mod.ts";
import { printStatements } from "../../dsl/print.ts";
import {
  analyse,
  baselineSearches,
  Evaluator,
  Funnel,
  handGrids,
  type Individual,
  larger,
  localScorer,
  paperFunctions,
  programOf,
  quadraticProxy,
  quadraticsHeldOut,
  type ScoreCache,
  searched,
  type SearchResult,
  type Space,
  space,
} from "../../search/mod.ts";
import { interval, median } from "./interval.ts";

/** What one search came to. */
interface Outcome {
  readonly result: SearchResult;
  /** Score of the best, and of the one of the hall of fame that does best on larger tasks. */
  readonly best: number;
  readonly heldOut: number;
  readonly chosen: Individual;
  /** On tasks 10 and 100 times larger, and held out. */
  readonly large: readonly number[];
  readonly chosenHeldOut: number;
}

/** Of the hall of fame, so many go on from tasks 10 times larger to those 100 times larger. */
const KEPT = 5;

/** Runs everything and prints tables; functions of these names are left out of the paper's space. */
export async function discovery(
  seeds: number,
  trained: number,
  without: readonly string[] = [],
): Promise<void> {
  const functions = Object.fromEntries(
    Object.entries(paperFunctions).filter(([name]) => !without.includes(name)),
  );
  const known = space({ functions });
  const scorer = localScorer({ workers: navigator.hardwareConcurrency });
  for (const [name, degrees] of [["heavy-tailed", 2], ["normal", Infinity]] as const) {
    const tasks = quadraticProxy(degrees);
    const heldOut = quadraticsHeldOut(degrees);
    const last = await Evaluator.of(known, heldOut);
    const funnel = await Funnel.of(
      [10, 100].map((factor) => ({
        tasks: tasks.map((task) => larger(task, factor)),
        keep: KEPT,
      })),
      { functions },
    );
    const scoreOf = ({ genome }: Individual) =>
      last.evaluate(analyse(known, genome), { below: -Infinity }).score;
    const runs = new Map<string, Outcome[]>();
    for (let seed = 1; seed <= seeds; seed++) {
      const cache: ScoreCache = new Map();
      const options = { tasks, seed, cache, budget: { trained }, space: { functions } };
      const kinds = { evolution: options, ...baselineSearches(options) };
      for (const [kind, each] of Object.entries(kinds)) {
        const result = await searched({ ...each, scorer });
        const [{ individual, scores }] = funnel.pass(result.hall);
        const outcome = {
          result,
          best: result.best!.score,
          heldOut: scoreOf(result.best!),
          chosen: individual,
          large: scores,
          chosenHeldOut: scoreOf(individual),
        };
        runs.set(kind, [...runs.get(kind) ?? [], outcome]);
        console.error(name, seed, kind, outcome.best, outcome.heldOut, outcome.chosenHeldOut);
      }
    }
    const left = without.length === 0 ? "" : `, without ${without.join(", ")}`;
    console.log(`\n### ${name} noise: ${seeds} seeds, ${trained} programs trained${left}\n`);
    printTable(runs);
    for (const grid of await handGrids(tasks, heldOut)) {
      const settings = Object.entries(grid.options).map(([key, value]) => `${key} ${value}`);
      console.log(
        `| ${grid.name}, best of ${grid.tried}: ${settings.join(", ")} | ${
          grid.score.toFixed(3)
        } | | ${grid.heldOut!.toFixed(3)} | | | |`,
      );
    }
    printFound(known, runs.get("evolution")!, runs.get("constants 4x")!);
  }
  await scorer.close();
}

function printTable(runs: ReadonlyMap<string, readonly Outcome[]>): void {
  const head = [
    ...["search", "score", "less constants 4x", "held out"],
    ...["chosen: 10 times larger", "100 times larger", "held out"],
  ];
  console.log(`| ${head.join(" | ")} |\n|${" --- |".repeat(head.length)}`);
  const reference = runs.get("constants 4x")!;
  for (const [kind, outcomes] of runs) {
    const cells = [
      interval(outcomes.map(({ best }) => best)),
      interval(outcomes.map(({ best }, i) => best - reference[i].best)),
      interval(outcomes.map(({ heldOut }) => heldOut)),
      interval(outcomes.map(({ large }) => large[0])),
      interval(outcomes.map(({ large }) => large[1])),
      interval(outcomes.map(({ chosenHeldOut }) => chosenHeldOut)),
    ];
    console.log(`| ${kind} | ${cells.join(" | ")} |`);
  }
}

/** What evolution found, and when it was ahead of constants with 4 times its budget. */
function printFound(
  known: Space,
  found: readonly Outcome[],
  reference: readonly Outcome[],
): void {
  const ahead = found.map(({ result }, i) =>
    result.curve.find(({ best }) => best > reference[i].best)?.trained ?? Infinity
  );
  const late = ahead.filter(Number.isFinite);
  console.log(
    `\nEvolution was ahead of constants 4x under ${late.length} of ${found.length} seeds` +
      (late.length === 0 ? "." : `, after ${median(late)} programs trained, in the median.`),
  );
  const paired = (of: (outcome: Outcome) => number) =>
    interval(found.map((outcome, i) => of(outcome) - of(reference[i])));
  const [best, chosen] = [paired(({ heldOut }) => heldOut), paired((each) => each.chosenHeldOut)];
  console.log(
    `Held out, it is ahead by ${best} with the best on the search's own tasks, and by ${chosen} with the ` +
      "one chosen on larger ones.",
  );
  console.log(
    "\nChosen on larger tasks, seed by seed, simplified by rules true of real numbers:\n",
  );
  found.forEach(({ chosen, result: { counts }, chosenHeldOut }, i) => {
    const program = programOf(known, chosen.genome);
    const hits = (counts.structuralHits + counts.probeHits) / counts.generated;
    const statements = printStatements(simplify(program, { allow: "relaxed" }).program.statements);
    console.log(
      `- seed ${i + 1}: ${chosen.score.toFixed(3)}, held out ${chosenHeldOut.toFixed(3)}: ` +
        `${describe(program).summary}. Of ${counts.generated} made ${
          (100 * hits).toFixed(0)
        } % were ` +
        `known. \`${statements.replaceAll("\n", "; ")}\``,
    );
  });
}
