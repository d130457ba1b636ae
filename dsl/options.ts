/** Options of functions, each held against what it must be; what there is not is refused by name. */
import { isRecord } from "./record.ts";
import { GradusError, nearest, quoted, shown } from "./errors.ts";

/** What an option must be: whether a value is that, and how it is said. */
export interface Kind {
  readonly is: (value: unknown) => boolean;
  readonly must: string;
  /** Whether it may not be left out. */
  readonly isNeeded?: true;
}

/** What each option must be: all of them, so that one that is new cannot be forgotten. */
export type Kinds<T> = Readonly<Record<keyof T & string, Kind>>;

/** Whatever it is, somebody else checks it. */
export const ANY: Kind = { is: () => true, must: "" };
/** A number that is one. */
export const NUMBER: Kind = {
  is: (value) => typeof value === "number" && !isNaN(value),
  must: "a number",
};
/** A number above 0. */
export const POSITIVE: Kind = {
  is: (value) => value as number > 0 && NUMBER.is(value),
  must: "above 0",
};
/** An object of named entries. */
export const RECORD: Kind = { is: isRecord, must: "an object" };
/** What is called. */
export const FUNCTION: Kind = { is: (value) => typeof value === "function", must: "a function" };
/** A text that says something. */
export const TEXT: Kind = {
  is: (value) => typeof value === "string" && value !== "",
  must: "a text that is not empty",
};
/** True or false. */
export const TRUTH: Kind = { is: (value) => typeof value === "boolean", must: "true or false" };
/** A list, which may be empty. */
export const LIST: Kind = { is: Array.isArray, must: "a list" };

/** A kind that may not be left out. */
export function needed(kind: Kind): Kind {
  return { ...kind, isNeeded: true };
}

/** The same, all of which may be left out. */
export function optional<T>(kinds: Kinds<T>): Kinds<T> {
  return Object.fromEntries(
    Object.entries<Kind>(kinds).map(([name, { is, must }]) => [name, { is, must }]),
  ) as Kinds<T>;
}

/** A whole number between two, which are included. */
export function whole(least: number, most: number = Infinity): Kind {
  return {
    is: (value) => Number.isInteger(value) && value as number >= least && value as number <= most,
    must: most < Infinity
      ? `a whole number from ${least} to ${most}`
      : least === 1
      ? "a whole number above 0"
      : `a whole number from ${least} on`,
  };
}

/** One of some words. */
export function oneOf(...words: readonly string[]): Kind {
  return {
    is: (value) => words.includes(value as string),
    must: listed(words.map((word) => `"${word}"`)),
  };
}

function listed(words: readonly string[]): string {
  const last = words.at(-1)!;
  return words.length === 1 ? last : `${words.slice(0, -1).join(", ")} or ${last}`;
}

/** An object that has a method of each of these names. */
export function having(must: string, ...names: readonly string[]): Kind {
  const has = (value: unknown, name: string) =>
    typeof (value as Record<string, unknown> | null | undefined)?.[name] === "function";
  return { is: (value) => names.every((name) => has(value, name)), must };
}

/**
 * Refuses options that there are not, and those that are not what they must be; `doing` begins the message, and
 * `within` is the option that these are parts of.
 */
export function requireOptions<T>(
  doing: string,
  given: unknown,
  kinds: Kinds<T>,
  within?: string,
): void {
  const named = (name: string) => within === undefined ? name : `${within}.${name}`;
  if (!isRecord(given)) {
    const what = within === undefined ? "its options" : `\`${within}\``;
    throw new GradusError(`${doing}: ${what} must be an object: given ${shown(given)}`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(kinds, name)) continue;
    const near = nearest(name, Object.keys(kinds));
    const hint = near === undefined ? "" : `; did you mean \`${named(near)}\`?`;
    throw new GradusError(`${doing}: there is no option ${quoted(named(name))}${hint}`);
  }
  for (const [name, { is, must, isNeeded }] of Object.entries<Kind>(kinds)) {
    const value = given[name];
    if (value === undefined ? isNeeded !== true : is(value)) continue;
    throw new GradusError(`${doing}: \`${named(name)}\` must be ${must}: given ${shown(value)}`);
  }
}
