/** `gradus show`: an optimizer, or what is in a file, by the kind of the file. */
import { latex } from "../dsl/latex.ts";
import { printJson } from "../dsl/json.ts";
import { LANGUAGE_PAGE } from "../dsl/notation.ts";
import { printYaml } from "../dsl/yaml.ts";
import { explain } from "../runtime/explain.ts";
import { type Command, ONE_OPTIMIZER, SET } from "./command.ts";
import { checkpointText } from "./checkpoint.ts";
import { BUILT_IN, programOf } from "./files.ts";
import { modelText } from "./model_text.ts";
import { bound, type Options } from "./values.ts";

/** What is shown of files that are more than a program: each gives undefined of what is not of its kind. */
const FILES: readonly ((path: string) => Promise<string | undefined>)[] = [
  modelText,
  checkpointText,
];

/** The command. */
export const show: Command = {
  usage: ["NAME|FILE [--latex | --explain | --json]", "MODEL.onnx|RUN.safetensors"],
  summary: "Prints an optimizer: its document, its equations, or every stage of a step and its " +
    "cost. Of an ONNX model it prints what goes in and out, and of a checkpoint its optimizer, " +
    "hyperparameters, steps and sizes.",
  options: {
    latex: { text: "the equations, in LaTeX" },
    explain: { text: "every stage of a step: graph, loops, generated code, cost" },
    json: { text: "the document as JSON; without any of these it is YAML" },
    set: { ...SET, text: `with --explain, ${SET.text}` },
  },
  takes: () => ONE_OPTIMIZER,
  run: async ([target], options, print) => print(await textOf(target, options)),
};

async function textOf(target: string, options: Options): Promise<string> {
  if (!options.latex && !options.explain && !options.json && !BUILT_IN.has(target)) {
    for (const read of FILES) {
      const text = await read(target);
      if (text !== undefined) return text;
    }
  }
  const program = await programOf(target);
  if (options.latex) return latex(program);
  if (options.explain) return String(explain(bound(program, options)));
  if (options.json) return printJson(program);
  return `${printYaml(program)}# What each line may be: ${LANGUAGE_PAGE}`;
}
