/** Reads the command line of a bench: what is wrong in it ends the bench with one line and exit code 2. */
import { parseArgs } from "node:util";
import { quoted, suggestion } from "../dsl/errors.ts";

/** What an option or an argument takes. */
export interface Kind<Value> {
  /** As it stands behind "takes". */
  readonly takes: string;
  /** What a text stands for. */
  read(text: string): Value | Wrong;
}

/** Which text is wrong, and what it may be meant for. */
class Wrong {
  constructor(readonly given: string, readonly names: readonly string[] = []) {}
}

/** Kinds by the names of what is given. */
export type Kinds = Readonly<Record<string, Kind<unknown>>>;

/** What was given, by the names of kinds. */
export type Given<Of extends Kinds> = {
  readonly [Name in keyof Of]?: Of[Name] extends Kind<infer Value> ? Value : never;
};

/** An option that is there or not. */
export const flag: Kind<true> = { takes: "no value", read: () => true };

/** Any text, which is read further on. */
export const text: Kind<string> = { takes: "a text", read: (text) => text };

const number: Kind<number> = {
  takes: "a number",
  read: (text) =>
    text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : new Wrong(text),
};

/** A number above 0. */
export const positive: Kind<number> = such(number, "a number above 0", (given) => given > 0);

/** The name of a file, without folders. */
export const fileName: Kind<string> = {
  takes: "a name of letters, digits, dots, hyphens and underscores",
  read: (text) => /^\w[\w.-]*$/.test(text) ? text : new Wrong(text),
};

/** A checkout of Gradus, by its directory. */
export const checkout: Kind<string> = {
  takes: "the directory of a checkout of Gradus",
  read(text) {
    try {
      return Deno.statSync(`${text}/mod.ts`).isFile ? Deno.realPathSync(text) : new Wrong(text);
    } catch {
      return new Wrong(text);
    }
  },
};

/** A whole number of at least so much. */
export function whole(least = 1): Kind<number> {
  const isSo = (given: number) => Number.isSafeInteger(given) && given >= least;
  return such(number, `a whole number, ${least} or more`, isSo);
}

/** What a kind takes, of which something more is true. */
export function such<Value>(
  { read }: Kind<Value>,
  takes: string,
  isSo: (value: Value) => boolean,
): Kind<Value> {
  return {
    takes,
    read(text) {
      const value = read(text);
      return value instanceof Wrong || isSo(value) ? value : new Wrong(text);
    },
  };
}

/** One of some names. */
export function oneOf<Name extends string>(names: readonly Name[]): Kind<Name> {
  return {
    takes: `one of ${names.join(", ")}`,
    read: (text) => names.find((name) => name === text) ?? new Wrong(text, names),
  };
}

/** Some of what a kind takes, with commas between; none twice. */
export function someOf<Value>({ takes, read }: Kind<Value>): Kind<readonly Value[]> {
  return {
    takes: `${takes}, or several with commas between`,
    read(text) {
      const values = text.split(",").map((part) => read(part.trim()));
      const wrong = values.find((value) => value instanceof Wrong);
      return wrong ?? [...new Set(values as Value[])];
    },
  };
}

/** Those names that contain one of some texts, with commas between. */
export function partsOf(names: readonly string[]): Kind<readonly string[]> {
  return {
    takes: `parts of names, with commas between, of: ${names.join("; ")}`,
    read(text) {
      const parts = text.split(",").map((part) => part.trim().toLowerCase());
      const holds = (name: string, part: string) => name.toLowerCase().includes(part);
      const wrong = parts.find((part) => part === "" || !names.some((name) => holds(name, part)));
      return wrong === undefined
        ? names.filter((name) => parts.some((part) => holds(name, part)))
        : new Wrong(wrong, names.flatMap((name) => name.split(/[ ,]+/)));
    },
  };
}

/** The options of the command line; `help` begins with the command, and is printed where it is asked for. */
export function optionsOf<Of extends Kinds>(help: string, kinds: Of): Given<Of> {
  const { tokens } = parseArgs({
    strict: false,
    tokens: true,
    options: {
      help: { type: "boolean", short: "h" },
      ...Object.fromEntries(
        Object.entries(kinds).map(([name, kind]) => [
          name,
          { type: kind === flag ? "boolean" : "string" },
        ]),
      ),
    },
  });
  const values: Record<string, unknown> = {};
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      refuse(help, `it takes no argument without an option: given ${quoted(token.value)}`);
    }
    const { name, rawName, value, inlineValue } = token;
    if (name === "help") {
      console.log(help);
      Deno.exit(0);
    }
    if (!Object.hasOwn(kinds, name)) {
      const known = Object.keys(kinds).map((each) => `--${each}`);
      const near = suggestion(rawName, known);
      refuse(help, `there is no option ${quoted(rawName)}: it takes ${known.join(", ")}${near}`);
    }
    const isFlag = kinds[name] === flag;
    // What looks like an option is one, and no value of the one before.
    const isMissing = value === undefined || (!inlineValue && value.startsWith("--"));
    if (isFlag ? value !== undefined : isMissing) {
      refuse(help, `${rawName} takes ${kinds[name].takes}: given ${value ?? "none"}`);
    }
    values[name] = read(help, rawName, kinds[name], value ?? "");
  }
  return values as Given<Of>;
}

/** Arguments that stand one behind the other, in the order of their kinds; those at the end may be missing. */
export function argumentsOf<Of extends Kinds>(
  help: string,
  kinds: Of,
  words: readonly string[],
): Given<Of> {
  const names = Object.keys(kinds);
  if (words.length > names.length) {
    const taken = names.length === 0 ? "no arguments" : names.map((name) => `[${name}]`).join(" ");
    refuse(help, `it takes ${taken}: given ${words.map(quoted).join(" ")}`);
  }
  return Object.fromEntries(
    words.map((word, i) => [names[i], read(help, `[${names[i]}]`, kinds[names[i]], word)]),
  ) as Given<Of>;
}

/** What a text stands for that was given by a name. */
export function read<Value>(help: string, name: string, kind: Kind<Value>, text: string): Value {
  const value = kind.read(text);
  if (!(value instanceof Wrong)) return value;
  const { given, names } = value;
  refuse(
    help,
    `${name} takes ${kind.takes}: given ${quoted(given)}${suggestion(given, names)}`,
  );
}

/** Ends a bench that cannot do without an option. */
export function missing(help: string, name: string, { takes }: Kind<unknown>): never {
  refuse(help, `${name} is required: it takes ${takes}`);
}

/** Ends a bench whose `help` begins with its command, since what it was asked cannot be done. */
function refuse(help: string, message: string): never {
  const [command] = help.split(/ \[| --| NAME|\n/);
  console.error(`${command}: ${message}`);
  Deno.exit(2);
}
