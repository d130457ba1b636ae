/** Splits program text into tokens. */
import type { Span } from "./errors.ts";

/** A token; `text` is its normal form, so `·` arrives as `*` and `←` as `=`. */
export interface Token extends Span {
  readonly kind: "number" | "name" | "mark" | "newline" | "end";
  readonly text: string;
}

/** The most characters of an identifier. */
export const LONGEST_NAME = 64;

/** What an identifier may look like: Latin and Greek letters, digits and `_`, not starting with `__`. */
export const IDENTIFIER = /^(?!__)[A-Za-zΑ-Ωα-ωϵϕ_][A-Za-zΑ-Ωα-ωϵϕ0-9_]{0,63}$/;

const NAME = /[A-Za-zΑ-Ωα-ωϵϕ_][A-Za-zΑ-Ωα-ωϵϕ0-9_]*/y;
const NUMBER = /(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const MARK = /:=|<=|>=|==|[-+*/@^()=,:<>&|!;←·×−≤≥∧∨¬√²]/y;
const SKIPPED = /(?:[ \t\r\u00a0]|#[^\n]*)+/y;
const NORMAL: ReadonlyMap<string, string> = new Map([
  [":=", "="],
  ["←", "="],
  ["·", "*"],
  ["×", "*"],
  ["−", "-"],
  ["≤", "<="],
  ["≥", ">="],
  ["∧", "&"],
  ["∨", "|"],
  ["¬", "!"],
]);

/** Tokens of `text`, ended by one `end`; `fail` is called for a character that starts none. */
export function lex(text: string, fail: (message: string, span: Span) => never): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const start = at;
    const skipped = match(SKIPPED);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    let kind: Token["kind"];
    let found: string | undefined;
    if (text[at] === "\n") [kind, found] = ["newline", "\n"];
    else if ((found = match(NUMBER)) !== undefined) kind = "number";
    else if ((found = match(NAME)) !== undefined) kind = "name";
    else if ((found = match(MARK)) !== undefined) kind = found === ";" ? "newline" : "mark";
    else {
      const code = text.codePointAt(at)!;
      const character = String.fromCodePoint(code);
      const quoted = JSON.stringify(character);
      // What cannot be seen is named by its number.
      const isVisible = quoted[1] === "\\" || /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character);
      const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
      return fail(`unexpected character ${isVisible ? quoted : number}`, {
        start,
        end: start + character.length,
      });
    }
    at += found.length;
    tokens.push({ kind, text: NORMAL.get(found) ?? found, start, end: at });
  }
  tokens.push({ kind: "end", text: "", start: text.length, end: text.length });
  return tokens;
}
