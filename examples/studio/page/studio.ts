/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The page as a whole: what is chosen goes to the workers, and what they tell is shown. */
import type { Typesetter } from "../../../search/page/typesetter.ts";
import { isData, isModel } from "../file_kinds.ts";
import type { GivenFile, Opened, Plan, SampleName, Source, WorkerEvent } from "../protocol.ts";
import { OWN, SAMPLES } from "../samples/list.ts";
import { forgetSession, keepSession, type Session } from "../storage.ts";
import { Bar } from "./bar.ts";
import { Curves, type Named } from "./curves.ts";
import { DataPanel } from "./data_panel.ts";
import { DigitPad } from "./digit_pad.ts";
import { duration, h, messageOf, percent, the, whole } from "./dom.ts";
import { downloads } from "./downloads.ts";
import { listenForDrops } from "./drop.ts";
import { Lane } from "./lane.ts";
import { Models } from "./models.ts";
import { NetworkPanel } from "./network_panel.ts";
import { OptimizerPanel } from "./optimizer_panel.ts";
import { PlanPanel } from "./plan_panel.ts";
import { PredictionsView } from "./predictions_view.ts";
import { textTry } from "./text_try.ts";

/** How often the curves are drawn at most, in milliseconds. */
const DRAWN = 250;
const RIVAL = { name: "sgd", hyper: {}, schedule: "cosine" } as const;

/** The page. */
export class Studio {
  readonly #bar: Bar;
  readonly #models: Models;
  readonly #network = new NetworkPanel();
  readonly #optimizer: OptimizerPanel;
  readonly #rival: OptimizerPanel;
  readonly #isRace = h("input", { type: "checkbox", id: "is-race" });
  readonly #plan = new PlanPanel(() => this.#check());
  readonly #data = new DataPanel((given) => void this.#open((source) => ({ ...source, ...given })));
  readonly #curves = new Curves(the("curves"), the("numbers"));
  readonly #pad: DigitPad;
  /** Whether it may be kept in the files of the page. */
  readonly #isKept: boolean;
  #source: Source = { model: "digits", files: [], drawn: [] };
  #opened: Opened | undefined;
  #opening: Promise<void> = Promise.resolve();
  #lanes: Lane[] = [];
  #names: string[] = [];
  #views: PredictionsView[] = [];
  /** Of each lane, why it runs no more. */
  #ended: ("done" | "lost" | undefined)[] = [];
  #training: Plan | undefined;
  #where = "";
  #saved = "";
  #left: number | undefined;
  #drawing: ReturnType<typeof setTimeout> | undefined;
  #checks = 0;

