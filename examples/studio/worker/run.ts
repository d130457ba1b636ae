/** A training that goes on step by step, tells how far it is, waits when it is to, and is saved. */
import type { FitEvent, Fitted } from "../../../trainer/mod.ts";
import type { History, Score, WorkerEvent } from "../protocol.ts";
import { keepProgress } from "../storage.ts";

/** How a run tells and is kept. */
export interface RunOptions {
  /** The place that it is saved at, if it is. */
  readonly lane: number | undefined;
  readonly saveEvery: number;
  /** What was made before. */
  readonly history: History;
  readonly tell: (event: WorkerEvent) => void;
  /** Shows what the network makes of examples. */
  readonly show: () => Promise<void>;
}

/** How often it tells of its steps at most, in milliseconds. */
const TOLD = 100;

type Moment = Pick<FitEvent, "save">;

/** The run. */
export class Run {
  readonly #steps: AsyncGenerator<FitEvent, Fitted>;
  readonly #options: RunOptions;
  readonly #losses: (readonly [step: number, loss: number])[] = [];
  readonly #scores: Score[] = [];
  /** What is to be done at the next moment. */
  readonly #wanted: ((moment: Moment) => Promise<void>)[] = [];
  #told = { losses: 0, scores: 0, at: 0 };
  #isPaused = false;
  #isStopped = false;
  #end: Moment | undefined;
  #wake: () => void = () => {};
  #running: Promise<void> = Promise.resolve();

  constructor(steps: AsyncGenerator<FitEvent, Fitted>, options: RunOptions) {
    [this.#steps, this.#options] = [steps, options];
    const { losses, scores } = options.history;
    this.#losses.push(...losses);
    this.#scores.push(...scores);
    this.#told = { losses: losses.length, scores: scores.length, at: 0 };
  }

  /** The curves so far. */
  get history(): History {
    return { losses: this.#losses, scores: this.#scores };
  }

  /** Begins. */
  start(): void {
    this.#running = this.#run().then(
      () => this.#over(new Error("The training was ended")),
      async (error: Error) => {
        await this.#over(error);
        this.#options.tell({ kind: "failed", message: error.message });
      },
    );
  }

  /** Waits after the step that is being made, and is saved. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.keep();
  }

  /** Goes on. */
  go(): void {
    this.#isPaused = false;
    this.#wake();
  }

  /** Ends after the step that is being made. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#running;
  }

  /** A checkpoint of the next moment. */
  checkpoint(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#at(({ save }) => save());
  }

  /** Keeps the next moment in the files of the page. */
  keep(): Promise<void> {
    return this.#at((moment) => this.#keep(moment));
  }

  #at<T>(work: (moment: Moment) => Promise<T>): Promise<T> {
    if (this.#end !== undefined) return work(this.#end);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#wanted.push((moment) => work(moment).then(resolve, reject));
    this.#wake();
    return promise;
  }

  async #run(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#steps.next();
      if (this.#isStopped) return;
      if (done) return await this.#finish(value);
      const isScore = value.type === "score";
      if (isScore) {
        if (value.heldOut !== undefined) this.#scores.push({ step: value.step, ...value.heldOut });
        await this.#options.show();
      } else this.#losses.push([value.step, value.loss]);
      const now = performance.now();
      if (isScore || now - this.#told.at > TOLD) {
        this.#progress(value);
        // Lets the page be heard.
        await new Promise((resolve) => setTimeout(resolve));
      }
      if (!isScore && value.step % this.#options.saveEvery === 0) await this.#keep(value);
      await this.#wait(value);
    }
  }

  /** Does what is wanted at a moment, and waits while it is paused. */
  async #wait(moment: Moment): Promise<void> {
    for (;;) {
      await this.#meet(moment);
      if (!this.#isPaused || this.#isStopped) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async #finish(fitted: Fitted): Promise<void> {
    this.#progress({ step: fitted.step, secondsLeft: 0 });
    await this.#keep(fitted);
    this.#end = fitted;
    await this.#meet(fitted);
    this.#options.tell({ kind: "done" });
  }

  /** Nothing can be saved any more, unless it came to its end. */
  async #over(reason: Error): Promise<void> {
    this.#end ??= { save: () => Promise.reject(reason) };
    await this.#meet(this.#end);
  }

  async #meet(moment: Moment): Promise<void> {
    for (let work = this.#wanted.shift(); work !== undefined; work = this.#wanted.shift()) {
      await work(moment);
    }
  }

  #progress({ step, secondsLeft }: Pick<FitEvent, "step" | "secondsLeft">): void {
    const progress = {
      step,
      secondsLeft,
      losses: this.#losses.slice(this.#told.losses),
      scores: this.#scores.slice(this.#told.scores),
    };
    this.#told = {
      losses: this.#losses.length,
      scores: this.#scores.length,
      at: performance.now(),
    };
    this.#options.tell({ kind: "progress", progress });
  }

  /** A run goes on though it cannot be kept: the page is told. */
  async #keep({ save }: Moment): Promise<void> {
    const { lane, tell } = this.#options;
    if (lane === undefined) return;
    try {
      await keepProgress(lane, await save(), this.history);
      tell({ kind: "saved", step: this.#losses.at(-1)?.[0] ?? 0 });
    } catch (error) {
      tell({ kind: "unsaved", message: (error as Error).message });
    }
  }
}
