/**
 * The command `gradus`: shows, checks, races, searches and exports optimizers, built in or in files, and trains
 * models by them.
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
import { check } from "./cli/check.ts";
import type { Command } from "./cli/command.ts";
import { derive } from "./cli/derive.ts";
import { exportCommand } from "./cli/export.ts";
import { BUILT_IN } from "./cli/files.ts";
import { helpOf, overview } from "./cli/help.ts";
import { list } from "./cli/list.ts";
import { optionsOf, read } from "./cli/read.ts";
import { raceCommand } from "./cli/race.ts";
import { searchCommand } from "./cli/search.ts";
import { show } from "./cli/show.ts";
import { sweepCommand } from "./cli/sweep.ts";
import { printableLines } from "./cli/text.ts";
import { trainCommand } from "./cli/train.ts";
import { Stopped, UsageError } from "./cli/values.ts";
import { workerCommand } from "./cli/worker.ts";
import config from "./deno.json" with { type: "json" };
import { GradusError, quoted, suggestion } from "./dsl/errors.ts";

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["list", list],
  ["show", show],
  ["check", check],
  ["derive", derive],
  ["export", exportCommand],
  ["race", raceCommand],
  ["search", searchCommand],
  ["sweep", sweepCommand],
  ["train", trainCommand],
  ["worker", workerCommand],
]);

const ENDINGS = [
  `NAME is one of the ${BUILT_IN.size} that \`gradus list\` shows.`,
  "FILE is a program in YAML or JSON, an exported model or a checkpoint.",
  "Exit codes: 0 done, 1 a program or value is wrong, 2 the command is, 130 stopped by Ctrl-C.",
];

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
 * @returns The exit code: 0 done, 1 a program or value is wrong, 2 the command is, 130 stopped by Ctrl-C.
 */
export async function main(
  args: readonly string[],
  print: (line: string) => void = console.log,
  printError: (line: string) => void = console.error,
): Promise<number> {
  // Whose help says more of what went wrong.
  let about = "";
  try {
    const line = read(args, COMMANDS.values());
    const isGiven = (name: string) => line.given.some((each) => each.name === name);
    const [name, ...operands] = line.words;
    if (isGiven("version")) return print(`gradus ${config.version}`), 0;
    if (name === "help" || (name === undefined && isGiven("help"))) {
      const [of] = operands;
      print(of === undefined ? overview(COMMANDS, ENDINGS) : helpOf(of, commandOf(of), ENDINGS));
      return 0;
    }
    if (name === undefined) throw new UsageError("a command is required");
    const command = commandOf(name);
    about = ` ${name}`;
    if (isGiven("help")) return print(helpOf(name, command, ENDINGS)), 0;
    const options = optionsOf(line, name, command);
    const { least, most, what } = command.takes(options);
    if (operands.length < least) throw new UsageError(`\`${name}\` needs ${what}`);
    if (operands.length > most) {
      throw new UsageError(`\`${operands[most]}\` is one argument too many`);
    }
    await command.run(operands, options, print);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      printError(`gradus: ${printableLines(error.message)}\nTry \`gradus help${about}\`.`);
      return 2;
    }
    if (error instanceof GradusError || error instanceof Stopped) {
      printError(`gradus: ${printableLines(error.message)}`);
      return error instanceof Stopped ? 130 : 1;
    }
    throw error;
  }
}

function commandOf(name: string): Command {
  const command = COMMANDS.get(name);
  if (command !== undefined) return command;
  const near = suggestion(name, [...COMMANDS.keys(), "help"]);
  throw new UsageError(`there is no command ${quoted(name)}${near}`);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
