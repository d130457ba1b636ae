/** One seed of the report of transfer: a search, its rivals with 4 times its budget, and where all of them end. */
import { derive, describe, equivalent } from "../../../search/derive/mod.ts";
import {
  analyse,
  Evaluator,
  Funnel,
  type Genome,
  type Individual,
  paperMutations,
  parseGenome,
  printGenome,
  programOf,
  RIVAL_STATES,
  RIVALS,
  rivalSearches,
  searched,
  type SearchOptions,
  space,
} from "../../../search/mod.ts";
import { shapeOf } from "../../../search/analysis/structure.ts";
import { BUILT_IN } from "../../../zoo/by_name.ts";
import { heldOutTasks, largerTasks, searchTasks } from "./tasks.ts";

/** The space of all programs of the report: no program may change the schedule or the parameter it is shown. */
export const SPACE = { states: RIVAL_STATES, freeze: ["lr", "w"], longest: 24 };
const known = space(SPACE);
/** How many come from the search's tasks to those 10 times larger, and from there to 100 times larger. */
const KEPT = { ten: 8, hundred: 1 };

/** Where one ended. */
export interface Ended {
  readonly name: string;
  /** The program of the hall of fame that the funnel chose. */
  readonly genome: string;
  readonly trained: number;
  readonly score: number;
  /** On tasks 10 and 100 times larger. */
  readonly larger: readonly number[];
  /** By family. */
  readonly heldOut: Readonly<Record<string, number>>;
  /** What it is like. */
  readonly text: string;
}

/** One seed. */
export interface SeedRun {
  readonly seed: number;
  readonly ended: readonly Ended[];
}

/** Runs one seed. */
export async function runSeed(seed: number, trained: number): Promise<SeedRun> {
  const options: SearchOptions = {
    tasks: searchTasks(seed),
    space: SPACE,
    init: Object.values(RIVALS),
    mutations: paperMutations,
    population: 100,
    tournament: 4,
    window: 25,
    seed,
    budget: { trained },
    cache: new Map(),
  };
  const searches = { search: options, ...rivalSearches(options) };
  const funnel = await Funnel.of([
    { tasks: largerTasks(seed, 10), keep: KEPT.hundred },
    { tasks: largerTasks(seed, 100), keep: 1 },
  ], SPACE);
  const families = Object.entries(await heldOutTasks(seed));
  const evaluators = await Promise.all(families.map(([, task]) => Evaluator.of(known, [task])));
  const ended: Ended[] = [];
  for (const [name, each] of Object.entries(searches)) {
    const { hall, counts } = await searched(each);
    const [{ individual, scores }] = funnel.pass(hall.slice(0, KEPT.ten));
    const analysis = analyse(known, individual.genome);
    const heldOut = Object.fromEntries(
      families.map(([family], i) => [family, evaluators[i].evaluate(analysis).score]),
    );
    ended.push({
      name,
      genome: printGenome(known, individual.genome),
      trained: counts.trained,
      score: individual.score,
      larger: scores,
      heldOut,
      text: describe(programOf(known, individual.genome)).summary,
    });
    console.error(seed, name, individual.score, scores, heldOut);
  }
  return { seed, ended };
}

/** What a program is called in the library, if it is there, or is a rival but for its constants. */
export function knownAs(text: string): string | undefined {
  const genome = parseGenome(known, text);
  const shape = shapeOf(known, genome);
  const rival = Object.entries(RIVALS).find(([, each]) =>
    shapeOf(known, parseGenome(known, each)) === shape
  );
  if (rival !== undefined) return `${rival[0]}, but for its constants`;
  const program = programOf(known, genome);
  const library = [...BUILT_IN.values()].map(({ program }) => program);
  // The guard of a division by 1 - 0.999^t alone is 1e-5 of it at the first step.
  const options = { seeds: 1, steps: 6, tolerance: 1e-4 } as const;
  for (const each of library) {
    try {
      const found = equivalent(program, each, options);
      if (found.equivalent) return each.name;
      // The same but for its learning rate: the factor is told by the first update that differs.
      const [own, theirs] = found.witness.updates;
      const factor = theirs / own;
      if (!Number.isFinite(factor) || factor === 0) continue;
      const scaled = parseGenome(known, `${text}\nupdate = mul(update, ${factor})`);
      if (equivalent(programOf(known, scaled), each, options).equivalent) {
        return `${each.name}, at ${Number((1 / factor).toPrecision(4))} times its learning rate`;
      }
    } catch {
      // What takes other inputs, or other shapes, is another optimizer.
    }
  }
  return derive(program, { known: library, tolerance: 0 }).known?.name;
}

/** One program on every tier. */
export interface Sampled {
  readonly name: string;
  readonly tiers: Readonly<Record<string, number>>;
}

/** Scores programs from the best to the worst of a search on every tier, none left out, beside the rivals. */
export async function sample(seed: number, trained: number, count: number): Promise<Sampled[]> {
  const { hall } = await searched({
    tasks: searchTasks(seed),
    space: SPACE,
    init: Object.values(RIVALS),
    strategy: "random",
    seed,
    budget: { trained },
    hall: trained,
  });
  const chosen: { readonly name: string; readonly genome: Genome }[] = [
    ...Object.entries(RIVALS).map(([name, text]) => ({ name, genome: parseGenome(known, text) })),
    ...Array.from({ length: count }, (_, i) => {
      const { genome }: Individual = hall[Math.floor(i * hall.length / count)];
      return { name: `program ${i + 1}`, genome };
    }),
  ];
  const tiers = {
    "the search's tasks": searchTasks(seed),
    "10 times larger": largerTasks(seed, 10),
    "100 times larger": largerTasks(seed, 100),
    ...Object.fromEntries(
      Object.entries(await heldOutTasks(seed)).map(([name, task]) => [name, [task]]),
    ),
  };
  const scores: Record<string, number>[] = chosen.map(() => ({}));
  for (const [tier, tasks] of Object.entries(tiers)) {
    const evaluator = await Evaluator.of(known, tasks);
    chosen.forEach(({ genome }, i) => {
      scores[i][tier] = evaluator.evaluate(analyse(known, genome)).score;
    });
    console.error(seed, tier, scores.map((each) => each[tier].toFixed(2)).join(" "));
  }
  return chosen.map(({ name }, i) => ({ name, tiers: scores[i] }));
}
