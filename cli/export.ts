/** `gradus export`: one step as an ONNX graph, by itself or joined to a model, or as source of Python. */
import { type OnnxOptions, toOnnx } from "../export/onnx/mod.ts";
import { reportOf, sizeOf } from "../export/onnx/report.ts";
import { FRAMEWORK_NAMES, type PythonTarget, toPython } from "../export/python/to_python.ts";
import { factory } from "../runtime/define.ts";
import type { Program } from "../dsl/program.ts";
import { attach } from "./attach.ts";
import { type Command, ONE_OPTIMIZER, SET } from "./command.ts";
import { BUILT_IN, programOf, writeWhole } from "./files.ts";
import { graphText } from "./model_text.ts";
import { requiredOf } from "../runtime/required.ts";
import { bound, type Options, settingOf, shapesOf, UsageError } from "./values.ts";

/** The command. */
export const exportCommand: Command = {
  usage: [
    "NAME|FILE --params w:784x64,b:64 [--precision float32] [-o FILE.onnx]",
    "NAME|FILE --attach MODEL.onnx --params w,b --grads dw,db [--precision float32] [-o FILE.onnx]",
    `NAME|FILE --to ${FRAMEWORK_NAMES.join("|")} [--name Lion] [-o FILE.py]`,
    "--report [--params w:784x64,b:64]",
  ],
  summary: "Writes one step as an ONNX graph, or an optimizer of a Python framework.",
  notes: [
    "With --to it writes a Python module that needs nothing but the framework, and tests itself when it is " +
    "run. Hyperparameters are options there; required ones have no default. What --set gives as 0, true or " +
    "false is taken in for good.",
    "With --attach the optimizer is joined to a model whose outputs are gradients of its " +
    "initializers: a run is then a training step. With --report it prints how large the graph of " +
    "each built-in optimizer is.",
  ],
  options: {
    params: {
      value: "PATH:SHAPE,…",
      text: "the parameters' paths and shapes; with --attach, the names of initializers",
    },
    grads: { value: "NAME,…", text: "with --attach: the outputs that are their gradients" },
    attach: { value: "MODEL.onnx", text: "the model that the optimizer is joined to" },
    set: SET,
    input: {
      value: "NAME",
      isMultiple: true,
      text: "keeps a hyperparameter as an input of the graph; so does a required one without value",
    },
    precision: {
      value: "float32|float64",
      text: "what a step's own numbers are computed in; GPUs take float32. Default: float64",
    },
    output: {
      short: "o",
      value: "FILE",
      text: "where to write; by default the optimizer's name and .onnx or .py",
    },
    to: { value: FRAMEWORK_NAMES.join("|"), text: "a Python module for that framework" },
    name: { value: "NAME", text: "with --to: what the class or function is called" },
    report: { text: "the sizes of all graphs; writes nothing" },
  },
  takes: ({ report }) => report ? { ...ONE_OPTIMIZER, least: 0, most: 0 } : ONE_OPTIMIZER,
  run: async ([target], options, print) => {
    const idle = options.to === undefined ? ["name"] : OF_GRAPHS;
    const [given] = idle.filter((name) => options[name] !== undefined);
    if (given !== undefined) {
      throw new UsageError(
        `\`export\` takes --${given} only ${options.to === undefined ? "with" : "without"} --to`,
      );
    }
    if (options.report) return report(options, print);
    if (options.attach !== undefined) return attach(await programOf(target), options, print);
    if (options.to !== undefined) return python(await programOf(target), options, print);
    if (options.params === undefined) {
      throw new UsageError(
        "`export` needs --params, such as --params w:784x64,b:64, or --to torch",
      );
    }
    const params = shapesOf(options.params as string);
    const program = await programOf(target);
    const inputs = options.input as readonly string[] | undefined;
    const precision = options.precision as OnnxOptions["precision"];
    const bytes = toOnnx(bound(program, options), params, { inputs, precision });
    const path = (options.output as string | undefined) ?? `${program.name}.onnx`;
    await writeWhole(path, bytes);
    print(`${path}: one step of "${program.name}", ${bytes.length} bytes\n`);
    print(graphText(bytes));
  },
};

/** Options that say what becomes of a graph, which a Python module has none of. */
const OF_GRAPHS = ["params", "grads", "attach", "input", "precision", "report"];

/** Writes a Python module. */
async function python(
  program: Program,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const given = new Set(
    (options.set as readonly string[] ?? []).map((text) => settingOf(text).name),
  );
  const open = Object.entries(requiredOf(program, 0.1)).filter(([name]) => !given.has(name));
  // Required ones have numbers for the module's test of itself.
  const set = [...options.set as readonly string[] ?? [], ...open.map((entry) => entry.join("="))];
  const name = options.name as string | undefined;
  const required = open.map(([each]) => each);
  const text = toPython(bound(program, { set }), {
    to: options.to as PythonTarget,
    name,
    required,
  });
  const path = (options.output as string | undefined) ?? `${program.name}.py`;
  await writeWhole(path, new TextEncoder().encode(text));
  print(
    `${path}: "${program.name}" for ${options.to}, ${text.split("\n").length - 1} lines`,
  );
}

/** Prints how large the graph of every built-in optimizer is, required options being 0.1. */
function report({ params }: Options, print: (line: string) => void): void {
  const shapes = shapesOf(typeof params === "string" ? params : "w:784x64,b:64");
  const sizes = [...BUILT_IN].map(([name, { program }]) =>
    [name, sizeOf(factory(program)(requiredOf(program, 0.1)), shapes)] as const
  );
  for (const line of reportOf(new Map(sizes))) print(line);
}
