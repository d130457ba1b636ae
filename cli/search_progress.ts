/** How far a run of several searches is: each in its line, and the whole with the time that is left. */
import { search, type SearchEvent, type SearchOptions, type SearchResult } from "../search/mod.ts";
import { Progress, wholeText } from "./progress.ts";

/** What the searches of a run come to together. */
export class Whole {
  readonly progress: Progress;
  readonly #weights: readonly number[];
  #before = 0;
  #stage = 0;

  /** `weights` say how long the stages are, in the same unit. */
  constructor(weights: readonly number[], print: (line: string) => void) {
    this.progress = new Progress(print);
    this.#weights = weights;
  }

  /** The share of the whole, at a share of the stage that is running. */
  text(share: number): string {
    const all = this.#weights.reduce((a, b) => a + b, 0);
    const done = (this.#before + Math.min(1, share) * this.#weights[this.#stage]) / all;
    return wholeText(this.progress.seconds, done);
  }

  /** Goes on to the next stage. */
  next(): void {
    this.#before += this.#weights[this.#stage++];
  }
}

/** How much a search does, in programs; what is left to its end in that unit is a matter of shares. */
export function weightOf(
  { budget: { trained = Infinity, generated = Infinity } }: SearchOptions,
): number {
  return Math.min(trained, generated);
}

/** Searches to the end, and shows how far it is. */
export async function followed(
  name: string,
  options: SearchOptions,
  whole: Whole,
): Promise<SearchResult> {
  let last = "";
  for await (const event of search(options)) {
    if (event.type === "done") {
      whole.progress.say(last);
      whole.next();
      return event.result;
    }
    last = `${name}: ${progressText(event)}`;
    whole.progress.show([`${whole.text(event.share)} · ${last}`]);
  }
  throw new Error("a search ended without a result");
}

function progressText(
  { counts, best, front, rate, share }: Extract<SearchEvent, { type: "progress" }>,
): string {
  const hits = (counts.structuralHits + counts.probeHits) / counts.generated;
  return [
    `${Math.min(100, Math.floor(100 * share))} %`,
    `${counts.trained} trained of ${counts.generated}`,
    `${rate.toFixed(0)}/s`,
    `best ${best === undefined ? "none" : best.score.toFixed(3)}`,
    `front ${front.length}`,
    `${(100 * hits).toFixed(0)} % known`,
    ...(counts.lost === 0 ? [] : [`${counts.lost} lost with their worker`]),
  ].join(" · ");
}
