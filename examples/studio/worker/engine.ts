/// <reference lib="dom" />
/** One network in a worker: opened, checked, trained, paused, saved, and asked. */
import { load } from "../../../export/safetensors/mod.ts";
import { GradusError } from "../../../mod.ts";
import {
  describe,
  fit,
  fixedBatch,
  type Objective,
  objectiveOf,
  partsOf,
  prepare,
  type Prepared,
  type TrainingInput,
} from "../../../trainer/mod.ts";
import { optimizerOf } from "../optimizers.ts";
import type {
  Checked,
  Download,
  Opened,
  OptimizerChoice,
  Plan,
  Requests,
  Source,
  WorkerEvent,
} from "../protocol.ts";
import { keptProgress } from "../storage.ts";
import { loaded } from "./device.ts";
import type { ReadData } from "./files.ts";
import { type Material, materialOf } from "./material.ts";
import { arrayInfo, opened } from "./opened.ts";
import { predictionsOf, type Shown } from "./predictions.ts";
import { Run } from "./run.ts";
import { written } from "./writer.ts";

/** How much is written while a network learns, and when somebody asks. */
const WRITTEN = { live: 120, asked: 300 };

/** What is being trained. */
interface Training extends Shown {
  readonly run: Run;
  readonly prepared: Prepared;
}

/** Answers what the page asks. */
export class Engine {
  readonly #tell: (event: WorkerEvent) => void;
  #material: Material | undefined;
  #read: { readonly key: string; readonly read: ReadData } | undefined;
  #training: Training | undefined;

  constructor(tell: (event: WorkerEvent) => void) {
    this.#tell = tell;
  }

  /** What the page may ask. */
  readonly requests: { [K in keyof Requests]: (...given: Parameters<Requests[K]>) => unknown } = {
    open: (source) => this.#open(source),
    check: (plan, optimizer) => this.#check(plan, optimizer),
    train: (plan, optimizer, lane, isResumed) => this.#train(plan, optimizer, lane, isResumed),
    pause: () => this.#current.run.pause(),
    go: () => this.#current.run.go(),
    save: () => this.#current.run.keep(),
    scores: (image) => this.#scores(image),
    write: (prompt) => this.#write(prompt, WRITTEN.asked),
    download: (what) => this.#download(what),
  };

  get #current(): Training {
    if (this.#training !== undefined) return this.#training;
    throw new GradusError("Nothing has been trained yet: press Train");
  }

