/**
 * Writes the graph that Gradus, of any checkout, exports of a cell: `graph.ts DIR PATH`, and what a line that opens
 * the cell says behind `open`.
 */
import { pathToFileURL } from "node:url";
import { openingOf } from "./lines.ts";
import { gradusOf, optimizerOf } from "./rules.ts";

const [directory, path, ...words] = Deno.args;
const { rule, shapes, numbers } = openingOf(words);
const { sets: _sets, shift: _shift, trainingSteps: _steps, ahead: _ahead, ...own } = numbers;
const { toOnnx }: typeof import("@gradus/gradus/onnx") = await import(
  pathToFileURL(`${directory}/export/onnx/mod.ts`).href
);
const optimizer = optimizerOf(await gradusOf(directory), rule, own);
if (optimizer === undefined) throw new Error("it has no such rule here");
await Deno.writeFile(path, toOnnx(optimizer, shapes));
