/// <reference lib="dom" />
/** Chooses what is trained: a sample, or an ONNX model of one's own. */
import type { GivenFile, SampleName } from "../protocol.ts";
import { SAMPLES } from "../samples/list.ts";
import { h, the } from "./dom.ts";

const NO_FILE =
  "Drop an ONNX file on this page, or choose one, with its weight files if it has any.";

/** The cards of the samples and of one's own model. */
export class Models {
  readonly #radios = new Map<string, HTMLInputElement>();
  readonly #text = h("span", {}, NO_FILE);
  readonly #own: HTMLElement;

  /** `choose` hears what was chosen, of files with those beside the model. */
  constructor(choose: (model: SampleName | readonly GivenFile[]) => void) {
    const files = the<HTMLInputElement>("model-files");
    files.onchange = () => {
      const given = Array.from(files.files!, (file) => ({ path: file.name, file }));
      files.value = "";
      if (given.length > 0) choose(given);
    };
    const samples = Object.entries(SAMPLES).map(([name, { title, text }]) => {
      const onchange = () => choose(name as SampleName);
      const radio = h("input", { type: "radio", name: "model", value: name, onchange });
      this.#radios.set(name, radio);
      return h("label", { class: "card" }, radio, h("strong", {}, title), h("span", {}, text));
    });
    // No radio: an arrow key would open a dialog.
    this.#own = h(
      "div",
      { class: "card own" },
      h("strong", {}, "Your own model"),
      this.#text,
      h("button", { type: "button", onclick: () => files.click() }, "Choose a file"),
    );
    the("cards").append(...samples, this.#own);
  }

  /** Shows what is trained; a file by its name. */
  show(model: SampleName | { readonly file: string }): void {
    const isOwn = typeof model === "object";
    for (const [name, radio] of this.#radios) radio.checked = name === model;
    this.#own.classList.toggle("chosen", isOwn);
    this.#text.textContent = isOwn ? model.file : NO_FILE;
  }
}
