/**
 * The command `gradus`: shows, checks and exports optimizers, built in or in files.
 *
 * @example
 * ```ts
 * import { main } from "@gradus/gradus/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * const code = await main(["show", "lion", "--latex"], (line) => lines.push(line));
 * assertEquals(code, 0);
 * assertEquals(lines.join("\n").includes("c_t &\\leftarrow"), true);
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { attach } from "./cli/attach.ts";
import { printDerivation } from "./cli/derive.ts";
import { showCheckpoint } from "./cli/checkpoint.ts";
import { BUILT_IN, programOf, readOverview, readProgram, writeWhole } from "./cli/files.ts";
import { list } from "./cli/list.ts";
import { printableLines } from "./cli/printable.ts";
import { searchCommand } from "./cli/search.ts";
import { bound, type Options, requiredOf, shapesOf, UsageError } from "./cli/values.ts";
import { GradusError, quoted, suggestion } from "./dsl/errors.ts";
import { printJson } from "./dsl/json.ts";
import { latex } from "./dsl/latex.ts";
import { printYaml } from "./dsl/yaml.ts";
import { toOnnx } from "./export/onnx/mod.ts";
import { reportOf, sizeOf } from "./export/onnx/report.ts";
import { factory } from "./runtime/define.ts";
import { explain } from "./runtime/explain.ts";

const HELP = `gradus: optimizers as symbolic step programs

  gradus list [--json]
      Lists the built-in optimizers: what each keeps and costs, and where it is from.
  gradus show NAME|FILE [--latex | --explain | --json]
      Prints an optimizer: its document, its equations, or every stage of a step and its cost.
  gradus show RUN.safetensors
      Prints what a checkpoint holds: its optimizer, hyperparameters, steps and sizes; of other files
      of that format, their tensors.
  gradus check FILE
      Checks a program in a YAML or JSON file; says what is wrong with it and where.
  gradus export NAME|FILE --params w:784x64,b:64 [-o FILE.onnx]
      Writes one step as an ONNX graph for parameters of these paths and shapes.
  gradus export NAME|FILE --attach MODEL.onnx --params w,b --grads dw,db [-o FILE.onnx]
      Joins one to a model whose outputs are gradients of its initializers: a run is a training step.
  gradus export --report [--params w:784x64,b:64]
      Prints how large the graph of each built-in optimizer is.
  gradus derive NAME|FILE [-o FILE.html]
      Derives an optimizer that reads well from a found program: each line by a named rule, or a
      change whose effect was measured; as text, and as a page with equations.
  gradus search heavy|gaussian|FILE [--trained 5000] [--seed 1] [--workers N] [-o REPORT.html]
      Searches programs that train well on quadratics with heavy-tailed or normal noise, or on tasks
      of yours: a module whose default export is the options of a search, which those given here
      override. Prints the best, and writes a report of it beside its baselines.
  gradus help
      Prints this.

Options
  --set NAME=VALUE   a hyperparameter: a number, true, false, or a schedule such as "0.1*0.99^count"
  --input NAME       export: keeps a hyperparameter as an input; so does a required one without value
  --checkpoint FILE  search: saves there, and goes on from what was saved; what was saved before that
                     is kept in FILE.old
  --workers N        search: threads that train, or processes for tasks of yours, by default one a core
                     and at most 4 a core or 16; 0 trains in this thread, where what never ends cannot
                     be ended. What is found does not depend on it
  --baselines        search: also constants only, random programs, and grids of AdamW, Lion and signum,
                     as a report always does; all together 12 times the budget
  -o, --output FILE  export: where to write; by default the optimizer's name and .onnx
                     derive: a page to write as well

NAME is one of the ${BUILT_IN.size} that \`gradus list\` shows.
Exit codes: 0 done, 1 a program or value is wrong, 2 the command is.`;

/**
 * Runs the command.
 *
 * @example
 * ```ts
 * import { main } from "@gradus/gradus/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const errors: string[] = [];
 * assertEquals(await main(["shwo", "lion"], console.log, (line) => errors.push(line)), 2);
 * assertEquals(errors[0].includes("did you mean `show`?"), true);
 * ```
 *
 * @param args What follows the command's name.
 * @param print Takes each line of output.
 * @param printError Takes each line about what went wrong.
 * @returns The exit code: 0 done, 1 a program or value is wrong, 2 the command is.
 */
