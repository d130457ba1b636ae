/** Charts: SVG in the colours of the page, with a legend that wraps. */
import { escaped } from "./html.ts";
import { COLOURS } from "./style.ts";

type Point = readonly [x: number, y: number];

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  readonly isDashed?: boolean;
  /** The place of the series whose colour it has. Default: its own. */
  readonly colourOf?: number;
  /** Points that are marked, on the line or off it. */
  readonly dots?: readonly Point[];
  /** A band around the line: how low and how high it goes. */
  readonly band?: readonly (readonly [x: number, low: number, high: number])[];
}

/** What the axes of a chart are called, and where they begin and end, if that is fixed. */
export interface Axes {
  readonly x: string;
  readonly y: string;
  /** Where the lower axis begins, and where it ends at least. */
  readonly from?: number;
  readonly to?: number;
  readonly low?: number;
  readonly high?: number;
  /** Which axes have equal steps for equal factors; what is not above 0 is left out. */
  readonly log?: "x" | "y" | "xy";
  /** What is written at 0, 1, 2 and so on of the lower axis, in the stead of numbers. */
  readonly namesX?: readonly string[];
  /** What is written at a place of the upright axis. Default: the number. */
  readonly showY?: (value: number) => string;
  /** How large it is drawn, in the units that text is measured in. Default: 760 by 340. */
  readonly size?: { readonly width: number; readonly height: number };
}

/** How numbers are laid along an axis, where its marks are, and what is written there. */
interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: (low: number, high: number) => readonly (readonly [at: number, text: string])[];
}

const LINEAR: Scale = {
  place: (value) => value,
  ticks: (low, high) => ticks(low, high).map((value) => [value, grouped(value)]),
};

const LOGARITHMIC: Scale = {
  place: (value) => value > 0 ? Math.log10(value) : NaN,
  ticks: decadeTicks,
};

const SIZE = { width: 760, height: 340 } as const;
const MARGINS = { left: 88, right: 24, top: 14, bottom: 58 } as const;

