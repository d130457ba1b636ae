/// <reference lib="dom" />
/** Lets a person try what the first network has learned: on a digit that is drawn, or a text that is begun. */
import type { DrawnDigit, Opened, Source } from "../protocol.ts";
import { DigitPad } from "./digit_pad.ts";
import { the } from "./dom.ts";
import { fail } from "./notices.ts";
import type { Runs } from "./runs.ts";
import { textTry } from "./text_try.ts";

/** The panel; shown where there is something to try. */
export class TryPanel {
  readonly #pad: DigitPad;
  readonly #text: HTMLElement;

  /** `learn` takes a digit that was drawn as an example. */
  constructor(runs: () => Runs, learn: (digit: DrawnDigit) => void) {
    this.#pad = new DigitPad({
      learn,
      async read(image) {
        if (!runs().isBegun) return undefined;
        const scores = await runs().first.ask("scores", image).catch(fail);
        return scores === undefined ? undefined : softmax(scores);
      },
    });
    this.#text = textTry(async (prompt) => await runs().first.ask("write", prompt).catch(fail));
  }

  /** Shows what can be tried with a network. */
  show({ model }: Source, { inputs: [input] }: Opened): void {
    const isDigits = input !== undefined && String(input.shape.slice(1)) === "1,28,28";
    const own = isDigits ? this.#pad.element : model === "text" ? this.#text : undefined;
    // Whoever stands in it stays there.
    if (own?.isConnected) return;
    the("try").replaceChildren(...own === undefined ? [] : [own]);
  }

  /** Puts an image on the pad. */
  take(pixels: Float32Array): void {
    this.#pad.take(pixels);
  }

  /** Reads again what is drawn: the network has learned more. */
  again(): void {
    if (this.#pad.element.isConnected) void this.#pad.read();
  }
}

/** Scores as chances. */
function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
