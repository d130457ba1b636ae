/** Reads program text: statements, and the loops that stand for several. */
import { quoted, type Span } from "./errors.ts";
import { Evaluator } from "./evaluate.ts";
import { ExpressionReader, type Typed } from "./expression.ts";
import type { Token } from "./lex.ts";
import { constant, type Node, postorder, symbolsIn } from "./node.ts";
import { assignmentHint } from "./notation.ts";
import { elementRow } from "./ops.ts";
import { printStatement, printStatements } from "./print.ts";
import type { Statement } from "./program.ts";
import { LIMITS, type Scope } from "./reader.ts";
import { isReserved, REPEAT } from "./words.ts";

/** Reads the statements of `text`; errors begin with `Cannot read WHAT`. */
export function parseStatements(text: string, scope: Scope, what: string): Statement[] {
  return new StatementReader(text, scope, what, ["step"]).statements();
}

/** Reads `text` as a single expression, which stands under `keys` of a document. */
export function parseExpression(
  text: string,
  scope: Scope,
  what: string,
  keys: readonly string[] = [],
): Node {
  return new StatementReader(text, scope, what, keys).wholeExpression();
}

/** How many characters one of a text may be printed as, at most: `π` and the spaces around it. */
const WIDEST = 21;

/** Reads statements, whose expressions it reads as any. */
class StatementReader extends ExpressionReader {
  /** How long the text is with what has been read of its loops written out. */
  #characters = this.text.length;

  statements(): Statement[] {
    const statements: Statement[] = [];
    const targets = this.tokens.filter((token, i) =>
      token.kind === "name" && this.tokens[i + 1].text === "=" &&
      (i === 0 || this.tokens[i - 1].kind === "newline" || this.tokens[i - 1].text === "{")
    );
    this.scope.expect?.(
      targets,
      this.tokens.some(({ time }) => time !== undefined),
      (message, target) => this.fail(message, target as Token),
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
    if (characters > LIMITS.characters) this.#failLength(this.tokens[0]);
  }

  #failLength(span: Span): never {
    this.fail(
      `a program that is printed, its loops written out, may have at most ${LIMITS.characters} characters`,
      span,
    );
  }

  /** Reads statements up to the end of the text, or of the loop that `open` opens. */
  #block(statements: Statement[], open: Token | undefined): void {
    for (;;) {
      while (this.peek().kind === "newline") this.at++;
      const first = this.peek();
      if (first.kind === "end") {
        if (open !== undefined) this.fail("this `{` is never closed", open);
        return;
      }
      if (open !== undefined && first.text === "}") return;
      if (statements.length === LIMITS.statements) {
        this.fail(`a program may have at most ${LIMITS.statements} statements`, first);
      }
      if (first.text === REPEAT && this.tokens[this.at + 1].text !== "=") {
        this.#repeat(statements);
      } else statements.push(this.#statement());
      const next = this.peek();
      const isClosed = open !== undefined && next.text === "}";
      if (next.kind !== "newline" && next.kind !== "end" && !isClosed) {
        const hint = next.text === "," ? "; statements stand in lines, or between `;`" : undefined;
        this.unexpected("expected the end of the statement", next, hint);
      }
    }
  }

  /** Reads a loop into the statements of its turns. */
  #repeat(statements: Statement[]): void {
    const word = this.next();
    const { names, turns } = this.#turns();
    this.skipNewlines();
    const open = this.next();
    if (open.text !== "{") this.unexpected("expected `{` and the statements to repeat", open);
    this.descend();
    const body = this.at;
    const outer = this.constants;
    for (const [i, turn] of turns.entries()) {
      if (i > 0) this.#characters += this.peek().start - this.tokens[body].start;
      if (this.#characters > 2 * LIMITS.characters) this.#failLength(word);
      this.at = body;
      this.constants = new Map([...outer, ...turn.map((node, k) => [names[k], node] as const)]);
      const before = statements.length;
      this.#block(statements, open);
      if (statements.length === before) this.fail("a loop has one statement or more", word);
    }
    this.constants = outer;
    this.depth--;
    this.next();
  }

