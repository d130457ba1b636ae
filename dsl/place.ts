/** Finds the place of an error in the file that a document was read from. */
import { errorAt, type GradusError, placeOf } from "./errors.ts";

/** How far behind its key a text may begin: after a colon, a quote or a mark of YAML, and a comment. */
const FARTHEST = 200;
/** How many keys are tried of each name, and how many characters are compared in all. */
const MOST_KEYS = 20;
const MOST_COMPARED = 2_000_000;
const ESCAPED: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
]);

/** The same error, pointing at its place in `file`; as it is where that is not found. */
export function inFile(error: GradusError, file: string): GradusError {
  const place = placeOf(error);
  if (place === undefined || place.keys.length === 0) return error;
  const { text, span: { start, end }, keys } = place;
  const offsets = find(file, 0, keys, text, { left: MOST_COMPARED });
  if (offsets === undefined) return error;
  return errorAt({ ...place, text: file, span: { start: offsets[start], end: offsets[end] } });
}

/** Where each character of `text` stands in `file`, under `keys`; or undefined. */
function find(
  file: string,
  from: number,
  [key, ...below]: readonly string[],
  text: string,
  budget: { left: number },
): number[] | undefined {
  // Keys are identifiers, so that nothing in them is a pattern.
  const pattern = new RegExp(`(?<![\\w\\\\])${key}["']?\\s*:`, "g");
  pattern.lastIndex = from;
  for (let tries = 0; tries < MOST_KEYS && pattern.exec(file) !== null; tries++) {
    const at = pattern.lastIndex;
    if (below.length > 0) {
      const offsets = find(file, at, below, text, budget);
      if (offsets !== undefined) return offsets;
      continue;
    }
    for (let begin = at; begin <= at + FARTHEST && begin < file.length; begin++) {
      const offsets = match(file, begin, text, budget);
      if (offsets !== undefined) return offsets;
    }
  }
  return undefined;
}

/** Where each character of `text` stands, and its end, if it is written from `begin` on. */
function match(
  file: string,
  begin: number,
  text: string,
  budget: { left: number },
): number[] | undefined {
  // What stands before each line of a block, as its first line shows.
  let indent: number | undefined;
  const offsets: number[] = [];
  let at = begin;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (budget.left-- <= 0) return undefined;
    offsets.push(at);
    const isBroken = file[at] === "\n" || file.startsWith("\r\n", at);
    if (character === file[at] && !isBroken && character !== "\\") at++;
    else if (isBroken && (character === "\n" || character === " ")) {
      at += file[at] === "\n" ? 1 : 2;
      const spaces = spacesAt(file, at);
      if (indent === undefined && text[i + 1] !== "\n") indent = spaces - spacesAt(text, i + 1);
      at += Math.max(0, Math.min(spaces, indent ?? spaces));
    } else if (file[at] === "\\") {
      const isCoded = file[at + 1] === "u";
      const meant = isCoded
        ? String.fromCharCode(parseInt(file.slice(at + 2, at + 6), 16))
        : ESCAPED.get(file[at + 1]) ?? file[at + 1];
      if (meant === character) at += isCoded ? 6 : 2;
      // Outside of quotes a backslash stands for itself.
      else if (character === "\\") at++;
      else return undefined;
    } else if (character === "\n" && at >= file.length) at++;
    else return undefined;
  }
  offsets.push(at);
  return offsets;
}

function spacesAt(text: string, at: number): number {
  let end = at;
  while (text[end] === " ") end++;
  return end - at;
}
