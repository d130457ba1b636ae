/// <reference lib="dom" />
/** Lets a network that has learned to write go on from a beginning. */
import { field, h, oneAtATime } from "./dom.ts";

/** A field for a beginning, and what the network makes of it; `write` gives nothing where it fails. */
export function textTry(write: (prompt: string) => Promise<string | void>): HTMLElement {
  const prompt = h("input", { type: "text", value: "An optimizer is ", autocomplete: "off" });
  const output = h("pre", { class: "written", role: "status" });
  const button = h("button", {}, "Write on");
  const go = oneAtATime(button, async () => {
    const written = await write(prompt.value);
    if (written !== undefined) output.textContent = prompt.value + written;
  });
  const form = h(
    "form",
    {
      class: "pair",
      onsubmit(event: SubmitEvent) {
        event.preventDefault();
        void go();
      },
    },
    field("Let it write on from", prompt),
    button,
  );
  return h("div", {}, form, output);
}
