/** Reads expressions into interned nodes, checking names and types as it goes. */
import { quoted, type Span, suggestion } from "./errors.ts";
import { AXIS_NAMES } from "./axes.ts";
import type { Token } from "./lex.ts";
import {
  apply,
  constant,
  COUNT,
  index,
  type Node,
  type Over,
  random,
  type RandomOpName,
  reduce,
  symbol,
} from "./node.ts";
import { indexOp, LEVEL, type Type } from "./ops.ts";
import { argumentHint, functionHint } from "./notation.ts";
import { isTurn, levelOf } from "./print.ts";
import { join, LIMITS, PRODUCT, Reader, spell } from "./reader.ts";
import {
  calls,
  distributions,
  EVERY,
  infixes,
  isFunction,
  isOpenFunction,
  isReserved,
  NAMED_NUMBERS,
  type OpName,
  ops,
  reductions,
} from "./words.ts";

const NO_NUMBER =
  "a number is required here, and this is a condition; `where(condition, 1, 0)` makes it one";

/** What an expression is, and where it stands. */
export interface Typed {
  readonly node: Node;
  readonly type: Type;
  readonly span: Span;
  /** Operations upon one another in it; none if left out. */
  readonly depth?: number;
  /** How deep it nests when it is printed; not at all if left out. */
  readonly nesting?: number;
}

/** Reads expressions. */
export abstract class ExpressionReader extends Reader {
  /** The numbers of the loops around. */
  protected constants: ReadonlyMap<string, Node> = new Map();

  /** An operand that may begin on the next line, as after an infix or an opening parenthesis. */
  protected operand(level: number): Typed {
    this.skipNewlines();
    this.descend();
    let left = this.#unary();
    for (;;) {
      if (this.open > 0) this.skipNewlines();
      const token = this.peek();
      const infix = token.kind === "mark" ? infixes.get(token.text) : undefined;
      if (infix === undefined || infix.level < level) break;
      this.next();
      const right = this.operand(infix.right);
      left = this.#apply(infix.op, [left, right]);
      const next = infixes.get(this.peek().text);
      if (infix.level === LEVEL.compare && next?.level === LEVEL.compare) {
        this.fail("comparisons do not chain: join two with `&`", this.peek());
      }
    }
    this.depth--;
    return left;
  }

  #unary(): Typed {
    const token = this.peek();
    if (token.kind !== "mark") return this.#power();
    if (token.text === "-" || token.text === "!") {
      this.next();
      const value = this.peek();
      // A minus before a number that is no base of a power is part of the number.
      const number = numberOf(value);
      if (token.text === "-" && number !== undefined && !this.#isPower(this.at + 1)) {
        this.next();
        return { node: constant(-number), type: "number", span: join(token, value) };
      }
      const operand = this.operand(LEVEL.unary);
      const span = join(token, operand.span);
      return { ...this.#apply(token.text === "-" ? "Neg" : "Not", [operand]), span };
    }
    return this.#power();
  }

