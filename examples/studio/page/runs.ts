/// <reference lib="dom" />
/** The training that is shown, or the two of a race: their workers, and what is told of them. */
import type { OptimizerChoice, Plan, Source, WorkerEvent } from "../protocol.ts";
import type { Bar } from "./bar.ts";
import { Curves, type Named } from "./curves.ts";
import { duration, h, the, whole } from "./dom.ts";
import { downloads } from "./downloads.ts";
import { Lane } from "./lane.ts";
import { announce, fail } from "./notices.ts";
import { PredictionsView } from "./predictions_view.ts";
import { type End, verdict } from "./verdict.ts";

/** How often the curves are drawn at most, in milliseconds. */
const DRAWN = 250;

/** What is trained, and how. */
export interface Begun {
  readonly source: Source;
  readonly plan: Plan;
  readonly optimizers: readonly OptimizerChoice[];
  /** What the network is called. */
  readonly name: string;
  /** Whether it is saved. */
  readonly isKept: boolean;
  /** Whether it goes on from what was saved. */
  readonly isResumed: boolean;
}

/** What hears of them. */
export interface RunsOptions {
  readonly bar: Bar;
  /** Takes an image that was pressed. */
  take(pixels: Float32Array): void;
  /** All have ended. */
  ended(): void;
}

/** The workers, the first of which opens networks too. */
export class Runs {
  readonly #options: RunsOptions;
  readonly #bar: Bar;
  readonly #curves = new Curves(the("curves"), the("numbers"));
  #lanes: Lane[] = [];
  #names: string[] = [];
  #views: PredictionsView[] = [];
  /** Of each lane, why it runs no more. */
  #ended: (End | undefined)[] = [];
  #steps: number | undefined;
  #where = "";
  #saved = "";
  #left: number | undefined;
  #drawing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RunsOptions) {
    [this.#options, this.#bar] = [options, options.bar];
  }

  /** The worker that opens networks, and trains the first of them. */
  get first(): Lane {
    return this.#lane(0);
  }

  /** Whether there is a network that has begun to learn. */
  get isBegun(): boolean {
    return this.#steps !== undefined && this.#bar.phase !== "beginning";
  }

  /** Begins a training for each optimizer; throws if one of them cannot begin. */
  async begin({ source, plan, optimizers, name, isKept, isResumed }: Begun): Promise<void> {
    this.clear();
    this.#steps = plan.steps;
    const isSame = optimizers.length === 2 && optimizers[0].name === optimizers[1].name;
    this.#names = optimizers.map(({ name }, i) => isSame ? `${name} ${i + 1}` : name);
    this.#ended = optimizers.map(() => undefined);
    const places = optimizers.map(() => h("div"));
    the("predictions").replaceChildren(...places);
    this.#views = places.map((each) => new PredictionsView(each, this.#options.take));
    await Promise.all(optimizers.map(async (optimizer, i) => {
      const isNew = this.#lanes[i] === undefined;
      const lane = this.#lane(i);
      if (isNew) await lane.ask("open", source);
      await lane.ask("train", plan, optimizer, isKept ? i : undefined, isResumed);
    }));
    // One of them may have failed already.
    if (this.#bar.phase === "beginning") this.#bar.phase = "running";
    the("take").hidden = false;
    the("downloads").replaceChildren(...downloads(this.#named(), name, fail));
    announce("The training has begun.");
  }

  /** Waits, and saves. */
  async pause(): Promise<void> {
    this.#bar.phase = "paused";
    await this.#each((lane) => lane.ask("pause"));
    this.#say();
    if (this.#bar.phase === "paused") announce("The training is paused.");
  }

  /** Goes on. */
  go(): void {
    this.#bar.phase = "running";
    void this.#each((lane) => lane.ask("go"));
    announce("The training goes on.");
  }

  /** Saves. */
  async save(): Promise<void> {
    await this.#each((lane) => lane.ask("save"));
    announce(this.#saved);
  }

  /** Forgets what was trained. */
  clear(): void {
    for (const lane of this.#lanes.splice(1)) lane.end();
    this.#lanes[0]?.clear();
    [this.#saved, this.#left, this.#steps] = ["", undefined, undefined];
    const empty =
      "Press Train, and see here what it makes of examples that it does not learn from.";
    the("predictions").replaceChildren(h("p", { class: "empty" }, empty));
    the("take").hidden = true;
    this.draw();
  }

  /** Draws the curves, soon. */
  draw(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawNow();
    }, DRAWN);
  }

  #drawNow(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    this.#curves.draw(this.#named(), this.#steps);
  }

  /** Does something with all that run, and shows what fails. */
  async #each(work: (lane: Lane) => Promise<unknown>): Promise<void> {
    try {
      await Promise.all(this.#lanes.filter((_, i) => this.#ended[i] === undefined).map(work));
    } catch (error) {
      fail(error);
    }
  }

  #hear(event: WorkerEvent, lane: Lane): void {
    const place = this.#lanes.indexOf(lane);
    if (place < 0) return;
    if (event.kind === "began") {
      this.#where = event.device === "webgpu" ? "on the GPU" : "on the processor";
      if (event.note !== undefined) fail(event.note);
      this.draw();
    } else if (event.kind === "progress") {
      this.#left = event.progress.secondsLeft;
      this.#notice(place);
      this.#say();
      this.draw();
    } else if (event.kind === "predictions") {
      const name = this.#names.length > 1 ? this.#names[place] : undefined;
      this.#views[place]?.show(event.predictions, name);
    } else if (event.kind === "saved") {
      this.#saved = `Saved at step ${whole(event.step)}.`;
      this.#say();
    } else if (event.kind === "unsaved") {
      this.#saved = `It could not be saved: ${event.message}`;
      fail(this.#saved);
    } else if (event.kind === "done") this.#done(place, "done");
    else {
      this.#bar.phase = "ready";
      this.#bar.say("Ready.");
      fail(event.message);
    }
  }

  /** A loss that is no number does not come back. */
  #notice(place: number): void {
    const last = this.#lanes[place].losses.at(-1);
    if (last === undefined || Number.isFinite(last[1]) || this.#ended[place] !== undefined) return;
    void this.#lanes[place].ask("pause").catch(() => {});
    fail(
      `${this.#names[place]}: the loss is no finite number any more since step ${
        whole(last[0])
      }. ` +
        "Start over with a smaller learning rate.",
    );
    this.#done(place, "lost");
  }

  #done(place: number, how: End): void {
    this.#ended[place] = how;
    if (this.#ended.some((each) => each === undefined)) return;
    this.#bar.phase = "done";
    const text = verdict(this.#named(), this.#ended, this.#where);
    this.#bar.say(`${text} ${this.#saved}`, 1);
    announce(text);
    // What is over is shown whole.
    this.#drawNow();
    this.#options.ended();
  }

  #say(): void {
    if (this.#bar.phase === "done" || this.#steps === undefined) return;
    const steps = this.#steps;
    const step = Math.min(...this.#lanes.map((lane) => lane.step));
    const left = this.#left === undefined || this.#bar.phase !== "running"
      ? ""
      : `, ${duration(this.#left)} left`;
    const paused = this.#bar.phase === "paused" ? "Paused. " : "";
    this.#bar.say(
      `${paused}Step ${whole(step)} of ${whole(steps)}${left}, ${this.#where}. ${this.#saved}`,
      step / steps,
    );
  }

  #named(): Named[] {
    return this.#lanes.map((lane, i) => ({ lane, name: this.#names[i] ?? "" }));
  }

  #lane(place: number): Lane {
    return this.#lanes[place] ??= new Lane((event, lane) => this.#hear(event, lane));
  }
}
