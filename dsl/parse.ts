/** Reads program text into interned nodes, checking names and types as it goes. */
import { errorAt, GradusError, quoted, type Span, suggestion } from "./errors.ts";
import { AXIS_NAMES } from "./axes.ts";
import { lex, type Token } from "./lex.ts";
import {
  apply,
  constant,
  COUNT,
  type ElementOpName,
  index,
  type MatrixOpName,
  type Node,
  type Over,
  random,
  type RandomOpName,
  reduce,
  type ReduceOpName,
  symbol,
} from "./node.ts";
import {
  elementOps,
  indexOp,
  LEVEL,
  matrixOps,
  randomOps,
  reduceOps,
  treeName,
  type Type,
} from "./ops.ts";
import type { Name } from "./names.ts";
import { argumentHint, assignmentHint, functionHint, notationAt } from "./notation.ts";
import { levelOf } from "./print.ts";
import type { Statement } from "./program.ts";

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

/** Numbers that have names. */
export const NAMED_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["pi", Math.PI],
  ["π", Math.PI],
  ["inf", Infinity],
  ["nan", NaN],
]);

/** The function that chooses between values by what counts steps. */
const EVERY = "every";

type OpName = ElementOpName | MatrixOpName;
const ops = { ...elementOps, ...matrixOps };
const infixes = new Map<string, { op: OpName; level: number; right: number }>();
const calls = new Map<string, OpName>();
for (const [name, { syntax }] of Object.entries(ops) as [OpName, (typeof ops)[OpName]][]) {
  if ("infix" in syntax) {
    infixes.set(syntax.infix, { op: name, level: syntax.level, right: syntax.operands[1] });
  } else if ("call" in syntax) calls.set(syntax.call, name);
}
const reductions = new Map<string, { op: ReduceOpName; tree: boolean }>();
for (
  const [name, row] of Object.entries(reduceOps) as [ReduceOpName, typeof reduceOps.ReduceL2][]
) {
  reductions.set(row.call, { op: name, tree: false });
  reductions.set(treeName(row.call), { op: name, tree: true });
}
const distributions = new Map(
  (Object.keys(randomOps) as RandomOpName[]).map((op) => [randomOps[op].call, op]),
);

/** Whether a name belongs to the language: a function or a named number. */
export function isReserved(name: string): boolean {
  return isFunction(name) || NAMED_NUMBERS.has(name) || name === "axis";
}

function isFunction(name: string): boolean {
  return calls.has(name) || reductions.has(name) || distributions.has(name);
}

/** Functions of names that programs may also give to things of their own. */
function isOpenFunction(name: string): boolean {
  return name === indexOp.call || name === EVERY;
}

/** Reads the statements of `text`; errors begin with `Cannot read WHAT`. */
export function parseStatements(text: string, scope: Scope, what: string): Statement[] {
  return new Parser(text, scope, what, ["step"]).statements();
}

/** Reads `text` as a single expression, which stands under `keys` of a document. */
export function parseExpression(
  text: string,
  scope: Scope,
  what: string,
  keys: readonly string[] = [],
): Node {
  return new Parser(text, scope, what, keys).wholeExpression();
}

const PRODUCT = "; a product is `a*b`";
const NO_NUMBER =
  "a number is required here, and this is a condition; `where(condition, 1, 0)` makes it one";

interface Typed {
  readonly node: Node;
  readonly type: Type;
  readonly span: Span;
  /** Operations upon one another in it; none if left out. */
  readonly depth?: number;
  /** How deep it nests when it is printed; not at all if left out. */
  readonly nesting?: number;
}

class Parser {
  readonly #tokens: Token[];
  readonly #text: string;
  readonly #scope: Scope;
  readonly #what: string;
  readonly #keys: readonly string[];
  #at = 0;
  #depth = 0;
  #open = 0;

