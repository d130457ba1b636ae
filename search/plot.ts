/** Charts as SVG text. */

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isDashed?: boolean;
  readonly hasDots?: boolean;
}

/** What the axes of a chart are called, and where the upright one begins and ends, if that is fixed. */
export interface Axes {
  readonly x: string;
  readonly y: string;
  readonly low?: number;
  readonly high?: number;
}

// Distinct for the colour-blind too (Okabe and Ito).
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
const SIZE = { width: 760, height: 340, left: 60, right: 170, top: 14, bottom: 46 } as const;

/** A chart of lines; what is not finite is left out. */
export function chart(series: readonly Series[], axes: Axes): string {
  const shown = series.map((each) => ({
    ...each,
    points: each.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const points = shown.flatMap((each) => each.points);
  if (points.length === 0) return "";
  const [x0, x1] = extent(points.map(([x]) => x));
  const [lowest, highest] = extent(points.map(([, y]) => y));
  const [y0, y1] = [axes.low ?? lowest, axes.high ?? highest];
  const { width, height, left, right, top, bottom } = SIZE;
  const atX = (x: number) => left + (x - x0) / (x1 - x0) * (width - left - right);
  const atY = (y: number) => height - bottom - (y - y0) / (y1 - y0) * (height - top - bottom);
  const round = (value: number) => Number(value.toFixed(1));
  const lines = ticks(y0, y1).map((y) =>
    `<line x1="${left}" x2="${width - right}" y1="${round(atY(y))}" y2="${round(atY(y))}" ` +
    `stroke="#d8dee4"/><text x="${left - 8}" y="${round(atY(y)) + 4}" text-anchor="end">${y}</text>`
  );
  const marks = ticks(x0, x1).map((x) =>
    `<text x="${round(atX(x))}" y="${height - bottom + 20}" text-anchor="middle">${x}</text>`
  );
  const drawn = shown.map(({ name, points, isDashed, hasDots }, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const path = points.map(([x, y]) => `${round(atX(x))},${round(atY(y))}`).join(" ");
    const dots = hasDots
      ? points.map(([x, y]) =>
        `<circle cx="${round(atX(x))}" cy="${round(atY(y))}" r="4" fill="${colour}"/>`
      ).join("")
      : "";
    const legend = 20 * i + top + 10;
    return `<polyline fill="none" stroke="${colour}" stroke-width="2"` +
      `${isDashed ? ' stroke-dasharray="6 4"' : ""} points="${path}"/>${dots}` +
      `<line x1="${width - right + 14}" x2="${width - right + 34}" y1="${legend - 4}" ` +
      `y2="${legend - 4}" stroke="${colour}" stroke-width="2"` +
      `${isDashed ? ' stroke-dasharray="6 4"' : ""}/>` +
      `<text x="${width - right + 40}" y="${legend}">${escaped(name)}</text>`;
  });
  const middle = (height - bottom + top) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" ` +
    `font-family="system-ui, sans-serif" font-size="12" fill="#1b1f24" role="img" ` +
    `aria-label="${escaped(`${axes.y} against ${axes.x}`)}">` +
    `${lines.join("")}${marks.join("")}${drawn.join("")}` +
    `<text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">${
      escaped(axes.x)
    }</text>` +
    `<text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle">${
      escaped(axes.y)
    }</text></svg>`;
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

/** Text as markup shows it. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
