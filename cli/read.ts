/** Reads what follows `gradus`: a command, its arguments and its options. */
import { parseArgs } from "node:util";
import { quoted, suggestion } from "../dsl/errors.ts";
import type { Command, OptionEntry } from "./command.ts";
import { type Options, UsageError } from "./values.ts";

/** A command line as it was read, not yet held against the options of its command. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly given: readonly Given[];
}

/** One option as it stands in a command line. */
interface Given {
  readonly name: string;
  readonly spelled: string;
  readonly value: string | undefined;
}

/** The options of `gradus` itself. */
export const OWN_OPTIONS: Readonly<Record<string, OptionEntry>> = {
  help: { short: "h", text: "prints help" },
  version: { text: "prints the version" },
};

/** Splits a command line; `commands` say which options take a value. */
export function read(args: readonly string[], commands: Iterable<Command>): CommandLine {
  const entries = [OWN_OPTIONS, ...[...commands].map(({ options }) => options)].flatMap((each) =>
    Object.entries(each)
  );
  const options = Object.fromEntries(
    entries.map(([name, { value, short }]) => {
      const type = value === undefined ? "boolean" as const : "string" as const;
      return [name, { type, ...(short === undefined ? {} : { short }) }];
    }),
  );
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options,
  });
  return {
    words: tokens.flatMap((token) => token.kind === "positional" ? [token.value] : []),
    given: tokens.flatMap((token) => {
      if (token.kind !== "option") return [];
      const { name, rawName: spelled, value, inlineValue } = token;
      // What looks like an option is one, and no value of the one before.
      const isOption = !inlineValue && /^-./.test(value ?? "");
      if (isOption) throw new UsageError(`\`${spelled}\` needs a value: given ${quoted(value!)}`);
      return [{ name, spelled, value }];
    }),
  };
}

/** The options of a command line, if they are the command's own and have values where they need them. */
export function optionsOf({ given }: CommandLine, name: string, { options }: Command): Options {
  const known = { ...OWN_OPTIONS, ...options };
  const values = new Map<string, string | boolean | readonly string[]>();
  for (const { name: option, spelled, value } of given) {
    const entry = Object.hasOwn(known, option) ? known[option] : undefined;
    if (entry === undefined) {
      const near = suggestion(option, Object.keys(known)).replace(/`(.*)`/, "`--$1`");
      throw new UsageError(`\`${name}\` has no option ${quoted(spelled)}${near}`);
    }
    if (entry.value === undefined && value !== undefined) {
      throw new UsageError(`\`${spelled}\` takes no value: given ${quoted(value)}`);
    }
    if (entry.value !== undefined && value === undefined) {
      throw new UsageError(`\`${spelled}\` needs a value: ${spelled} ${entry.value}`);
    }
    const before = values.get(option) as readonly string[] | undefined ?? [];
    values.set(option, entry.isMultiple ? [...before, value!] : value ?? true);
  }
  return Object.fromEntries(values);
}
