/** Evaluates expressions of numbers in float64: what changes once a step, and schedules. */
import { type Node, postorder } from "./node.ts";
import { elementRow } from "./ops.ts";

/** One operation on values by their places. */
interface Operation {
  readonly into: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly eval: (...operands: readonly number[]) => number;
}

/** Some expressions, prepared to be evaluated many times. */
export class Evaluator {
  readonly #values: Float64Array;
  readonly #index: ReadonlyMap<Node, number>;
  readonly #symbols: readonly { readonly name: string; readonly into: number }[];
  readonly #operations: readonly Operation[];
  #isEvaluated = false;

  constructor(roots: readonly Node[]) {
    const nodes = postorder(roots);
    this.#index = new Map(nodes.map((node, i) => [node, i]));
    this.#values = new Float64Array(nodes.length);
    this.#symbols = nodes.flatMap(({ op, arg }, into) =>
      op === "Symbol" ? [{ name: arg as string, into }] : []
    );
    this.#operations = nodes.flatMap(({ op, src, arg }, into) => {
      if (op === "Const") this.#values[into] = arg as number;
      if (op === "Const" || op === "Symbol") return [];
      const [a = 0, b = 0, c = 0] = src.map((operand) => this.#index.get(operand)!);
      return [{ into, a, b, c, eval: elementRow(op)!.eval }];
    });
  }

  /** Evaluates everything; what rests on a symbol not given comes out as NaN. */
  evaluate(symbols: ReadonlyMap<string, number>): void {
    const values = this.#values;
    let isSame = this.#isEvaluated;
    for (const { name, into } of this.#symbols) {
      const value = symbols.get(name) ?? NaN;
      if (isSame && !Object.is(value, values[into])) isSame = false;
      values[into] = value;
    }
    if (isSame) return;
    for (const { into, a, b, c, eval: of } of this.#operations) {
      values[into] = of(values[a], values[b], values[c]);
    }
    this.#isEvaluated = true;
  }

  /** The value of a root or of anything under one. */
  get(node: Node): number {
    return this.#values[this.#index.get(node)!];
  }

  /** The place of a node among the values of {@linkcode at}. */
  indexOf(node: Node): number {
    return this.#index.get(node)!;
  }

  /** The value at a place. */
  at(index: number): number {
    return this.#values[index];
  }
}
