/// <reference lib="dom" />
/** Shows what is learned from, and takes other examples: files, a folder, or a text. */
import type { Checked, GivenFile, Source } from "../protocol.ts";
import { counted, field, h, shapeText, whole } from "./dom.ts";

/** What is changed of a source. */
export type GivenData = Partial<Pick<Source, "files" | "text" | "drawn">>;

const OWN: Readonly<Record<string, string>> = {
  digits: "10,000 handwritten digits of MNIST.",
  text: "What each optimizer of Gradus is, and its program.",
  moons: "800 points of two half-moons, with noise.",
};
const MOST_NAMES = 10;

/** The panel. */
export class DataPanel {
  readonly element: HTMLElement = h("div");
  readonly #change: (given: GivenData) => void;
  readonly #facts = h("div", { role: "status" });
  readonly #controls = h("div");

  /** `change` hears what is to be learned from instead. */
  constructor(change: (given: GivenData) => void) {
    this.#change = change;
    this.element.append(this.#facts, this.#controls);
  }

  /** Shows a source, whose examples have not been read yet. */
  show(source: Source): void {
    const { model, files, text, drawn } = source;
    const isOwn = files.length === 0 && text === undefined;
    this.#facts.replaceChildren(h("p", {}, isOwn ? "" : "Reading…"));
    const parts: HTMLElement[] = [
      h(
        "p",
        {},
        isOwn && typeof model === "string"
          ? OWN[model]
          : text !== undefined
          ? `A text of ${counted(text.length, "character")}.`
          : files.length > 0
          ? files.length === 1 ? files[0].path : `${counted(files.length, "file")}.`
          : "This model needs examples.",
      ),
    ];
    if (drawn.length > 0) {
      parts.push(
        h(
          "p",
          {},
          `And ${counted(drawn.length, "digit")} of yours. `,
          this.#button("Forget them", { drawn: [] }),
        ),
      );
    }
    if (model === "text") parts.push(this.#textField());
    parts.push(this.#pickers(model === "text"));
    if (!isOwn && typeof model === "string") {
      parts.push(
        h("p", {}, this.#button("Back to the sample's own", { files: [], text: undefined })),
      );
    }
    this.#controls.replaceChildren(...parts);
  }

  /** Shows what was read, or why it could not be. */
  told(found: Checked | string): void {
    if (typeof found === "string") {
      return this.#facts.replaceChildren(h("p", { class: "wrong" }, found));
    }
    const { count, arrays, classes, notes } = found;
    const names = classes.slice(0, MOST_NAMES).join(", ") +
      (classes.length > MOST_NAMES ? ", …" : "");
    const lines = [
      `${counted(count, "example")}: ${
        arrays.map(({ name, type, shape }) => `${name} ${shapeText(shape.slice(1))} ${type}`).join(
          "; ",
        )
      }`,
      ...classes.length === 0 ? [] : [`${whole(classes.length)} classes: ${names}`],
      ...notes,
    ];
    this.#facts.replaceChildren(...lines.map((text) => h("p", { class: "note" }, text)));
  }

  #textField(): HTMLElement {
    const area = h("textarea", { rows: 5, spellcheck: "false" });
    const button = h("button", {
      onclick: () => {
        if (area.value !== "") this.#change({ text: area.value, files: [] });
      },
    }, "Learn from this text");
    return h("div", {}, field("Another text", area, "Some pages at least. Paste it here."), button);
  }

  #pickers(isText: boolean): HTMLElement {
    const take = (input: HTMLInputElement) => {
      const files = Array.from(input.files!, (file): GivenFile => ({
        path: file.webkitRelativePath || file.name,
        file,
      }));
      input.value = "";
      if (files.length > 0) this.#change({ files, text: undefined });
    };
    const picker = (label: string, folder: boolean) => {
      const input = h("input", {
        type: "file",
        multiple: true,
        hidden: true,
        webkitdirectory: folder,
      });
      input.onchange = () => take(input);
      return [h("button", { onclick: () => input.click() }, label), input];
    };
    const folder = isText ? [] : picker("Choose a folder of images", true);
    return h(
      "div",
      { class: "drop" },
      h(
        "p",
        {},
        isText
          ? "Or drop a text file anywhere on this page."
          : "Drop files anywhere on this page: a table (.csv), arrays (.npy, .safetensors), or a folder that " +
            "has a folder of images for each class.",
      ),
      h("div", { class: "buttons" }, ...picker("Choose files", false), ...folder),
    );
  }

  #button(text: string, given: GivenData): HTMLButtonElement {
    return h("button", { class: "quiet", onclick: () => this.#change(given) }, text);
  }
}
