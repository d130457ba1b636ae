/** What `show` and `export` print of an ONNX model: what goes in and out, and the optimizer in it. */
import { shown } from "../dsl/errors.ts";
import { latex } from "../dsl/latex.ts";
import { printYaml } from "../dsl/yaml.ts";
import { fromOnnx, METADATA } from "../export/onnx/mod.ts";
import { type Outline, outlineOf, type OutlineValue } from "../export/onnx/outline.ts";
import { attempt, parseRecord } from "../export/onnx/read.ts";
import { isModel, readBytes, within } from "./files.ts";
import { aligned, cut, printable, WIDTH, wrapped } from "./text.ts";

/** How deep a tree of a hyperparameter is followed. */
const DEEPEST = 30;
/** How many rows of one kind are printed. */
const MOST_ROWS = 24;

/** The whole of a model in a file; undefined of a file that is called otherwise. */
export async function modelText(path: string): Promise<string | undefined> {
  if (!isModel(path)) return undefined;
  const bytes = await readBytes(path);
  return within(path, () => {
    const outline = outlineOf(bytes);
    const size = `${bytes.length} bytes`;
    if (!outline.metadata.has(METADATA.program)) {
      return [`${path}: an ONNX model, ${size}`, ...otherParts(outline)].join("\n\n");
    }
    const program = fromOnnx(bytes);
    return [
      `${path}: a graph with a step of "${program.name}", ${size}, written by Gradus`,
      printYaml(program).trimEnd().split("\n").map((line) => printable(line, Infinity)).join("\n"),
      `equations\n  ${latex(program).replaceAll("\n", "\n  ")}`,
      ...gradusParts(outline),
    ].join("\n\n");
  });
}

/** What goes in and out of a graph that was just written, and what became of its hyperparameters. */
export function graphText(bytes: Uint8Array): string {
  return gradusParts(outlineOf(bytes)).join("\n\n");
}

function gradusParts({ inputs, outputs, metadata }: Outline): string[] {
  const hyper = hyperRows(metadata);
  return [
    ...(hyper.length === 0 ? [] : [section("hyperparameters", hyper)]),
    section("inputs", inputs.map(valueRow)),
    section("outputs", outputs.map(valueRow)),
  ];
}

function otherParts({ producer, doc, opsets, functions, ...outline }: Outline): string[] {
  const { inputs, outputs, initializers, operators } = outline;
  const nodes = operators.reduce((sum, [, count]) => sum + count, 0);
  const known = [
    ...(producer === "" ? [] : [`made by ${producer}`]),
    `operators of ${opsets.map(([domain, version]) => `${domain} ${version}`).join(", ")}`,
  ];
  const numbers = initializers.reduce((sum, { shape }) => sum + product(shape), 0);
  return [
    ...(doc === "" ? [] : [wrapped(printable(doc.replace(/\s+/g, " "), 600))]),
    wrapped(printable(known.join("; "), 300)),
    section("inputs", inputs.map(valueRow)),
    section("outputs", outputs.map(valueRow)),
    section(`initializers: ${initializers.length}, ${numbers} numbers`, initializers.map(valueRow)),
    section(`nodes: ${nodes}`, operators.map(([name, count]) => [printable(name), String(count)])),
    ...(functions.length === 0 ? [] : [
      section("functions", functions.map(([name, nodes]) => [printable(name), `${nodes} nodes`])),
    ]),
  ];
}

function product(shape: readonly (number | string)[]): number {
  return shape.reduce<number>((product, size) => product * Number(size), 1);
}

function valueRow({ name, type, shape }: OutlineValue): string[] {
  return [
    printable(name, WIDTH / 2),
    type,
    ...(shape.length === 0 ? [] : [printable(`[${shape.join(", ")}]`)]),
  ];
}

/** Which hyperparameters are inputs of the graph, and which it holds. */
function hyperRows(metadata: ReadonlyMap<string, string>): string[][] {
  const [texts, inputs] = (["hyper", "inputs"] as const).map((key) => {
    const read = () => parseRecord(metadata.get(METADATA[key]) ?? "{}");
    return new Map(attempt(key, read, "Cannot read an optimizer"));
  });
  const partRows = (name: string, text: unknown, depth: number): string[][] => {
    if (typeof text === "object" && text !== null && depth < DEEPEST) {
      return Object.entries(text).flatMap(([key, part]) =>
        partRows(`${name}/${key}`, part, depth + 1)
      );
    }
    const full = printable(name, WIDTH / 2);
    if (text === null) {
      const value = inputs.get(`hyper/${name}`) ?? null;
      return [[full, "input", value === null ? "" : `made with ${valueText(value)}`]];
    }
    const kind = typeof text === "string" && /\bcount\b/.test(text) ? "schedule" : "constant";
    return [[full, kind, valueText(text)]];
  };
  return [...texts].flatMap(([name, text]) => partRows(name, text, 0));
}

function valueText(value: unknown): string {
  return printable(typeof value === "string" ? value : shown(value));
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const left = rows.length - MOST_ROWS;
  const some = aligned(rows.slice(0, MOST_ROWS), [], 2);
  const lines = [title, ...some.map((line) => cut(line, WIDTH))];
  if (rows.length === 0) lines.push("  none");
  if (left > 0) lines.push(`  … and ${left} more`);
  return lines.join("\n");
}
