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
import { GradusError, quoted, suggestion } from "./dsl/errors.ts";
import { parseJson, printJson } from "./dsl/json.ts";
import { latex } from "./dsl/latex.ts";
import type { Program } from "./dsl/program.ts";
import { schedule } from "./dsl/schedules/mod.ts";
import { parseYaml, printYaml } from "./dsl/yaml.ts";
import { toOnnx } from "./export/onnx/mod.ts";
import { factory } from "./runtime/define.ts";
import { explain } from "./runtime/explain.ts";
import type { HyperValue } from "./runtime/hyper.ts";
import type { Optimizer } from "./runtime/optimizer.ts";
import * as zoo from "./zoo/mod.ts";

const HELP = `gradus: optimizers as symbolic step programs

  gradus show NAME|FILE [--latex | --explain | --json]
      Prints an optimizer: its document, its equations, or every stage of a step and its cost.
  gradus check FILE
      Checks a program in a YAML or JSON file; says what is wrong with it and where.
  gradus export NAME|FILE --params w:784x64,b:64 [-o FILE.onnx]
      Writes one step as an ONNX graph for parameters of these paths and shapes.
  gradus help
      Prints this.

Options
  --set NAME=VALUE   a hyperparameter: a number, true, false, or a schedule such as "0.1*0.99^count"
  --input NAME       export: keeps a hyperparameter as an input; so does a required one without value
  -o, --output FILE  export: where to write; by default the optimizer's name and .onnx

NAME is one of ${names().join(", ")}.
Exit codes: 0 done, 1 a program or value is wrong, 2 the command is.`;

/** A mistake in the command itself. */
class UsageError extends Error {}

type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

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
    const [command, target, ...rest] = positionals;
    if (command === undefined && !values.help) throw new UsageError("a command is required");
    if (values.help || command === "help") {
      print(HELP);
      return 0;
    }
    const run = COMMANDS.get(command);
    if (run === undefined) {
      const near = suggestion(command, [...COMMANDS.keys(), "help"]);
      throw new UsageError(`there is no command ${quoted(command)}${near}`);
    }
    if (target === undefined) throw new UsageError(`\`${command}\` needs an optimizer`);
    if (rest.length > 0) throw new UsageError(`\`${rest[0]}\` is one argument too many`);
    await run(target, values, print);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      printError(`gradus: ${error.message}\nTry \`gradus help\`.`);
      return 2;
    }
    if (error instanceof GradusError) {
      printError(`gradus: ${error.message}`);
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
        explain: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        input: { type: "string", multiple: true },
        json: { type: "boolean" },
        latex: { type: "boolean" },
        output: { type: "string", short: "o" },
        params: { type: "string" },
        set: { type: "string", multiple: true },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]);
  }
}

const COMMANDS = new Map([["show", show], ["check", check], ["export", exportOnnx]]);

async function show(
  target: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
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

/** The optimizer of a program; a required hyperparameter without a value is left open. */
function bound(program: Program, options: Options): Optimizer {
  const given: Record<string, HyperValue | boolean> = {};
  for (const [name, value] of program.hyper) if (value === "required") given[name] = () => NaN;
  for (const setting of options.set as readonly string[] ?? []) {
    const [, name, value] = /^\s*([^=\s]+)\s*=\s*(\S.*)$/s.exec(setting) ?? [];
    if (name === undefined) throw new UsageError(`--set takes NAME=VALUE: given ${setting}`);
    Object.defineProperty(given, name, {
      value: valueOf(value.trim()),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return factory(program)(given);
}

function valueOf(text: string): HyperValue | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return Number.isNaN(number) && text !== "nan" ? schedule(text) : number;
}

/** `w:784x64,deep/k:3` as a tree of shapes. */
function shapesOf(text: string): object {
  const root: Record<string, unknown> = {};
  for (const part of text.split(",")) {
    const [, path, shape] = /^([^:]+):([0-9]+(?:x[0-9]+)*)?$/.exec(part.trim()) ?? [];
    if (path === undefined) {
      throw new UsageError(`--params takes PATH:SHAPE,…, such as w:784x64: given ${part}`);
    }
    let branch = root;
    const keys = path.split("/");
    for (const key of keys.slice(0, -1)) {
      const below = Object.hasOwn(branch, key) ? branch[key] : {};
      if (Array.isArray(below)) throw new UsageError(`--params: \`${key}\` has a shape already`);
      Object.defineProperty(branch, key, { value: below, enumerable: true, configurable: true });
      branch = below as Record<string, unknown>;
    }
    const last = keys[keys.length - 1];
    if (Object.hasOwn(branch, last)) throw new UsageError(`--params names \`${path}\` twice`);
    const sizes = shape === undefined ? [] : shape.split("x").map(Number);
    Object.defineProperty(branch, last, { value: sizes, enumerable: true, configurable: true });
  }
  return root;
}

function programOf(target: string): Promise<Program> | Program {
  const built = (zoo as Record<string, unknown>)[target] as { program?: Program } | undefined;
  if (Object.hasOwn(zoo, target) && built?.program !== undefined) return built.program;
  return readProgram(target);
}

async function readProgram(path: string): Promise<Program> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const near = suggestion(path, names());
    throw new GradusError(
      `Cannot read \`${path}\`: it is neither a built-in optimizer nor a file that can be read ` +
        `(${(error as Error).message.split(":")[0]})${near}`,
    );
  }
  return path.endsWith(".json") ? parseJson(text) : parseYaml(text);
}

// Beside its place and then into it, so that no reader ever finds half a file.
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.${crypto.randomUUID()}.part`;
  try {
    await Deno.writeFile(beside, bytes);
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw new GradusError(`Cannot write \`${path}\`: ${(error as Error).message}`);
  }
}

function names(): string[] {
  return Object.entries(zoo).filter(([, each]) => "program" in each).map(([name]) => name);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
