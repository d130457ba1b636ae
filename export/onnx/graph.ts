/** The graph of an exported step: what changes once a step, then each leaf. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { elaborate, globalSymbol } from "../../dsl/graph.ts";
import { latex } from "../../dsl/latex.ts";
import { type Node, symbol } from "../../dsl/node.ts";
import { reduceOps } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { extentSize } from "../../runtime/plan/extent.ts";
import { type Made, partOf, resultMadeAs } from "./body.ts";
import { Constants } from "./constants.ts";
import { Functions } from "./functions.ts";
import { type HostNumber, HostNumbers } from "./host.ts";
import type { Hyperparameters } from "./hyper.ts";
import type { GraphLeaf, GraphLeaves, GraphOptions, Shape } from "./leaves.ts";
import { Names } from "./names.ts";
import {
  type ElementType,
  type FunctionInit,
  node,
  type NodeInit,
  type TensorInit,
  valueInfo,
  type ValueInit,
} from "./proto.ts";
import { Scalars } from "./scalars.ts";
import type { Into } from "./reduce.ts";
import type { Given } from "./scope.ts";
import { type Part, writeTotal } from "./total.ts";

/** What a graph consists of. */
export interface GraphParts {
  readonly inputs: readonly ValueInit[];
  readonly outputs: readonly ValueInit[];
  readonly constants: readonly TensorInit[];
  readonly nodes: readonly NodeInit[];
  readonly functions: readonly FunctionInit[];
  /** The numbers that are computed outside the graph. */
  readonly host: Readonly<Record<string, HostNumber>>;
}

/** The name of a leaf of a tree. */
export function at(name: string, { path }: { readonly path: string }): string {
  return path === "" ? name : `${name}/${path}`;
}

/** How many elements of a leaf a reduction over the tree is of. */
function countOf({ kind: { form }, arrays: [{ shape }] }: GraphLeaf, k: number): number {
  const operand = form.operands[k];
  const extent = operand === undefined ? "element" : form.extents.get(operand) ?? "element";
  return extentSize(extent, shape as readonly number[]);
}

/** Writes the graph of an optimizer. */
export class GraphWriter {
  readonly #program: Program;
  readonly #leaves: GraphLeaves;
  readonly #hyper: Hyperparameters;
  readonly #options: GraphOptions;
  readonly #doing: string;
  readonly #names = new Names();
  readonly #constants = new Constants(this.#names);
  readonly #inputs: ValueInit[] = [];
  readonly #outputs: ValueInit[] = [];
  readonly #nodes: NodeInit[] = [];
  readonly #functions: Functions;
  readonly #scalars: Scalars;
  readonly #host: HostNumbers | undefined;
  /** What each leaf has made for its later phases. */
  readonly #kept = new Map<GraphLeaf, Map<Node, string>>();

