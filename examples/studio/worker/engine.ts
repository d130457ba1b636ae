/// <reference lib="dom" />
/** What the page may ask of a worker: one network is open at a time, and one training of it. */
import { GradusError } from "../../../mod.ts";
import type { Opened, Requests, Source, WorkerEvent } from "../protocol.ts";
import { materialOf } from "./material.ts";
import { opened } from "./opened.ts";
import { Subject } from "./subject.ts";
import { Training } from "./training.ts";

/** Answers what the page asks. */
export class Engine {
  readonly #tell: (event: WorkerEvent) => void;
  #subject: Subject | undefined;
  #training: Training | undefined;

  constructor(tell: (event: WorkerEvent) => void) {
    this.#tell = tell;
  }

  /** What the page may ask. */
  readonly requests: { [K in keyof Requests]: (...given: Parameters<Requests[K]>) => unknown } = {
    open: (source) => this.#open(source),
    check: (plan, optimizer) => this.#opened.check(plan, optimizer),
    train: async (plan, optimizer, lane, isResumed) => {
      await this.#end();
      const [subject, tell] = [this.#opened, this.#tell];
      this.#training = await Training.begin({ subject, plan, optimizer, lane, isResumed, tell });
    },
    pause: () => this.#current.run.pause(),
    go: () => this.#current.run.go(),
    save: () => this.#current.run.keep(),
    scores: (image) => this.#current.scores(image),
    write: (prompt) => this.#current.write(prompt),
    download: (what) => this.#current.download(what),
  };

  get #opened(): Subject {
    if (this.#subject !== undefined) return this.#subject;
    throw new GradusError("No model is open: choose one");
  }

  get #current(): Training {
    if (this.#training !== undefined) return this.#training;
    throw new GradusError("Nothing has been trained yet: press Train");
  }

  async #open(source: Source): Promise<Opened> {
    await this.#end();
    this.#subject = undefined;
    const material = await materialOf(source);
    const found = opened(material.name, material.model, material.loss);
    this.#subject = new Subject(material);
    return found;
  }

  async #end(): Promise<void> {
    const training = this.#training;
    this.#training = undefined;
    await training?.end();
  }
}
