/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** Chooses the loss, how long and on what the training runs, and how often it is saved. */
import { LOSS_NAMES } from "../../../trainer/objective.ts";
import type { Opened, Plan } from "../protocol.ts";
import { choice, field, h, numberField } from "./dom.ts";

const LOSS_TEXTS: Readonly<Record<string, string>> = {
  crossEntropy: "of classes",
  binaryCrossEntropy: "of yes and no",
  meanSquaredError: "of numbers",
  lossOutput: "the model's own",
};
const DEVICES = {
  "The GPU if there is one": "auto",
  "The GPU (WebGPU)": "webgpu",
  "The processor (WebAssembly)": "wasm",
} as const;

/** What the panel chooses: a plan without its parameters. */
export type PlanChoice = Omit<Plan, "params">;

/** The panel. */
export class PlanPanel {
  readonly element: HTMLElement = h("div");
  readonly #fields = {
    steps: numberField(0, { min: 1, step: 1 }),
    batch: numberField(0, { min: 1, step: 1 }),
    heldOut: numberField(10, { min: 0, max: 90 }),
    seed: numberField(1, { min: 0, step: 1 }),
    saveEvery: numberField(50, { min: 1, step: 1 }),
  };
  #loss = choice(LOSS_NAMES, LOSS_NAMES[0]);
  #output = choice([], "");
  readonly #axis = choice(["second", "last"], "second");
  readonly #device = choice(Object.keys(DEVICES), Object.keys(DEVICES)[0]);

  /** `changed` hears when another loss is chosen. */
  constructor(changed: () => void) {
    const { steps, batch, heldOut, seed, saveEvery } = this.#fields;
    for (const each of [this.#loss, this.#output, this.#axis]) each.onchange = () => changed();
    for (const option of this.#loss.options) option.text += `, ${LOSS_TEXTS[option.value] ?? ""}`;
    this.element.append(
      field("Loss", this.#loss),
      h(
        "div",
        { class: "pair" },
        field("Of the output", this.#output),
        field("Classes are on the axis", this.#axis),
      ),
      h(
        "div",
        { class: "pair" },
        field("Steps", steps),
        field("Examples in a step", batch),
        field("Held out, in per cent", heldOut),
        field("Seed", seed),
      ),
      field("Runs on", this.#device),
      field("Steps from one save to the next", saveEvery),
    );
  }

  /** Shows the outputs that a loss can be of. */
  show({ outputs }: Opened): void {
    this.#output.replaceChildren(...outputs.map(({ name }) => new Option(name)));
  }

  /** What is chosen. */
  get value(): PlanChoice {
    const { steps, batch, heldOut, seed, saveEvery } = this.#fields;
    const axis = this.#loss.value === "crossEntropy" && this.#axis.value === "last" ? ":-1" : "";
    return {
      loss: `${this.#loss.value}:${this.#output.value}${axis}`,
      steps: steps.valueAsNumber,
      batch: batch.valueAsNumber,
      heldOut: heldOut.valueAsNumber / 100,
      seed: seed.valueAsNumber,
      saveEvery: saveEvery.valueAsNumber,
      device: DEVICES[this.#device.value as keyof typeof DEVICES],
    };
  }

  /** Chooses some of it. */
  choose({ loss, heldOut, device, ...numbers }: Partial<PlanChoice>): void {
    if (loss !== undefined) {
      const [kind, output, axis] = loss.split(":");
      this.#loss.value = kind;
      this.#output.value = output;
      this.#axis.value = axis === "-1" ? "last" : "second";
    }
    if (heldOut !== undefined) this.#fields.heldOut.value = String(100 * heldOut);
    const name = Object.entries(DEVICES).find(([, value]) => value === device)?.[0];
    if (name !== undefined) this.#device.value = name;
    for (const [key, value] of Object.entries(numbers)) {
      const fields: Readonly<Record<string, HTMLInputElement>> = this.#fields;
      fields[key].value = String(value);
    }
  }

  /** Its first field that has no such number, if there is one. */
  get wrong(): HTMLInputElement | undefined {
    return Object.values(this.#fields).find((input) => !input.checkValidity());
  }
}