  /** How often a loop goes, or its names and their numbers at each turn. */
  #turns(): { readonly names: readonly string[]; readonly turns: readonly (readonly Node[])[] } {
    const first = this.peek();
    const isNamed = first.kind === "name" || first.text === "(" &&
        this.tokens[this.at + 1].kind === "name";
    if (!isNamed) {
      const { node, span } = this.#constant();
      const count = node.arg as number;
      if (!Number.isInteger(count) || count < 1 || count > LIMITS.statements) {
        this.fail(`a loop goes a whole number of times from 1 to ${LIMITS.statements}`, span);
      }
      return { names: [], turns: new Array(count).fill([]) };
    }
    const names: string[] = [];
    this.#list(() => names.push(this.#constantName(names)));
    const word = this.next();
    if (word.text === "{") {
      this.fail("how often a loop goes is a number as it is written, such as `repeat 5`", first);
    }
    if (word.text !== "in") this.unexpected("expected `in` and the numbers of each turn", word);
    const turns: Node[][] = [];
    do {
      if (turns.length > 0) this.next();
      const start = this.peek();
      const numbers = names.length === 1
        ? [this.#constant().node]
        : this.#list(() => this.#constant().node);
      if (numbers.length !== names.length) {
        this.fail(`a turn has ${names.length} numbers, one for each name`, start);
      }
      turns.push(numbers);
      this.skipNewlines();
    } while (this.peek().text === ",");
    return { names, turns };
  }

  /** One item, or several in parentheses. */
  #list<T>(read: () => T): T[] {
    this.skipNewlines();
    if (this.peek().text !== "(") return [read()];
    const open = this.next();
    this.open++;
    const items: T[] = [];
    do {
      if (items.length > 0) this.next();
      this.skipNewlines();
      items.push(read());
      this.skipNewlines();
    } while (this.peek().text === ",");
    this.close(open);
    return items;
  }

  #constantName(others: readonly string[]): string {
    const name = this.next();
    if (name.kind !== "name") this.unexpected("expected the name of a number", name);
    if (others.includes(name.text)) {
      this.fail(`\`${name.text}\` names two numbers of a turn`, name);
    }
    if (isReserved(name.text)) {
      this.fail(`\`${name.text}\` is part of the language and cannot be a number's name`, name);
    }
    return name.text;
  }

  /** A number of a loop: an expression of numbers. */
  #constant(): Typed {
    const { node, span, ...typed } = this.operand(0);
    if (typed.type !== "number" || symbolsIn([node]).size > 0 || !isOfNumbers(node)) {
      this.fail("the numbers of a loop are known as they are written", span);
    }
    const evaluator = new Evaluator([node]);
    evaluator.evaluate(new Map());
    return { node: constant(evaluator.get(node)), type: "number", span };
  }

  wholeExpression(): Node {
    const value = this.number(this.operand(0));
    this.skipNewlines();
    const next = this.peek();
    if (next.kind !== "end") this.unexpected("expected the end", next);
    return value;
  }

  #statement(): Statement {
    const target = this.next();
    if (target.kind !== "name") {
      this.unexpected("expected the name that a statement assigns", target);
    }
    const equals = this.next();
    if (equals.text !== "=") {
      const hint = assignmentHint(target.text, this.text, equals.start) || undefined;
      this.unexpected(`expected \`=\` after ${quoted(target.text)}`, equals, hint);
    }
    const value = this.operand(0);
    const fail = (message: string): never => this.fail(message, target);
    if (this.constants.has(target.text)) {
      fail(`\`${target.text}\` is a number of this loop: it is only read`);
    }
    const name = this.scope.targetOf?.(target, fail) ?? target.text;
    this.scope.assign(name, value.type, fail, value.node);
    return Object.freeze({ target: name, value: value.node });
  }
}

/** Whether an expression is made of numbers by operations on elements. */
function isOfNumbers(root: Node): boolean {
  return postorder([root]).every(({ op }) => op === "Const" || elementRow(op) !== undefined);
}
