/** Writes what the leaves of a graph go through: reductions over the tree in turn, then their results. */
import { elaborate, globalSymbol } from "../../dsl/graph.ts";
import { type Node, type ReduceOpName, symbol } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { extentSize } from "../../runtime/plan/extent.ts";
import { type Made, partOf, resultMadeAs } from "./body.ts";
import type { Constants } from "./constants.ts";
import type { Functions } from "./functions.ts";
import type { GraphLeaf, GraphLeaves, GraphOptions } from "./leaves.ts";
import { intoMatrices, type MatricesScope, type OfLeaf, outOfMatrices } from "./matrices.ts";
import { at, type Names } from "./names.ts";
import { node, type NodeInit } from "./proto.ts";
import type { Into } from "./reduce.ts";
import type { Scalars } from "./scalars.ts";
import type { Given } from "./scope.ts";
import { type Part, writeTotal } from "./total.ts";

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

/** How many elements of a leaf a reduction over the tree is of. */
function countOf({ kind: { form }, arrays: [{ shape }], view }: GraphLeaf, k: number): number {
  const operand = form.operands[k];
  const extent = operand === undefined ? "element" : form.extents.get(operand) ?? "element";
  if (view !== undefined) return view.count * extentSize(extent, view.shape);
  return extentSize(extent, shape as readonly number[]);
}

/** One way through the leaves. */
export class Pass {
  readonly #scope: PassScope;
  readonly #of: PassOf;
  /** What each leaf has made for its later phases. */
  readonly #kept = new Map<GraphLeaf, Map<Node, string>>();
  /** The matrices of what leaves bring that are seen as such. */
  readonly #seen = new Map<string, string>();

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
    const parts = new Map<number, Part[]>(due.map((k) => [k, []]));
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
    parts: ReadonlyMap<number, Part[]>,
  ): void {
    const { kind } = leaf;
    if (!this.#kept.has(leaf)) this.#kept.set(leaf, new Map());
    const kept = this.#kept.get(leaf)!;
    const given = (each: Given): string => {
      switch (each.kind) {
        case "leaf": {
          const isVector = this.#of.leaves.vectors.has(each.name);
          return isVector ? at(`hyper/${each.name}`, leaf) : this.#given(each.name, leaf);
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
        case "table":
          return this.#scope.constants.table(each.name, each.values);
        case "kept":
          return kept.get(each.node)!;
      }
    };
    const taken: NodeInit[] = [];
    const made = (each: Made, own: string): string => {
      if (each.kind === "next") return this.#made(each.name, leaf, taken);
      if (each.kind === "partial") {
        const { op } = elaborate(this.#of.program).globals[each.global];
        const name = this.#isWhole(op)
          ? this.#nameOf(each.global)
          : this.#scope.names.fresh(at(own, leaf));
        parts.get(each.global)!.push({ name, count: countOf(leaf, each.global) });
        return name;
      }
      const result = resultMadeAs(kind, each.node);
      const name = result === undefined
        ? this.#scope.names.fresh(at(own, leaf))
        : this.#made(result, leaf, taken);
      kept.set(each.node, name);
      return name;
    };
    const actual = { path: leaf.path, given, made };
    this.#scope.nodes.push(
      ...this.#scope.functions.place(kind.phases[phase], name, doc, actual),
      ...taken,
    );
  }

  /** What a leaf brings, as it is computed with. */
  #given(name: string, leaf: GraphLeaf): string {
    const value = this.#of.given(name, leaf);
    if (leaf.view === undefined) return value;
    if (!this.#seen.has(value)) {
      const of = this.#ofLeaf(name, leaf);
      this.#seen.set(value, intoMatrices(this.#matrices(this.#scope.nodes), leaf.view, of, value));
    }
    return this.#seen.get(value)!;
  }

  /** What to call a result as it is computed; `taken` are the nodes that make of it what the leaf takes. */
  #made(name: string, leaf: GraphLeaf, taken: NodeInit[]): string {
    const result = this.#of.made(name, leaf);
    if (leaf.view === undefined) return result;
    const matrices = this.#scope.names.fresh(`${result} as matrices`);
    const of = this.#ofLeaf(name, leaf);
    outOfMatrices(this.#matrices(taken), leaf.view, of, matrices, result);
    return matrices;
  }

  #ofLeaf(name: string, { arrays }: GraphLeaf): OfLeaf {
    const shape = arrays.find((each) => each.name === name)!.shape as readonly number[];
    return {
      shape,
      isLikeLeaf: (this.#of.program.state.get(name)?.over ?? "element") === "element",
    };
  }

  #matrices(nodes: NodeInit[]): MatricesScope {
    const { names, constants } = this.#scope;
    return { nodes, fresh: (name) => names.fresh(name), list: (values) => constants.list(values) };
  }

  /** Whether the part of the only leaf is the whole. */
  #isWhole(op: ReduceOpName): boolean {
    return this.#of.leaves.all.length === 1 && partOf(op, this.#scope.options.precision) === op;
  }

  /** Joins the leaves' parts of a reduction over the tree, in the order of the tree. */
  #total(k: number, parts: readonly Part[]): string {
    const { op } = elaborate(this.#of.program).globals[k];
    const { precision, opset } = this.#scope.options;
    // It bears the name already.
    if (this.#isWhole(op) && parts.length === 1) return parts[0].name;
    const count = this.#of.leaves.all.reduce((sum, leaf) => sum + countOf(leaf, k), 0);
    const name = () => this.#nameOf(k);
    const text = this.#textOf(k);
    return writeTotal({ op, precision, opset, count, text, name }, parts, this.#into);
  }

  get #into(): Into {
    const { names, constants, nodes } = this.#scope;
    const make: Into["make"] = (output, op, operands, attributes) =>
      void nodes.push(node(op, operands, output, attributes));
    return {
      make,
      write: (op, operands, wanted, attributes) => {
        const output = names.fresh(wanted);
        make(output, op, operands, attributes);
        return output;
      },
      number: (value, type) => constants.number(value, type),
      list: (values) => constants.list(values),
    };
  }

  #textOf(k: number): string {
    return this.#of.leaves.all[0].kind.form.scalarTexts.of(symbol(globalSymbol(k)));
  }

  #nameOf(k: number): string {
    return this.#of.scalars.nameOf(symbol(globalSymbol(k)), this.#textOf(k));
  }
}