  constructor(
    program: Program,
    leaves: GraphLeaves,
    hyper: Hyperparameters,
    options: GraphOptions,
    doing: string,
  ) {
    [this.#program, this.#leaves, this.#hyper] = [program, leaves, hyper];
    [this.#options, this.#doing] = [options, doing];
    this.#functions = new Functions(this.#names, options.inlineFunctions);
    this.#host = options.precision === "float64"
      ? undefined
      : new HostNumbers(leaves.treeStates, program, this.#names);
    const { scalarTexts } = leaves.all[0].kind.form;
    this.#scalars = new Scalars(
      { names: this.#names, constants: this.#constants, nodes: this.#nodes, doing },
      options.precision,
      scalarTexts,
      this.#host,
    );
  }

  write(): GraphParts {
    this.#declare();
    const { treeStates } = this.#leaves;
    const carried = treeStates.filter(([name]) => this.#host?.isCarried(name) ?? true);
    for (const [name, root] of carried) this.#scalars.expect(root, `next/${name}`);
    for (let phase = 1; phase <= Math.max(0, ...this.#leaves.levels.values()); phase++) {
      this.#reduce(phase);
    }
    for (const [name, root] of carried) {
      this.#scalars.result(root, `next/${name}`, this.#typeOf(name));
    }
    for (const leaf of this.#leaves.all) this.#results(leaf);
    if (this.#host === undefined) {
      this.#nodes.push(node("Add", ["count", this.#constants.number(1, "int64")], "next/count"));
    }
    return {
      host: this.#host?.numbers ?? {},
      inputs: [...(this.#host?.inputs ?? []), ...this.#inputs],
      outputs: this.#outputs,
      constants: this.#constants.all,
      nodes: this.#nodes,
      functions: this.#functions.all,
    };
  }

  /** The inputs and outputs of the graph. */
  #declare(): void {
    const { inputs, state } = this.#program;
    const input = (name: string, type: ElementType, shape: Shape) =>
      this.#inputs.push(valueInfo(name, type, shape));
    const carried = (name: string, type: ElementType, shape: Shape) => {
      input(name, type, shape);
      this.#outputs.push(valueInfo(`next/${name}`, type, shape));
    };
    const scalars = [
      ...this.#hyper.inputs.keys(),
      ...[...inputs].flatMap(([name, kind]) => kind === "scalar" ? [name] : []),
    ].filter((name) => !this.#leaves.vectors.has(name.split("/")[1]));
    if (this.#host === undefined) {
      carried("count", "int64", []);
      for (const name of scalars) input(name, "float64", []);
    } else {
      // Those that are read become inputs as they are met.
      for (const name of scalars) this.#names.take(name);
    }
    const trees = this.#leaves.treeStates.map(([name]) => name);
    for (const name of state.keys()) {
      if (!trees.includes(name)) continue;
      if (this.#host?.isCarried(name) ?? true) carried(name, this.#typeOf(name), []);
    }
    for (const leaf of this.#leaves.all) {
      for (const { name, type, shape, isCarried } of leaf.arrays) {
        (isCarried ? carried : input)(at(name, leaf), type, shape);
      }
    }
    for (const { name } of [...this.#inputs, ...this.#outputs]) {
      if (this.#names.take(name!)) continue;
      throw new GradusError(
        `${this.#doing}: two values of the graph would be named ${quoted(name!)}: ` +
          `rename a parameter or state`,
      );
    }
  }

  /** What a number of the tree is. */
  #typeOf(state: string): ElementType {
    return this.#host?.counts.names.has(state) ? "int64" : this.#options.precision;
  }

  /** Writes the reductions over the tree that are known after a phase. */
  #reduce(phase: number): void {
    const { globals } = elaborate(this.#program);
    const due = [...this.#leaves.levels].flatMap(([k, level]) => level === phase ? [k] : []);
    const parts = new Map<number, Part[]>(due.map((k) => [k, []]));
    const suffix = due.length === 1 ? reduceOps[globals[due[0]].op].call : `phase${phase}`;
    for (const leaf of this.#leaves.all) {
      this.#place(leaf, phase - 1, `${this.#program.name}_${suffix}`, "", parts);
    }
    for (const k of due) {
      this.#scalars.define(symbol(globalSymbol(k)), this.#total(k, parts.get(k)!));
    }
  }

  /** Writes the next values of a leaf. */
  #results(leaf: GraphLeaf): void {
    const { phases } = leaf.kind;
    const { name, doc, source } = this.#program;
    const equations = [doc, latex(this.#program), source].filter(Boolean).join("\n\n");
    this.#place(leaf, phases.length - 1, name, equations, new Map());
    for (const [result, { of, name: from }] of phases[phases.length - 1].copies) {
      const value = of === "leaf" ? at(from, leaf) : `next/${at(from, leaf)}`;
      this.#nodes.push(node("Identity", [value], `next/${at(result, leaf)}`));
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
          const isVector = this.#leaves.vectors.has(each.name);
          return at(isVector ? `hyper/${each.name}` : each.name, leaf);
        }
        case "scalar": {
          const text = kind.form.scalarTexts.of(each.node);
          return this.#scalars.value(this.#leaves.bind(each.node, kind.group), each.type, text);
        }
        case "constant":
          return this.#constants.number(each.value, each.type);
        case "list":
          return this.#constants.list(each.values);
        case "kept":
          return kept.get(each.node)!;
      }
    };
    const made = (each: Made, own: string): string => {
      if (each.kind === "next") return `next/${at(each.name, leaf)}`;
      if (each.kind === "partial") {
        const { op } = elaborate(this.#program).globals[each.global];
        // What has one part is that part.
        const isWhole = this.#leaves.all.length === 1 && partOf(op, this.#options.precision) === op;
        const name = isWhole ? this.#nameOf(each.global) : this.#names.fresh(at(own, leaf));
        parts.get(each.global)!.push({ name, count: countOf(leaf, each.global) });
        return name;
      }
      const result = resultMadeAs(kind, each.node);
      const name = result === undefined
        ? this.#names.fresh(at(own, leaf))
        : `next/${at(result, leaf)}`;
      kept.set(each.node, name);
      return name;
    };
    const actual = { path: leaf.path, given, made };
    this.#nodes.push(...this.#functions.place(kind.phases[phase], name, doc, actual));
  }

  /** Joins the leaves' parts of a reduction over the tree. */
  #total(k: number, parts: readonly Part[]): string {
    const { op } = elaborate(this.#program).globals[k];
    const { precision, opset } = this.#options;
    const { all } = this.#leaves;
    // It bears the name already.
    if (all.length === 1 && parts.length === 1 && partOf(op, precision) === op) {
      return parts[0].name;
    }
    const count = all.reduce((sum, leaf) => sum + countOf(leaf, k), 0);
    const name = () => this.#nameOf(k);
    const text = this.#textOf(k);
    return writeTotal({ op, precision, opset, count, text, name }, parts, this.#into);
  }

  get #into(): Into {
    const make: Into["make"] = (output, op, operands, attributes) =>
      void this.#nodes.push(node(op, operands, output, attributes));
    return {
      make,
      write: (op, operands, wanted, attributes) => {
        const output = this.#names.fresh(wanted);
        make(output, op, operands, attributes);
        return output;
      },
      number: (value, type) => this.#constants.number(value, type),
      list: (values) => this.#constants.list(values),
    };
  }

  #textOf(k: number): string {
    return this.#leaves.all[0].kind.form.scalarTexts.of(symbol(globalSymbol(k)));
  }

  #nameOf(k: number): string {
    return this.#scalars.nameOf(symbol(globalSymbol(k)), this.#textOf(k));
  }
}
