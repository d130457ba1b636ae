/** `gradus export --attach`: a model that computes gradients becomes one whose run is a training step. */
import type { Program } from "../dsl/program.ts";
import { attachOptimizer, type AttachOptions } from "../export/onnx/mod.ts";
import { readBytes, within, writeWhole } from "./files.ts";
import { graphText } from "./model_text.ts";
import { bound, type Options, UsageError } from "./values.ts";

/** Joins an optimizer to the model in the file that `--attach` names, and writes what comes of it. */
export async function attach(
  program: Program,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const path = options.attach as string;
  const [params, grads] = (["params", "grads"] as const).map((name) => {
    const names = options[name];
    if (typeof names === "string" && names !== "") return names.split(",");
    throw new UsageError(
      "`export --attach` needs the names of parameters and of their gradients, such as " +
        "--params w,b --grads dw,db",
    );
  });
  const model = await readBytes(path);
  const inputs = options.input as readonly string[] | undefined;
  const precision = options.precision as AttachOptions["precision"];
  const opt = bound(program, options);
  const joined = { params, grads, inputs, precision };
  const bytes = within(path, () => attachOptimizer(model, opt, joined));
  const output = (options.output as string | undefined) ?? `${program.name}.onnx`;
  await writeWhole(output, bytes);
  print(`${output}: a training step with "${program.name}", ${bytes.length} bytes\n`);
  print(graphText(bytes));
}
