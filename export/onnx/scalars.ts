/** The numbers of a graph that change once a step. */
import { GradusError } from "../../dsl/errors.ts";
import { globalIndex } from "../../dsl/graph.ts";
import type { Node } from "../../dsl/node.ts";
import { elementRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import type { Constants } from "./constants.ts";
import { powersByCounts } from "../../runtime/plan/counts.ts";
import type { Arithmetic } from "../../runtime/trees/dtype.ts";
import type { HostNumbers } from "./host.ts";
import type { Names } from "./names.ts";
import { orderOf } from "./order.ts";
import { cast, type ElementType, node, type NodeInit } from "./proto.ts";
import type { Texts } from "./text.ts";

// ONNX spells these for float64, but ONNX Runtime has no kernel for them.
const NO_FLOAT64 = ["Tan", "Asin", "Acos", "Atan"];

/** Refuses an operation for which ONNX Runtime has no kernel. */
export function requireKernel(op: Node["op"], shown: Node, type: ElementType, doing: string): void {
  if (type !== "float64" || !NO_FLOAT64.includes(op)) return;
  throw new GradusError(
    `${doing}: \`${sketchExpression(shown)}\` would be computed in float64, and ONNX Runtime has ` +
      `no float64 ${op}`,
  );
}

/** The scope that nodes are written into. */
export interface Scope {
  readonly names: Names;
  readonly constants: Constants;
  readonly nodes: NodeInit[];
  readonly doing: string;
}

/** Writes numbers, each once, in the type that they are computed in. */
export class Scalars {
  readonly #scope: Scope;
  readonly #type: Arithmetic;
  readonly #host: HostNumbers | undefined;
  readonly #values = new Map<Node, string>();
  readonly #converted = new Map<string, string>();
  readonly #expected = new Map<Node, string>();
  readonly #texts: Texts;
  readonly #formed = new Map<Node, Node>();

  /** `host` gives the numbers that are known before the step; else all are computed here. */
  constructor(scope: Scope, type: Arithmetic, texts: Texts, host?: HostNumbers) {
    [this.#scope, this.#type, this.#texts, this.#host] = [scope, type, texts, host];
  }

  /** Says what a symbol is called in the graph. */
  define(symbol: Node, name: string): void {
    this.#values.set(symbol, name);
  }

  /** The name of a number as `type`; `wanted` is what to call it if it is free. */
  value(root: Node, type: ElementType, wanted?: string): string {
    const formed = this.#form(root);
    this.#compute(formed, wanted);
    return this.#as(formed, type);
  }

  /** A number as its type forms it well. */
  #form(root: Node): Node {
    const host = this.#host;
    if (host === undefined) return root;
    if (!this.#formed.has(root)) {
      const isKnown = (node: Node) => host.isKnown(node);
      this.#formed.set(root, powersByCounts([root], host.counts, isKnown)(root));
    }
    return this.#formed.get(root)!;
  }

  /** The name of a number that has been computed, or of a constant, as `type`. */
  #as(node: Node, type: ElementType): string {
    if (node.op === "Const") return this.#scope.constants.number(node.arg as number, type);
    const value = this.#values.get(node)!;
    const isTruth = elementRow(node.op)?.gives === "truth";
    return isTruth || type === this.#typeOf(node) ? value : this.#cast(value, type);
  }

  #typeOf(node: Node): ElementType {
    return this.#host?.counts.isWhole(node) ? "int64" : this.#type;
  }

  /** Says that a number is a result, which bears that name wherever it is computed. */
  expect(given: Node, output: string): void {
    const root = this.#form(given);
    const isGiven = root.op === "Symbol" && globalIndex(root.arg as string) === undefined;
    if (root.op === "Const" || isGiven || this.#expected.has(root)) return;
    this.#expected.set(root, output);
  }

  /** The name for a number that is about to be computed; `wanted` is what to call it. */
  nameOf(root: Node, wanted: string): string {
    return this.#expected.get(root) ?? this.#scope.names.fresh(wanted);
  }

  /** Makes a result of a number. */
  result(root: Node, output: string, type: ElementType): void {
    const value = this.value(root, type);
    if (value !== output) this.#scope.nodes.push(node("Identity", [value], output));
  }

  #compute(root: Node, wanted: string | undefined): void {
    if (this.#values.has(root)) return;
    const isGiven = (each: Node) =>
      this.#values.has(each) || (each.op !== "Const" && this.#host?.isKnown(each) === true);
    for (const each of orderOf([root], isGiven)) {
      if (this.#values.has(each) || each.op === "Const") continue;
      const text = each === root && wanted !== undefined ? wanted : this.#texts.of(each);
      if (this.#host?.isKnown(each)) {
        this.#values.set(each, this.#host.input(each, text));
        continue;
      }
      if (each.op === "Symbol") {
        this.#values.set(each, this.#symbol(each.arg as string));
        continue;
      }
      const row = elementRow(each.op)!;
      const counts = this.#host?.counts;
      const type = counts?.isWhole(each) || counts?.isOfWhole(each) ? "int64" : this.#type;
      const operands = each.src.map((operand, k) =>
        this.#as(operand, row.takes[k] === "truth" ? "bool" : type)
      );
      requireKernel(each.op, each, type, this.#scope.doing);
      const name = this.nameOf(each, text);
      this.#scope.nodes.push(node(row.onnx!, operands, name));
      this.#values.set(each, name);
    }
  }

  #symbol(name: string): string {
    return name === "count" && this.#type === "float64" ? this.#cast("count", "float64") : name;
  }

  #cast(value: string, type: ElementType): string {
    const key = `${type} ${value}`;
    if (!this.#converted.has(key)) {
      const name = this.#scope.names.fresh(`${type}(${value})`);
      this.#scope.nodes.push(cast(value, name, type));
      this.#converted.set(key, name);
    }
    return this.#converted.get(key)!;
  }
}
