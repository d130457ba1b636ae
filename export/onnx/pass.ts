/** Writes what the leaves of a graph go through: reductions over the tree in turn, then their results. */
import { elaborate, globalSymbol } from "../../dsl/graph.ts";
import { type Node, type ReduceOpName, symbol } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { type Made, PARTS, resultMadeAs } from "./body.ts";
import type { Constants } from "./constants.ts";
import type { Functions } from "./functions.ts";
import type { GraphLeaf, GraphLeaves, GraphOptions } from "./leaves.ts";
import { at, type Names } from "./names.ts";
import { node, type NodeInit } from "./proto.ts";
import type { Scalars } from "./scalars.ts";
import type { Given } from "./scope.ts";

/** What is written into. */
export interface PassScope {
  readonly names: Names;
  readonly constants: Constants;
  readonly nodes: NodeInit[];
  readonly functions: Functions;
  readonly options: GraphOptions;
}

/** What is written. */
export interface PassOf {
  readonly program: Program;
  readonly leaves: GraphLeaves;
  readonly scalars: Scalars;
  /** What to call its functions, and what they say of themselves. */
  readonly name: string;
  readonly doc: string;
  /** The names in the graph of what a leaf brings, and of its results. */
  given(name: string, leaf: GraphLeaf): string;
  made(name: string, leaf: GraphLeaf): string;
}

/** Whether something is done with the sum of the parts of a reduction. */
function isFinished(op: ReduceOpName): boolean {
  return op === "ReduceMean" || op === "ReduceL2";
}

/** One way through the leaves. */
export class Pass {
  readonly #scope: PassScope;
  readonly #of: PassOf;
  /** What each leaf has made for its later phases. */
  readonly #kept = new Map<GraphLeaf, Map<Node, string>>();

  constructor(scope: PassScope, of: PassOf) {
    [this.#scope, this.#of] = [scope, of];
  }

  /** Writes the reductions over the tree. */
  reduce(): void {
    for (let phase = 1; phase <= Math.max(0, ...this.#of.leaves.levels.values()); phase++) {
      this.#reduce(phase);
    }
  }

  /** Writes the results of each leaf, which wait for those. */
  results(): void {
    for (const leaf of this.#of.leaves.all) this.#results(leaf);
  }

  /** Writes the reductions over the tree that are known after a phase. */
  #reduce(phase: number): void {
    const { globals } = elaborate(this.#of.program);
    const due = [...this.#of.leaves.levels].flatMap(([k, level]) => level === phase ? [k] : []);
    const parts = new Map<number, string[]>(due.map((k) => [k, []]));
    const suffix = due.length === 1 ? reduceOps[globals[due[0]].op].call : `phase${phase}`;
    for (const leaf of this.#of.leaves.all) {
      this.#place(leaf, phase - 1, `${this.#of.name}_${suffix}`, "", parts);
    }
    for (const k of due) {
      this.#of.scalars.define(symbol(globalSymbol(k)), this.#total(k, parts.get(k)!));
    }
  }

  /** Writes the results of a leaf. */
  #results(leaf: GraphLeaf): void {
    const { phases } = leaf.kind;
    const { given, made, name, doc } = this.#of;
    this.#place(leaf, phases.length - 1, name, doc, new Map());
    for (const [result, { of, name: from }] of phases[phases.length - 1].copies) {
      const value = of === "leaf" ? given(from, leaf) : made(from, leaf);
      this.#scope.nodes.push(node("Identity", [value], made(result, leaf)));
    }
  }

  /** Writes one phase of one leaf. */
  #place(
    leaf: GraphLeaf,
    phase: number,
    name: string,
    doc: string,
    parts: ReadonlyMap<number, string[]>,
  ): void {
    const { kind } = leaf;
    if (!this.#kept.has(leaf)) this.#kept.set(leaf, new Map());
    const kept = this.#kept.get(leaf)!;
    const given = (each: Given): string => {
      switch (each.kind) {
        case "leaf": {
          const isVector = this.#of.leaves.vectors.has(each.name);
          return isVector ? at(`hyper/${each.name}`, leaf) : this.#of.given(each.name, leaf);
        }
        case "scalar": {
          const text = kind.form.scalarTexts.of(each.node);
          return this.#of.scalars.value(
            this.#of.leaves.bind(each.node, kind.group),
            each.type,
            text,
          );
        }
        case "constant":
          return this.#scope.constants.number(each.value, each.type);
        case "list":
          return this.#scope.constants.list(each.values);
        case "kept":
          return kept.get(each.node)!;
      }
    };
    const made = (each: Made, own: string): string => {
      if (each.kind === "next") return this.#of.made(each.name, leaf);
      if (each.kind === "partial") {
        const { op } = elaborate(this.#of.program).globals[each.global];
        // What has one part is that part.
        const isWhole = this.#of.leaves.all.length === 1 && !isFinished(op);
        const name = isWhole ? this.#nameOf(each.global) : this.#scope.names.fresh(at(own, leaf));
        parts.get(each.global)!.push(name);
        return name;
      }
      const result = resultMadeAs(kind, each.node);
      const name = result === undefined
        ? this.#scope.names.fresh(at(own, leaf))
        : this.#of.made(result, leaf);
      kept.set(each.node, name);
      return name;
    };
    const actual = { path: leaf.path, given, made };
    this.#scope.nodes.push(...this.#scope.functions.place(kind.phases[phase], name, doc, actual));
  }

  /** Joins the leaves' parts of a reduction over the tree, in the order of the tree. */
  #total(k: number, parts: readonly string[]): string {
    const { op } = elaborate(this.#of.program).globals[k];
    const { size } = this.#of.leaves;
    const { precision } = this.#scope.options;
    const { start, finish } = reduceOps[op];
    const [first, ...others] = parts;
    if (first === undefined) return this.#scope.constants.number(finish(start, size), precision);
    const write = (name: string, op: string, operands: readonly string[]): string => {
      this.#scope.nodes.push(node(op, operands, name));
      return name;
    };
    const text = `sum of ${this.#textOf(k)}`;
    const total = others.reduce((sum, part, i) => {
      const isLast = i === others.length - 1 && !isFinished(op);
      const name = isLast ? this.#nameOf(k) : this.#scope.names.fresh(text);
      return write(name, PARTS[op].combine, [sum, part]);
    }, first);
    if (op === "ReduceL2") return write(this.#nameOf(k), "Sqrt", [total]);
    if (op !== "ReduceMean") return total;
    return write(this.#nameOf(k), "Div", [total, this.#scope.constants.number(size, precision)]);
  }

  #textOf(k: number): string {
    return this.#of.leaves.all[0].kind.form.scalarTexts.of(symbol(globalSymbol(k)));
  }

  #nameOf(k: number): string {
    return this.#of.scalars.nameOf(symbol(globalSymbol(k)), this.#textOf(k));
  }
}