  #isPower(at: number): boolean {
    return this.tokens[at].text === "^" || this.tokens[at].kind === "superscript";
  }

  #power(): Typed {
    let base = this.#primary();
    while (this.peek().kind === "superscript") {
      const raised = this.next();
      const exponent = raised.text === "t"
        ? this.#symbol(raised)
        : { node: constant(Number(raised.text)), type: "number" as const, span: raised };
      base = this.#apply("Pow", [base, exponent]);
    }
    return base;
  }

  #primary(): Typed {
    const token = this.next();
    const number = numberOf(token);
    if (number !== undefined) return { node: constant(number), type: "number", span: token };
    if (token.kind === "name") {
      if (this.peek().text === "(") return this.#call(token);
      if (isReserved(token.text)) {
        this.fail(`\`${token.text}\` is a function: it needs arguments in parentheses`, token);
      }
      return this.#symbol(token);
    }
    if (token.text === "√") {
      this.descend();
      const root = this.#apply("Sqrt", [this.#primary()]);
      this.depth--;
      return { ...root, span: join(token, root.span) };
    }
    if (token.text === "(") {
      this.open++;
      const value = this.operand(0);
      return { ...value, span: join(token, this.close(token)) };
    }
    return this.unexpected("expected a value", token);
  }

  #symbol(token: Token): Typed {
    const number = token.time === undefined ? this.constants.get(token.text) : undefined;
    if (number !== undefined) return { node: number, type: "number", span: token };
    const fail = (message: string): never => this.fail(message, token);
    if (token.time !== undefined && this.scope.nameOf === undefined) {
      fail("only in a step does a name have an index in time");
    }
    const name = this.scope.nameOf?.(token, fail) ?? token.text;
    return { node: symbol(name), type: this.scope.read(name, fail), span: token };
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
    const token = this.peek();
    return token.kind === "name" && this.tokens[this.at + 1].text === "=" &&
      !this.#isSymbol(token);
  }

  #call(name: Token): Typed {
    if (!isFunction(name.text) && !isOpenFunction(name.text)) {
      const others = [indexOp.call, EVERY];
      const functions = [calls, reductions, distributions].flatMap((each) => [...each.keys()]);
      const near = suggestion(name.text, [...functions, ...others]);
      const hint = this.#isSymbol(name) ? PRODUCT : functionHint(name.text, near);
      this.fail(`there is no function ${quoted(name.text)}${hint}`, name);
    }
    const open = this.next();
    this.open++;
    const operands: Typed[] = [];
    let axes: string | undefined;
    while (true) {
      this.skipNewlines();
      if (this.peek().text === "axis" && this.tokens[this.at + 1].text === "=") {
        axes = this.#axes();
      } else if (this.#isUnknownArgument()) {
        const token = this.peek();
        const hint = argumentHint(token.text);
        this.fail(
          `only \`axis\` is an argument with a name: given ${quoted(token.text)}${hint}`,
          token,
        );
      } else operands.push(this.operand(0));
      this.skipNewlines();
      if (this.peek().text !== ",") break;
      this.next();
    }
    const span = join(name, this.close(open));
    if (name.text === indexOp.call) return this.#index(axes, operands, span);
    const op = calls.get(name.text);
    const reduction = reductions.get(name.text);
    if (reduction !== undefined && operands.length === 1) {
      const over = reduction.tree ? "tree" : axes ?? "tensor";
      if (reduction.tree && axes !== undefined) {
        this.fail(`\`${name.text}\` ranges over the whole tree and takes no axis`, span);
      }
      const node = reduce(reduction.op, this.number(operands[0]), over as Over);
      return { node, type: "number", span, ...this.#measure(node, operands, span) };
    }
    if (axes !== undefined) this.fail(`\`${name.text}\` of these arguments takes no axis`, span);
    if (name.text === EVERY) return this.#every(operands, span);
    const distribution = distributions.get(name.text);
    if (distribution !== undefined) return this.#random(distribution, name, operands, span);
    if (op === undefined) {
      return this.fail(`\`${name.text}\` takes 1 argument, given ${operands.length}`, span);
    }
    const arity = ops[op].takes.length;
    // min and max of more than two fold from the left.
    while ((op === "Min" || op === "Max") && operands.length > 2) {
      operands.splice(0, 2, this.#apply(op, operands.slice(0, 2)));
    }
    if (operands.length !== arity) {
      const plural = arity === 1 ? "" : "s";
      this.fail(
        `\`${name.text}\` takes ${arity} argument${plural}, given ${operands.length}`,
        span,
      );
    }
    return { ...this.#apply(op, operands), span };
  }

  #index(axes: string | undefined, operands: readonly Typed[], span: Span): Typed {
    if (operands.length > 0 || axes === undefined || !/^-?[0-9]+$/.test(axes)) {
      this.fail(`\`${indexOp.call}\` takes one axis by its number, as in \`index(axis=0)\``, span);
    }
    return { node: index(axes), type: "number", span };
  }

  #every(operands: readonly Typed[], span: Span): Typed {
    const [k, value, otherwise, clock = { node: COUNT, type: "number" as const, span }] = operands;
    if (operands.length < 3 || operands.length > 4) {
      this.fail(
        `\`${EVERY}\` takes how often, a value, another for the other steps and, if it is not \`count\`, ` +
          `what counts, given ${operands.length} argument${operands.length === 1 ? "" : "s"}`,
        span,
      );
    }
    // A loop may name any number: it is printed so where it had other statements.
    const isWritten = k.node.op === "Const" &&
      !this.constants.has(this.text.slice(k.span.start, k.span.end));
    if (isWritten && !isTurn(k.node)) {
      this.fail(`\`${EVERY}\` goes by a whole number of steps from 1`, k.span);
    }
    const floor = this.#apply("Floor", [this.#apply("Div", [clock, k])]);
    const multiple = this.#apply("Equal", [clock, this.#apply("Mul", [k, floor])]);
    return { ...this.#apply("Where", [multiple, value, otherwise]), span };
  }

  #random(op: RandomOpName, name: Token, operands: readonly Typed[], span: Span): Typed {
    if (operands.length > 2) {
      this.fail(
        `\`${name.text}\` takes a seed and, if it is not counted by \`count\`, a counter, ` +
          `given ${operands.length} arguments`,
        span,
      );
    }
    const [seed, counter] = operands.map((operand) => this.number(operand));
    const node = random(op, seed, counter);
    return { node, type: "number", span, ...this.#measure(node, operands, span) };
  }

  #axes(): string {
    this.next();
    this.next();
    const list = this.peek().text === "(";
    const open = list ? this.next() : this.peek();
    if (list) this.open++;
    const axes: string[] = [];
    do {
      if (axes.length > 0) this.next();
      axes.push(this.#axis());
    } while (list && this.peek().text === ",");
    if (list) this.close(open);
    return axes.join();
  }

  /** One entry of a list of axes: a number, a range, or a name. */
  #axis(): string {
    if (AXIS_NAMES.has(this.peek().text)) return this.next().text;
    const from = this.peek().text === ":" ? "" : this.#axisNumber();
    if (this.peek().text !== ":") return from;
    this.next();
    const { kind, text } = this.peek();
    return `${from}:${kind === "number" || text === "-" ? this.#axisNumber() : ""}`;
  }

  #axisNumber(): string {
    const negative = this.peek().text === "-";
    if (negative) this.next();
    const token = this.next();
    if (!/^[0-9]{1,2}$/.test(token.text)) {
      this.fail(
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
        this.fail(
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
    if (nesting >= LIMITS.nesting) this.failNesting(span);
    if (depth > LIMITS.depth) {
      this.fail(`an expression may have at most ${LIMITS.depth} operations in a row`, span);
    }
    return { depth, nesting };
  }

  protected number({ node, type, span }: Typed): Node {
    if (type !== "number") this.fail(NO_NUMBER, span);
    return node;
  }
}

function numberOf(token: Token): number | undefined {
  return token.kind === "number"
    ? Number(token.text)
    : token.kind === "name"
    ? NAMED_NUMBERS.get(token.text)
    : undefined;
}
