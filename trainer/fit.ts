/** The loop: trains on batches, scores held-out examples, stops early, and goes on from where it was. */
import { digestOf } from "../dsl/digest.ts";
import { GradusError, shown } from "../dsl/errors.ts";
import type { OrtTrainer } from "../export/ort/mod.ts";
import { batchOf, type Dataset } from "./dataset.ts";
import { Batches, type Split, split } from "./draw.ts";
import { begunLoop, type Loop, type LoopScore, packed, unpacked } from "./loop.ts";
import type { Objective } from "./objective.ts";

/** How a training goes. */
export interface FitOptions {
  /** The step that it ends after, counted from the very beginning. */
  readonly steps: number;
  /** How many examples make a batch. */
  readonly batch: number;
  /** What examples are held out and shuffled by. Default 1. */
  readonly seed?: number;
  /** The share of the examples that is held out and scored with. Default 0.1; 0 for none. */
  readonly validate?: number;
  /** What answers are counted by. */
  readonly objective: Pick<Objective, "output" | "accuracy">;
  /** Whether batches must have one size, so that as many examples are held out. Default false. */
  readonly isFixed?: boolean;
  /** After how many steps the held-out examples are scored. Default a twentieth of the steps. */
  readonly every?: number;
  /** After how many scores in a row that are no better than the best it ends. Default: it does not. */
  readonly patience?: number;
  /** Whether the model with the best held-out loss is kept. Default: if there is a patience. */
  readonly keepsBest?: boolean;
  /** A checkpoint of this training, to go on from. */
  readonly from?: Uint8Array;
  /** A text that a checkpoint must have been saved with, such as of the model that is trained. Default "". */
  readonly identity?: string;
}

