/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Chooses an optimizer and its settings, and shows what it computes. */
import type { Typesetter } from "../../../search/page/typesetter.ts";
import { hasRate, PROGRAMS, settingsOf, settled } from "../optimizers.ts";
import { type OptimizerChoice, type ScheduleName, SCHEDULES } from "../protocol.ts";
import { choice, field, h } from "./dom.ts";

/** Those that most people know, first in the list. */
const KNOWN = ["adamw", "adam", "sgd", "lion", "muon", "rmsprop", "adagrad", "prodigy"];
const RATE = "learningRate";

/** The panel. */
export class OptimizerPanel {
  readonly element: HTMLElement = h("div");
  readonly #typesetter: Typesetter;
  readonly #name: HTMLSelectElement;
  readonly #own: HTMLElement = h("div");
  readonly #fields = new Map<string, HTMLInputElement>();
  #schedule: HTMLSelectElement | undefined;

  constructor(typesetter: Typesetter, first: OptimizerChoice) {
    this.#typesetter = typesetter;
    const group = (label: string, names: readonly string[]) =>
      h("optgroup", { label }, ...names.map((name) => new Option(name)));
    const others = [...PROGRAMS.keys()].filter((name) => !KNOWN.includes(name));
    this.#name = h(
      "select",
      { onchange: () => this.#show({ name: this.#name.value, hyper: {}, schedule: "cosine" }) },
      group("Often used", KNOWN),
      group("All others", others),
    );
    this.element.append(field("Optimizer", this.#name), this.#own);
    this.value = first;
  }

  /** What is chosen. */
  get value(): OptimizerChoice {
    const name = this.#name.value;
    const settings = settingsOf(PROGRAMS.get(name)!);
    const changed = [...this.#fields].flatMap(([key, input]) => {
      const usual = settings.get(key);
      const value = typeof usual === "boolean" ? input.checked : input.valueAsNumber;
      return key === RATE || value !== usual ? [[key, value] as const] : [];
    });
    const schedule = (this.#schedule?.value ?? "constant") as ScheduleName;
    return { name, hyper: Object.fromEntries(changed), schedule };
  }

  set value(chosen: OptimizerChoice) {
    this.#name.value = chosen.name;
    this.#show(chosen);
  }

  /** Its first field that has no number, if there is one. */
  get wrong(): HTMLInputElement | undefined {
    return [...this.#fields.values()].find((input) => !input.checkValidity());
  }

  #show({ name, hyper, schedule }: OptimizerChoice): void {
    const program = PROGRAMS.get(name)!;
    this.#fields.clear();
    const controls = [...settingsOf(program)].map(([key, usual]) => {
      const value = hyper[key] ?? usual;
      const isSwitch = typeof usual === "boolean";
      const input = isSwitch
        ? h("input", { type: "checkbox", checked: value === true })
        : h("input", { type: "number", step: "any", required: true, value: String(value) });
      this.#fields.set(key, input);
      return [key, field(key === RATE ? "Learning rate" : key, input)] as const;
    });
    this.#schedule = hasRate(program) ? choice(SCHEDULES, schedule) : undefined;
    const rate = controls.filter(([key]) => key === RATE).map(([, control]) => control);
    if (this.#schedule !== undefined) rate.push(field("Over the steps", this.#schedule));
    const others = controls.filter(([key]) => key !== RATE).map(([, control]) => control);
    const equations = h("div", { class: "typeset", tabindex: 0, role: "region" });
    equations.setAttribute("aria-label", `The equations of ${name}`);
    const typeset = () => {
      if (this.wrong !== undefined) return;
      equations.innerHTML = this.#typesetter.equations(settled(program, this.value.hyper));
    };
    for (const input of this.#fields.values()) input.onchange = typeset;
    typeset();
    this.#own.replaceChildren(
      h("div", { class: "pair" }, ...rate),
      equations,
      h("p", { class: "note" }, [program.doc, program.source].filter(Boolean).join(" ")),
      ...others.length === 0 ? [] : [
        h("details", {}, h("summary", {}, "More settings"), h("div", { class: "pair" }, ...others)),
      ],
    );
  }
}