  async #open(source: Source): Promise<Opened> {
    await this.#end();
    this.#material = this.#read = undefined;
    const material = await materialOf(source);
    const found = opened(material.name, material.model, material.loss);
    this.#material = material;
    return found;
  }

  async #check(plan: Plan, optimizer: OptimizerChoice): Promise<Checked> {
    const { prepared, notes, memory, nodes } = this.#described(plan, optimizer);
    const { data, notes: more } = await this.#examples(prepared, objectiveOf(plan.loss));
    const arrays = Object.entries(data.arrays).map(([name, { data, shape }]) =>
      arrayInfo(name, data.constructor.name.replace(/Big|Array/g, "").toLowerCase(), shape)
    );
    return {
      count: data.count,
      arrays,
      classes: data.classes ?? [],
      notes: [...notes, ...more],
      nodes,
      memory,
    };
  }

  #described(plan: Plan, optimizer: OptimizerChoice) {
    const { params, batch } = plan;
    const objective = objectiveOf(plan.loss);
    const { model } = this.#material!;
    const opt = optimizerOf(optimizer, plan.steps);
    const told = describe(model, opt, { objective, params, batch });
    if (told.prepared === undefined) throw new GradusError(told.refusal!);
    const { memory, prepared, nodes } = told;
    // Parameters and states are there twice, since a step writes new ones.
    const bytes = memory === undefined
      ? 0
      : 2 * (memory.parameters + memory.states) + memory.gradients + memory.activations;
    const unknown = told.unknown.map(({ op }) => op);
    const notes = unknown.length === 0 ? [] : [
      `No gradient goes through ${
        [...new Set(unknown)].join(", ")
      }: what is before stays as it is.`,
    ];
    return { prepared, notes: [...told.warnings, ...notes], memory: bytes, nodes: nodes.step ?? 0 };
  }

  async #examples({ inputs, outputShape }: Prepared, { accuracy }: Objective): Promise<ReadData> {
    const key = JSON.stringify(inputs);
    if (this.#read?.key !== key) {
      this.#read = { key, read: await this.#material!.read(inputs) };
    }
    accuracy?.requireLabels(this.#read.read.data, outputShape);
    return this.#read.read;
  }

  async #train(
    plan: Plan,
    optimizer: OptimizerChoice,
    lane: number | undefined,
    isResumed: boolean,
  ): Promise<void> {
    await this.#end();
    const objective = objectiveOf(plan.loss);
    const { steps, params, seed, heldOut } = plan;
    const material = this.#material!;
    const prepared = prepare(material.model, optimizerOf(optimizer, steps), {
      objective,
      params,
      seed,
      // They were told when it was checked.
      onWarning: () => {},
    });
    const { data } = await this.#examples(prepared, objective);
    const kept = isResumed && lane !== undefined ? await keptProgress(lane) : undefined;
    const begun = kept === undefined ? 0 : load(kept.checkpoint).state.count;
    const until = <T>(all: readonly T[], stepOf: (each: T) => number) =>
      all.filter((each) => stepOf(each) <= begun);
    const { trainer, device, note } = await loaded(prepared.step, plan.device);
    const { inputs } = prepared;
    const fixed = fixedBatch(inputs);
    const batch = fixed ?? plan.batch;
    const options = {
      ...{ steps, seed, batch, objective, validate: heldOut, isFixed: fixed !== undefined },
      from: kept?.checkpoint,
    };
    const parts = partsOf(data, options);
    const rows = parts.heldOut.length > 0 ? parts.heldOut : parts.train;
    const shown = { trainer, data, inputs, objective, rows, fixed };
    const run = new Run(fit(trainer, data, options), {
      lane,
      saveEvery: plan.saveEvery,
      history: {
        losses: until(kept?.history.losses ?? [], ([step]) => step),
        scores: until(kept?.history.scores ?? [], ({ step }) => step),
      },
      tell: this.#tell,
      show: () => this.#show(shown),
    });
    this.#training = { ...shown, run, prepared };
    this.#tell({ kind: "began", device, note, history: run.history });
    run.start();
  }

  /** Tells what the network makes of examples. */
  async #show(shown: Shown): Promise<void> {
    const predictions = this.#material!.vocabulary === undefined
      ? await predictionsOf(shown)
      : { kind: "text", text: await this.#write("\n", WRITTEN.live) } as const;
    this.#tell({ kind: "predictions", predictions });
  }

  #write(prompt: string, count: number): Promise<string> {
    const { trainer, inputs, objective: { output } } = this.#current;
    const { vocabulary } = this.#material!;
    if (vocabulary === undefined) throw new GradusError("Only a network of text writes");
    return written({ trainer, input: source(inputs), output, vocabulary }, prompt, count);
  }

  async #scores(image: Float32Array): Promise<number[]> {
    const { trainer, inputs, objective: { output } } = this.#current;
    const { name, shape } = source(inputs);
    const [, ...own] = shape as readonly number[];
    const batch = { [name]: { data: image, shape: [1, ...own] } };
    const made = await trainer.evaluate(batch, [output]);
    return Array.from(made[output].data as Float32Array);
  }

  async #download(what: Download): Promise<Uint8Array<ArrayBuffer>> {
    const { trainer, run, prepared } = this.#current;
    if (what === "model") return await trainer.model();
    return what === "checkpoint" ? await run.checkpoint() : prepared.step;
  }

  async #end(): Promise<void> {
    const training = this.#training;
    this.#training = undefined;
    await training?.run.stop();
    await training?.trainer.dispose();
  }
}

function source(inputs: readonly TrainingInput[]): TrainingInput {
  return inputs.find(({ isTarget }) => !isTarget)!;
}
