/**
 * Every error Gradus raises on purpose: it says what was being done, what is required and what was
 * given.
 *
 * @example
 * ```ts
 * import { GradusError, lion } from "@gradus/gradus";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(
 *   () => lion({ learningRate: NaN }),
 *   GradusError,
 *   'Cannot make "lion": hyperparameter `learningRate` must be a number',
 * );
 * ```
 */
export class GradusError extends Error {
  /** Always `"GradusError"`. */
  override readonly name: string = "GradusError";
}

/** A half-open range of UTF-16 offsets into a program's text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where in a text of a document an error was found. */
export interface Place {
  /** What is said before it. */
  readonly message: string;
  readonly text: string;
  readonly span: Span;
  /** Under which keys of the document the text stands. */
  readonly keys: readonly string[];
}

const places = new WeakMap<object, Place>();

/** An error that points at a place. */
export function errorAt(place: Place): GradusError {
  const { message, text, span } = place;
  const error = new GradusError(`${message}\n${pointAt(text, span)}`);
  places.set(error, place);
  return error;
}

/** The place that an error points at, if it does. */
export function placeOf(error: object): Place | undefined {
  return places.get(error);
}

const SHOWN_COLUMNS = 100;

/** Line, column and the line itself with a caret below the span; long lines are cut around it. */
export function pointAt(text: string, span: Span): string {
  const start = Math.min(span.start, text.length);
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = (text.indexOf("\n", start) + text.length + 1) % (text.length + 1);
  const line = text.slice(lineStart, lineEnd).replaceAll("\t", " ");
  const column = start - lineStart;
  const from = Math.max(0, column - SHOWN_COLUMNS / 2);
  const shown = line.slice(from, from + SHOWN_COLUMNS);
  const carets = Math.max(1, Math.min(span.end - start, shown.length - (column - from)));
  const lineNumber = text.slice(0, lineStart).split("\n").length;
  return `  at line ${lineNumber}, column ${column + 1}\n` +
    `  | ${shown}\n` +
    `  | ${" ".repeat(column - from)}${"^".repeat(carets)}`;
}

/** A name in a message: in backticks, and never at length. */
export function quoted(name: string): string {
  return `\`${name.length > 64 ? `${name.slice(0, 64)}…` : name}\``;
}

/** The candidate nearest to `name` by edit distance, or undefined where none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.floor(Math.min(name.length, 40) / 2) + 0.5;
  for (const candidate of candidates) {
    const distance = editDistance(name.slice(0, 40).toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean \`x\`?` where a candidate is near, else the empty string. */
export function suggestion(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates);
  return near === undefined ? "" : `; did you mean \`${near}\`?`;
}

/** A table by name, of rows of which each holds for several names, with spaces between them. */
export function byName(
  table: readonly (readonly [names: string, text: string])[],
): ReadonlyMap<string, string> {
  return new Map(table.flatMap(([names, text]) => names.split(" ").map((name) => [name, text])));
}

/** A value as an error message shows it: short, on one line, never the whole of a large thing. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const quoted = JSON.stringify(value);
    return quoted.length > 60 ? `${quoted.slice(0, 57)}…"` : quoted;
  }
  if (ArrayBuffer.isView(value)) {
    const { length = value.byteLength } = value as ArrayBufferView & { length?: number };
    const { name } = value.constructor;
    return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name} of ${length}`;
  }
  if (typeof value === "function") return `a function`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) {
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (kind !== "Object") return `${/^[AEIO]/.test(kind) ? "an" : "a"} ${kind.slice(0, 30)}`;
    const keys = Object.keys(value);
    const some = keys.slice(0, 4).map((key) => key.slice(0, 30)).join(", ");
    return `an object with ${
      keys.length === 0 ? "no keys" : `keys ${some}${keys.length > 4 ? ", …" : ""}`
    }`;
  }
  return Object.is(value, -0) ? "-0" : String(value).slice(0, 60);
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(
        row[j - 1] + 1,
        previous[j] + 1,
        previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1),
      ));
    }
    previous = row;
  }
  return previous[b.length];
}
