/// <reference lib="dom" />
/** Lets a network that has learned to write go on from a beginning. */
import { field, h } from "./dom.ts";

/** A field for a beginning, and what the network makes of it. */
export function textTry(write: (prompt: string) => Promise<string>): HTMLElement {
  const prompt = h("input", { type: "text", value: "An optimizer is ", autocomplete: "off" });
  const output = h("pre", { class: "written", role: "status" });
  const button = h("button", {}, "Write on");
  const form = h(
    "form",
    {
      class: "pair",
      onsubmit: async (event: SubmitEvent) => {
        event.preventDefault();
        button.disabled = true;
        try {
          output.textContent = prompt.value + await write(prompt.value);
        } finally {
          button.disabled = false;
        }
      },
    },
    field("A beginning", prompt),
    button,
  );
  return h("div", {}, form, output);
}
