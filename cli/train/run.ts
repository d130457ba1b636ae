/** A training from its first step or its last checkpoint to its end, and what is told of it. */
import { GradusError } from "../../dsl/errors.ts";
import { OrtTrainer } from "../../export/train/mod.ts";
import { readWhole, writeWhole } from "../../export/safetensors/whole.ts";
import {
  type Dataset,
  fit,
  type FitEvent,
  type FitOptions,
  type Fitted,
  type LoopScore,
  partsOf,
  type Prepared,
} from "../../trainer/mod.ts";
import { duration, Progress } from "../progress.ts";
import { printable, wrapped } from "../text.ts";
import { Stopped } from "../values.ts";
import { digits, type Job, percent } from "./job.ts";
import { trainingPage } from "./page.ts";

/** Saving takes no more than this share of the time, and begins after some of it. */
const SAVING = 1 / 20;
const FIRST_SAVE = 0.5;
/** Milliseconds after which the run looks whether it is interrupted: a step by itself waits for nothing. */
const LOOKS_AFTER = 50;
const MOST_CLASSES = 8;

/** Trains, and writes what comes of it. */
export async function runJob(
  job: Job,
  prepared: Prepared,
  data: Dataset,
  options: FitOptions,
  print: (line: string) => void,
): Promise<void> {
  const from = await readIfThere(job.checkpoint);
  const trainer = await OrtTrainer.load(prepared.step, { refuseNonFinite: true });
  const progress = new Progress(print);
  try {
    const end = await followed(
      job,
      fit(trainer, data, { ...options, from }),
      progress,
      from !== undefined,
    );
    progress.end();
    await save(job, end);
    const model = job.patience === undefined ? undefined : end.best?.model;
    await writeBytes(job.output, model ?? await trainer.model());
    print(endText(job, end));
    if (job.report !== undefined) {
      const html = await trainingPage({ job, data, options, end });
      await writeBytes(job.report, new TextEncoder().encode(html));
      print(`${job.report}: the page`);
    }
    if (!job.keepsCheckpoint) await Deno.remove(job.checkpoint);
  } finally {
    progress.end();
    await trainer.dispose();
  }
}

/** Goes through a training to its end; saves it now and then, and when it is interrupted. */
async function followed(
  job: Job,
  run: AsyncGenerator<FitEvent, Fitted>,
  progress: Progress,
  isResumed: boolean,
): Promise<Fitted> {
  let isStopped = false;
  const stop = () => {
    isStopped = true;
  };
  let [last, savedAt, pause] = ["", progress.seconds, FIRST_SAVE];
  let lookedAt = performance.now();
  Deno.addSignalListener("SIGINT", stop);
  try {
    let next = await (isResumed ? resumed(job, run) : run.next());
    if (isResumed && !next.done) {
      const { step, type } = next.value;
      progress.say(
        `goes on after step ${type === "step" ? step - 1 : step}, from ${job.checkpoint}`,
      );
    }
    for (; !next.done; next = await run.next()) {
      const event = next.value;
      if (event.type === "score") progress.say(last = scoreText(event));
      else progress.show([progressText(job, event, last)]);
      if (performance.now() - lookedAt > LOOKS_AFTER) {
        await new Promise((resolve) => setTimeout(resolve));
        lookedAt = performance.now();
      }
      const before = progress.seconds;
      if (!isStopped && (event.step === 0 || before - savedAt < pause)) continue;
      await save(job, event);
      if (isStopped) {
        throw new Stopped(
          `stopped after step ${event.step} of ${job.steps}, which ${job.checkpoint} has: the same command ` +
            "goes on from there",
        );
      }
      savedAt = progress.seconds;
      pause = Math.max(FIRST_SAVE, (savedAt - before) / SAVING);
    }
    return next.value;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

/** The first event after a checkpoint. */
async function resumed(
  { checkpoint }: Job,
  run: AsyncGenerator<FitEvent, Fitted>,
): Promise<IteratorResult<FitEvent, Fitted>> {
  try {
    return await run.next();
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    throw new GradusError(
      `\`${checkpoint}\`: ${error.message}\nRemove it to begin anew, or name another by --checkpoint`,
    );
  }
}

/** Saves a moment; what a run that was killed has left half-written is removed. */
async function save({ checkpoint }: Job, { save }: Pick<FitEvent, "save">): Promise<void> {
  await writeBytes(checkpoint, await save());
}

async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeWhole(path, new Blob([bytes as Uint8Array<ArrayBuffer>]).stream());
  } catch (error) {
    throw new GradusError(`Cannot write \`${path}\`: ${(error as Error).message}`);
  }
}

/** What is at a path; undefined where nothing is. */
async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readWhole(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw new GradusError(`Cannot read \`${path}\`: ${(error as Error).message}`);
  }
}

/** What is trained on. */
export function dataText(
  { data }: Pick<Job, "data">,
  examples: Dataset,
  options: FitOptions,
): string {
  const { train, heldOut } = partsOf(examples, options);
  const held = heldOut.length === 0 ? "" : `, of which ${heldOut.length} are held out`;
  const { classes = [] } = examples;
  const some = classes.slice(0, MOST_CLASSES).map((name) => printable(JSON.stringify(name), 30));
  const more = classes.length > MOST_CLASSES ? ", …" : "";
  return wrapped(
    `${data}: ${train.length + heldOut.length} examples${held}` +
      (classes.length === 0
        ? ""
        : `; labels 0 to ${classes.length - 1} are ${some.join(", ")}${more}`),
  );
}

/** A score in a line. */
function scoreText({ step, loss, heldOut }: LoopScore): string {
  return [
    `step ${step}`,
    ...(Number.isNaN(loss) ? [] : [`loss ${digits(loss)}`]),
    ...(heldOut === undefined ? [] : [`held-out loss ${digits(heldOut.loss)}`]),
    ...(heldOut?.accuracy === undefined ? [] : [`${percent(heldOut.accuracy)} right`]),
  ].join(" · ");
}

function progressText(
  { steps }: Job,
  { step, share, secondsLeft, loss }: Extract<FitEvent, { type: "step" }>,
  last: string,
): string {
  const left = secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`];
  const held = /held-out.*/.exec(last) ?? [];
  return [
    `${Math.floor(100 * share)} %`,
    ...left,
    `step ${step} of ${steps}`,
    `loss ${digits(loss)}`,
    ...held,
  ].join(" · ");
}

function endText({ output, patience }: Job, { reason, step, best }: Fitted): string {
  const why = reason === "patience" ? `, after which ${patience} scores were no better` : "";
  return patience === undefined || best === undefined
    ? `${output}: the model after ${step} steps`
    : `${output}: the model after ${best.step} steps, whose held-out loss ${
      digits(best.loss)
    } was the best${why}`;
}
