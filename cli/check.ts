/** `gradus check`: whether the program in a file is right, and what it costs. */
import { explain } from "../runtime/explain.ts";
import type { Command } from "./command.ts";
import { readProgram } from "./files.ts";
import { bound } from "./values.ts";

/** The command. */
export const check: Command = {
  usage: ["FILE"],
  summary: "Checks a program in a YAML or JSON file; says what is wrong with it and where.",
  options: {},
  takes: () => ({ least: 1, most: 1, what: "an optimizer" }),
  run: async ([target], _options, print) => {
    const program = await readProgram(target);
    const { stateBytes, arithmetic, warnings } = explain(bound(program, {}));
    print(
      `${target}: "${program.name}" is an optimizer: ${stateBytes} bytes of state and ` +
        `${arithmetic} operations per parameter`,
    );
    for (const warning of warnings) print(`${target}: warning: ${warning}`);
  },
};
