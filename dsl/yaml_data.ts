/** Data in YAML, and where in its text something of it stands. */
import { parse } from "@std/yaml";
import { GradusError, pointAt, type Span } from "./errors.ts";
import { LONGEST_FILE } from "./json.ts";

/** The value that a text of YAML holds; `doing` begins messages. */
export function readYaml(text: string, doing: string): unknown {
  if (text.length > LONGEST_FILE) {
    throw new GradusError(
      `${doing}: it must be at most ${LONGEST_FILE} characters: given ${text.length}`,
    );
  }
  try {
    return parse(text);
  } catch (error) {
    const reason = error instanceof RangeError
      ? "it is nested too deeply"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new GradusError(`${doing}: ${reason.slice(0, 500)}`);
  }
}

/** No name of a file. */
const MARK = "\u{e000}";
/** Longer texts, and names that stand more often, are not searched: each try reads the text. */
const LONGEST = 20_000;
const MOST_TRIES = 100;

/** Where something is in data of YAML. */
export interface YamlPlace {
  /** Keys and places of lists that lead to it. */
  readonly path: readonly (string | number)[];
  /** The key itself, or what stands under it. */
  readonly at: "key" | "value";
  /** The part of a text that is meant. */
  readonly span?: Span;
}

/**
 * Line, column and the line itself, of a key or a value; the empty string where it is not found. A place is the right
 * one if other text there is read as another key or value.
 */
export function placeInYaml(text: string, place: YamlPlace): string {
  const span = text.length > LONGEST ? undefined : spanOf(text, place);
  return span === undefined ? "" : `\n${pointAt(text, span)}`;
}

function spanOf(text: string, { path, at, span }: YamlPlace): Span | undefined {
  const value = under(parse(text), path);
  if (at === "value" && !isObject(value)) {
    const words = typeof value === "string" ? [value] : wordsOf(text, value);
    for (const word of words) {
      const found = search(text, word, (read) => under(read, path) === MARK);
      if (found === undefined) continue;
      const { start } = found;
      return span === undefined ? found : { start: start + span.start, end: start + span.end };
    }
  }
  // Where the value itself is not found, the key above it is shown.
  const last = path.findLastIndex((key) => typeof key === "string");
  if (last === -1) return undefined;
  const key = path[last] as string;
  return search(text, key, (read) => {
    const around = under(read, path.slice(0, last));
    return isObject(around) && Object.hasOwn(around, MARK) && !Object.hasOwn(around, key);
  });
}

/** The words of a text that are read as a value. */
function wordsOf(text: string, value: unknown): Set<string> {
  const isIt = (word: string) => {
    try {
      return Object.is(parse(word), value);
    } catch {
      return false;
    }
  };
  return new Set(text.match(/[^\s,[\]{}:#"']+/g)?.filter(isIt));
}

/** The place of a word in whose stand another makes what is read pass. */
function search(text: string, word: string, isIt: (read: unknown) => boolean): Span | undefined {
  if (word === "") return undefined;
  for (let tries = 0, start = text.indexOf(word); start >= 0 && tries < MOST_TRIES; tries++) {
    const end = start + word.length;
    try {
      if (isIt(parse(text.slice(0, start) + MARK + text.slice(end)))) return { start, end };
    } catch {
      // It is no YAML any more, so this was not the place.
    }
    start = text.indexOf(word, start + 1);
  }
  return undefined;
}

function under(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce(
    (value, key) => isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined,
    value,
  );
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}
