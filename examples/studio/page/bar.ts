/// <reference lib="dom" />
/** The bar with the large button: begins, pauses and goes on, and says how far it is. */
import { the } from "./dom.ts";

/** Where a training is. */
export type Phase = "opening" | "ready" | "beginning" | "running" | "paused" | "done";

const MAIN: Readonly<Record<Phase, string>> = {
  opening: "Train",
  ready: "Train",
  beginning: "Train",
  running: "Pause",
  paused: "Go on",
  done: "Train again",
};

/** What the buttons do. */
export interface BarOptions {
  train(): void;
  pause(): void;
  go(): void;
  save(): void;
  startOver(): void;
}

/** The bar. */
export class Bar {
  #phase: Phase = "opening";
  readonly #main = the<HTMLButtonElement>("train");
  readonly #over = the<HTMLButtonElement>("over");
  readonly #save = the<HTMLButtonElement>("save");

  constructor(options: BarOptions) {
    this.#main.onclick = () => {
      if (this.#phase === "running") options.pause();
      else if (this.#phase === "paused") options.go();
      else options.train();
    };
    this.#over.onclick = () => options.startOver();
    this.#save.onclick = () => options.save();
    this.phase = "opening";
  }

  get phase(): Phase {
    return this.#phase;
  }

  set phase(phase: Phase) {
    this.#phase = phase;
    document.body.dataset.phase = phase;
    this.#main.textContent = MAIN[phase];
    this.#main.disabled = phase === "opening" || phase === "beginning";
    this.#over.hidden = phase !== "paused";
    this.#save.hidden = phase !== "running";
    const isFixed = phase === "beginning" || phase === "running" || phase === "paused";
    for (const each of document.querySelectorAll<HTMLFieldSetElement>("fieldset.fixable")) {
      each.disabled = isFixed;
    }
    the("fixed").hidden = !isFixed;
  }

  /** Says where it is. */
  say(text: string, share?: number): void {
    the("status").textContent = text;
    if (share !== undefined) the<HTMLProgressElement>("share").value = share;
  }
}
