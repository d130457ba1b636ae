/// <reference lib="dom" />
/** A pad to draw a digit on, by pointer or keys, and what the network reads in it. */
import type { DrawnDigit } from "../protocol.ts";
import { centred } from "./centred.ts";
import { choice, field, h, percent } from "./dom.ts";

const SIDE = 280;
const PEN = 24;
/** How far an arrow key moves the pen. */
const STEP = 14;
const CLASSES = Array.from({ length: 10 }, (_, digit) => String(digit));

/** What is done with a digit. */
export interface PadOptions {
  /** The chance of each digit; undefined while there is no network to ask. */
  read(image: Float32Array): Promise<readonly number[] | undefined>;
  /** Takes it as an example. */
  learn(digit: DrawnDigit): void;
}

/** The pad. */
export class DigitPad {
  readonly element: HTMLElement;
  readonly #options: PadOptions;
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #said = h("p", { class: "said", role: "status" }, "Draw a digit.");
  readonly #bars: readonly HTMLElement[];
  readonly #pen = { x: SIDE / 2, y: SIDE / 2, isDown: false };

  constructor(options: PadOptions) {
    this.#options = options;
    this.#canvas = h("canvas", {
      width: SIDE,
      height: SIDE,
      tabindex: 0,
      class: "pad",
      role: "img",
      "aria-label":
        "Pad to draw a digit on. Arrow keys move the pen, the space bar lifts or lowers it.",
      onpointerdown: (event: PointerEvent) => this.#down(event),
      onpointermove: (event: PointerEvent) => this.#moved(event),
      onpointerup: () => this.#up(),
      onpointercancel: () => this.#up(),
      onkeydown: (event: KeyboardEvent) => this.#key(event),
    });
    this.#context = this.#canvas.getContext("2d", { willReadFrequently: true })!;
    this.#bars = CLASSES.map(() => h("span", { class: "bar" }));
    const rows = CLASSES.map((digit, i) => h("li", {}, h("span", {}, digit), this.#bars[i]));
    const label = choice(CLASSES, "0");
    const learn = h("button", { onclick: () => this.#learn(Number(label.value)) }, "Learn it");
    this.element = h(
      "div",
      { class: "try" },
      h(
        "div",
        {},
        this.#canvas,
        h("button", { class: "quiet", onclick: () => this.clear() }, "Clear"),
      ),
      h(
        "div",
        { class: "read" },
        this.#said,
        h("ol", { class: "bars", "aria-label": "How likely each digit is" }, ...rows),
        h(
          "details",
          {},
          h("summary", {}, "Use it as an example"),
          h("div", { class: "pair" }, field("It is a", label), learn),
        ),
      ),
    );
    this.clear();
  }

  /** Takes the drawing away. */
  clear(): void {
    this.#context.fillStyle = "black";
    this.#context.fillRect(0, 0, SIDE, SIDE);
    this.#show(undefined, "Draw a digit.");
  }

  /** Puts an image of 28 x 28 on the pad. */
  take(pixels: Float32Array): void {
    this.clear();
    const side = Math.sqrt(pixels.length);
    const size = SIDE / side;
    pixels.forEach((grey, i) => {
      this.#context.fillStyle = `rgb(${Array(3).fill(Math.round(255 * grey))})`;
      this.#context.fillRect(i % side * size, Math.floor(i / side) * size, size, size);
    });
    void this.read();
  }

  /** Asks the network what is drawn. */
  async read(): Promise<void> {
    const image = this.#image();
    if (image === undefined) return;
    const chances = await this.#options.read(image);
    if (chances === undefined) return this.#show(undefined, "Train first: then it can be read.");
    const best = chances.indexOf(Math.max(...chances));
    this.#show(chances, `It reads ${best}, ${percent(chances[best])} sure.`);
  }

  #image(): Float32Array<ArrayBuffer> | undefined {
    const { data } = this.#context.getImageData(0, 0, SIDE, SIDE);
    const drawing = Float32Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i] / 255);
    return centred(drawing, SIDE);
  }

  #learn(label: number): void {
    const image = this.#image();
    if (image === undefined) return this.#show(undefined, "Draw a digit first.");
    this.#options.learn({ image, label });
    this.clear();
  }

  #show(chances: readonly number[] | undefined, text: string): void {
    this.#said.textContent = text;
    this.#bars.forEach((bar, i) => {
      const chance = chances?.[i] ?? 0;
      bar.style.setProperty("--share", String(chance));
      bar.hidden = chances === undefined;
      bar.textContent = chances === undefined ? "" : percent(chance);
    });
  }

  #down(event: PointerEvent): void {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pen.isDown = true;
    [this.#pen.x, this.#pen.y] = this.#placeOf(event);
    this.#line(this.#pen.x, this.#pen.y);
  }

  #moved(event: PointerEvent): void {
    if (this.#pen.isDown && event.buttons > 0) this.#line(...this.#placeOf(event));
  }

  #up(): void {
    this.#pen.isDown = false;
    void this.read();
  }

  #key(event: KeyboardEvent): void {
    const [x, y] = {
      ArrowLeft: [-STEP, 0],
      ArrowRight: [STEP, 0],
      ArrowUp: [0, -STEP],
      ArrowDown: [0, STEP],
    }[event.key] ?? [0, 0];
    if (event.key === " ") this.#pen.isDown = !this.#pen.isDown;
    else if (x === 0 && y === 0) return;
    event.preventDefault();
    const inside = (at: number) => Math.max(0, Math.min(SIDE, at));
    const to = [inside(this.#pen.x + x), inside(this.#pen.y + y)] as const;
    if (this.#pen.isDown) this.#line(...to);
    else [this.#pen.x, this.#pen.y] = to;
    if (this.#pen.isDown) void this.read();
  }

  #line(x: number, y: number): void {
    const context = this.#context;
    context.strokeStyle = "white";
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(this.#pen.x, this.#pen.y);
    context.lineTo(x, y);
    context.stroke();
    [this.#pen.x, this.#pen.y] = [x, y];
  }

  #placeOf({ clientX, clientY }: PointerEvent): [number, number] {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [(clientX - left) / width * SIDE, (clientY - top) / height * SIDE];
  }
}
