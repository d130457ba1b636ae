/// <reference lib="dom" />
/** The curves of a training, or of two in a race: loss and score over the steps. */
import { chart, type Series } from "../../../search/page/chart.ts";
import type { Lane } from "./lane.ts";
import { h, percent, whole } from "./dom.ts";

/** A network with what its curves are called. */
export interface Named {
  readonly name: string;
  readonly lane: Lane;
}

const MOST_POINTS = 120;
const HEIGHT = 240;
const WIDE = 8;

/** The charts and the numbers of now. */
export class Curves {
  readonly #charts: HTMLElement;
  readonly #numbers: HTMLElement;

  /** Draws into `charts`, and writes the last numbers into a list. */
  constructor(charts: HTMLElement, numbers: HTMLElement) {
    [this.#charts, this.#numbers] = [charts, numbers];
  }

  /** Draws all anew. */
  draw(all: readonly Named[]): void {
    const width = Math.max(280, Math.min(760, this.#charts.clientWidth));
    const axes = { x: "steps", from: 0, size: { width, height: HEIGHT } };
    const isRace = all.length > 1;
    const called = (name: string, what: string) => isRace ? `${name}, ${what}` : what;
    const losses = all.flatMap(({ name, lane }, i): Series[] => [
      { name: called(name, "training"), colourOf: i, ...bucketed(lane.losses) },
      {
        name: called(name, "held out"),
        colourOf: i,
        isDashed: true,
        points: lane.scores.map(({ step, loss }) => [step, loss]),
      },
    ]).filter(({ points }) => points.length > 0);
    const scores = all.map(({ name, lane }, i): Series => ({
      name: called(name, "held out"),
      colourOf: i,
      points: lane.scores.flatMap(({ step, accuracy }) =>
        accuracy === undefined ? [] : [[step, accuracy] as const]
      ),
    })).filter(({ points }) => points.length > 0);
    const parts = losses.length === 0
      ? `<p class="empty">The curves begin with the first step.</p>`
      : chart(losses, { ...axes, y: "loss", log: isWide(losses) ? "y" : undefined });
    const score = {
      ...axes,
      y: "accuracy",
      showY: (share: number) => `${Math.round(100 * share)} %`,
    };
    this.#charts.innerHTML = parts + chart(scores, score);
    this.#numbers.replaceChildren(
      ...all.flatMap(({ name, lane }, i) =>
        lane.losses.length === 0 ? [] : [numbersOf(name, lane, i, isRace)]
      ),
    );
  }
}

/** Whether losses span so much that equal factors, and not equal differences, are of equal height. */
function isWide(all: readonly Series[]): boolean {
  const losses = all.flatMap(({ points }) => points.map(([, loss]) => loss)).filter((loss) =>
    loss > 0
  );
  return Math.max(...losses) > WIDE * Math.min(...losses);
}

/** The last numbers of a network. */
function numbersOf(name: string, { losses, scores, step }: Lane, place: number, isRace: boolean) {
  const score = scores.at(-1);
  const facts: [string, string][] = [["Step", whole(step)], ["Loss", short(losses.at(-1)![1])]];
  if (score !== undefined) facts.push(["Held-out loss", short(score.loss)]);
  if (score?.accuracy !== undefined) facts.push(["Held-out accuracy", percent(score.accuracy)]);
  return h(
    "div",
    { class: `numbers series-${place}` },
    ...isRace ? [h("div", {}, h("dt", {}, "Optimizer"), h("dd", { class: "coloured" }, name))] : [],
    ...facts.map(([what, text]) => h("div", {}, h("dt", {}, what), h("dd", {}, text))),
  );
}

/** A loss as people read it. */
export function short(loss: number): string {
  return Number.isFinite(loss) ? loss.toPrecision(3) : "not finite";
}

/** The mean of neighbouring steps, and how low and high they go. */
function bucketed(losses: Lane["losses"]): Pick<Series, "points" | "band"> {
  const finite = losses.filter(([, loss]) => Number.isFinite(loss));
  const size = Math.ceil(finite.length / MOST_POINTS);
  const points: [number, number][] = [];
  const band: [number, number, number][] = [];
  for (let at = 0; at < finite.length; at += size) {
    const part = finite.slice(at, at + size);
    const own = part.map(([, loss]) => loss);
    const step = part.reduce((sum, [step]) => sum + step, 0) / part.length;
    points.push([step, own.reduce((a, b) => a + b) / own.length]);
    band.push([step, Math.min(...own), Math.max(...own)]);
  }
  return { points, band };
}
