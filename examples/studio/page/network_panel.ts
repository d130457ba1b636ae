/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The network in short, and which of its parameters are trained. */
import { matcherOf } from "../../../runtime/trees/match.ts";
import type { ArrayInfo, Opened } from "../protocol.ts";
import { field, h, shapeText, whole } from "./dom.ts";

const MOST_OPERATORS = 12;

/** The panel. */
export class NetworkPanel {
  readonly element: HTMLElement = h("div");
  readonly #boxes = new Map<string, HTMLInputElement>();
  #opened: Opened | undefined;
  #sum = h("p", { "aria-live": "polite" });

  /** The names of what is trained. */
  get params(): string[] {
    return [...this.#boxes].flatMap(([name, { checked }]) => checked ? [name] : []);
  }

  /** Chooses what is trained. */
  set params(names: readonly string[]) {
    for (const [name, box] of this.#boxes) box.checked = names.includes(name);
    this.#total();
  }

  /** Shows a network. */
  show(opened: Opened): void {
    this.#opened = opened;
    this.#boxes.clear();
    const rows = opened.params.map(({ name, shape, count, isUsual }) => {
      const id = `param-${this.#boxes.size}`;
      const box = h("input", { type: "checkbox", id, onchange: () => this.#total() });
      box.checked = isUsual;
      this.#boxes.set(name, box);
      return h(
        "tr",
        {},
        h("td", {}, box),
        h("td", {}, h("label", { for: id }, h("code", {}, name))),
        h("td", { class: "number" }, shapeText(shape)),
        h("td", { class: "number" }, whole(count)),
      );
    });
    const heads = ["Train", "Name", "Shape", "Numbers"].map((name, i) =>
      h("th", { scope: "col", class: i > 1 ? "number" : undefined }, name)
    );
    const table = h(
      "table",
      {},
      h("caption", { class: "hidden" }, "Parameters, and whether each is trained"),
      h("thead", {}, h("tr", {}, ...heads)),
      h("tbody", {}, ...rows),
    );
    const pattern = h("input", { type: "text", placeholder: "*.weight", spellcheck: "false" });
    const only = () => {
      const fits = matcherOf(pattern.value.trim() || "*");
      for (const [name, box] of this.#boxes) box.checked = fits(name);
      this.#total();
    };
    pattern.onchange = only;
    this.element.replaceChildren(
      h("dl", { class: "facts" }, ...this.#facts(opened)),
      field("Train only what is called", pattern, "* stands for any text."),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Parameters" }, table),
      this.#sum,
    );
    this.#total();
  }

  #facts({ inputs, outputs, operators }: Opened): HTMLElement[] {
    const arrays = (all: readonly ArrayInfo[]) =>
      all.map(({ name, type, shape }) => `${name} ${shapeText(shape)} ${type}`).join("; ");
    const first = operators.slice(0, MOST_OPERATORS).map(([name, count]) =>
      count === 1 ? name : `${name} ×${count}`
    );
    const more = operators.length - first.length;
    const facts = {
      Takes: arrays(inputs),
      Gives: arrays(outputs),
      Made_of: first.join(", ") + (more > 0 ? ` and ${more} more kinds` : ""),
    };
    return Object.entries(facts).flatMap(([name, text]) => [
      h("dt", {}, name.replace("_", " ")),
      h("dd", {}, text),
    ]);
  }

  #total(): void {
    const params = this.#opened?.params ?? [];
    const all = params.reduce((sum, { count }) => sum + count, 0);
    const own = params.reduce(
      (sum, { name, count }) => sum + (this.#boxes.get(name)?.checked ? count : 0),
      0,
    );
    this.#sum.textContent = own === all
      ? `All ${whole(all)} numbers are trained.`
      : `${whole(own)} of ${whole(all)} numbers are trained; the others stay as they are.`;
  }
}
