/** `gradus show`: an optimizer, or what is in a file, by the kind of the file. */
import { latex } from "../dsl/latex.ts";
import { printJson } from "../dsl/json.ts";
import { LANGUAGE_PAGE } from "../dsl/notation.ts";
import { printYaml } from "../dsl/yaml.ts";
import { explain } from "../runtime/explain.ts";
import { type Command, ONE_OPTIMIZER, SET } from "./command.ts";
import { programOf } from "./files.ts";
import { modelText } from "./model_text.ts";
import { bound, type Options, UsageError } from "./values.ts";

/** What is shown of a file that is no text of a program, by its ending. */
const FILES: ReadonlyMap<string, (path: string) => Promise<string>> = new Map([
  [".onnx", modelText],
]);

/** The command. */
export const show: Command = {
  usage: ["NAME|FILE [--latex | --explain | --json]", "FILE.onnx"],
  summary: "Prints an optimizer: its document, its equations, or every stage of a step and its " +
    "cost. Of an ONNX model it prints what goes in and out, and the optimizer in it.",
  options: {
    latex: { text: "the equations, in LaTeX" },
    explain: { text: "every stage of a step: graph, loops, generated code, cost" },
    json: { text: "the document as JSON; without any of these it is YAML" },
    set: { ...SET, text: `explain: ${SET.text}` },
  },
  takes: () => ONE_OPTIMIZER,
  run: async ([target], options, print) => print(await textOf(target, options)),
};

async function textOf(target: string, options: Options): Promise<string> {
  const [, ofFile] = [...FILES].find(([ending]) => target.toLowerCase().endsWith(ending)) ?? [];
  if (ofFile !== undefined) {
    const [given] = Object.keys(options);
    if (given === undefined) return await ofFile(target);
    throw new UsageError(`\`--${given}\` is for programs, and \`${target}\` is none`);
  }
  const program = await programOf(target);
  if (options.latex) return latex(program);
  if (options.explain) return String(explain(bound(program, options)));
  if (options.json) return printJson(program);
  return `${printYaml(program)}# What each line may be: ${LANGUAGE_PAGE}`;
}
