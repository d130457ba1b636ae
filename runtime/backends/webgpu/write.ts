/** Writes expressions as WGSL: a constant a node, numbered; no text of a program ever reaches it. */
import type { Node } from "../../../dsl/node.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { Counts } from "../../plan/counts.ts";
import { isPlain } from "./numbers.ts";

/** What reads something that is not computed here, or undefined for what is. */
export type Source = (node: Node) => string | undefined;

/** A block of WGSL in which each node is computed once. */
export class Writer {
  readonly lines: string[] = [];
  readonly #names = new Map<Node, string>();
  readonly #source: Source;
  readonly #prefix: string;
  readonly #counts: Counts;

  /** What is whole by `counts` is computed in whole numbers; the source of a count is one. */
  constructor(prefix: string, source: Source, counts: Counts = NO_COUNTS) {
    [this.#prefix, this.#source, this.#counts] = [prefix, source, counts];
  }

  /** The name of a value; what it takes is written before. */
  read(root: Node): string {
    this.#write(root);
    return this.#valueOf(root);
  }

  /** The name of a value as whole numbers. */
  readWhole(root: Node): string {
    if (root.op !== "Const") this.#write(root);
    return this.#wholeOf(root);
  }

  #write(root: Node): void {
    // Depth is bounded by the program's size limits only, so this walks with a stack of its own.
    const stack = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      if (this.#names.has(node)) {
        stack.pop();
        continue;
      }
      const value = node.op === "Const" && isPlain(node.arg as number)
        ? literal(node.arg as number)
        : this.#source(node);
      if (value !== undefined) {
        this.#name(node, value);
        continue;
      }
      const isWhole = this.#counts.isWhole(node) || this.#counts.isOfWhole(node);
      const missing = node.src.filter((operand) =>
        !this.#names.has(operand) && !(isWhole && operand.op === "Const")
      );
      if (missing.length > 0) stack.push(...missing);
      else this.#name(node, isWhole ? this.#ofWhole(node) : this.#ofValues(node));
    }
  }

  #ofValues({ op, src }: Node): string {
    return elementRow(op)!.wgsl!(...src.map((operand) => this.#valueOf(operand)));
  }

  #ofWhole({ op, src }: Node): string {
    const { takes, syntax, wgsl } = elementRow(op)!;
    const operands = src.map((operand, k) =>
      takes[k] === "number" ? this.#wholeOf(operand) : this.#valueOf(operand)
    );
    // What NaN decides is not asked of whole numbers.
    return "infix" in syntax ? operands.join(` ${syntax.infix} `) : wgsl!(...operands);
  }

  #valueOf(node: Node): string {
    const name = this.#names.get(node)!;
    return this.#counts.isWhole(node) ? `V(${name})` : name;
  }

  #wholeOf(node: Node): string {
    if (node.op === "Const") return `I(${node.arg})`;
    const name = this.#names.get(node)!;
    return this.#counts.isWhole(node) ? name : `I(${name})`;
  }

  #name(node: Node, value: string): void {
    const name = `${this.#prefix}${this.#names.size}`;
    this.lines.push(`let ${name} = ${value};`);
    this.#names.set(node, name);
  }
}

const NO_COUNTS = new Counts(new Set());

/** A float32 number that is finite and not subnormal. */
export function literal(value: number): string {
  return `V(${Math.fround(value)}f)`;
}
