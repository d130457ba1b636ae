/** Evaluates expressions of numbers in float64: what changes once a step, and schedules. */
import { type Node, postorder } from "./node.ts";
import { elementRow } from "./ops.ts";

/** Some expressions, prepared to be evaluated many times. */
export class Evaluator {
  readonly #nodes: readonly Node[];
  readonly #values: Float64Array;
  readonly #index: ReadonlyMap<Node, number>;
  readonly #operands: readonly (readonly number[])[];

  constructor(roots: readonly Node[]) {
    this.#nodes = postorder(roots);
    this.#index = new Map(this.#nodes.map((node, i) => [node, i]));
    this.#operands = this.#nodes.map(({ src }) => src.map((s) => this.#index.get(s)!));
    this.#values = new Float64Array(this.#nodes.length);
  }

  /** Evaluates everything; what rests on a symbol not given comes out as NaN. */
  evaluate(symbols: ReadonlyMap<string, number>): void {
    const values = this.#values;
    this.#nodes.forEach((node, i) => {
      const [a, b, c] = this.#operands[i];
      values[i] = node.op === "Const"
        ? node.arg as number
        : node.op === "Symbol"
        ? symbols.get(node.arg as string) ?? NaN
        : elementRow(node.op)!.eval(values[a], values[b], values[c]);
    });
  }

  /** The value of a root or of anything under one. */
  get(node: Node): number {
    return this.#values[this.#index.get(node)!];
  }
}
