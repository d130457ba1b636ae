/** How names are written in texts: identifiers, and the forms in which papers print them. */
import { plainDigits } from "./greek.ts";

/** A name as a text has it. */
export interface Name {
  /** Its normal form, so that `v̂` arrives as `v_hat`. */
  readonly text: string;
  /** Of one with an index in time, such as `m_{t-1}`, how many steps from this one that is. */
  readonly time?: number;
  /** Whether it stands there in its normal form, as it does in printed programs. */
  readonly isNormal: boolean;
}

/** The most characters of an identifier. */
export const LONGEST_NAME = 64;

/** What an identifier may look like: Latin and Greek letters, digits and `_`, not starting with `__` or a digit. */
export const IDENTIFIER = /^(?!__)[A-Za-zΑ-Ωα-ωϵϕ_][A-Za-zΑ-Ωα-ωϵϕ0-9₀-₉_]{0,63}$/;

// Letters with accents, in italics, and the sign of a millionth are letters that are printed otherwise.
const LETTER = "A-Za-zΑ-Ωα-ωϵϕ_µâĉêĝĥîĵôŝûŵŷẑãẽĩñõũṽỹāēḡīōūȳ\\u{1d400}-\\u{1d7cb}";
const NAME = /* @__PURE__ */ new RegExp(`[${LETTER}][${LETTER}0-9₀-₉\\u0302-\\u0304]*|∞`, "uy");
const ACCENTS: Readonly<Record<string, string>> = {
  "\u0302": "_hat",
  "\u0303": "_tilde",
  "\u0304": "_bar",
};

// An index, and after a `t` what is added to it.
const IN_BRACES =
  /\{\s*(?:([0-9]{1,2})|(?:([0-9]{1,2})\s*,\s*)?([tk])\s*(?:([-−+])\s*([0-9]{1,2})\s*)?)\}/y;
const IN_BRACKETS = /\[\s*()()([tk])\s*(?:([-−+])\s*([0-9]{1,2})\s*)?\]/y;
const LOWERED = /()()([ₜₖ])(?:([₋₊])([₀-₉]))?/y;

/** The name at a place in a text and where it ends, or undefined if there is none. */
export function readName(text: string, at: number): Name & { readonly end: number } | undefined {
  const [written] = matchAt(NAME, text, at) ?? [];
  if (written === undefined) return undefined;
  const after = at + written.length;
  const isIndexed = text[after] === "{" && /[^_]_$/.test(written);
  const form = isIndexed ? IN_BRACES : text[after] === "[" ? IN_BRACKETS : LOWERED;
  const index = matchAt(form, text, after);
  const plain = normalName(isIndexed && index !== null ? written.slice(0, -1) : written);
  if (index === null) return { text: plain, isNormal: plain === written, end: after };
  const [whole, only, first, t, sign, steps = "0"] = index;
  const digits = only ?? first;
  const distance = Number(plainDigits(steps));
  return {
    text: digits ? `${plain}_${digits}` : plain,
    time: t === undefined ? undefined : /[+₊]/.test(sign ?? "") ? distance : 0 - distance,
    isNormal: false,
    end: after + whole.length,
  };
}

/** `m` of `m_t`, where that is no name of its own but has an index in time; else undefined. */
export function withoutTime({ text, time }: Name): string | undefined {
  return time === undefined && text.length > 2 && /_[tk]$/.test(text)
    ? text.slice(0, -2)
    : undefined;
}

/** A name in its normal form. */
export function normalName(written: string): string {
  if (/^[A-Za-z0-9_]*$/.test(written)) return written;
  if (written === "∞") return "inf";
  return written.replace(/[µ\u{1d400}-\u{1d7cb}]/gu, (letter) => letter.normalize("NFKC"))
    .normalize("NFD").replace(/[\u0302-\u0304]/g, (accent) => ACCENTS[accent]);
}

/** What a sticky pattern finds at a place in a text. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
