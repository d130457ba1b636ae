/// <reference lib="dom" />
/** Buttons that download what has been trained. */
import type { Download } from "../protocol.ts";
import { h, oneAtATime } from "./dom.ts";
import type { Named } from "./curves.ts";

/** What can be taken, what a button says, and how its file is called. */
const TAKEN: Readonly<
  Record<Download, { readonly text: string; readonly file: string; readonly what: string }>
> = {
  model: {
    text: "Trained model",
    file: "trained.onnx",
    what: "an ONNX model, to be used anywhere",
  },
  checkpoint: {
    text: "Checkpoint",
    file: "checkpoint.safetensors",
    what: "parameters and the optimizer's state, in safetensors",
  },
  step: {
    text: "Training graph",
    file: "step.onnx",
    what: "an ONNX model whose run is a training step",
  },
};

/** Buttons for each network; `failed` hears what cannot be written. */
export function downloads(
  all: readonly Named[],
  model: string,
  failed: (error: unknown) => void,
): HTMLElement[] {
  return all.map(({ name, lane }) => {
    const buttons = Object.entries(TAKEN).map(([kind, { text, file, what }]) => {
      const button = h("button", {}, text);
      button.onclick = oneAtATime(button, async () => {
        try {
          give(await lane.ask("download", kind as Download), `${model}-${name}-${file}`);
        } catch (error) {
          failed(error);
        }
      });
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
