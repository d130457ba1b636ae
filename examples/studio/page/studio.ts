/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The page as a whole: what is chosen, opened and checked, and given to what trains. */
import type { Typesetter } from "../../../search/page/typesetter.ts";
import { isData, isModel } from "../file_kinds.ts";
import type { GivenFile, Opened, Plan, SampleName, Source } from "../protocol.ts";
import { OWN, SAMPLES } from "../samples/list.ts";
import { forgetSession, keepSession, type Session } from "../storage.ts";
import { Bar } from "./bar.ts";
import { DataPanel } from "./data_panel.ts";
import { memory, messageOf, the, whole } from "./dom.ts";
import { listenForDrops } from "./drop.ts";
import { Models } from "./models.ts";
import { NetworkPanel } from "./network_panel.ts";
import { fail, hideError } from "./notices.ts";
import { hideOffer } from "./offer.ts";
import { OptimizerPanel } from "./optimizer_panel.ts";
import { PlanPanel } from "./plan_panel.ts";
import { RacePanel } from "./race_panel.ts";
import { Runs } from "./runs.ts";
import { TryPanel } from "./try_panel.ts";

/** The page. */
export class Studio {
  readonly #bar: Bar;
  readonly #models: Models;
  readonly #network = new NetworkPanel();
  readonly #optimizer: OptimizerPanel;
  readonly #race: RacePanel;
  readonly #plan = new PlanPanel(() => this.#check());
  readonly #data = new DataPanel((given) => void this.#open((source) => ({ ...source, ...given })));
  readonly #try: TryPanel;
  readonly #runs: Runs;
  /** Whether it may be kept in the files of the page. */
  readonly #isKept: boolean;
  #source: Source = { model: "digits", files: [], drawn: [] };
  #opened: Opened | undefined;
  #opening: Promise<void> = Promise.resolve();
  #checks = 0;

  constructor(typesetter: Typesetter, isKept: boolean) {
    this.#isKept = isKept;
    this.#optimizer = new OptimizerPanel(typesetter, SAMPLES.digits.optimizer);
    this.#race = new RacePanel(typesetter);
    this.#bar = new Bar({
      train: () => void this.#begin(false),
      pause: () => void this.#runs.pause(),
      go: () => this.#runs.go(),
      save: () => void this.#runs.save(),
      startOver: () => void this.#startOver(),
    });
    this.#models = new Models((model) => void this.#choose(model));
    this.#try = new TryPanel(
      () => this.#runs,
      (digit) => void this.#open((source) => ({ ...source, drawn: [...source.drawn, digit] })),
    );
    this.#runs = new Runs({
      bar: this.#bar,
      take: (pixels) => this.#try.take(pixels),
      ended: () => this.#try.again(),
    });
    the("network").append(this.#network.element);
    the("optimizer").append(this.#optimizer.element);
    the("race").append(this.#race.element);
    the("plan").append(this.#plan.element);
    the("data").append(this.#data.element);
    listenForDrops((files) => this.#drop(files), fail);
    addEventListener("resize", () => this.#runs.draw());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && this.#bar.phase === "running") void this.#runs.save();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#runs.draw());
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
    this.#race.value = second;
    await this.#begin(true);
  }

  /** Takes what is dropped: a model with what lies beside it, or examples. */
  #drop(files: readonly GivenFile[]): void {
    if (!["opening", "ready", "done"].includes(this.#bar.phase)) {
      return fail("A training is going on: start over before other files are taken.");
    }
    const data = files.filter(({ path }) => isData(path));
    if (files.some(({ path }) => isModel(path))) {
      const model = files.filter(({ path }) => !isData(path));
      return void this.#open(() => ({ model, files: data, drawn: [] }), true);
    }
    if (data.length > 0) {
      return void this.#open((source) => ({ ...source, files, text: undefined }));
    }
    fail(
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
    this.#runs.clear();
    try {
      this.#opened = await this.#runs.first.ask("open", source);
    } catch (error) {
      // What was there before is there still.
      if (source !== before) await this.#opens(before, this.#opened === undefined);
      return fail(error);
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
    this.#data.show(source, this.#opened.inputs);
    this.#try.show(source, this.#opened);
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
      const found = await this.#runs.first.ask("check", this.#planned(), this.#optimizer.value);
      if (mine !== this.#checks) return;
      this.#data.told(found);
      hideError();
      this.#network.told(found);
      this.#bar.say(`Ready: ${whole(found.count)} examples, about ${memory(found.memory)}.`);
    } catch (error) {
      if (mine !== this.#checks) return;
      if (needs) return;
      this.#data.told(messageOf(error));
      fail(error);
    }
  }

  #planned(): Plan {
    return { ...this.#plan.value, params: this.#network.params };
  }

  async #begin(isResumed: boolean): Promise<void> {
    const wrong = this.#plan.wrong ?? this.#optimizer.wrong ?? this.#race.wrong;
    if (wrong !== undefined) {
      for (let at: Element | null = wrong; at !== null; at = at.parentElement) {
        if (at instanceof HTMLDetailsElement) at.open = true;
      }
      return void wrong.reportValidity();
    }
    const plan = this.#planned();
    const rival = this.#race.value;
    const optimizers = [this.#optimizer.value, ...rival === undefined ? [] : [rival]];
    const source = this.#source;
    hideError();
    if (this.#isKept) hideOffer();
    this.#bar.phase = "beginning";
    this.#bar.say("Making the training step…", 0);
    let isKept = this.#isKept;
    try {
      if (isKept && !isResumed) await keepSession({ source, plan, optimizers });
    } catch (error) {
      isKept = false;
      fail(`It cannot be saved in this browser: ${messageOf(error)}`);
    }
    try {
      const { name } = this.#opened!;
      await this.#runs.begin({ source, plan, optimizers, name, isKept, isResumed });
    } catch (error) {
      this.#bar.phase = "ready";
      this.#bar.say("Ready.");
      fail(error);
    }
  }

  async #startOver(): Promise<void> {
    if (this.#isKept) await forgetSession();
    await this.#open((source) => source);
  }
}
