/** What `show` and `export` print of an ONNX model: what goes in and out, and the optimizer in it. */
import { latex } from "../dsl/latex.ts";
import { printYaml } from "../dsl/yaml.ts";
import { fromOnnx, METADATA } from "../export/onnx/mod.ts";
import { type Outline, outlineOf, type OutlineValue } from "../export/onnx/outline.ts";
import { parseRecord } from "../export/onnx/read.ts";
import { readBytes, within } from "./files.ts";
import { aligned, cut, WIDTH, wrapped } from "./text.ts";

/** How many rows of one kind are printed. */
const MOST_ROWS = 24;

/** The whole of a model in a file. */
export async function modelText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  return within(path, () => {
    const outline = outlineOf(bytes);
    const size = `${bytes.length} bytes`;
    if (!outline.metadata.has(METADATA.program)) {
      return [`${path}: an ONNX model, ${size}`, ...otherParts(outline)].join("\n\n");
    }
    const program = fromOnnx(bytes);
    return [
      `${path}: one step of "${program.name}", ${size}, written by Gradus`,
      printYaml(program).trimEnd(),
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
  const counts = operators.map(([name, count]) => `${name} ${count}`).join(", ");
  const numbers = initializers.reduce((sum, { shape }) => sum + product(shape), 0);
  return [
    ...(doc === "" ? [] : [wrapped(cut(doc, 600))]),
    wrapped(cut(known.join("; "), 300)),
    section("inputs", inputs.map(valueRow)),
    section("outputs", outputs.map(valueRow)),
    section(`initializers: ${initializers.length}, ${numbers} numbers`, initializers.map(valueRow)),
    `nodes: ${nodes}\n${wrapped(cut(counts, 2000), 2)}`,
    ...(functions.length === 0 ? [] : [
      section("functions", functions.map(([name, nodes]) => [name, `${nodes} nodes`])),
    ]),
  ];
}

function product(shape: readonly (number | string)[]): number {
  return shape.reduce<number>((product, size) => product * Number(size), 1);
}

function valueRow({ name, type, shape }: OutlineValue): string[] {
  return [cut(name, WIDTH / 2), type, ...(shape.length === 0 ? [] : [`[${shape.join(", ")}]`])];
}

/** Which hyperparameters are inputs of the graph, and which it holds. */
function hyperRows(metadata: ReadonlyMap<string, string>): string[][] {
  const [texts, inputs] = [METADATA.hyper, METADATA.inputs].map((key) =>
    new Map(parseRecord(metadata.get(key) ?? "{}"))
  );
  const partRows = (name: string, place: string, text: unknown): string[][] => {
    if (typeof text === "object" && text !== null) {
      return Object.entries(text).flatMap(([key, part]) =>
        partRows(name, place === "" ? key : `${place}/${key}`, part)
      );
    }
    const full = place === "" ? name : `${name}/${place}`;
    if (text !== null) {
      return [[full, /\bcount\b/.test(String(text)) ? "schedule" : "constant", String(text)]];
    }
    const value = inputs.get(`hyper/${full}`);
    return [[full, "input", value === null || value === undefined ? "" : `made with ${value}`]];
  };
  return [...texts].flatMap(([name, text]) => partRows(name, "", text));
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  const left = rows.length - MOST_ROWS;
  const some = aligned(rows.slice(0, MOST_ROWS), [], 2);
  const lines = [title, ...some.map((line) => cut(line, WIDTH))];
  if (rows.length === 0) lines.push("  none");
  if (left > 0) lines.push(`  … and ${left} more`);
  return lines.join("\n");
}
