/** What is given as the options of an optimizer. */
import { GradusError, shown } from "../dsl/errors.ts";

// Optax calls one option by several names, each optimizer by its own: here any of them will do.
const OTHER_NAMES = [
  { other: "weightDecayMask", name: "mask" },
  { other: "accumulatorDtype", name: "muDtype" },
  { other: "dtypeMomentum", name: "muDtype" },
] as const;

/** A copy of options that were given; refuses what is no object of them. */
export function ownOptions(given: unknown, doing: string): Record<string, unknown> {
  if (typeof given === "object" && given !== null) return { ...given };
  throw new GradusError(`${doing}: its options must be an object: given ${shown(given)}`);
}

/** As {@linkcode ownOptions}, each under its first name. */
export function optionsOf(given: unknown, doing: string): Record<string, unknown> {
  const options = ownOptions(given, doing);
  for (const { other, name } of OTHER_NAMES) {
    if (!Object.hasOwn(options, other)) continue;
    const value = options[other];
    delete options[other];
    if (value === undefined) continue;
    if (Object.hasOwn(options, name) && options[name] !== undefined) {
      throw new GradusError(
        `${doing}: \`${other}\` is another name of \`${name}\`, and only one of them may be given: ` +
          `given ${shown(value)} and ${shown(options[name])}`,
      );
    }
    options[name] = value;
  }
  return options;
}

/** Refuses a value that is none of the `names` that option `name` chooses from. */
export function requireChoice(
  name: string,
  value: unknown,
  names: readonly string[],
  doing: string,
): void {
  if (names.includes(value as string)) return;
  const quoted = names.map((each) => `"${each}"`);
  const most = quoted.slice(0, -1).join(", ");
  const all = most === "" ? quoted[0] : `${most} or ${quoted.at(-1)}`;
  throw new GradusError(`${doing}: \`${name}\` must be ${all}: given ${shown(value)}`);
}

/** Refuses a value of option `name` that is no list of two. */
export function requirePair(name: string, value: unknown, what: string, doing: string): void {
  if (Array.isArray(value) && value.length === 2) return;
  throw new GradusError(`${doing}: \`${name}\` must be a pair, ${what}: given ${shown(value)}`);
}

/** Refuses what is no text of one expression; what stands in it is checked with the program it is put into. */
export function requireExpression(name: string, value: unknown, doing: string): string {
  if (
    typeof value === "string" && value.trim() !== "" &&
    !/[\n#=;]|←/.test(value.replace(/[=!<>]=/g, ""))
  ) {
    return value;
  }
  throw new GradusError(
    `${doing}: \`${name}\` must be an expression of the language, in one line: given ${
      shown(value)
    }`,
  );
}