/** A chart of lines; what is not finite is left out. */
export function chart(series: readonly Series[], axes: Axes): string {
  const { log = "", showY } = axes;
  const [scaleX, scaleY] = ["x", "y"].map((axis) => log.includes(axis) ? LOGARITHMIC : LINEAR);
  const placed = (points: readonly Point[] = []): Point[] =>
    points.map(([x, y]): Point => [scaleX.place(x), scaleY.place(y)])
      .filter((point) => point.every(Number.isFinite));
  const shown = series.map((each, i) => ({
    ...each,
    colour: `series-${(each.colourOf ?? i) % COLOURS}`,
    points: placed(each.points),
    dots: placed(each.dots),
    low: placed(each.band?.map(([x, low]) => [x, low])),
    high: placed(each.band?.map(([x, , high]) => [x, high])),
  }));
  const points = shown.flatMap(({ points, dots, low, high }) => [
    ...points,
    ...dots,
    ...low,
    ...high,
  ]);
  if (points.length === 0) return "";
  const [leftmost, rightmost] = extent(points.map(([x]) => x));
  // Names have room beside the first and the last.
  const last = axes.namesX && axes.namesX.length - 0.5;
  const x0 = axes.from ?? (last === undefined ? leftmost : -0.5);
  const x1 = last ?? (axes.to === undefined ? rightmost : Math.max(axes.to, rightmost));
  const [lowest, highest] = extent(points.map(([, y]) => y));
  const [y0, y1] = [[axes.low, lowest], [axes.high, highest]].map(([given, found]) =>
    given === undefined ? found! : scaleY.place(given)
  );
  const { width, height } = axes.size ?? SIZE;
  const { left, right, top, bottom } = MARGINS;
  const atX = (x: number) => round(left + (x - x0) / (x1 - x0) * (width - left - right));
  const atY = (y: number) =>
    round(height - bottom - (y - y0) / (y1 - y0) * (height - top - bottom));
  const text = (x: number, y: number, anchor: string, text: string) =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(text)}</text>`;
  const lines = scaleY.ticks(y0, y1).map(([y, name]) =>
    `<line class="grid" x1="${left}" x2="${width - right}" y1="${atY(y)}" y2="${atY(y)}"/>` +
    text(left - 8, atY(y) + 5, "end", showY?.(y) ?? name)
  );
  const named = axes.namesX?.map((name, x) => [x, name] as const);
  const found = named ?? apart(scaleX.ticks(x0, x1), (width - left - right) / (x1 - x0));
  const marks = found.map(([x, name]) => text(atX(x), height - bottom + 22, "middle", name));
  const path = (points: readonly Point[]) =>
    points.map(([x, y]) => `${atX(x)},${atY(y)}`).join(" ");
  const drawn = shown.map(({ points, dots, low, high, isDashed, colour }) => {
    const band = low.length === 0
      ? ""
      : `<polygon class="band" points="${path([...low, ...high.toReversed()])}"/>`;
    const circles = dots.map(([x, y]) =>
      `<circle class="dot" cx="${atX(x)}" cy="${atY(y)}" r="4"/>`
    );
    return `<g class="${colour}">${band}<polyline class="${classOf("curve", isDashed)}" ` +
      `points="${path(points)}"/>${circles.join("")}</g>`;
  });
  const middle = (height - bottom + top) / 2;
  const names = shown.map(({ name, isDashed, colour }) =>
    `<li class="${colour}"><span class="${classOf("swatch", isDashed)}"></span>` +
    `${escaped(name)}</li>`
  );
  return `<figure class="chart"><svg viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="${escaped(`${axes.y} against ${axes.x}`)}">` +
    `${lines.join("")}${marks.join("")}` +
    (lowest < y0 || highest > y1 ? within(drawn.join(""), { width, height }) : drawn.join("")) +
    text((left + width - right) / 2, height - 8, "middle", axes.x) +
    `<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${
      escaped(axes.y)
    }</text></svg><ul class="legend">${names.join("")}</ul></figure>`;
}

/** Marks of which none reaches into another, in the larger letters of narrow pages; powers of ten come first. */
function apart(
  marks: readonly (readonly [at: number, text: string])[],
  unit: number,
): readonly (readonly [at: number, text: string])[] {
  const [letter, gap] = [11, 10];
  const kept: (readonly [at: number, text: string])[] = [];
  const order = marks.toSorted(([a], [b]) => Number(b % 1 === 0) - Number(a % 1 === 0));
  for (const mark of order) {
    const isFree = kept.every(([at, { length }]) =>
      unit * Math.abs(at - mark[0]) >= letter * (length + mark[1].length) / 2 + gap
    );
    if (isFree) kept.push(mark);
  }
  return kept.toSorted(([a], [b]) => a - b);
}

/** How far dots and lines on the border of the axes go beyond it. */
const BORDER = 5;

/** Markup of which nothing is seen outside of the axes. */
function within(markup: string, size: { readonly width: number; readonly height: number }): string {
  const { left, right, top, bottom } = MARGINS;
  const width = size.width - left - right + 2 * BORDER;
  const height = size.height - top - bottom + 2 * BORDER;
  const [x, y] = [left - BORDER, top - BORDER];
  return `<svg x="${x}" y="${y}" width="${width}" height="${height}" ` +
    `viewBox="${x} ${y} ${width} ${height}">${markup}</svg>`;
}

function classOf(name: string, isDashed: boolean = false): string {
  return isDashed ? `${name} dashed` : name;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function extent(values: readonly number[]): [number, number] {
  const [low, high] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  const gap = high > low ? 0 : Math.max(1, Math.abs(low));
  return [low - gap / 2, high + gap / 2];
}

/** Round numbers between two, about five. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten between two logarithms, with 2 and 5 times them where there are few; not too many. */
function decadeTicks(low: number, high: number): [at: number, text: string][] {
  const between = (factors: readonly number[], step: number) => {
    const first = Math.floor(low / step) * step;
    const decades = Array.from(
      { length: Math.max(0, Math.ceil((high - first) / step) + 1) },
      (_, i) => first + i * step,
    );
    return decades.flatMap((decade) =>
      factors.map((factor): [number, string] => {
        const value = Number(`${factor}e${decade}`);
        return [Math.log10(value), powerText(value)];
      })
    ).filter(([at]) => at >= low - 1e-9 && at <= high + 1e-9);
  };
  const found = [1, 2, 3, 5].map((step) => between([1], step)).find(({ length }) => length <= 8) ??
    between([1], 10);
  return found.length > 2 ? found : between([1, 2, 5], 1);
}

/** A number as an axis of powers has it: 0.001, 1e-5. */
function powerText(value: number): string {
  return value >= 1e-4 && value < 1e5 ? grouped(value) : value.toExponential();
}

/** A number with its thousands set apart. */
function grouped(value: number): string {
  const [whole, ...rest] = String(value).split(".");
  const far = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
  return [far, ...rest].join(".");
}
