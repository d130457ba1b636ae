/** Draws a run: for each task, the time a parameter takes over the number of parameters. */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Run } from "./record.ts";

// Gradus in blues to black, what it is held against in warm colours, the limits in greys.
const COLOURS: readonly (readonly [contestant: string, colour: string, dash: number[]])[] = [
  ["Gradus resident, 2 threads", "#08306b", []],
  ["Gradus resident, 1 thread", "#2171b5", []],
  ["Gradus resident, 1 thread, bfloat16 momentum", "#2171b5", [2, 2]],
  ["Gradus resident, 1 thread, without clipping", "#2171b5", [8, 2, 2, 2]],
  ["Gradus staged, 2 threads", "#08306b", [6, 3]],
  ["Gradus staged, 1 thread", "#2171b5", [6, 3]],
  ["Gradus JavaScript", "#6baed6", []],
  ["best JavaScript loop", "#d55e00", []],
  ["plain JavaScript loop", "#d55e00", [4, 3]],
  ["tfjs-wasm Adam or momentum", "#009e73", []],
  ["jax-js jit AdamW", "#cc79a7", []],
  ["onnxruntime-web, our ONNX graph", "#e69f00", []],
  ["onnxruntime-web on WebGPU, our ONNX graph", "#e69f00", [6, 3]],
  ["Gradus, WebGPU", "#b15fb1", [6, 3]],
  ["copy of as many bytes, 1 thread", "#888888", []],
  ["copy of as many bytes, 2 threads", "#888888", [4, 3]],
];

/** The chart as SVG text; the interpreter, far above all others, is left out. */
export async function renderChart({ cells, date, machine }: Run): Promise<string> {
  const present = COLOURS.filter(([name]) => cells.some(({ contestant }) => contestant === name));
  const names = present.map(([name]) => name);
  const spec: TopLevelSpec = {
    padding: 20,
    background: "white",
    title: {
      text: "Time of an optimizer step for each parameter",
      subtitle: `${date}, ${machine.processor}, ${machine.cores} cores, Deno ${machine.deno}`,
    },
    data: {
      values: cells.filter(({ contestant }) => names.includes(contestant)).map((cell) => ({
        task: cell.task,
        contestant: cell.contestant,
        size: cell.size,
        time: cell.median * 1e6 / cell.size,
      })),
    },
    facet: { field: "task", type: "nominal", title: null, sort: cells.map(({ task }) => task) },
    columns: 3,
    spec: {
      width: 300,
      height: 260,
      mark: { type: "line", strokeWidth: 2, point: { size: 24 } },
      encoding: {
        x: {
          field: "size",
          type: "quantitative",
          title: "parameters",
          scale: { type: "log", nice: false },
          axis: { grid: false, format: "~s", values: [1e3, 1e4, 1e5, 1e6, 1e7] },
        },
        y: {
          field: "time",
          type: "quantitative",
          title: "nanoseconds a parameter",
          scale: { type: "log", nice: true },
          axis: { format: "~g", values: [0.01, 0.1, 1, 10, 100, 1000] },
        },
        color: {
          field: "contestant",
          type: "nominal",
          title: null,
          scale: { domain: names, range: present.map(([, colour]) => colour) },
          legend: { orient: "bottom", columns: 3, labelLimit: 0, columnPadding: 20, offset: 20 },
        },
        strokeDash: {
          field: "contestant",
          type: "nominal",
          scale: { domain: names, range: present.map(([, , dash]) => dash) },
        },
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
        offset: 16,
      },
      header: { labelFontSize: 14, labelAnchor: "start", labelFontWeight: "bold" },
      axis: {
        labelFontSize: 11,
        titleFontSize: 12,
        titleFontWeight: "normal",
        gridColor: "#e4e4e4",
        domainColor: "#888",
        tickColor: "#888",
      },
      legend: { labelFontSize: 12, symbolType: "stroke", symbolStrokeWidth: 2, symbolSize: 300 },
    },
  };
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