  constructor(typesetter: Typesetter, isKept: boolean) {
    this.#isKept = isKept;
    this.#optimizer = new OptimizerPanel(typesetter, SAMPLES.digits.optimizer);
    this.#rival = new OptimizerPanel(typesetter, RIVAL);
    this.#bar = new Bar({
      train: () => void this.#begin(false),
      pause: () => void this.#pause(),
      go: () => this.#go(),
      save: () => void this.#save(),
      startOver: () => void this.#startOver(),
    });
    this.#models = new Models((model) => void this.#choose(model));
    this.#pad = new DigitPad({
      read: (image) => this.#read(image),
      learn: (digit) =>
        void this.#open((source) => ({ ...source, drawn: [...source.drawn, digit] })),
    });
    the("network").append(this.#network.element);
    the("optimizer").append(this.#optimizer.element);
    the("plan").append(this.#plan.element);
    the("data").append(this.#data.element);
    the("race").append(
      h(
        "p",
        { class: "check" },
        this.#isRace,
        h("label", { for: "is-race" }, "Train a second one beside it"),
      ),
      h("p", { class: "note" }, "From the same weights, on the same examples in the same order."),
      this.#rival.element,
    );
    listenForDrops((files) => this.#drop(files), (error) => this.#fail(error));
    addEventListener("resize", () => this.#draw());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.#bar.phase === "running") void this.#save();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Opens the page with a sample. */
  start(model: SampleName): Promise<void> {
    return this.#open((source) => ({ ...source, model }), true);
  }

  /** Goes on with a training that was kept. */
  async resume({ source, plan, optimizers: [first, second] }: Session): Promise<void> {
    const { params, ...rest } = plan;
    await this.#open(() => source, true);
    if (this.#bar.phase !== "ready") return;
    this.#network.params = params;
    this.#plan.choose(rest);
    this.#optimizer.value = first;
    this.#isRace.checked = second !== undefined;
    if (second !== undefined) this.#rival.value = second;
    await this.#begin(true);
  }

  /** Takes what is dropped: a model with what lies beside it, or examples. */
  #drop(files: readonly GivenFile[]): void {
    if (!["opening", "ready", "done"].includes(this.#bar.phase)) {
      return this.#fail("A training is going on: start over before other files are taken.");
    }
    const data = files.filter(({ path }) => isData(path));
    if (files.some(({ path }) => isModel(path))) {
      const model = files.filter(({ path }) => !isData(path));
      return void this.#open(() => ({ model, files: data, drawn: [] }), true);
    }
    if (data.length > 0) {
      return void this.#open((source) => ({ ...source, files, text: undefined }));
    }
    this.#fail(
      `Nothing here is a model (.onnx) or examples (.csv, .npy, .safetensors, images, text): ${
        files.slice(0, 3).map(({ path }) => path).join(", ")
      }`,
    );
  }

  async #choose(model: SampleName | readonly GivenFile[]): Promise<void> {
    if (typeof model !== "string") return this.#drop(model);
    await this.#open(() => ({ model, files: [], drawn: [] }), true);
  }

  /** Opens what `change` makes of the source, after what was asked for before; another model brings its own settings. */
  #open(change: (source: Source) => Source, isOther = false): Promise<void> {
    this.#bar.phase = "opening";
    this.#opening = this.#opening.then(() => this.#opens(change(this.#source), isOther));
    return this.#opening;
  }

  async #opens(source: Source, isOther: boolean): Promise<void> {
    const before = this.#source;
    this.#bar.phase = "opening";
    this.#bar.say("Opening…", 0);
    this.#clear();
    try {
      this.#opened = await this.#lane(0).ask("open", source);
    } catch (error) {
      // What was there before is there still.
      if (source !== before) await this.#opens(before, this.#opened === undefined);
      return this.#fail(error);
    }
    this.#source = source;
    const { model } = source;
    const isSample = typeof model === "string";
    this.#models.show(isSample ? model : { file: this.#opened.name });
    const params = isOther ? undefined : this.#network.params;
    this.#network.show(this.#opened);
    if (params !== undefined && !(isSample && model === "text")) this.#network.params = params;
    if (isOther) {
      const { steps, batch, optimizer } = isSample ? SAMPLES[model] : OWN;
      this.#plan.show(this.#opened);
      this.#plan.choose({ steps, batch, loss: this.#opened.loss });
      this.#optimizer.value = optimizer;
    }
    this.#data.show(source);
    this.#showTry();
    this.#bar.phase = "ready";
    this.#bar.say("Ready.");
    await this.#check();
  }

  /** Asks what a training would be, and shows what is not as it should be before it begins. */
  async #check(): Promise<void> {
    const mine = ++this.#checks;
    const { model, files } = this.#source;
    const needs = typeof model !== "string" && files.length === 0;
    if (needs) {
      (the("data-panel") as HTMLDetailsElement).open = true;
      this.#bar.say("This model needs examples: drop them on the page.");
    }
    try {
      const found = await this.#lane(0).ask("check", this.#planned(), this.#optimizer.value);
      if (mine !== this.#checks) return;
      this.#data.told(found);
      this.#hide();
      const million = found.memory / 2 ** 20;
      this.#bar.say(
        `Ready. ${whole(found.count)} examples, ${whole(found.nodes)} operators in a step, about ${
          million < 10 ? million.toFixed(1) : Math.round(million)
        } MB.`,
      );
    } catch (error) {
      if (mine !== this.#checks) return;
      this.#data.told(messageOf(error));
      if (!needs) this.#fail(error);
    }
  }

  #planned(): Plan {
    return { ...this.#plan.value, params: this.#network.params };
  }

  async #begin(isResumed: boolean): Promise<void> {
    const wrong = this.#plan.wrong ?? this.#optimizer.wrong ??
      (this.#isRace.checked ? this.#rival.wrong : undefined);
    if (wrong !== undefined) {
      for (let at: Element | null = wrong; at !== null; at = at.parentElement) {
        if (at instanceof HTMLDetailsElement) at.open = true;
      }
      return void wrong.reportValidity();
    }
    const plan = this.#planned();
    const optimizers = [this.#optimizer.value, ...this.#isRace.checked ? [this.#rival.value] : []];
    this.#hide();
    this.#clear();
    this.#training = plan;
    this.#bar.phase = "beginning";
    this.#bar.say("Making the training step…", 0);
    let isKept = this.#isKept;
    try {
      if (isKept && !isResumed) {
        await keepSession({ source: this.#source, plan, optimizers });
      }
    } catch (error) {
      isKept = false;
      this.#saved = `It cannot be saved in this browser: ${messageOf(error)}`;
    }
    const isSame = optimizers.length === 2 && optimizers[0].name === optimizers[1].name;
    this.#names = optimizers.map(({ name }, i) => isSame ? `${name} ${i + 1}` : name);
    this.#ended = optimizers.map(() => undefined);
    for (const lane of this.#lanes.splice(optimizers.length)) lane.end();
    const places = optimizers.map(() => h("div"));
    the("predictions").replaceChildren(...places);
    this.#views = places.map((each) =>
      new PredictionsView(each, (pixels) => this.#pad.take(pixels))
    );
    try {
      await Promise.all(optimizers.map(async (optimizer, i) => {
        const isNew = this.#lanes[i] === undefined;
        const lane = this.#lane(i);
        if (isNew) await lane.ask("open", this.#source);
        await lane.ask("train", plan, optimizer, isKept ? i : undefined, isResumed);
      }));
    } catch (error) {
      return this.#stop(error);
    }
    this.#bar.phase = "running";
    the("take").hidden = false;
    the("downloads").replaceChildren(
      ...downloads(this.#named(), this.#opened!.name, (error) => this.#fail(error)),
    );
    this.#announce("The training has begun.");
  }

  async #pause(): Promise<void> {
    this.#bar.phase = "paused";
    await this.#each((lane) => lane.ask("pause"));
    this.#say();
  }

  #go(): void {
    this.#bar.phase = "running";
    void this.#each((lane) => lane.ask("go"));
  }

  async #save(): Promise<void> {
    await this.#each((lane) => lane.ask("save"));
    this.#announce(this.#saved);
  }

  async #startOver(): Promise<void> {
    if (this.#isKept) await forgetSession();
    await this.#open((source) => source);
  }

  /** Does something with all that run, and shows what fails. */
  async #each(work: (lane: Lane) => Promise<unknown>): Promise<void> {
    try {
      await Promise.all(this.#lanes.filter((_, i) => this.#ended[i] === undefined).map(work));
    } catch (error) {
      this.#fail(error);
    }
  }

  #hear(event: WorkerEvent, lane: Lane): void {
    const place = this.#lanes.indexOf(lane);
    if (place < 0) return;
    if (event.kind === "began") {
      this.#where = event.device === "webgpu" ? "on the GPU" : "on the processor";
      if (event.note !== undefined) this.#fail(event.note);
      this.#draw();
    } else if (event.kind === "progress") {
      this.#left = event.progress.secondsLeft;
      this.#notice(place);
      this.#say();
      this.#draw();
    } else if (event.kind === "predictions") {
      const name = this.#lanes.length > 1 ? this.#names[place] : undefined;
      this.#views[place]?.show(event.predictions, name);
    } else if (event.kind === "saved") {
      this.#saved = `Saved at step ${whole(event.step)}.`;
      this.#say();
    } else if (event.kind === "unsaved") {
      this.#saved = `It could not be saved: ${event.message}`;
      this.#fail(this.#saved);
    } else if (event.kind === "done") this.#done(place, "done");
    else this.#stop(event.message);
  }

  /** A loss that is no number does not come back. */
  #notice(place: number): void {
    const last = this.#lanes[place].losses.at(-1);
    if (last === undefined || Number.isFinite(last[1]) || this.#ended[place] !== undefined) return;
    void this.#lanes[place].ask("pause").catch(() => {});
    this.#fail(
      `${this.#names[place]}: the loss is no finite number any more since step ${
        whole(last[0])
      }. ` +
        "Start over with a smaller learning rate.",
    );
    this.#done(place, "lost");
  }

  #done(place: number, how: "done" | "lost"): void {
    this.#ended[place] = how;
    if (this.#ended.some((each) => each === undefined)) return;
    this.#bar.phase = "done";
    const text = this.#verdict();
    this.#bar.say(`${text} ${this.#saved}`, 1);
    this.#announce(text);
    this.#draw();
    if (this.#pad.element.isConnected) void this.#pad.read();
  }

  /** What came of it, in a sentence or two. */
  #verdict(): string {
    const results = this.#named().map(({ name, lane: { scores, losses } }, i) => {
      const score = scores.at(-1);
      const text = this.#ended[i] === "lost"
        ? "lost its way"
        : score?.accuracy !== undefined
        ? `${percent(score.accuracy)} of held-out examples right`
        : score !== undefined
        ? `held-out loss ${score.loss.toPrecision(3)}`
        : `loss ${losses.at(-1)?.[1].toPrecision(3)}`;
      return this.#names.length > 1 ? `${name}: ${text}` : text;
    });
    return `Trained. ${results.join("; ")}.`;
  }

  #say(): void {
    const { steps } = this.#training!;
    const step = Math.min(...this.#lanes.map((lane) => lane.step));
    const left = this.#left === undefined || this.#bar.phase !== "running"
      ? ""
      : `, ${duration(this.#left)} left`;
    if (this.#bar.phase === "done") return;
    const paused = this.#bar.phase === "paused" ? "Paused. " : "";
    this.#bar.say(
      `${paused}Step ${whole(step)} of ${whole(steps)}${left}, ${this.#where}. ${this.#saved}`,
      step / steps,
    );
  }

  #draw(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      this.#curves.draw(this.#named());
    }, DRAWN);
  }

  #named(): Named[] {
    return this.#lanes.map((lane, i) => ({ lane, name: this.#names[i] ?? "" }));
  }

  #lane(place: number): Lane {
    return this.#lanes[place] ??= new Lane((event, lane) => this.#hear(event, lane));
  }

  #clear(): void {
    for (const lane of this.#lanes.splice(1)) lane.end();
    this.#lanes[0]?.clear();
    [this.#saved, this.#left, this.#training] = ["", undefined, undefined];
    the("predictions").replaceChildren(
      h(
        "p",
        { class: "empty" },
        "When it trains, you see here what it makes of examples that it does not learn from.",
      ),
    );
    the("take").hidden = true;
    this.#draw();
  }

  #showTry(): void {
    const { model } = this.#source;
    const [input] = this.#opened?.inputs ?? [];
    const isDigits = input !== undefined && String(input.shape.slice(1)) === "1,28,28";
    const own = isDigits ? [this.#pad.element] : model === "text"
      ? [textTry(async (prompt) => {
        try {
          return await this.#lane(0).ask("write", prompt);
        } catch (error) {
          this.#fail(error);
          return "";
        }
      })]
      : [];
    the("try").replaceChildren(...own);
  }

  /** The chances of each digit, by the first network. */
  async #read(image: Float32Array): Promise<readonly number[] | undefined> {
    if (this.#training === undefined || this.#bar.phase === "beginning") return undefined;
    try {
      const scores = await this.#lane(0).ask("scores", image);
      const most = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - most));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / sum);
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  #stop(reason: unknown): void {
    this.#bar.phase = "ready";
    this.#bar.say("Ready.");
    this.#fail(reason);
  }

  #fail(error: unknown): void {
    const text = messageOf(error);
    the("error").replaceChildren(
      h("p", {}, typeof error === "string" ? error : text),
      h("button", { class: "quiet", onclick: () => this.#hide() }, "Close"),
    );
    the("error").hidden = false;
  }

  #hide(): void {
    the("error").hidden = true;
  }

  #announce(text: string): void {
    the("live").textContent = text;
  }
}
