import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** One named curve. */
export type Series = { name: string; points: { x: number; y: number }[] };

/** What to draw and what to write next to it. */
export type CurveOptions = {
  title: string;
  subtitle?: string;
  xTitle: string;
  yTitle: string;
  /** The legend lists the curves in this order. */
  series: Series[];
  /** Draws y on a logarithmic scale. */
  logY?: boolean;
};

// Okabe and Ito's colours, which stay apart for colour-blind readers.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d"];

/** Draws curves over common axes and returns the picture as SVG text. */
export async function renderCurves(options: CurveOptions): Promise<string> {
  const { title, subtitle, xTitle, yTitle, series, logY = false } = options;
  // A diverged run has no place on the axes; null leaves a gap there and keeps the scale readable.
  const drawable = (y: number): boolean => Number.isFinite(y) && (!logY || y > 0);
  const wholeX = series.every(({ points }) => points.every(({ x }) => Number.isInteger(x)));
  const spec: TopLevelSpec = {
    width: 640,
    height: 360,
    padding: 20,
    background: "white",
    title: { text: title, subtitle },
    data: {
      values: series.flatMap(({ name, points }) =>
        points.map(({ x, y }) => ({ name, x, y: drawable(y) ? y : null }))
      ),
    },
    mark: { type: "line", strokeWidth: 2, strokeJoin: "round" },
    encoding: {
      x: {
        field: "x",
        type: "quantitative",
        title: xTitle,
        scale: { nice: false, zero: false },
        // Between the first and the second epoch there is nothing to label.
        axis: { grid: false, tickMinStep: wholeX ? 1 : undefined },
      },
      y: {
        field: "y",
        type: "quantitative",
        title: yTitle,
        scale: logY ? { type: "log", nice: false } : { zero: false },
        axis: { format: logY ? "~g" : undefined, tickCount: 6 },
      },
      color: {
        field: "name",
        type: "nominal",
        title: null,
        scale: { domain: series.map(({ name }) => name), range: COLOURS },
        legend: { orient: "top", columns: 3, columnPadding: 16, labelLimit: 0, offset: 14 },
      },
    },
    config: {
      font: "Helvetica, Arial, sans-serif",
      view: { stroke: null },
      title: {
        anchor: "start",
        fontSize: 18,
        subtitleFontSize: 13,
        subtitleColor: "#555",
        subtitlePadding: 6,
        offset: 12,
      },
      axis: {
        labelFontSize: 12,
        titleFontSize: 13,
        titleFontWeight: "normal",
        titlePadding: 10,
        gridColor: "#e4e4e4",
        domainColor: "#888",
        tickColor: "#888",
      },
      legend: { labelFontSize: 13, symbolType: "stroke", symbolStrokeWidth: 3, symbolSize: 200 },
    },
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
