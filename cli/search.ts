/** `gradus search`: looks for optimizers, and shows how far it is. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe } from "../search/derive/describe.ts";
import { GradusError, quoted } from "../dsl/errors.ts";
import { printYaml } from "../dsl/yaml.ts";
import {
  baselineSearches,
  fileCheckpoint,
  Funnel,
  handGrids,
  htmlReport,
  larger,
  programOf,
  quadraticProxy,
  quadraticsHeldOut,
  type Report,
  search,
  type SearchEvent,
  type SearchOptions,
  type SearchResult,
  space,
} from "../search/mod.ts";
import { canStartProcesses } from "../search/evolve/process.ts";
import { checkWorkers, hasCode } from "../search/evolve/trainer.ts";
import type { Command } from "./command.ts";
import { checkWritable, writeWhole } from "./files.ts";
import { type Options, wholeNumber } from "./values.ts";

/** Tasks that the command knows by name. */
const PROXIES: ReadonlyMap<string, () => Partial<SearchOptions>> = new Map([
  ["heavy", () => proxy(2)],
  ["gaussian", () => proxy(Infinity)],
]);

function proxy(degrees: number): Partial<SearchOptions> {
  return { tasks: quadraticProxy(degrees), heldOut: quadraticsHeldOut(degrees) };
}

/** The command. */
export const searchCommand: Command = {
  usage: [
    "heavy|gaussian|FILE [--trained 5000] [--seed 1] [--workers N] [-o REPORT.html]",
  ],
  summary:
    "Searches programs that train well on quadratics with heavy-tailed or normal noise, or " +
    "on tasks of yours. Prints the best, and writes a report of it beside its baselines.",
  notes: [
    "FILE is a module whose default export is the options of a search, which those given here " +
    "override.",
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
  const given = PROXIES.get(target)?.() ?? await readOptions(target);
  const [output, path] = [options.output, options.checkpoint] as (string | undefined)[];
  for (const each of [output, path]) if (each !== undefined) await checkWritable(each);
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  const settings: SearchOptions = {
    ...given,
    tasks: given.tasks!,
    budget: options.trained === undefined && given.budget !== undefined
      ? given.budget
      : { trained: wholeNumber(options, "trained", 5000) },
    seed: wholeNumber(options, "seed", given.seed ?? 1),
    workers: wholeNumber(options, "workers", given.workers ?? cores, 0),
    cache: new Map(),
  };
  const checkpoint = path === undefined ? undefined : { store: fileCheckpoint(path) };
  checkWorkers(settings.workers!);
  print(`search: trains ${placeOf(settings)}`);
  const result = await followed("search", { ...settings, checkpoint }, print);
  if (result.best === undefined) {
    throw new GradusError("Cannot show a program: every one that was trained exploded");
  }
  const searches: Record<string, SearchResult> = {};
  let grids: Report["grids"];
  if (options.baselines || output !== undefined) {
    for (const [name, each] of Object.entries(baselineSearches(settings))) {
      searches[name] = await followed(name, each, print);
    }
    grids = await handGrids(settings.tasks, settings.heldOut);
    for (const { name, score } of grids) print(`${name}, best of a grid: ${score.toFixed(3)}`);
  }
  const known = space(settings.space);
  const best = programOf(known, result.best.genome);
  print(printYaml(best).trimEnd());
  print(`# score ${result.best.score.toFixed(3)}: ${describe(best).summary}`);
  if (output === undefined) return;
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

/** Where programs are trained, in words. */
function placeOf({ tasks, workers = 0 }: SearchOptions): string {
  if (workers === 0) return "in this thread, which works on it alone";
  const [one, more] = hasCode(tasks) && canStartProcesses()
    ? ["process", "processes"]
    : ["worker thread", "worker threads"];
  return `in ${workers} ${workers === 1 ? one : more}`;
}

/** How many of the hall of fame come from tasks 10 times larger to those 100 times larger. */
const KEPT = 5;

/** The hall of fame on larger tasks, where it is known how a task grows. */
async function onLargerTasks(
  { tasks, space }: SearchOptions,
  { hall }: SearchResult,
): Promise<Report["larger"]> {
  const quadratics = tasks.filter((task) => task.kind === "quadratic");
  if (quadratics.length < tasks.length) return undefined;
  const factors = [10, 100];
  const funnel = await Funnel.of(
    factors.map((factor) => ({
      tasks: quadratics.map((task) => larger(task, factor)),
      keep: KEPT,
    })),
    space,
  );
  return {
    stages: factors.map((factor) => `${factor} times larger`),
    passed: funnel.pass(hall),
  };
}

/** Seconds between lines where the terminal cannot overwrite one. */
const QUIET = 10;

async function followed(
  name: string,
  options: SearchOptions,
  print: (line: string) => void,
): Promise<SearchResult> {
  const isLive = Deno.stderr.isTerminal();
  const show = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  let said = 0;
  let last = "";
  for await (const event of search(options)) {
    if (event.type === "done") {
      if (isLive) show("\r\x1b[K");
      print(last);
      return event.result;
    }
    last = `${name}: ${progressText(event)}`;
    if (isLive) show(`\r\x1b[K${last}`);
    else if (event.seconds - said > QUIET) {
      said = event.seconds;
      print(last);
    }
  }
  throw new Error("a search ended without a result");
}

function progressText(
  { counts, best, front, rate, share, secondsLeft }: Extract<SearchEvent, { type: "progress" }>,
): string {
  const hits = (counts.structuralHits + counts.probeHits) / counts.generated;
  return [
    `${Math.min(100, Math.floor(100 * share))} %`,
    `${counts.trained} trained of ${counts.generated}`,
    `${rate.toFixed(0)}/s`,
    `best ${best === undefined ? "none" : best.score.toFixed(3)}`,
    `front ${front.length}`,
    `${(100 * hits).toFixed(0)} % known`,
    ...(counts.lost === 0 ? [] : [`${counts.lost} lost with their worker`]),
    `${secondsLeft.toFixed(0)} s left`,
  ].join(" · ");
}

/** The options that a module exports as its default. */
async function readOptions(path: string): Promise<Partial<SearchOptions>> {
  const names = [...PROXIES.keys()].join(" nor ");
  let read: unknown;
  try {
    ({ default: read } = await import(pathToFileURL(resolve(path)).href));
  } catch (error) {
    if (error instanceof GradusError) throw new GradusError(`${quoted(path)}: ${error.message}`);
    const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new GradusError(
      `Cannot search ${quoted(path)}: it is neither ${names} nor a module that loads: ${
        reason.slice(0, 300)
      }`,
    );
  }
  const { tasks } = (read ?? {}) as { readonly tasks?: unknown };
  if (Array.isArray(tasks)) return read as Partial<SearchOptions>;
  throw new GradusError(
    `Cannot search ${
      quoted(path)
    }: its default export must be the options of a search, with a list of ` +
      "`tasks`",
  );
}
