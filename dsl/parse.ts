/** Reads program text into interned nodes, checking names and types as it goes. */
import { errorAt, GradusError, quoted, type Span, suggestion } from "./errors.ts";
import { AXIS_NAMES } from "./axes.ts";
import { Evaluator } from "./evaluate.ts";
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
  postorder,
  random,
  type RandomOpName,
  reduce,
  type ReduceOpName,
  symbol,
  symbolsIn,
} from "./node.ts";
import {
  elementOps,
  elementRow,
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
import { isTurn, levelOf, printStatement, printStatements } from "./print.ts";
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

/** How many characters one of a text may be printed as, at most: `π` and the spaces around it. */
const WIDEST = 21;

/** The function that chooses between values by what counts steps. */
const EVERY = "every";
/** The word that begins a loop. */
const REPEAT = "repeat";

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
  /** The numbers of the loops around. */
  #constants: ReadonlyMap<string, Node> = new Map();
  #at = 0;
  #depth = 0;
  #open = 0;
  /** How long the text is with what has been read of its loops written out. */
  #characters: number;

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
    this.#characters = text.length;
    this.#tokens = lex(text, (message, span) => this.#fail(message, span));
  }

  statements(): Statement[] {
    const statements: Statement[] = [];
    const targets = this.#tokens.filter((token, i) =>
      token.kind === "name" && this.#tokens[i + 1].text === "=" &&
      (i === 0 || this.#tokens[i - 1].kind === "newline" || this.#tokens[i - 1].text === "{")
    );
    this.#scope.expect?.(
      targets,
      this.#tokens.some(({ time }) => time !== undefined),
      (message, target) => this.#fail(message, target as Token),
    );
    this.#block(statements, undefined);
    if (this.#characters * WIDEST > LIMITS.characters) this.#requireReadable(statements);
    return statements;
  }

  /** Refuses statements that could not be read again as they are printed, loops written out or not. */
  #requireReadable(statements: readonly Statement[]): void {
    const characters = Math.max(
      printStatements(statements).length,
      statements.reduce((sum, each) => sum + printStatement(each).length + 3, 0),
    );
    if (characters > LIMITS.characters) this.#failLength(this.#tokens[0]);
  }

  #failLength(span: Span): never {
    this.#fail(
      `a program that is printed, its loops written out, may have at most ${LIMITS.characters} characters`,
      span,
    );
  }

  /** Reads statements up to the end of the text, or of the loop that `open` opens. */
  #block(statements: Statement[], open: Token | undefined): void {
    for (;;) {
      while (this.#peek().kind === "newline") this.#at++;
      const first = this.#peek();
      if (first.kind === "end") {
        if (open !== undefined) this.#fail("this `{` is never closed", open);
        return;
      }
      if (open !== undefined && first.text === "}") return;
      if (statements.length === LIMITS.statements) {
        this.#fail(`a program may have at most ${LIMITS.statements} statements`, first);
      }
      if (first.text === REPEAT && this.#tokens[this.#at + 1].text !== "=") {
        this.#repeat(statements);
      } else statements.push(this.#statement());
      const next = this.#peek();
      const isClosed = open !== undefined && next.text === "}";
      if (next.kind !== "newline" && next.kind !== "end" && !isClosed) {
        const hint = next.text === "," ? "; statements stand in lines, or between `;`" : undefined;
        this.#unexpected("expected the end of the statement", next, hint);
      }
    }
  }

  /** Reads a loop into the statements of its turns. */
  #repeat(statements: Statement[]): void {
    const word = this.#next();
    const { names, turns } = this.#turns();
    this.#skipNewlines();
    const open = this.#next();
    if (open.text !== "{") this.#unexpected("expected `{` and the statements to repeat", open);
    this.#descend();
    const body = this.#at;
    const outer = this.#constants;
    for (const [i, turn] of turns.entries()) {
      if (i > 0) this.#characters += this.#peek().start - this.#tokens[body].start;
      if (this.#characters > 2 * LIMITS.characters) this.#failLength(word);
      this.#at = body;
      this.#constants = new Map([...outer, ...turn.map((node, k) => [names[k], node] as const)]);
      const before = statements.length;
      this.#block(statements, open);
      if (statements.length === before) this.#fail("a loop has one statement or more", word);
    }
    this.#constants = outer;
    this.#depth--;
    this.#next();
  }

  /** How often a loop goes, or its names and their numbers at each turn. */
  #turns(): { readonly names: readonly string[]; readonly turns: readonly (readonly Node[])[] } {
    const first = this.#peek();
    const isNamed = first.kind === "name" || first.text === "(" &&
        this.#tokens[this.#at + 1].kind === "name";
    if (!isNamed) {
      const { node, span } = this.#constant();
      const count = node.arg as number;
      if (!Number.isInteger(count) || count < 1 || count > LIMITS.statements) {
        this.#fail(`a loop goes a whole number of times from 1 to ${LIMITS.statements}`, span);
      }
      return { names: [], turns: new Array(count).fill([]) };
    }
    const names: string[] = [];
    this.#list(() => names.push(this.#constantName(names)));
    const word = this.#next();
    if (word.text === "{") {
      this.#fail("how often a loop goes is a number as it is written, such as `repeat 5`", first);
    }
    if (word.text !== "in") this.#unexpected("expected `in` and the numbers of each turn", word);
    const turns: Node[][] = [];
    do {
      if (turns.length > 0) this.#next();
      const start = this.#peek();
      const numbers = names.length === 1
        ? [this.#constant().node]
        : this.#list(() => this.#constant().node);
      if (numbers.length !== names.length) {
        this.#fail(`a turn has ${names.length} numbers, one for each name`, start);
      }
      turns.push(numbers);
      this.#skipNewlines();
    } while (this.#peek().text === ",");
    return { names, turns };
  }

  /** One item, or several in parentheses. */
  #list<T>(read: () => T): T[] {
    this.#skipNewlines();
    if (this.#peek().text !== "(") return [read()];
    const open = this.#next();
    this.#open++;
    const items: T[] = [];
    do {
      if (items.length > 0) this.#next();
      this.#skipNewlines();
      items.push(read());
      this.#skipNewlines();
    } while (this.#peek().text === ",");
    this.#close(open);
    return items;
  }

  #constantName(others: readonly string[]): string {
    const name = this.#next();
    if (name.kind !== "name") this.#unexpected("expected the name of a number", name);
    if (others.includes(name.text)) {
      this.#fail(`\`${name.text}\` names two numbers of a turn`, name);
    }
    if (isReserved(name.text)) {
      this.#fail(`\`${name.text}\` is part of the language and cannot be a number's name`, name);
    }
    return name.text;
  }

  /** A number of a loop: an expression of numbers. */
  #constant(): Typed {
    const { node, span, ...typed } = this.#operand(0);
    if (typed.type !== "number" || symbolsIn([node]).size > 0 || !isOfNumbers(node)) {
      this.#fail("the numbers of a loop are known as they are written", span);
    }
    const evaluator = new Evaluator([node]);
    evaluator.evaluate(new Map());
    return { node: constant(evaluator.get(node)), type: "number", span };
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
    if (this.#constants.has(target.text)) {
      fail(`\`${target.text}\` is a number of this loop: it is only read`);
    }
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
    const number = token.time === undefined ? this.#constants.get(token.text) : undefined;
    if (number !== undefined) return { node: number, type: "number", span: token };
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
    // A loop may name any number: it is printed so where it had other statements.
    const isWritten = k.node.op === "Const" &&
      !this.#constants.has(this.#text.slice(k.span.start, k.span.end));
    if (isWritten && !isTurn(k.node)) {
      this.#fail(`\`${EVERY}\` goes by a whole number of steps from 1`, k.span);
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

/** Whether an expression is made of numbers by operations on elements. */
function isOfNumbers(root: Node): boolean {
  return postorder([root]).every(({ op }) => op === "Const" || elementRow(op) !== undefined);
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
