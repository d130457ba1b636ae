/**
 * The numbers of a step: those the host forms in float64, once for all leaves of a group, and those that
 * rest on gradients, which kernels form in float32 where they need them.
 */
import { Evaluator } from "../../../dsl/evaluate.ts";
import { globalIndex } from "../../../dsl/graph.ts";
import { foldNodes, type Node, postorder } from "../../../dsl/node.ts";
import type { Plan } from "../../plan/plan.ts";

/** The numbers that the host forms for a group. */
export class HostNumbers {
  /** In the order they are handed over. */
  readonly nodes: readonly Node[];
  readonly #index: ReadonlyMap<Node, number>;
  readonly #evaluator: Evaluator;

  /** `ofData` are the states that rest on gradients. */
  constructor(plan: Plan, ofData: ReadonlySet<string>) {
    const roots = [
      ...plan.outputs.map(({ node }) => node),
      ...plan.treeStates.values(),
      ...plan.phases.flat().flatMap(({ accumulations }) => accumulations).map((a) => a.operand),
    ];
    const isHost = foldNodes<boolean>(roots, (node, src) => {
      if (plan.extents.get(node) !== "scalar" || src.includes(false)) return false;
      const name = node.op === "Symbol" ? node.arg as string : undefined;
      return name === undefined || (globalIndex(name) === undefined && !ofData.has(name));
    });
    const wanted = new Set<Node>();
    const want = (node: Node) => {
      if (isHost.get(node) && !(node.op === "Const" && isPlain(node.arg as number))) {
        wanted.add(node);
      }
    };
    // What only the host computes needs nothing of its own handed over.
    const reached = postorder(roots).filter((node) => !isHost.get(node));
    for (const node of reached) node.src.forEach(want);
    for (const root of roots) want(root);
    this.nodes = [...wanted];
    this.#index = new Map(this.nodes.map((node, i) => [node, i]));
    this.#evaluator = new Evaluator(this.nodes);
  }

  /** The place of a number among them, or undefined for what the host does not form. */
  indexOf(node: Node): number | undefined {
    return this.#index.get(node);
  }

  /** The value of each, in float64. */
  evaluate(symbols: ReadonlyMap<string, number>): number[] {
    this.#evaluator.evaluate(symbols);
    return this.nodes.map((node) => this.#evaluator.get(node));
  }

  /** The value of one of them after `evaluate`. */
  get(node: Node): number {
    return node.op === "Const" ? node.arg as number : this.#evaluator.get(node);
  }
}

/**
 * Whether a constant can be written in WGSL. What times or divided by 0 is, a compiler may think it
 * knows, and infinities and NaN cannot be written: those are handed over as numbers.
 */
export function isPlain(value: number): boolean {
  const size = Math.abs(Math.fround(value));
  return size >= 2 ** -126 && size < Infinity;
}
