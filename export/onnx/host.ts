/**
 * Numbers that whoever runs a graph computes and gives it: those that are known before the step. In
 * float32 the graph itself could not: 1 - 0.999^t would lose half its digits.
 */
import { globalIndex } from "../../dsl/graph.ts";
import {
  apply,
  constant,
  foldNodes,
  type Node,
  postorder,
  symbol,
  withSources,
} from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import { printExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { Counts } from "../../runtime/plan/counts.ts";
import { Names } from "./names.ts";
import { type ElementType, valueInfo, type ValueInit } from "./proto.ts";

/** A number as metadata carry it: an expression, and the inputs its hyperparameters are. */
export interface HostNumber {
  /** Its text, of `count`, inputs and states of the program, and the names in `hyper`. */
  readonly value: string;
  /** Names in the text that stand for hyperparameters: `hyper/<name>` and its place in a tree. */
  readonly hyper?: Readonly<Record<string, string>>;
}

/** What is computed outside a graph. */
export class HostNumbers {
  /** The numbers by the names of inputs, or `next/<state>` for states that the graph never sees. */
  readonly numbers: Record<string, HostNumber> = {};
  /** The inputs that the graph has for them. */
  readonly inputs: ValueInit[] = [];
  readonly #reserved: readonly string[];
  readonly #names: Names;
  readonly #isKnown = new Map<Node, boolean>();
  readonly #given = new Map<Node, string>();
  readonly #ofGraph = new Set<string>();
  /** The states that the graph carries and counts in, and `next/<state>` of each. */
  readonly counts: Counts;

  /** `states` are the next numbers of the states over the tree, `names` are those of the graph. */
  constructor(
    states: readonly (readonly [name: string, next: Node])[],
    program: Program,
    names: Names,
  ) {
    this.#names = names;
    this.#reserved = ["count", ...program.inputs.keys(), ...program.state.keys()];
    // What rests on data makes all that rests on it do so.
    for (let size = -1; size !== this.#ofGraph.size;) {
      size = this.#ofGraph.size;
      this.#isKnown.clear();
      for (const [name, next] of states) if (!this.isKnown(next)) this.#ofGraph.add(name);
    }
    for (const [name, next] of states) {
      if (this.#ofGraph.has(name)) this.#ofGraph.add(`next/${name}`);
      else this.numbers[`next/${name}`] = this.#spelled(next);
    }
    const carried = new Map(states.filter(([name]) => this.isCarried(name)));
    const { names: own } = Counts.among(carried, program);
    this.counts = new Counts(new Set([...own].flatMap((name) => [name, `next/${name}`])));
  }

  /** Whether the graph carries a state over the tree. */
  isCarried(state: string): boolean {
    return this.#ofGraph.has(state);
  }

  /** Whether a number is known before the step. */
  isKnown(node: Node): boolean {
    for (const each of postorder([node])) {
      if (this.#isKnown.has(each)) continue;
      const name = each.arg as string;
      const isOfGraph = each.op === "Symbol" &&
        (globalIndex(name) !== undefined || this.#ofGraph.has(name));
      this.#isKnown.set(each, !isOfGraph && each.src.every((src) => this.#isKnown.get(src)!));
    }
    return this.#isKnown.get(node)!;
  }

  /** The input that holds a number; `wanted` is what to call it. */
  input(node: Node, wanted: string): string {
    let name = this.#given.get(node);
    if (name === undefined) {
      const isInput = node.op === "Symbol" && !this.#isCounted(node.arg as string);
      name = isInput ? node.arg as string : this.#names.fresh(`step/${wanted}`);
      const isTruth = elementRow(node.op)?.gives === "truth";
      const type: ElementType = isTruth ? "bool" : "float32";
      this.inputs.push(valueInfo(name, type, []));
      if (!isInput) this.numbers[name] = this.#spelled(node);
      this.#given.set(node, name);
    }
    return name;
  }

  /** Whether a symbol is no input of the graph in its own right. */
  #isCounted(name: string): boolean {
    return name === "count" || `next/${name}` in this.numbers;
  }

  #spelled(node: Node): HostNumber {
    const names = new Names();
    for (const each of this.#reserved) names.take(each);
    const hyper: Record<string, string> = {};
    const renamed = foldNodes<Node>([node], (each, src) => {
      if (each.op !== "Symbol") return withSources(each, src);
      const input = each.arg as string;
      if (!input.startsWith("hyper/")) return each;
      const name = names.fresh(input.split("/")[1]);
      hyper[name] = input;
      return symbol(name);
    });
    const own = renamed.get(node)!;
    // An expression is a number: of a condition, 1 where it holds.
    const isTruth = elementRow(node.op)?.gives === "truth";
    const value = printExpression(isTruth ? apply("Where", own, constant(1), constant(0)) : own);
    return Object.keys(hyper).length === 0 ? { value } : { value, hyper };
  }
}
