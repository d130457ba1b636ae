/** Writes a form as functions of Python: statements in order, by the names that the program gives values. */
import { isAxes } from "../../dsl/axes.ts";
import { GradusError } from "../../dsl/errors.ts";
import { globalIndex, globalSymbol } from "../../dsl/graph.ts";
import {
  type ElementOpName,
  foldNodes,
  type MatrixOpName,
  type Node,
  postorder,
  type RandomOpName,
  type ReduceOpName,
} from "../../dsl/node.ts";
import { elementRow, matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { settle } from "../../dsl/simplify.ts";
import { PythonNames, pythonNumber } from "./names.ts";
import { sideNode } from "./sides.ts";
import { atom, type Spelling, type Term } from "./spelling.ts";
import { LEVEL } from "../../dsl/ops.ts";

/** The name of the places in which a function finds its values. */
const VALUES = "bucket";

/** An expression that is deeper is written as several. */
const DEEPEST = 16;

/** Whether a symbol has a value for each parameter, and no number for all. */
export function isOfLeaf(program: Program, name: string): boolean {
  const over = program.state.get(name)?.over ?? "tree";
  return name === "w" || name === "g" || program.inputs.get(name) === "element" || over !== "tree";
}

/** What writes expressions of a program. */
export interface Writing {
  readonly program: Program;
  readonly spelling: Spelling;
  /** The names of symbols, which are keys of the values too. */
  readonly names: PythonNames;
  /** An expression with what is known for good taken in. */
  readonly bound: (node: Node) => Node;
  readonly doing: string;
  /** Python of an array of the shape that places are of. Default: the parameter. */
  readonly placed?: string;
}

/** What a function leaves among its values. */
export interface Result {
  readonly key: string;
  readonly node: Node;
  /** What is made of the value. */
  readonly wrap?: (value: Term) => Term;
  /** Whether a number is made an array of the parameter's shape. */
  readonly isSpread?: boolean;
}

/** One function: what it computes, and where each goes among its values. */
export interface Part {
  readonly results: readonly Result[];
}

function rootsOfPart({ results }: Part): Node[] {
  return results.map(({ node }) => settle(node));
}

/** Python of the axes that a list means in a parameter of shape `bucket["shape of w"]`. */
export function axesText(over: string): string {
  if (over === "tensor") return "None";
  const items = over.split(",").map((item) => {
    if (!item.includes(":")) return /^-?\d/.test(item) ? item : `"${item}"`;
    const [from, to] = item.split(":").map((bound) => bound === "" ? "None" : bound);
    return `slice(${from}, ${to})`;
  });
  return `_axes(${VALUES}["shape of w"], ${items.join(", ")})`;
}

/** The functions of one form: each after those before it, whose values it finds where they left them. */
export class FormWriter {
  readonly #of: Writing;
  readonly #named: ReadonlyMap<Node, string>;
  readonly #parts: readonly Part[];
  readonly #isNumber: ReadonlyMap<Node, boolean>;
  readonly #uses = new Map<Node, number>();
  /** What an earlier function has left. */
  readonly #left = new Map<Node, string>();
  readonly #locals: ReadonlyMap<Node, string>;

  constructor(of: Writing, named: ReadonlyMap<Node, string>, parts: readonly Part[]) {
    [this.#of, this.#named, this.#parts] = [of, named, parts];
    const roots = parts.flatMap(rootsOfPart);
    this.#isNumber = foldNodes<boolean>(roots, ({ op, arg }, src) => {
      if (op === "Symbol") return !isOfLeaf(of.program, arg as string);
      if (elementRow(op) !== undefined) return src.every((each) => each);
      return op === "Const" || op === "Zero";
    });
    for (const node of postorder(roots)) {
      for (const each of node.src) this.#uses.set(each, (this.#uses.get(each) ?? 0) + 1);
    }
    for (const root of roots) this.#uses.set(root, (this.#uses.get(root) ?? 0) + 1);
    const locals = new Map<Node, string>();
    // What has a name of the program's has it here, but for symbols, whose names are their own.
    for (const node of postorder(roots)) {
      if (node.op === "Symbol") of.names.of(nameOf(node));
    }
    const own = new PythonNames(
      [
        VALUES,
        ...postorder(roots).flatMap((n) => n.op === "Symbol" ? [of.names.of(nameOf(n))] : []),
      ],
    );
    const depths = new Map<Node, number>();
    for (const node of postorder(roots)) {
      const name = named.get(node);
      const depth = 1 + Math.max(0, ...node.src.map((each) => depths.get(each) ?? 0));
      if (!this.#isStatement(node) && depth < DEEPEST) {
        depths.set(node, depth);
        continue;
      }
      const isNext = name !== undefined && (name === "g" || of.program.state.has(name));
      locals.set(node, own.fresh(isNext ? `${name}_new` : name ?? "x"));
    }
    this.#locals = locals;
  }

  /** The function `name` of a bucket that the part at `place` is. */
  write(name: string, place: number): string {
    const { results } = this.#parts[place];
    const later = new Set(postorder(this.#parts.slice(place + 1).flatMap(rootsOfPart)));
    const lines: string[] = [];
    const roots = results.map(({ node }) => settle(node));
    const symbols = new Set<string>();
    const done = new Set<Node>();
    const text = (node: Node): Term => {
      const local = this.#locals.get(node);
      if (local !== undefined) return atom(local);
      return this.#spell(node, text, (symbol) => symbols.add(symbol));
    };
    const visit = (root: Node) => {
      for (const node of this.#needed(root)) {
        const local = this.#locals.get(node);
        if (local === undefined || done.has(node)) continue;
        done.add(node);
        const left = this.#left.get(node);
        if (left !== undefined) {
          lines.push(`${local} = ${VALUES}["${left}"]`);
          continue;
        }
        lines.push(`${local} = ${this.#spell(node, text, (symbol) => symbols.add(symbol)).text}`);
      }
    };
    const made: string[] = [];
    results.forEach(({ key, wrap = (value) => value, isSpread = false }, k) => {
      visit(roots[k]);
      const value = text(roots[k]);
      const isNumber = isSpread && this.#isNumber.get(roots[k]);
      if (isNumber) symbols.add("w");
      const whole = isNumber
        ? this.#of.spelling.spread(value, atom(this.#of.names.of("w")))
        : value;
      made.push(`${VALUES}["${key}"] = ${wrap(whole).text}`);
    });
    // What a later function may need of arrays stays.
    for (const node of done) {
      if (this.#isNumber.get(node) || this.#left.has(node) || !later.has(node)) continue;
      const key = `kept ${this.#locals.get(node)}`;
      this.#left.set(node, key);
      made.unshift(`${VALUES}["${key}"] = ${this.#locals.get(node)}`);
    }
    const reads = [...symbols].map((each) => {
      const name = this.#of.names.of(each);
      return `${name} = ${VALUES}["${name}"]`;
    });
    return [
      `def ${name}(${VALUES}):`,
      ...[...reads, ...lines, ...made].map((line) => `    ${line}`),
    ].join("\n");
  }

  /** An expression of numbers alone, whose symbols are `values`' own. */
  inline(node: Node, symbolText: (name: string) => string): Term {
    const text = (each: Node): Term =>
      each.op === "Symbol" ? atom(symbolText(nameOf(each))) : this.#spell(each, text, () => {});
    return text(settle(node));
  }

  /** What is to be computed of a root here: nothing below what was left. */
  #needed(root: Node): Node[] {
    const order: Node[] = [];
    const seen = new Set<Node>();
    const stack: [Node, boolean][] = [[root, false]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [node, isDone] = top;
      if (isDone) order.push(node);
      else if (!seen.has(node)) {
        seen.add(node);
        stack.push([node, true]);
        if (!this.#left.has(node)) {
          for (const each of [...node.src].reverse()) stack.push([each, false]);
        }
      }
    }
    return order;
  }

  #isStatement(node: Node): boolean {
    if (["Symbol", "Const", "Zero"].includes(node.op)) return false;
    if (this.#named.has(node)) return true;
    return (this.#uses.get(node) ?? 0) > 1;
  }

  #spell(node: Node, text: (node: Node) => Term, read: (symbol: string) => void): Term {
    const { spelling, names, doing } = this.#of;
    const { op, arg, src } = node;
    if (op === "Const") return numberTerm(arg as number);
    if (op === "Zero") return atom("0");
    if (op === "Symbol") {
      read(nameOf(node));
      return atom(names.of(nameOf(node)));
    }
    const refuse = (): never => {
      throw new GradusError(
        `${doing}: ${spelling.name} has no spelling for \`${sketchExpression(node)}\`` +
          (randomRow(op) === undefined ? "" : ", which draws random numbers"),
      );
    };
    const operands = src.map((each) => text(settle(each)));
    if (elementRow(op) !== undefined) {
      const row = spelling.element[op as ElementOpName]!;
      return this.#isNumber.get(node) ?? true ? row.number(...operands) : row.array(
        ...operands.map((term, i) => ({ ...term, isNumber: this.#isNumber.get(settle(src[i])) })),
      );
    }
    const whole = () => {
      read("w");
      return operands.map((term, i) =>
        this.#isNumber.get(settle(src[i])) ? spelling.spread(term, atom(names.of("w"))) : term
      );
    };
    if (reduceRow(op) !== undefined) {
      const over = arg as string;
      return spelling.reduce[op as ReduceOpName](whole()[0], atom(axesText(over)));
    }
    if (matrixRow(op) !== undefined) {
      const spell = spelling.matrix[op as MatrixOpName];
      return spell === null ? refuse() : spell(...whole());
    }
    if (op === "Index") {
      const [axis, side] = String(arg).split(" ");
      const { placed } = this.#of;
      if (placed !== undefined) return spelling.index(Number(axis), atom(placed));
      if (side !== undefined) return spelling.places?.(Number(axis), this.#side(side)) ?? refuse();
      read("w");
      return spelling.index(Number(axis), atom(names.of("w")));
    }
    if (randomRow(op) === undefined || spelling.random === null) return refuse();
    read("w");
    const sides = arg === null ? undefined : String(arg).split(" x ");
    const shape = sides && atom(`(${sides.map((side) => this.#side(side).text).join(", ")})`);
    return spelling.random(op as RandomOpName, operands[0], operands[1], shape);
  }

  /** How long a side of a matrix is. */
  #side(side: string): Term {
    if (side === "-") return atom("1");
    const size = this.#of.bound(sideNode(this.#of.program, side));
    const text = this.inline(size, (name) => `${VALUES}["${this.#of.names.of(name)}"]`);
    return atom(`int(${text.text})`);
  }
}

/** The name of a symbol; that of a reduction over the tree is legal in Python. */
export function nameOf({ arg }: Node): string {
  const k = globalIndex(arg as string);
  return k === undefined ? arg as string : globalName(k);
}

/** The name of the `k`th reduction over the tree. */
export function globalName(k: number): string {
  return `total_${globalSymbol(k).slice(1)}`;
}

function numberTerm(value: number): Term {
  const text = pythonNumber(value);
  return { text, level: text.startsWith("-") ? LEVEL.unary : LEVEL.atom };
}

/** Python of the shape of a state over `over` beside a parameter of `bucket["shape of w"]`. */
export function shapeText(over: string): string {
  if (over === "element") return `${VALUES}["shape of w"]`;
  if (over === "tensor") return `(1,) * len(${VALUES}["shape of w"])`;
  if (!isAxes(over)) throw new Error(`no shape of ${over}`);
  return `_kept(${VALUES}["shape of w"], ${axesText(over)})`;
}
