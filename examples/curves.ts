import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** One named curve. */
export type Series = { name: string; points: { x: number; y: number }[] };

/** Curves over one upright axis. */
export type Panel = {
  yTitle: string;
  /** The legend lists the curves in this order. */
  series: Series[];
  /** Draws y on a logarithmic scale. */
  logY?: boolean;
};

/** What to draw, panels from top to bottom, and what to write next to them. */
export type CurveOptions = {
  title: string;
  subtitle?: string;
  xTitle: string;
  panels: Panel[];
};

// Okabe and Ito's colours, which stay apart for colour-blind readers.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d"];

/** Draws panels above one another, whose x axes are alike, and returns the picture as SVG text. */
export async function renderCurves(options: CurveOptions): Promise<string> {
  const { title, subtitle, xTitle, panels } = options;
  const xs = panels.flatMap(({ series }) =>
    series.flatMap(({ points }) => points.map(({ x }) => x))
  );
  const axis = {
    title: xTitle,
    extent: [Math.min(0, ...xs), Math.max(...xs)],
    // Between the first and the second epoch there is nothing to label.
    tickMinStep: xs.every(Number.isInteger) ? 1 : undefined,
  };
  const spec: TopLevelSpec = {
    padding: 20,
    background: "white",
    title: { text: title, subtitle },
    vconcat: panels.map((panel) => panelSpec(panel, axis)),
    spacing: 28,
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

function panelSpec(
  { yTitle, series, logY = false }: Panel,
  x: { title: string; extent: number[]; tickMinStep?: number },
) {
  // A diverged run has no place on the axes; null leaves a gap there and keeps the scale readable.
  const drawable = (y: number): boolean => Number.isFinite(y) && (!logY || y > 0);
  const values = series.flatMap(({ name, points }) =>
    points.map(({ x, y }) => ({ name, x, y: drawable(y) ? y : null }))
  );
  return {
    width: 640,
    height: logY ? 300 : 170,
    data: { values },
    mark: { type: "line" as const, strokeWidth: 2, strokeJoin: "round" as const },
    encoding: {
      x: {
        field: "x",
        type: "quantitative" as const,
        title: x.title,
        scale: { nice: false, domain: x.extent },
        axis: { grid: false, tickMinStep: x.tickMinStep },
      },
      y: {
        field: "y",
        type: "quantitative" as const,
        title: yTitle,
        scale: logY ? { type: "log" as const, nice: false } : { zero: false },
        axis: {
          format: logY ? "~g" : undefined,
          tickCount: 6,
          gridColor: logY ? POWERS_OF_TEN : "#e4e4e4",
          tickColor: logY ? POWERS_OF_TEN : "#888",
        },
      },
      color: {
        field: "name",
        type: "nominal" as const,
        title: null,
        scale: { domain: series.map(({ name }) => name), range: COLOURS },
        legend: {
          orient: "top" as const,
          columns: 3,
          columnPadding: 16,
          labelLimit: 0,
          offset: 14,
        },
      },
    },
  };
}

/** Grid lines at powers of ten can be seen; those between them are faint. */
const POWERS_OF_TEN = {
  condition: { test: "abs(log(datum.value)/LN10 % 1) < 1e-9", value: "#d4d4d4" },
  value: "#f3f3f3",
};
