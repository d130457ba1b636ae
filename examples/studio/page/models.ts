/// <reference lib="dom" />
/** Chooses what is trained: a sample, or an ONNX model of one's own. */
import type { GivenFile, SampleName } from "../protocol.ts";
import { SAMPLES } from "../samples/list.ts";
import { h, the } from "./dom.ts";

const OWN = "own";

/** The cards of the samples and of one's own model. */
export class Models {
  readonly #radios = new Map<string, HTMLInputElement>();
  readonly #own: HTMLElement;

  /** `choose` hears what was chosen, of files with those beside the model. */
  constructor(choose: (model: SampleName | readonly GivenFile[]) => void) {
    const files = the<HTMLInputElement>("model-files");
    files.onchange = () => {
      if (files.files!.length > 0) {
        choose(Array.from(files.files!, (file) => ({ path: file.name, file })));
      }
      files.value = "";
    };
    const card = (name: string, title: string, text: HTMLElement, onchange: () => void) => {
      const radio = h("input", { type: "radio", name: "model", value: name, onchange });
      this.#radios.set(name, radio);
      return h("label", { class: "card" }, radio, h("strong", {}, title), text);
    };
    const samples = Object.entries(SAMPLES).map(([name, { title, text }]) =>
      card(name, title, h("span", {}, text), () => choose(name as SampleName))
    );
    this.#own = h("span", {}, "Drop an ONNX file here, or choose one.");
    const own = card(OWN, "Your own model", this.#own, () => files.click());
    // A card that is chosen already asks for another file.
    this.#radios.get(OWN)!.onclick = () => files.click();
    the("cards").append(...samples, own);
  }

  /** Shows what is trained; a name is that of a file. */
  show(model: SampleName | { readonly file: string }): void {
    const isOwn = typeof model === "object";
    this.#radios.get(isOwn ? OWN : model)!.checked = true;
    this.#own.textContent = isOwn ? model.file : "Drop an ONNX file here, or choose one.";
  }
}
