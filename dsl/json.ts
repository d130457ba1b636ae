/** The JSON carrier of a program. */
import { GradusError, quoted, shown } from "./errors.ts";
import { inFile } from "./place.ts";
import type { Document, Program } from "./program.ts";
import { parseProgram } from "./check.ts";
import { isRecord } from "./record.ts";
import { printProgram } from "./print.ts";

/** The most text a carrier is read from, in characters. */
export const LONGEST_FILE = 1_000_000;

/**
 * Reads a program from JSON text.
 *
 * @example
 * ```ts
 * import { lion, parseJson, printJson } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * assert(parseJson(printJson(lion.program)) === lion.program);
 * ```
 *
 * @throws {GradusError} if the text is not JSON or not a program.
 */
export function parseJson(text: string): Program {
  return readCarrier(text, "JSON", parseOnce);
}

/**
 * Writes a program as JSON text, such that `parseJson(printJson(p)) === p`.
 *
 * @example
 * ```ts
 * import { lion, printJson } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(JSON.parse(printJson(lion.program)).hyper.b1, { default: 0.9, domain: "[0, 1)" });
 * ```
 */
export function printJson(program: Program): string {
  return JSON.stringify(carried(printProgram(program)), null, 2);
}

const TOKEN = /["{}[\]]/g;
const COLON = /\s*:/y;

/** The value of a JSON text; refuses keys that stand twice in an object, of which all but one are lost. */
export function parseOnce(text: string): unknown {
  const value = JSON.parse(text);
  const open: Set<string>[] = [];
  TOKEN.lastIndex = 0;
  for (let found = TOKEN.exec(text); found !== null; found = TOKEN.exec(text)) {
    const { 0: token, index } = found;
    if (token === "{" || token === "[") open.push(new Set());
    else if (token !== '"') open.pop();
    else {
      TOKEN.lastIndex = COLON.lastIndex = endOfString(text, index);
      if (!COLON.test(text)) continue;
      const [keys, name] = [open.at(-1)!, JSON.parse(text.slice(index, TOKEN.lastIndex))];
      if (keys.has(name)) {
        const line = text.slice(0, index).split("\n").length;
        throw new SyntaxError(`${quoted(name)} stands twice in one object, again at line ${line}`);
      }
      keys.add(name);
    }
  }
  return value;
}

/** Where a string that begins at `start` is over: behind a quote before which backslashes are even. */
function endOfString(text: string, start: number): number {
  for (let end = start + 1;; end++) {
    end = text.indexOf('"', end);
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
}

/** Reads a document that `read` finds in `text`; refuses what is too large to be one. */
export function readCarrier(
  text: string,
  carrier: string,
  read: (text: string) => unknown,
): Program {
  if (typeof text !== "string") {
    throw new GradusError(
      `Cannot read a program from ${carrier}: it must be a text: given ${shown(text)}`,
    );
  }
  if (text.length > LONGEST_FILE) {
    throw new GradusError(
      `Cannot read a program from ${carrier}: it must be at most ${LONGEST_FILE} characters: ` +
        `given ${text.length}`,
    );
  }
  let value: unknown;
  try {
    value = read(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GradusError(`Cannot read a program from ${carrier}: ${reason.slice(0, 500)}`);
  }
  try {
    return parseProgram(replaced(value as Document, 1, 0));
  } catch (error) {
    throw error instanceof GradusError ? inFile(error, text) : error;
  }
}

/** A document whose numbers JSON and YAML can both hold: the few they cannot become their names. */
export function carried(document: Document): Document {
  return replaced(document, 0, 1);
}

const NUMBERS = [[-0, "-0"], [Infinity, "inf"], [-Infinity, "-inf"]] as const;

function replaced(document: Document, from: 0 | 1, to: 0 | 1): Document {
  if (!isRecord(document?.hyper)) return document;
  const number = (value: unknown) => {
    const found = NUMBERS.find((each) => Object.is(each[from], value));
    return found === undefined ? value : found[to];
  };
  const hyper = Object.entries(document.hyper).map((
    [name, value],
  ) => [name, isRecord(value) ? { ...value, default: number(value.default) } : number(value)]);
  return { ...document, hyper: Object.fromEntries(hyper) };
}
