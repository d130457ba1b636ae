/** Writes expressions as WGSL: a constant a node, numbered; no text of a program ever reaches it. */
import type { Node } from "../../../dsl/node.ts";
import { elementRow } from "../../../dsl/ops.ts";
import { isPlain } from "./numbers.ts";

/** What reads something that is not computed here, or undefined for what is. */
export type Source = (node: Node) => string | undefined;

/** A block of WGSL in which each node is computed once. */
export class Writer {
  readonly lines: string[] = [];
  readonly #names = new Map<Node, string>();
  readonly #source: Source;
  readonly #prefix: string;

  constructor(prefix: string, source: Source) {
    [this.#prefix, this.#source] = [prefix, source];
  }

  /** The name of a value; what it takes is written before. */
  read(root: Node): string {
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
      const missing = node.src.filter((operand) => !this.#names.has(operand));
      if (missing.length > 0) stack.push(...missing);
      else {
        const operands = node.src.map((operand) => this.#names.get(operand)!);
        this.#name(node, elementRow(node.op)!.wgsl!(...operands));
      }
    }
    return this.#names.get(root)!;
  }

  #name(node: Node, value: string): void {
    const name = `${this.#prefix}${this.#names.size}`;
    this.lines.push(`let ${name} = ${value};`);
    this.#names.set(node, name);
  }
}

/** A float32 number that is finite and not subnormal. */
export function literal(value: number): string {
  return `V(${Math.fround(value)}f)`;
}
