/// <reference lib="dom" />
/** A training in a worker, from its begin to its end: made, run, shown, asked and taken away. */
import { load } from "../../../export/safetensors/mod.ts";
import { GradusError } from "../../../mod.ts";
import {
  fit,
  fixedBatch,
  objectiveOf,
  partsOf,
  prepare,
  type TrainingInput,
} from "../../../trainer/mod.ts";
import { optimizerOf } from "../optimizers.ts";
import type { Download, OptimizerChoice, Plan, WorkerEvent } from "../protocol.ts";
import { keptProgress } from "../storage.ts";
import { loaded } from "./device.ts";
import type { Subject } from "./subject.ts";
import { predictionsOf, type Shown } from "./predictions.ts";
import { Run } from "./run.ts";
import { written } from "./writer.ts";

/** How much is written while a network learns, and when somebody asks. */
const WRITTEN = { live: 120, asked: 300 };

/** What is trained, how, and where it is kept. */
export interface Begun {
  readonly subject: Subject;
  readonly plan: Plan;
  readonly optimizer: OptimizerChoice;
  /** The place that it is saved at, if it is. */
  readonly lane: number | undefined;
  /** Whether it goes on from what is saved. */
  readonly isResumed: boolean;
  readonly tell: (event: WorkerEvent) => void;
}

/** The training. */
export class Training {
  readonly run: Run;
  readonly #shown: Shown;
  readonly #step: Uint8Array<ArrayBuffer>;
  readonly #vocabulary: readonly string[] | undefined;

  private constructor(
    run: Run,
    shown: Shown,
    step: Uint8Array<ArrayBuffer>,
    vocabulary: readonly string[] | undefined,
  ) {
    [this.run, this.#shown, this.#step, this.#vocabulary] = [run, shown, step, vocabulary];
  }

  /** Makes a step, and begins to run it. */
  static async begin(
    { subject, plan, optimizer, lane, isResumed, tell }: Begun,
  ): Promise<Training> {
    const objective = objectiveOf(plan.loss);
    const { steps, params, seed, heldOut } = plan;
    const { model, vocabulary } = subject.material;
    const { step, inputs, outputShape } = prepare(model, optimizerOf(optimizer, steps), {
      objective,
      params,
      seed,
      // They were told when it was checked.
      onWarning: () => {},
    });
    const { data } = await subject.examples(inputs, objective, outputShape);
    const kept = isResumed && lane !== undefined ? await keptProgress(lane) : undefined;
    const begun = kept === undefined ? 0 : load(kept.checkpoint).state.count;
    const until = <T>(all: readonly T[], stepOf: (each: T) => number) =>
      all.filter((each) => stepOf(each) <= begun);
    const { trainer, device, note } = await loaded(step, plan.device);
    const fixed = fixedBatch(inputs);
    const batch = fixed ?? plan.batch;
    const options = {
      ...{ steps, seed, batch, objective, validate: heldOut, isFixed: fixed !== undefined },
      from: kept?.checkpoint,
    };
    const parts = partsOf(data, options);
    const rows = parts.heldOut.length > 0 ? parts.heldOut : parts.train;
    const run = new Run(fit(trainer, data, options), {
      lane,
      saveEvery: plan.saveEvery,
      history: {
        losses: until(kept?.history.losses ?? [], ([step]) => step),
        scores: until(kept?.history.scores ?? [], ({ step }) => step),
      },
      tell,
      show: async () => tell({ kind: "predictions", predictions: await training.#predictions() }),
    });
    const shown = { trainer, data, inputs, objective, rows, fixed };
    const training: Training = new Training(run, shown, step, vocabulary);
    tell({ kind: "began", device, note, history: run.history });
    run.start();
    return training;
  }

  /** What the network writes after a beginning. */
  write(prompt: string, count: number = WRITTEN.asked): Promise<string> {
    const { trainer, inputs, objective: { output } } = this.#shown;
    const vocabulary = this.#vocabulary;
    if (vocabulary === undefined) throw new GradusError("Only a network of text writes");
    return written({ trainer, input: source(inputs), output, vocabulary }, prompt, count);
  }

  /** The scores that it gives to an image. */
  async scores(image: Float32Array): Promise<number[]> {
    const { trainer, inputs, objective: { output } } = this.#shown;
    const { name, shape } = source(inputs);
    const [, ...own] = shape as readonly number[];
    const batch = { [name]: { data: image, shape: [1, ...own] } };
    const made = await trainer.evaluate(batch, [output]);
    return Array.from(made[output].data as Float32Array);
  }

  /** The bytes of what can be taken away. */
  async download(what: Download): Promise<Uint8Array<ArrayBuffer>> {
    if (what === "model") return await this.#shown.trainer.model();
    return what === "checkpoint" ? await this.run.checkpoint() : this.#step;
  }

  /** Ends it, and gives back what it took. */
  async end(): Promise<void> {
    await this.run.stop();
    await this.#shown.trainer.dispose();
  }

  async #predictions() {
    if (this.#vocabulary === undefined) return await predictionsOf(this.#shown);
    return { kind: "text", text: await this.write("\n", WRITTEN.live) } as const;
  }
}

function source(inputs: readonly TrainingInput[]): TrainingInput {
  return inputs.find(({ isTarget }) => !isTarget)!;
}
