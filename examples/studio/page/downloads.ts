/// <reference lib="dom" />
/** Buttons that download what has been trained. */
import type { Download } from "../protocol.ts";
import { h } from "./dom.ts";
import type { Named } from "./curves.ts";

/** What can be taken, what a button says, and how its file is called. */
const TAKEN: Readonly<
  Record<Download, { readonly text: string; readonly file: string; readonly what: string }>
> = {
  model: { text: "Trained model", file: "trained.onnx", what: "ONNX, to be used anywhere" },
  checkpoint: {
    text: "Checkpoint",
    file: "checkpoint.safetensors",
    what: "parameters and the optimizer's state, as safetensors",
  },
  step: { text: "Training graph", file: "step.onnx", what: "ONNX, whose run is a training step" },
};

/** Buttons for each network; `failed` hears what cannot be written. */
export function downloads(
  all: readonly Named[],
  model: string,
  failed: (error: unknown) => void,
): HTMLElement[] {
  return all.map(({ name, lane }) => {
    const buttons = Object.entries(TAKEN).map(([kind, { text, file, what }]) => {
      const button = h("button", {
        onclick: async () => {
          button.disabled = true;
          try {
            const bytes = await lane.ask("download", kind as Download);
            give(bytes, `${model}-${name}-${file}`);
          } catch (error) {
            failed(error);
          } finally {
            button.disabled = false;
          }
        },
      }, text);
      return h("li", {}, button, h("span", { class: "note" }, what));
    });
    const title = all.length > 1 ? [h("h3", {}, name)] : [];
    return h("div", {}, ...title, h("ul", { class: "downloads" }, ...buttons));
  });
}

function give(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes]));
  h("a", { href: url, download: name }).click();
  // Not at once: the browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