/** A moment of a training. */
export type FitEvent = {
  /** How many steps have been made. */
  readonly step: number;
  /** How much of the whole is done, from 0 to 1. */
  readonly share: number;
  /** How long the rest takes, if it goes on as so far; undefined in the beginning. */
  readonly secondsLeft: number | undefined;
  /** A checkpoint that `from` goes on from, if it is asked for before the next event is. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
} & ({ readonly type: "step"; readonly loss: number } | { readonly type: "score" } & LoopScore);

/** How a training ended. */
export interface Fitted {
  readonly reason: "steps" | "patience";
  readonly step: number;
  readonly scores: readonly LoopScore[];
  /** The best held-out loss, and the model that had it if that is kept. */
  readonly best:
    | { readonly step: number; readonly loss: number; readonly model?: Uint8Array }
    | undefined;
  /** The last checkpoint. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
}

/** How many steps the time that is left is guessed from, at least. */
const MEASURED = 3;

/**
 * Trains; each event is a moment at which nothing runs, so whoever asks for the next one may pause, save or stop. With the
 * same trainer, data and options a training that goes on from a checkpoint makes the same steps, bit for bit on
 * WebAssembly, as one that was never stopped.
 *
 * @throws {GradusError} if an option is none, there are too few examples, or a checkpoint is another training's.
 */
export async function* fit(
  trainer: OrtTrainer,
  data: Dataset,
  options: FitOptions,
): AsyncGenerator<FitEvent, Fitted> {
  const doing = "Cannot train";
  const { steps, batch, seed = 1, patience, every = Math.ceil(steps / 20) } = options;
  for (const [name, value] of Object.entries({ steps, batch, every, patience: patience ?? 1 })) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new GradusError(
      `${doing}: \`${name}\` must be a whole number from 1 on: given ${shown(value)}`,
    );
  }
  const parts = partsOf(data, options);
  if (batch > parts.train.length) {
    throw new GradusError(
      `${doing}: a batch must have no more examples than there are to train on: given ${batch} of ` +
        `${parts.train.length}`,
    );
  }
  const { keepsBest = patience !== undefined } = options;
  const whose = digestOf(JSON.stringify([
    ...[options.identity ?? "", seed, batch, parts.heldOut.length, data.count],
    ...Object.entries(data.arrays).map(([name, { data, shape }]) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, shape, data.constructor.name, digestOf(bytes)];
    }),
  ]));
  let loop: Loop = begunLoop();
  if (options.from !== undefined) {
    const read = unpacked(options.from, whose, doing);
    await trainer.restore(read.own);
    // What was best before can only be kept from now on if it was kept then.
    const isLost = keepsBest && read.loop.best !== undefined && read.loop.best.model === undefined;
    loop = isLost ? { ...read.loop, best: undefined, worse: 0 } : read.loop;
  }
  const batches = new Batches(parts.train, batch, seed);
  const from = trainer.count;
  const began = performance.now();
  let paused = 0;
  const moment = () => {
    const step = trainer.count;
    const seconds = (performance.now() - began - paused) / 1000;
    const isMeasured = step - from >= MEASURED;
    return {
      step,
      share: Math.min(1, step / steps),
      secondsLeft: isMeasured ? seconds / (step - from) * Math.max(0, steps - step) : undefined,
      save: async () => packed(await trainer.save(), loop, whose),
    };
  };
  for (;;) {
    const step = trainer.count;
    // At the start there is nothing to tell but of what is held out.
    const isTold = step > 0 || parts.heldOut.length > 0;
    const isDue = isTold && (step % every === 0 || step >= steps);
    if (isDue && loop.scores.at(-1)?.step !== step) {
      const heldOut = await scored(trainer, data, parts.heldOut, options);
      const score: LoopScore = { step, loss: loop.sum / loop.since, heldOut };
      const isBest = heldOut !== undefined && heldOut.loss < (loop.best?.loss ?? Infinity);
      const model = isBest && keepsBest ? await trainer.model() : undefined;
      loop = {
        sum: 0,
        since: 0,
        scores: [...loop.scores, score],
        best: isBest ? { step, loss: heldOut.loss, model } : loop.best,
        worse: isBest ? 0 : loop.worse + 1,
      };
      const asked = performance.now();
      yield { type: "score", ...score, ...moment() };
      paused += performance.now() - asked;
    }
    const isStale = patience !== undefined && parts.heldOut.length > 0 && loop.worse >= patience;
    if (isStale || step >= steps) {
      return {
        reason: isStale && step < steps ? "patience" : "steps",
        step,
        scores: loop.scores,
        best: loop.best,
        save: moment().save,
      };
    }
    const loss = await trainer.step(batchOf(data, batches.at(step)));
    loop = { ...loop, sum: loop.sum + loss, since: loop.since + 1 };
    const asked = performance.now();
    yield { type: "step", loss, ...moment() };
    paused += performance.now() - asked;
  }
}

/** The examples that are trained on, and those that are held out. */
export function partsOf(
  data: Dataset,
  { validate = 0.1, seed = 1, batch, isFixed = false }: FitOptions,
): Split {
  return split(data.count, validate, seed, isFixed ? batch : 1);
}

/** The mean loss of held-out examples, and the share of answers that are right. */
async function scored(
  trainer: OrtTrainer,
  data: Dataset,
  rows: Uint32Array,
  { batch, objective: { output, accuracy } }: FitOptions,
): Promise<LoopScore["heldOut"]> {
  if (rows.length === 0) return undefined;
  let [loss, right, all] = [0, 0, 0];
  for (let at = 0; at < rows.length; at += batch) {
    const own = rows.subarray(at, at + batch);
    const examples = batchOf(data, own);
    const asked = accuracy === undefined ? ["loss"] : ["loss", output];
    const made = await trainer.evaluate(examples, asked);
    loss += Number(made.loss.data[0]) * own.length / rows.length;
    if (accuracy === undefined) continue;
    const labels = examples.y as { data: Int32Array; shape: readonly number[] };
    const counted = accuracy.count(made[output], labels);
    [right, all] = [right + counted.right, all + counted.all];
  }
  return { loss, ...(accuracy === undefined ? {} : { accuracy: right / all }) };
}