export async function main(
  args: readonly string[],
  print: (line: string) => void = console.log,
  printError: (line: string) => void = console.error,
): Promise<number> {
  try {
    const { values, positionals } = read(args);
    const [name, ...operands] = positionals;
    if (name === undefined && !values.help) throw new UsageError("a command is required");
    if (values.help || name === "help") {
      print(HELP);
      return 0;
    }
    const command = COMMANDS.get(name);
    if (command === undefined) {
      const near = suggestion(name, [...COMMANDS.keys(), "help"]);
      throw new UsageError(`there is no command ${quoted(name)}${near}`);
    }
    const { run } = command;
    const takes = command.takes(values);
    if (operands.length < takes) {
      throw new UsageError(`\`${name}\` needs ${name === "search" ? "tasks" : "an optimizer"}`);
    }
    if (operands.length > takes) {
      throw new UsageError(`\`${operands[takes]}\` is one argument too many`);
    }
    await run(operands[0], values, print);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      printError(`gradus: ${printableLines(error.message)}\nTry \`gradus help\`.`);
      return 2;
    }
    if (error instanceof GradusError) {
      printError(`gradus: ${printableLines(error.message)}`);
      return 1;
    }
    throw error;
  }
}

function read(args: readonly string[]): { values: Options; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        attach: { type: "string" },
        baselines: { type: "boolean" },
        checkpoint: { type: "string" },
        explain: { type: "boolean" },
        grads: { type: "string" },
        help: { type: "boolean", short: "h" },
        input: { type: "string", multiple: true },
        json: { type: "boolean" },
        latex: { type: "boolean" },
        output: { type: "string", short: "o" },
        params: { type: "string" },
        report: { type: "boolean" },
        seed: { type: "string" },
        set: { type: "string", multiple: true },
        trained: { type: "string" },
        workers: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
}

interface Command {
  /** How many arguments follow its name: an optimizer, or none. */
  readonly takes: (options: Options) => 0 | 1;
  readonly run: (
    target: string,
    options: Options,
    print: (line: string) => void,
  ) => Promise<void> | void;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["list", { takes: () => 0, run: (_, options, print) => list(options, print) }],
  ["show", { takes: () => 1, run: show }],
  ["check", { takes: () => 1, run: check }],
  ["export", { takes: ({ report }) => report ? 0 : 1, run: exportOnnx }],
  ["derive", { takes: () => 1, run: printDerivation }],
  ["search", { takes: () => 1, run: searchCommand }],
]);

async function show(
  target: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const overview = await readOverview(target);
  const isWhole = !options.latex && !options.explain && !options.json;
  if (overview !== undefined && isWhole) return showCheckpoint(target, overview, print);
  const program = await programOf(target);
  if (options.latex) print(latex(program));
  else if (options.explain) print(String(explain(bound(program, options))));
  else if (options.json) print(printJson(program));
  else print(printYaml(program).trimEnd());
}

async function check(
  target: string,
  _options: Options,
  print: (line: string) => void,
): Promise<void> {
  const program = await readProgram(target);
  const { stateBytes, arithmetic } = explain(bound(program, {}));
  print(
    `${target}: "${program.name}" is an optimizer: ${stateBytes} bytes of state and ${arithmetic} ` +
      `operations per parameter`,
  );
}

async function exportOnnx(
  target: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  if (options.report) return report(options, print);
  if (options.attach !== undefined) return attach(await programOf(target), options, print);
  if (typeof options.params !== "string") {
    throw new UsageError("`export` needs --params, such as --params w:784x64,b:64");
  }
  const params = shapesOf(options.params);
  const program = await programOf(target);
  const inputs = options.input as readonly string[] | undefined;
  const bytes = toOnnx(bound(program, options), params, { inputs });
  const path = (options.output as string | undefined) ?? `${program.name}.onnx`;
  await writeWhole(path, bytes);
  print(`${path}: one step of "${program.name}", ${bytes.length} bytes`);
}

/** Prints how large the graph of every built-in optimizer is, required options being 0.1. */
function report({ params }: Options, print: (line: string) => void): void {
  const shapes = shapesOf(typeof params === "string" ? params : "w:784x64,b:64");
  const sizes = [...BUILT_IN].map(([name, { program }]) =>
    [name, sizeOf(factory(program)(requiredOf(program, 0.1)), shapes)] as const
  );
  for (const line of reportOf(new Map(sizes))) print(line);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