  constructor(text: string, scope: Scope, what: string, keys: readonly string[]) {
    [this.#what, this.#scope, this.#keys] = [what, scope, keys];
    if (typeof text !== "string") {
      throw new GradusError(`Cannot read ${what}: its text must be a string: given ${typeof text}`);
    }
    if (text.length > LIMITS.characters) {
      throw new GradusError(
        `Cannot read ${what}: its text must be at most ${LIMITS.characters} characters: ` +
          `given ${text.length}`,
      );
    }
    this.#text = text;
    this.#tokens = lex(text, (message, span) => this.#fail(message, span));
  }

  statements(): Statement[] {
    const statements: Statement[] = [];
    const targets = this.#tokens.filter((token, i) =>
      token.kind === "name" && this.#tokens[i + 1].text === "=" &&
      (i === 0 || this.#tokens[i - 1].kind === "newline")
    );
    this.#scope.expect?.(
      targets,
      this.#tokens.some(({ time }) => time !== undefined),
      (message, target) => this.#fail(message, target as Token),
    );
    for (;;) {
      while (this.#peek().kind === "newline") this.#at++;
      if (this.#peek().kind === "end") return statements;
      if (statements.length === LIMITS.statements) {
        this.#fail(`a program may have at most ${LIMITS.statements} statements`, this.#peek());
      }
      statements.push(this.#statement());
      const next = this.#peek();
      if (next.kind !== "newline" && next.kind !== "end") {
        const hint = next.text === "," ? "; statements stand in lines, or between `;`" : undefined;
        this.#unexpected("expected the end of the statement", next, hint);
      }
    }
  }

  wholeExpression(): Node {
    const value = this.#number(this.#operand(0));
    this.#skipNewlines();
    const next = this.#peek();
    if (next.kind !== "end") this.#unexpected("expected the end", next);
    return value;
  }

  #statement(): Statement {
    const target = this.#next();
    if (target.kind !== "name") {
      this.#unexpected("expected the name that a statement assigns", target);
    }
    const equals = this.#next();
    if (equals.text !== "=") {
      const hint = assignmentHint(target.text, this.#text, equals.start) || undefined;
      this.#unexpected(`expected \`=\` after ${quoted(target.text)}`, equals, hint);
    }
    const value = this.#operand(0);
    const fail = (message: string): never => this.#fail(message, target);
    const name = this.#scope.targetOf?.(target, fail) ?? target.text;
    this.#scope.assign(name, value.type, fail, value.node);
    return Object.freeze({ target: name, value: value.node });
  }

  /** An operand that may begin on the next line, as after an infix or an opening parenthesis. */
  #operand(level: number): Typed {
    this.#skipNewlines();
    this.#descend();
    let left = this.#unary();
    for (;;) {
      if (this.#open > 0) this.#skipNewlines();
      const token = this.#peek();
      const infix = token.kind === "mark" ? infixes.get(token.text) : undefined;
      if (infix === undefined || infix.level < level) break;
      this.#next();
      const right = this.#operand(infix.right);
      left = this.#apply(infix.op, [left, right]);
      const next = infixes.get(this.#peek().text);
      if (infix.level === LEVEL.compare && next?.level === LEVEL.compare) {
        this.#fail("comparisons do not chain: join two with `&`", this.#peek());
      }
    }
    this.#depth--;
    return left;
  }

  #descend(): void {
    if (++this.#depth > LIMITS.nesting) this.#failNesting(this.#peek());
  }

  #failNesting(span: Span): never {
    this.#fail(`expressions may nest at most ${LIMITS.nesting} deep`, span);
  }

  #unary(): Typed {
    const token = this.#peek();
    if (token.kind !== "mark") return this.#power();
    if (token.text === "-" || token.text === "!") {
      this.#next();
      const value = this.#peek();
      // A minus before a number that is no base of a power is part of the number.
      const number = numberOf(value);
      if (token.text === "-" && number !== undefined && !this.#isPower(this.#at + 1)) {
        this.#next();
        return { node: constant(-number), type: "number", span: join(token, value) };
      }
      const operand = this.#operand(LEVEL.unary);
      const span = join(token, operand.span);
      return { ...this.#apply(token.text === "-" ? "Neg" : "Not", [operand]), span };
    }
    return this.#power();
  }

  #isPower(at: number): boolean {
    return this.#tokens[at].text === "^" || this.#tokens[at].kind === "superscript";
  }

  #power(): Typed {
    let base = this.#primary();
    while (this.#peek().kind === "superscript") {
      const raised = this.#next();
      const exponent = raised.text === "t"
        ? this.#symbol(raised)
        : { node: constant(Number(raised.text)), type: "number" as const, span: raised };
      base = this.#apply("Pow", [base, exponent]);
    }
    return base;
  }

  #primary(): Typed {
    const token = this.#next();
    const number = numberOf(token);
    if (number !== undefined) return { node: constant(number), type: "number", span: token };
    if (token.kind === "name") {
      if (this.#peek().text === "(") return this.#call(token);
      if (isReserved(token.text)) {
        this.#fail(`\`${token.text}\` is a function: it needs arguments in parentheses`, token);
      }
      return this.#symbol(token);
    }
    if (token.text === "√") {
      this.#descend();
      const root = this.#apply("Sqrt", [this.#primary()]);
      this.#depth--;
      return { ...root, span: join(token, root.span) };
    }
    if (token.text === "(") {
      this.#open++;
      const value = this.#operand(0);
      return { ...value, span: join(token, this.#close(token)) };
    }
    return this.#unexpected("expected a value", token);
  }

  #symbol(token: Token): Typed {
    const fail = (message: string): never => this.#fail(message, token);
    if (token.time !== undefined && this.#scope.nameOf === undefined) {
      fail("only in a step does a name have an index in time");
    }
    const name = this.#scope.nameOf?.(token, fail) ?? token.text;
    return { node: symbol(name), type: this.#scope.read(name, fail), span: token };
  }

  /** Whether a name may be read as a symbol here. */
  #isSymbol(token: Token): boolean {
    try {
      this.#symbol(token);
      return true;
    } catch {
      return false;
    }
  }

  /** Whether an argument is given by a name that is no symbol. */
  #isUnknownArgument(): boolean {
    const token = this.#peek();
    return token.kind === "name" && this.#tokens[this.#at + 1].text === "=" &&
      !this.#isSymbol(token);
  }

  #call(name: Token): Typed {
    if (!isFunction(name.text) && !isOpenFunction(name.text)) {
      const others = [indexOp.call, EVERY];
      const functions = [calls, reductions, distributions].flatMap((each) => [...each.keys()]);
      const near = suggestion(name.text, [...functions, ...others]);
      const hint = this.#isSymbol(name) ? PRODUCT : functionHint(name.text, near);
      this.#fail(`there is no function ${quoted(name.text)}${hint}`, name);
    }
    const open = this.#next();
    this.#open++;
    const operands: Typed[] = [];
    let axes: string | undefined;
    while (true) {
      this.#skipNewlines();
      if (this.#peek().text === "axis" && this.#tokens[this.#at + 1].text === "=") {
        axes = this.#axes();
      } else if (this.#isUnknownArgument()) {
        const token = this.#peek();
        const hint = argumentHint(token.text);
        this.#fail(
          `only \`axis\` is an argument with a name: given ${quoted(token.text)}${hint}`,
          token,
        );
      } else operands.push(this.#operand(0));
      this.#skipNewlines();
      if (this.#peek().text !== ",") break;
      this.#next();
    }
    const span = join(name, this.#close(open));
    if (name.text === indexOp.call) return this.#index(axes, operands, span);
    const op = calls.get(name.text);
    const reduction = reductions.get(name.text);
    if (reduction !== undefined && operands.length === 1) {
      const over = reduction.tree ? "tree" : axes ?? "tensor";
      if (reduction.tree && axes !== undefined) {
        this.#fail(`\`${name.text}\` ranges over the whole tree and takes no axis`, span);
      }
      const node = reduce(reduction.op, this.#number(operands[0]), over as Over);
      return { node, type: "number", span, ...this.#measure(node, operands, span) };
    }
    if (axes !== undefined) this.#fail(`\`${name.text}\` of these arguments takes no axis`, span);
    if (name.text === EVERY) return this.#every(operands, span);
    const distribution = distributions.get(name.text);
    if (distribution !== undefined) return this.#random(distribution, name, operands, span);
    if (op === undefined) {
      return this.#fail(`\`${name.text}\` takes 1 argument, given ${operands.length}`, span);
    }
    const arity = ops[op].takes.length;
    // min and max of more than two fold from the left.
    while ((op === "Min" || op === "Max") && operands.length > 2) {
      operands.splice(0, 2, this.#apply(op, operands.slice(0, 2)));
    }
    if (operands.length !== arity) {
      const plural = arity === 1 ? "" : "s";
      this.#fail(
        `\`${name.text}\` takes ${arity} argument${plural}, given ${operands.length}`,
        span,
      );
    }
    return { ...this.#apply(op, operands), span };
  }

  #index(axes: string | undefined, operands: readonly Typed[], span: Span): Typed {
    if (operands.length > 0 || axes === undefined || !/^-?[0-9]+$/.test(axes)) {
      this.#fail(`\`${indexOp.call}\` takes one axis by its number, as in \`index(axis=0)\``, span);
    }
    return { node: index(axes), type: "number", span };
  }

  #every(operands: readonly Typed[], span: Span): Typed {
    const [k, value, otherwise, clock = { node: COUNT, type: "number" as const, span }] = operands;
    if (operands.length < 3 || operands.length > 4) {
      this.#fail(
        `\`${EVERY}\` takes how often, a value, another for the other steps and, if it is not \`count\`, ` +
          `what counts, given ${operands.length} argument${operands.length === 1 ? "" : "s"}`,
        span,
      );
    }
    const floor = this.#apply("Floor", [this.#apply("Div", [clock, k])]);
    const multiple = this.#apply("Equal", [clock, this.#apply("Mul", [k, floor])]);
    return { ...this.#apply("Where", [multiple, value, otherwise]), span };
  }

  #random(op: RandomOpName, name: Token, operands: readonly Typed[], span: Span): Typed {
    if (operands.length > 2) {
      this.#fail(
        `\`${name.text}\` takes a seed and, if it is not counted by \`count\`, a counter, ` +
          `given ${operands.length} arguments`,
        span,
      );
    }
    const [seed, counter] = operands.map((operand) => this.#number(operand));
    const node = random(op, seed, counter);
    return { node, type: "number", span, ...this.#measure(node, operands, span) };
  }

  #axes(): string {
    this.#next();
    this.#next();
    const list = this.#peek().text === "(";
    const open = list ? this.#next() : this.#peek();
    if (list) this.#open++;
    const axes: string[] = [];
    do {
      if (axes.length > 0) this.#next();
      axes.push(this.#axis());
    } while (list && this.#peek().text === ",");
    if (list) this.#close(open);
    return axes.join();
  }

  /** One entry of a list of axes: a number, a range, or a name. */
  #axis(): string {
    if (AXIS_NAMES.has(this.#peek().text)) return this.#next().text;
    const from = this.#peek().text === ":" ? "" : this.#axisNumber();
    if (this.#peek().text !== ":") return from;
    this.#next();
    const { kind, text } = this.#peek();
    return `${from}:${kind === "number" || text === "-" ? this.#axisNumber() : ""}`;
  }

  #axisNumber(): string {
    const negative = this.#peek().text === "-";
    if (negative) this.#next();
    const token = this.#next();
    if (!/^[0-9]{1,2}$/.test(token.text)) {
      this.#fail(
        `an axis is a whole number, a range such as \`1:\`, \`largest\` or \`secondLargest\`, ` +
          `found ${spell(token)}`,
        token,
      );
    }
    return String((negative ? -Number(token.text) : Number(token.text)) + 0);
  }

  #apply(op: OpName, operands: Typed[]): Typed {
    const row = ops[op];
    operands.forEach(({ type, span }, i) => {
      if (type !== row.takes[i]) {
        this.#fail(
          row.takes[i] === "truth"
            ? "a condition is required here, such as `g > 0`, and this is a number"
            : NO_NUMBER,
          span,
        );
      }
    });
    const span = join(operands[0].span, operands[operands.length - 1].span);
    const node = apply(op, ...operands.map((operand) => operand.node));
    return { node, type: row.gives, span, ...this.#measure(node, operands, span) };
  }

  /** Refuses what could be computed but not read again, or is too long a chain. */
  #measure(
    node: Node,
    operands: readonly Typed[],
    span: Span,
  ): { readonly depth: number; readonly nesting: number } {
    const depth = 1 + Math.max(...operands.map((operand) => operand.depth ?? 0));
    const syntax = node.op in ops ? ops[node.op as OpName].syntax : { call: node.op };
    const nesting = Math.max(...operands.map((operand, i) => {
      const inner = operand.nesting ?? 0;
      if ("call" in syntax) return inner + 1;
      const required = "prefix" in syntax ? LEVEL.unary : syntax.operands[i];
      const isEnclosed = levelOf(operand.node) < required || operand.node.op === "Const";
      return inner + ("infix" in syntax && i === 0 ? 0 : 1) + (isEnclosed ? 1 : 0);
    }));
    if (nesting >= LIMITS.nesting) this.#failNesting(span);
    if (depth > LIMITS.depth) {
      this.#fail(`an expression may have at most ${LIMITS.depth} operations in a row`, span);
    }
    return { depth, nesting };
  }

  #number({ node, type, span }: Typed): Node {
    if (type !== "number") this.#fail(NO_NUMBER, span);
    return node;
  }

  #close(open: Span): Token {
    this.#skipNewlines();
    const token = this.#next();
    if (token.text !== ")") {
      if (token.kind === "end") this.#fail("this `(` is never closed", open);
      this.#unexpected("expected `)`", token);
    }
    this.#open--;
    return token;
  }

