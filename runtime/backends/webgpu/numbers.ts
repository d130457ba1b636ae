/**
 * The numbers of a step: those the host forms in float64, once for all leaves of a group, and those that
 * rest on gradients, which kernels form in float32 where they need them.
 */
import { Evaluator } from "../../../dsl/evaluate.ts";
import { globalIndex } from "../../../dsl/graph.ts";
import { foldNodes, type Node, postorder } from "../../../dsl/node.ts";
import { randomRow } from "../../../dsl/ops.ts";
import { wordOf } from "../../../dsl/random/draw.ts";
import type { Plan } from "../../plan/plan.ts";
import { roundingKey } from "../../trees/rounding.ts";

/** The numbers that every step's numbers begin with. */
export const SPECIAL: readonly number[] = [Infinity, -Infinity, NaN, 0];

/** What a state is rounded by: a seed, and its number in its program. */
export interface Rounded {
  readonly seed: number;
  readonly state: number;
}

/** A word as two numbers that float32 has. */
function halvesOf(word: number): [high: number, low: number] {
  return [word >>> 16, word & 0xffff];
}

/** The numbers that the host forms for a group. */
export class HostNumbers {
  /** In the order they are handed over. */
  readonly nodes: readonly Node[];
  /** What keys of random numbers are made of, where the host forms it: as words, each in two numbers. */
  readonly #keys: readonly Node[];
  readonly #index: ReadonlyMap<Node, number>;
  readonly #evaluator: Evaluator;
  /** The states that are rounded stochastically. */
  readonly #rounded: readonly (readonly [name: string, Rounded])[];

  /** The hyperparameters that only the device knows. */
  readonly #late: readonly string[];

  /**
   * `ofData` are the states that rest on gradients; `rounded`, those that are rounded stochastically; `late`, the
   * hyperparameters that rest on gradients.
   */
  constructor(
    plan: Plan,
    ofData: ReadonlySet<string>,
    rounded: ReadonlyMap<string, Rounded>,
    late: readonly string[] = [],
  ) {
    [this.#rounded, this.#late] = [[...rounded], late];
    const roots = [
      ...plan.outputs.map(({ node }) => node),
      ...plan.treeStates.values(),
      ...plan.phases.flat().flatMap(({ accumulations }) => accumulations).map((a) => a.operand),
    ];
    const isHost = foldNodes<boolean>(roots, (node, src) => {
      if (plan.extents.get(node) !== "scalar" || src.includes(false)) return false;
      const name = node.op === "Symbol" ? node.arg as string : undefined;
      return name === undefined ||
        (globalIndex(name) === undefined && !ofData.has(name) && !late.includes(name));
    });
    const wanted = new Set<Node>();
    const want = (node: Node) => {
      if (isHost.get(node) && !(node.op === "Const" && isPlain(node.arg as number))) {
        wanted.add(node);
      }
    };
    // What only the host computes needs nothing of its own handed over.
    const reached = postorder(roots).filter((node) => !isHost.get(node));
    const keys = new Set<Node>();
    for (const node of reached) {
      if (randomRow(node.op) === undefined) node.src.forEach(want);
      else for (const operand of node.src) if (isHost.get(operand)) keys.add(operand);
    }
    for (const root of roots) want(root);
    [this.nodes, this.#keys] = [[...wanted], [...keys]];
    this.#index = new Map(this.nodes.map((node, i) => [node, i]));
    this.#evaluator = new Evaluator([...this.nodes, ...this.#keys]);
  }

  /** The place of a number among them, or undefined for what the host does not form. */
  indexOf(node: Node): number | undefined {
    return this.#index.get(node);
  }

  /** The place of the two numbers of a key's word, or undefined for what the host does not form. */
  keyOf(node: Node): number | undefined {
    const k = this.#keys.indexOf(node);
    return k < 0 ? undefined : this.nodes.length + 2 * k;
  }

  /** The place of the four numbers of a state's rounding, or undefined for what is rounded to nearest. */
  roundingOf(state: string): number | undefined {
    const k = this.#rounded.findIndex(([name]) => name === state);
    return k < 0 ? undefined : this.nodes.length + 2 * this.#keys.length + 4 * k;
  }

  /** The place of a hyperparameter that the device brings in, or undefined for what the host forms. */
  lateOf(name: string): number | undefined {
    const k = this.#late.indexOf(name);
    return k < 0 ? undefined : this.size - this.#late.length + k;
  }

  /** Whether some state is rounded stochastically. */
  get hasRounding(): boolean {
    return this.#rounded.length > 0;
  }

  /** How many numbers there are. */
  get size(): number {
    return this.nodes.length + 2 * this.#keys.length + 4 * this.#rounded.length +
      this.#late.length;
  }

  /** The value of each, in float64, and the halves of the words of keys. */
  evaluate(symbols: ReadonlyMap<string, number>): number[] {
    this.#evaluator.evaluate(symbols);
    return [
      ...this.nodes.map((node) => this.#evaluator.get(node)),
      ...this.#keys.flatMap((node) => halvesOf(wordOf(this.get(node)))),
      ...this.#rounded.flatMap(([, { seed, state }]) =>
        roundingKey(seed, symbols.get("count")!, state).flatMap(halvesOf)
      ),
    ];
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
