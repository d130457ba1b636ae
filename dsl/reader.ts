/** The tokens of a text, and where reading stands; what cannot be read is refused with its place. */
import { errorAt, GradusError, quoted, type Span } from "./errors.ts";
import { lex, type Token } from "./lex.ts";
import type { Name } from "./names.ts";
import type { Node } from "./node.ts";
import { notationAt } from "./notation.ts";
import type { Type } from "./ops.ts";

/** What names mean where a text is read. `fail` raises an error that points at the name. */
export interface Scope {
  /** Told the names that statements assign, and whether any name has an index in time, before one is read. */
  expect?(
    targets: readonly Name[],
    isIndexed: boolean,
    fail: (message: string, target: Name) => never,
  ): void;
  /** The name that is read by one as it is written. Default: itself. */
  nameOf?(written: Name, fail: (message: string) => never): string;
  /** The name that is assigned by one as it is written. Default: itself. */
  targetOf?(written: Name, fail: (message: string) => never): string;
  read(name: string, fail: (message: string) => never): Type;
  assign(name: string, type: Type, fail: (message: string) => never, value: Node): void;
}

/** Limits on program text, far above any optimizer and far below what would hurt. */
export const LIMITS = {
  characters: 65_536,
  statements: 1_000,
  /** Of parentheses, calls and right operands within one another. */
  nesting: 200,
  /** Of operations upon one another, as in a sum of many terms. */
  depth: 1_000,
} as const;

/** What is said of factors side by side. */
export const PRODUCT = "; a product is `a*b`";

/** Goes through the tokens of a text. */
export abstract class Reader {
  protected readonly tokens: readonly Token[];
  protected readonly text: string;
  protected readonly scope: Scope;
  readonly #what: string;
  readonly #keys: readonly string[];
  protected at = 0;
  protected depth = 0;
  /** How many parentheses and calls are open. */
  protected open = 0;

  constructor(text: string, scope: Scope, what: string, keys: readonly string[]) {
    [this.#what, this.scope, this.#keys] = [what, scope, keys];
    if (typeof text !== "string") {
      throw new GradusError(`Cannot read ${what}: its text must be a string: given ${typeof text}`);
    }
    if (text.length > LIMITS.characters) {
      throw new GradusError(
        `Cannot read ${what}: its text must be at most ${LIMITS.characters} characters: ` +
          `given ${text.length}`,
      );
    }
    this.text = text;
    this.tokens = lex(text, (message, span) => this.fail(message, span));
  }

  protected peek(): Token {
    return this.tokens[this.at];
  }

  protected next(): Token {
    const token = this.tokens[this.at];
    if (token.kind !== "end") this.at++;
    return token;
  }

  protected skipNewlines(): void {
    while (this.peek().text === "\n") this.at++;
  }

  protected close(open: Span): Token {
    this.skipNewlines();
    const token = this.next();
    if (token.text !== ")") {
      if (token.kind === "end") this.fail("this `(` is never closed", open);
      this.unexpected("expected `)`", token);
    }
    this.open--;
    return token;
  }

  protected descend(): void {
    if (++this.depth > LIMITS.nesting) this.failNesting(this.peek());
  }

  protected failNesting(span: Span): never {
    this.fail(`expressions may nest at most ${LIMITS.nesting} deep`, span);
  }

  protected unexpected(
    expected: string,
    token: Token,
    hint: string = notationAt(this.text, token.start) ||
      (this.#isAfterValue(token) ? PRODUCT : ""),
  ): never {
    return this.fail(`${expected}, found ${spell(token)}${hint}`, token);
  }

  /** Whether a token begins a value and follows one, as factors do on paper. */
  #isAfterValue(token: Token): boolean {
    const i = this.tokens.indexOf(token);
    const [before, after] = [this.tokens[i - 1], this.tokens[i + 1]];
    const isValue = ({ kind, text }: Token) => kind === "name" || kind === "number" || text === "√";
    return before !== undefined && after !== undefined && after.text !== "=" &&
      (isValue(before) || before.kind === "superscript" || before.text === ")") &&
      (isValue(token) || token.text === "(");
  }

  protected fail(message: string, { start, end }: Span): never {
    throw errorAt({
      message: `Cannot read ${this.#what}: ${message}`,
      text: this.text,
      span: { start, end },
      keys: this.#keys,
    });
  }
}

/** From where one begins to where another ends. */
export function join(a: Span, b: Span): Span {
  return { start: a.start, end: b.end };
}

/** A token in words. */
export function spell(token: Token): string {
  switch (token.kind) {
    case "end":
      return "the end of the text";
    case "newline":
      return "the end of the line";
    default:
      return quoted(token.text);
  }
}
