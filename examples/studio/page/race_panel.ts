/// <reference lib="dom" />
/** Chooses whether a second optimizer is trained beside the first, and which. */
import type { Typesetter } from "../../../search/page/typesetter.ts";
import type { OptimizerChoice } from "../protocol.ts";
import { h } from "./dom.ts";
import { OptimizerPanel } from "./optimizer_panel.ts";

const RIVAL: OptimizerChoice = { name: "sgd", hyper: {}, schedule: "cosine" };

/** The panel. */
export class RacePanel {
  readonly element: HTMLElement;
  readonly #box = h("input", { type: "checkbox", id: "is-race", onchange: () => this.#show() });
  readonly #rival: OptimizerPanel;

  constructor(typesetter: Typesetter) {
    this.#rival = new OptimizerPanel(typesetter, RIVAL);
    this.element = h(
      "div",
      {},
      h("p", { class: "check" }, this.#box, h("label", { for: "is-race" }, "Train a second one")),
      h("p", { class: "note" }, "From the same weights, on the same examples in the same order."),
      this.#rival.element,
    );
    this.#show();
  }

  /** The second optimizer, or undefined where there is no race. */
  get value(): OptimizerChoice | undefined {
    return this.#box.checked ? this.#rival.value : undefined;
  }

  set value(rival: OptimizerChoice | undefined) {
    this.#box.checked = rival !== undefined;
    if (rival !== undefined) this.#rival.value = rival;
    this.#show();
  }

  /** The first of its fields that has no number, if it is used. */
  get wrong(): HTMLInputElement | undefined {
    return this.#box.checked ? this.#rival.wrong : undefined;
  }

  #show(): void {
    this.#rival.element.hidden = !this.#box.checked;
  }
}
