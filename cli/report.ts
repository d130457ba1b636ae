/** What `gradus export --report` prints. */
import { reportOf, sizeOf } from "../export/onnx/report.ts";
import { factory } from "../runtime/define.ts";
import { BUILT_IN } from "./files.ts";
import { type Options, shapesOf } from "./values.ts";

/** Prints how large the graph of every built-in optimizer is, required options being 0.1. */
export function report({ params }: Options, print: (line: string) => void): void {
  const shapes = shapesOf(typeof params === "string" ? params : "w:784x64,b:64");
  const sizes = [...BUILT_IN].map(([name, { program }]) => {
    const required = [...program.hyper].filter(([, value]) => value === "required");
    const options = Object.fromEntries(required.map(([name]) => [name, 0.1]));
    return [name, sizeOf(factory(program)(options), shapes)] as const;
  });
  for (const line of reportOf(new Map(sizes))) print(line);
}