  #peek(): Token {
    return this.#tokens[this.#at];
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (token.kind !== "end") this.#at++;
    return token;
  }

  #skipNewlines(): void {
    while (this.#peek().text === "\n") this.#at++;
  }

  #unexpected(
    expected: string,
    token: Token,
    hint: string = notationAt(this.#text, token.start) ||
      (this.#isAfterValue(token) ? PRODUCT : ""),
  ): never {
    return this.#fail(`${expected}, found ${spell(token)}${hint}`, token);
  }

  /** Whether a token begins a value and follows one, as factors do on paper. */
  #isAfterValue(token: Token): boolean {
    const i = this.#tokens.indexOf(token);
    const [before, after] = [this.#tokens[i - 1], this.#tokens[i + 1]];
    const isValue = ({ kind, text }: Token) => kind === "name" || kind === "number" || text === "√";
    return before !== undefined && after !== undefined && after.text !== "=" &&
      (isValue(before) || before.kind === "superscript" || before.text === ")") &&
      (isValue(token) || token.text === "(");
  }

  #fail(message: string, { start, end }: Span): never {
    throw errorAt({
      message: `Cannot read ${this.#what}: ${message}`,
      text: this.#text,
      span: { start, end },
      keys: this.#keys,
    });
  }
}

function numberOf(token: Token): number | undefined {
  return token.kind === "number"
    ? Number(token.text)
    : token.kind === "name"
    ? NAMED_NUMBERS.get(token.text)
    : undefined;
}

function join(a: Span, b: Span): Span {
  return { start: a.start, end: b.end };
}

function spell(token: Token): string {
  switch (token.kind) {
    case "end":
      return "the end of the text";
    case "newline":
      return "the end of the line";
    default:
      return quoted(token.text);
  }
}
