/** Which numbers a hyperparameter may be: an interval of all numbers, or of whole ones. */
import { GradusError, shown } from "./errors.ts";

/** An interval, as a document writes it and as the numbers that a value is held against. */
export interface Domain {
  /** As a document writes it, such as `"[0, 1)"` or `"integer [1, inf)"`. */
  readonly text: string;
  /** The least number in it. */
  readonly least: number;
  /** The greatest number in it: below 1 for `"[0, 1)"`. */
  readonly greatest: number;
  /** Whether only whole numbers are in it. */
  readonly isWhole: boolean;
}

/** Every number. */
export const ANY_NUMBER: Domain = Object.freeze({
  text: "[-inf, inf]",
  least: -Infinity,
  greatest: Infinity,
  isWhole: false,
});

// As many digits as a number prints: 21 before the point, and 17 behind up to six zeros.
const BOUND = String.raw`\s*(-?(?:inf|\d{1,21}(?:\.\d{1,24})?(?:e[+-]?\d{1,3})?))\s*`;
const INTERVAL = new RegExp(String.raw`^\s*(integer\s)?\s*([[(])${BOUND},${BOUND}([\])])\s*$`);

/** The domain that a document writes so, or undefined for what is none, or holds no number. */
export function readDomain(text: unknown): Domain | undefined {
  const [, whole, opens, from, to, closes] = INTERVAL.exec(typeof text === "string" ? text : "") ??
    [];
  if (from === undefined) return undefined;
  const [first, last] = [from, to].map((bound) => Number(bound.replace("inf", "Infinity")) + 0);
  const isWhole = whole !== undefined;
  const least = opens === "[" ? first : beside(first, 1);
  const greatest = closes === "]" ? last : beside(last, -1);
  // Above infinity there is none.
  if (!((isWhole ? Math.ceil(least) : least) <= greatest)) return undefined;
  const [low, high] = [first, last].map((bound) => String(bound).replace("Infinity", "inf"));
  const written = `${isWhole ? "integer " : ""}${opens}${low}, ${high}${closes}`;
  return Object.freeze({ text: written, least, greatest, isWhole });
}

/** Whether a number is in a domain; NaN is in none. */
export function isWithin({ least, greatest, isWhole }: Domain, value: number): boolean {
  return value >= least && value <= greatest && (!isWhole || Math.floor(value) === value);
}

/** What a value of a domain must be, as a message says it. */
export function sayDomain(domain: Domain = ANY_NUMBER): string {
  if (domain === ANY_NUMBER) return "a number";
  const { text, isWhole } = domain;
  return isWhole ? `a whole number in ${text.replace("integer ", "")}` : `a number in ${text}`;
}

/** Refuses what is no number of the domain of hyperparameter `name`; `where` ends the message. */
export function requireWithin(
  domain: Domain,
  value: unknown,
  name: string,
  doing: string,
  where = "",
): asserts value is number {
  if (typeof value === "number" && isWithin(domain, value)) return;
  throw new GradusError(
    `${doing}: hyperparameter \`${name}\` must be ${sayDomain(domain)}: given ${
      shown(value)
    }${where}`,
  );
}

/** The number next to another, above or below it. */
function beside(value: number, way: 1 | -1): number {
  if (value === 0) return way * Number.MIN_VALUE;
  const numbers = Float64Array.of(value);
  new BigInt64Array(numbers.buffer)[0] += BigInt(Math.sign(value) * way);
  return numbers[0];
}
