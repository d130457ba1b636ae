/// <reference lib="dom" />
/** Draws what a network makes of examples. */
import type { Predictions } from "../protocol.ts";
import { counted, h } from "./dom.ts";

type Images = Extract<Predictions, { kind: "images" }>;
type Plane = Extract<Predictions, { kind: "plane" }>;
type Rows = Extract<Predictions, { kind: "rows" }>;

/** Shows predictions in an element; images that are pressed are handed to `take`. */
export class PredictionsView {
  readonly #element: HTMLElement;
  readonly #take: (pixels: Float32Array) => void;

  constructor(element: HTMLElement, take: (pixels: Float32Array) => void) {
    [this.#element, this.#take] = [element, take];
  }

  /** Shows what a network makes of examples; `of` is what it is called in a race. */
  show(predictions: Predictions, of?: string): void {
    const { kind } = predictions;
    // Whoever stands on an image keeps the place.
    const focused = [...this.#element.querySelectorAll("button")].findIndex((each) =>
      each === document.activeElement
    );
    const shown = kind === "images"
      ? this.#images(predictions)
      : kind === "text"
      ? [h("p", { class: "note" }, "It writes:"), h("pre", { class: "written" }, predictions.text)]
      : kind === "plane"
      ? plane(predictions)
      : [table(predictions)];
    const title = of === undefined ? [] : [h("p", { class: "note" }, `By ${of}:`)];
    this.#element.replaceChildren(...title, ...shown);
    if (focused >= 0) this.#element.querySelectorAll("button")[focused]?.focus();
  }

  #images({ items, side }: Images): HTMLElement[] {
    const wrong = items.filter(({ expected, given }) => expected !== given).length;
    const tiles = items.map(({ pixels, expected, given }) => {
      const isRight = expected === given;
      const label = `Shows ${expected}, is read as ${given}. Take it to be tried.`;
      const tile = h(
        "button",
        {
          class: isRight ? "tile" : "tile wrong",
          "aria-label": label,
          onclick: () => this.#take(pixels),
        },
        drawn(pixels, side),
        h("span", {}, isRight ? given : `${given}, not ${expected}`),
      );
      return h("li", {}, tile);
    });
    return [
      h(
        "p",
        { class: "note" },
        `What it reads in ${counted(items.length, "held-out image")}, ${
          wrong === 0 ? "all rightly" : `${wrong} wrongly`
        }:`,
      ),
      h("ul", { class: "tiles" }, ...tiles),
    ];
  }
}

/** An image of greys. */
function drawn(pixels: Float32Array, [height, width]: Images["side"]): HTMLCanvasElement {
  const canvas = h("canvas", { width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(width, height);
  pixels.forEach((grey, i) => image.data.set([255 * grey, 255 * grey, 255 * grey, 255], 4 * i));
  context.putImageData(image, 0, 0);
  return canvas;
}

const PLANE = { width: 480, height: 400 };

function plane({ sure, columns, rows, extent, points, kinds, classes }: Plane): HTMLElement[] {
  const canvas = h("canvas", {
    ...PLANE,
    class: "plane",
    role: "img",
    "aria-label":
      `The plane, coloured by which of ${classes.join(" and ")} the network takes each place ` +
      "for, with the held-out points",
  });
  const context = canvas.getContext("2d")!;
  const style = getComputedStyle(document.documentElement);
  const [first, second] = ["--series-1", "--series-0"].map((name) => style.getPropertyValue(name));
  const [across, down] = [PLANE.width / columns, PLANE.height / rows];
  sure.forEach((share, i) => {
    const place = [
      i % columns * across,
      Math.floor(i / columns) * down,
      across + 1,
      down + 1,
    ] as const;
    context.globalAlpha = 1;
    context.clearRect(...place);
    context.globalAlpha = 0.5 * Math.abs(2 * share - 1);
    context.fillStyle = share > 0.5 ? second : first;
    context.fillRect(...place);
  });
  context.globalAlpha = 1;
  const [left, right, bottom, top] = extent;
  context.strokeStyle = style.getPropertyValue("--page");
  kinds.forEach((kind, i) => {
    const x = (points[2 * i] - left) / (right - left) * PLANE.width;
    const y = (top - points[2 * i + 1]) / (top - bottom) * PLANE.height;
    context.beginPath();
    // Told apart by their form too.
    if (kind === 1) context.arc(x, y, 4.5, 0, 7);
    else context.rect(x - 4, y - 4, 8, 8);
    context.fillStyle = kind === 1 ? second : first;
    context.fill();
    context.stroke();
  });
  const legend = [0, 1].map((kind) =>
    h("li", {}, h("span", { class: `mark kind-${kind}` }), classes[kind])
  );
  return [canvas, h("ul", { class: "legend" }, ...legend)];
}

function table({ head, items }: Rows): HTMLElement {
  const row = (tag: "td" | "th", cells: readonly string[]) =>
    h("tr", {}, ...cells.map((text) => h(tag, tag === "th" ? { scope: "col" } : {}, text)));
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Held-out examples" },
    h(
      "table",
      {},
      h("thead", {}, row("th", head)),
      h("tbody", {}, ...items.map((cells) => row("td", cells))),
    ),
  );
}
