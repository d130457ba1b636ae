/** Splits program text into tokens. */
import type { Span } from "./errors.ts";
import { matchAt, type Name, readName } from "./names.ts";
import { LANGUAGE_PAGE, notationAt } from "./notation.ts";

/** A token; `text` is its normal form, so `·` arrives as `*`, `←` as `=`, and `²` as `2`. */
export interface Token extends Name, Span {
  readonly kind: "number" | "name" | "superscript" | "mark" | "newline" | "end";
}

const NUMBER = /(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/y;
const SUPERSCRIPT = /⁻?[⁰¹²³⁴-⁹]+|ᵗ/y;
// What means nothing is a mark too where its parts would: the message is about the whole.
const MARK = /\*\*|:=|<=|>=|==|&&|\|\||\/[/*]|[-+*/@^(){}=,:<>&|!;←·×⋅∗⊙∘−÷∕⊘≤≥∧∨¬√]/y;
const SKIPPED = /(?:[ \t\r\u00a0]|#[^\n]*)+/y;

const NORMAL: ReadonlyMap<string, string> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ [
    "= := ←",
    "* · × ⋅ ∗ ⊙ ∘",
    "/ ÷ ∕ ⊘",
    "- − ⁻",
    "^ **",
    "<= ≤",
    ">= ≥",
    "& ∧ &&",
    "| ∨",
    "! ¬",
    "t ᵗ",
    ...Array.from("⁰¹²³⁴⁵⁶⁷⁸⁹", (raised, digit) => `${digit} ${raised}`),
  ].flatMap((row) => {
    const [mark, ...others] = row.split(" ");
    return others.map((other) => [other, mark] as const);
  }),
);

/** Tokens of `text`, ended by one `end`; `fail` is called for a character that starts none. */
export function lex(text: string, fail: (message: string, span: Span) => never): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => matchAt(pattern, text, at)?.[0];
  const push = (kind: Token["kind"], found: string): void => {
    const plain = kind === "superscript" ? Array.from(found, (c) => NORMAL.get(c)).join("") : found;
    const start = at;
    at += found.length;
    tokens.push({ kind, text: NORMAL.get(plain) ?? plain, isNormal: true, start, end: at });
  };
  while (at < text.length) {
    const skipped = match(SKIPPED);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    let found: string | undefined;
    const name = readName(text, at);
    if (name !== undefined) {
      tokens.push({ kind: "name", ...name, start: at });
      at = name.end;
    } else if (text[at] === "\n") push("newline", "\n");
    else if ((found = match(NUMBER)) !== undefined) push("number", found);
    else if ((found = match(SUPERSCRIPT)) !== undefined) push("superscript", found);
    else if ((found = match(MARK)) !== undefined) push(found === ";" ? "newline" : "mark", found);
    else {
      const code = text.codePointAt(at)!;
      const character = String.fromCodePoint(code);
      const quoted = JSON.stringify(character);
      // What cannot be seen is named by its number.
      const isVisible = quoted[1] === "\\" || /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character);
      const number = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
      const hint = notationAt(text, at) || `; see ${LANGUAGE_PAGE}`;
      return fail(`unexpected character ${isVisible ? quoted : number}${hint}`, {
        start: at,
        end: at + character.length,
      });
    }
  }
  tokens.push({ kind: "end", text: "", isNormal: true, start: text.length, end: text.length });
  return tokens;
}
