/** `gradus search`: looks for optimizers, and shows how far it is. */
import { describe } from "../search/derive/describe.ts";
import { GradusError } from "../dsl/errors.ts";
import { printYaml } from "../dsl/yaml.ts";
import {
  baselineSearches,
  Funnel,
  handGrids,
  htmlReport,
  larger,
  programOf,
  type Report,
  type SearchOptions,
  type SearchResult,
  space,
} from "../search/mod.ts";
import { rowsOf, verdict } from "../search/page/winner.ts";
import type { Command } from "./command.ts";
import { checkWritable, writeWhole } from "./files.ts";
import { NATS, NATS_NOTE } from "./nats.ts";
import { followed, weightOf, Whole } from "./search_progress.ts";
import { searchOptions } from "./search_options.ts";
import { placeOf } from "./search_place.ts";
import { WIDTH, wrapped } from "./text.ts";
import { type Options, wholeNumber } from "./values.ts";

/** The command. */
export const searchCommand: Command = {
  usage: [
    "heavy|gaussian|proxies|FILE [--trained 5000] [--seed 1] [--workers N] [-o REPORT.html]",
  ],
  summary:
    "Searches programs that train well on quadratics with heavy-tailed or normal noise, on cheap " +
    "stand-ins for language models, or on tasks of yours. Prints the best, and writes a report of " +
    "it beside its baselines.",
  notes: [
    "FILE is a module whose default export is the options of a search, which those given here " +
    "override.",
    "With --nats, `gradus worker` on any machine does the training. The same seed gives the same " +
    "search whatever trains, and however often that dies or this does.",
    NATS_NOTE,
  ],
  options: {
    trained: { value: "N", text: "how many programs are trained, by default 5000" },
    seed: { value: "N", text: "what all that is random follows from, by default 1" },
    workers: {
      value: "N",
      text: "threads that train, or processes for tasks of yours: by default one a core, and at " +
        "most 4 a core or 16; 0 trains in this thread, where what never ends cannot be ended. " +
        "What is found does not depend on it",
    },
    ...NATS,
    run: {
      value: "NAME",
      text:
        "with --nats: keeps checkpoints of the run under that name on the server, and goes on " +
        "from the last",
    },
    window: {
      value: "N",
      text: "how many programs are on their way at a time, by default 50: for many machines 512; " +
        "another number is another search",
    },
    baselines: {
      text: "also constants only, random programs, and grids of AdamW, Lion and signum, as a " +
        "report always does; all together 12 times the budget",
    },
    checkpoint: {
      value: "FILE",
      text: "saves there, and goes on from what was saved; what was saved before that is kept in " +
        "FILE.old",
    },
    output: { short: "o", value: "FILE.html", text: "the report" },
  },
  takes: () => ({ least: 1, most: 1, what: "tasks" }),
  run: ([target], options, print) => runSearch(target, options, print),
};

async function runSearch(
  target: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const [output, path] = [options.output, options.checkpoint] as (string | undefined)[];
  const given = await searchOptions(target);
  for (const each of [output, path]) if (each !== undefined) await checkWritable(each);
  const settings = {
    ...given,
    tasks: given.tasks!,
    budget: options.trained === undefined && given.budget !== undefined
      ? given.budget
      : { trained: wholeNumber(options, "trained", 5000) },
    seed: wholeNumber(options, "seed", given.seed ?? 1),
    window: options.window === undefined ? given.window : wholeNumber(options, "window", 1),
    cache: new Map(),
  };
  const { scorer, store, place, close } = await placeOf(settings, options, print);
  try {
    if (place !== undefined) print(`search: trains ${place}`);
    const checkpoint = store && { store };
    await runWith({ ...settings, scorer, checkpoint }, target, options, print);
  } finally {
    await close();
  }
}

/** Searches, and shows and writes what was found. */
async function runWith(
  settings: SearchOptions,
  target: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const output = options.output as string | undefined;
  const isCompared = options.baselines === true || output !== undefined;
  const baselines = isCompared ? Object.entries(baselineSearches(settings)) : [];
  const weights = [settings, ...baselines.map(([, each]) => each)].map(weightOf);
  const whole = new Whole(weights, print);
  const result = await followed("search", settings, whole);
  if (result.best === undefined) {
    throw new GradusError("Cannot show a program: every one that was trained exploded");
  }
  const searches: Record<string, SearchResult> = {};
  for (const [name, each] of baselines) searches[name] = await followed(name, each, whole);
  if (isCompared) print("search: tries grids of AdamW, Lion and signum");
  const grids = isCompared ? await handGrids(settings.tasks, settings.heldOut) : [];
  for (const { name, score } of grids) print(`${name}, best of a grid: ${score.toFixed(3)}`);
  const known = space(settings.space);
  const best = programOf(known, result.best.genome);
  print(printYaml(best).trimEnd());
  print(`# score ${result.best.score.toFixed(3)}: ${describe(best).summary}`);
  if (isCompared) {
    const rows = rowsOf(known, [["the search", result], ...Object.entries(searches)], grids);
    print(wrapped(verdict(rows), 0, WIDTH - 2).replace(/^/gm, "# "));
  }
  if (output === undefined) return;
  print("search: trains the best on larger tasks");
  const title = `Search of optimizers: ${target}, seed ${settings.seed}`;
  const html = await htmlReport({
    title,
    result,
    space: settings.space,
    searches,
    grids,
    larger: await onLargerTasks(settings, result),
  });
  await writeWhole(output, new TextEncoder().encode(html));
  print(`${output}: the report`);
}

/** How many of the hall of fame come from tasks 10 times larger to those 100 times larger. */
const KEPT = 5;

/** The hall of fame on larger tasks, where it is known how a task grows. */
async function onLargerTasks(
  { tasks, space }: SearchOptions,
  { hall }: SearchResult,
): Promise<Report["larger"]> {
  const growing = tasks.filter((task) => task.kind === "quadratic" || task.kind === "proxy");
  if (growing.length < tasks.length) return undefined;
  const factors = [10, 100];
  const funnel = await Funnel.of(
    factors.map((factor) => ({
      tasks: growing.map((task) => larger(task, factor)),
      keep: KEPT,
    })),
    space,
  );
  return {
    stages: factors.map((factor) => `${factor} times larger`),
    passed: funnel.pass(hall),
  };
}
