/** `gradus sweep`: tries hyperparameters of optimizers on tasks, as a file says. */
import { localScorer, type Scorer, sweep, sweepPage, type SweepResult } from "../search/mod.ts";
import { columnsOf, rowsOf, verdict } from "../search/page/sweep_standing.ts";
import type { Command } from "./command.ts";
import { checkWritable, writeWhole } from "./files.ts";
import { NATS, NATS_NOTE, natsOptions } from "./nats.ts";
import { Progress, wholeText } from "./progress.ts";
import { readSweep } from "./sweep/read.ts";
import { aligned, wrapped } from "./text.ts";
import { type Options, UsageError, wholeNumber } from "./values.ts";

/** How long a worker may take for a training, in milliseconds. */
const PATIENCE = 3_600_000;

/** The command. */
export const sweepCommand: Command = {
  usage: [
    "SWEEP.yaml [--workers N|--nats nats://HOST:4222] [--checkpoint FILE] [-o SWEEP.html] " +
    "[-o SWEEP.json]",
  ],
  summary: "Tries hyperparameters of optimizers on small tasks, by a grid, at random, by Sobol' " +
    "points or by TPE. Prints the best of each on seeds that they were not chosen on.",
  notes: [
    "SWEEP.yaml says what is tried; docs/sweeps.md has all that it may say:",
    "optimizers: { adamw: { learningRate: { log: [1e-4, 1e-1] }, weightDecay: [0, 0.01, 0.1] } }",
    "tasks: [quadratics, spirals]",
    "method: tpe",
    "trials: 40",
    "The same file gives the same result, however many workers there are and however often it was " +
    "stopped.",
    NATS_NOTE,
  ],
  options: {
    workers: { value: "N", text: "threads that train, by default one a core; 0 is this thread" },
    ...NATS,
    checkpoint: {
      value: "FILE",
      text: "keeps each training there when it is over, and does none again that is there",
    },
    output: {
      short: "o",
      value: "FILE",
      isMultiple: true,
      text: "the page, or all that was found, as its name ends with .html or .json",
    },
  },
  takes: () => ({ least: 1, most: 1, what: "a file that says what is tried" }),
  run: ([path], options, print) => runSweep(path, options, print),
};

/** What is written, by the ending of the file. */
const WRITERS: readonly (readonly [ending: RegExp, write: (result: SweepResult) => string])[] = [
  [/\.html?$/i, sweepPage],
  [/\.json$/i, (result) => `${JSON.stringify(result, named, 2)}\n`],
];

/** JSON has no infinity: it is named as programs name it. */
function named(_: string, value: unknown): unknown {
  return value === Infinity ? "inf" : value === -Infinity ? "-inf" : value;
}

async function runSweep(
  path: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const outputs = (options.output as string[] | undefined ?? []).map((output) => {
    const write = WRITERS.find(([ending]) => ending.test(output))?.[1];
    if (write !== undefined) return { output, write };
    throw new UsageError(`\`sweep\` writes FILE.html and FILE.json: given ${output}`);
  });
  const checkpoint = options.checkpoint as string | undefined;
  const { options: swept, programs, within } = await readSweep(path);
  for (const { output } of outputs) await checkWritable(output);
  const scorer = await scorerOf(options, print);
  const progress = new Progress(print);
  try {
    const result = await within(() =>
      sweep({
        ...swept,
        programs,
        checkpoint,
        scorer,
        progress: (done, all) =>
          progress.show([
            `sweep: ${done} of ${all} trainings · ${wholeText(progress.seconds, done / all)}`,
          ]),
      })
    );
    progress.end();
    for (const line of aligned([columnsOf(result), ...rowsOf(result)])) print(line);
    print(wrapped(verdict(result)));
    for (const { output, write } of outputs) {
      await writeWhole(output, new TextEncoder().encode(write(result)));
      print(`${output}: ${/json$/i.test(output) ? "all that was found" : "the page"}`);
    }
  } finally {
    progress.end();
    await scorer.close();
  }
}

/** What trains: threads here, or workers on any machine. */
async function scorerOf(options: Options, print: (line: string) => void): Promise<Scorer> {
  const nats = natsOptions(options, (text) => print(`sweep: ${text}`));
  if (nats === undefined) {
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
    const workers = wholeNumber(options, "workers", cores, 0);
    return localScorer({ workers, patience: PATIENCE });
  }
  if (options.workers !== undefined) {
    throw new UsageError("--workers is an option of `gradus worker` where --nats is given");
  }
  const { natsScorer } = await import("../search/nats/mod.ts");
  return await natsScorer({ ...nats, patience: PATIENCE });
}
