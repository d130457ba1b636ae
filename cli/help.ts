/** Help, made of the commands' own entries. */
import type { Command, OptionEntry } from "./command.ts";
import { described, wrapped } from "./text.ts";

type Commands = ReadonlyMap<string, Command>;

/** All commands, each with how it is called and what it does; `endings` are what holds of all. */
export function overview(commands: Commands, endings: readonly string[]): string {
  const entries = [...commands].map(([name, command]) =>
    `${calls(name, command)}\n${wrapped(command.summary, 6)}`
  );
  const own = "  gradus help [COMMAND]\n      Prints this, or all that a command can do.\n" +
    "  gradus --version\n      Prints the version.";
  return [
    "gradus: optimizers as symbolic step programs",
    [...entries, own].join("\n"),
    endings.map((line) => wrapped(line)).join("\n"),
  ].join("\n\n");
}

/** All that one command can do; of the `endings`, what it does not say itself of what it is called with. */
export function helpOf(name: string, command: Command, endings: readonly string[]): string {
  const { summary, notes = [], options } = command;
  const list = Object.entries(options).map(([option, entry]) =>
    [spelled(option, entry), entry.text] as const
  );
  return [
    calls(name, command),
    wrapped(summary),
    ...notes.map((note) => wrapped(note)),
    ...(list.length === 0 ? [] : [`Options\n${described(list, 2)}`]),
    endings.filter((line) => concerns(line, command)).map((line) => wrapped(line)).join("\n"),
  ].join("\n\n");
}

/** Whether what a line says a word is belongs to a command: that takes it and says nothing else of it. */
function concerns(line: string, { usage, notes = [] }: Command): boolean {
  const [word] = /^[A-Z]+(?= is )/.exec(line) ?? [];
  if (word === undefined) return true;
  // What an option takes, its entry says.
  const own = usage.map((each) => each.replace(/--?[a-z]+ \S+/g, ""));
  const takes = own.some((each) => new RegExp(`\\b${word}\\b(?![.=])`).test(each));
  return takes && !notes.some((note) => note.startsWith(`${word} is `));
}

function calls(name: string, { usage }: Command): string {
  return usage.map((each) => {
    // What stands in brackets is not broken.
    const text = each.replace(/\[.*?\]/g, (part) => part.replaceAll(" ", "\u{1}"));
    const [first, ...rest] = wrapped(`gradus ${name} ${text}`.trimEnd(), 2).split("\n");
    return [first, ...rest.map((line) => `      ${line.trimStart()}`)].join("\n")
      .replaceAll("\u{1}", " ");
  }).join("\n");
}

function spelled(option: string, { short, value }: OptionEntry): string {
  return `${short === undefined ? "" : `-${short}, `}--${option}${
    value === undefined ? "" : ` ${value}`
  }`;
}
