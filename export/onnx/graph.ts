/** The graph of an exported step: what changes once a step, then each leaf. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { evaluation } from "../../dsl/graph.ts";
import { latex } from "../../dsl/latex.ts";
import { symbol } from "../../dsl/node.ts";
import { printExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { scalesOf } from "../../runtime/trees/block8.ts";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import { readBlocks, SCALES, storeBlocks } from "./blocks.ts";
import type { Body, Made } from "./body.ts";
import { Constants } from "./constants.ts";
import { Functions } from "./functions.ts";
import { type HostNumber, HostNumbers } from "./host.ts";
import type { Hyperparameters } from "./hyper.ts";
import type {
  GraphLeaf,
  GraphLeaves,
  GraphOptions,
  LeafArray,
  NextNumbers,
  Shape,
} from "./leaves.ts";
import { at, Names } from "./names.ts";
import {
  type ElementType,
  type FunctionInit,
  node,
  type NodeInit,
  type TensorInit,
  valueInfo,
  type ValueInit,
} from "./proto.ts";
import { Pass, type PassScope } from "./pass.ts";
import { Scalars } from "./scalars.ts";
import type { Given } from "./scope.ts";

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

/** The tree of what to evaluate with. */
export const EVALUATE = "evaluate";

const CODEC = "States in blocks of 256 codes of 8 bits, each with a scale; Dettmers et al. 2021.";

/** How a state of a leaf is stored in blocks, if it is. */
function blocksOf(name: string, { arrays }: GraphLeaf): LeafArray["blocks"] {
  return arrays.find((array) => array.name === name)?.blocks;
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
  /** What is in blocks as numbers, by what its codes are. */
  readonly #numbers = new Map<string, string>();
  readonly #inputs: ValueInit[] = [];
  readonly #outputs: ValueInit[] = [];
  readonly #nodes: NodeInit[] = [];
  readonly #functions: Functions;
  readonly #scalars: Scalars;
  readonly #host: HostNumbers | undefined;
  readonly #scope: PassScope;
  readonly #evaluated: ((after: NextNumbers) => GraphLeaves) | undefined;

  /** With `evaluated`, the leaves of what to evaluate with, it makes that too. */
  constructor(
    program: Program,
    leaves: GraphLeaves,
    hyper: Hyperparameters,
    options: GraphOptions,
    doing: string,
    evaluated?: (after: NextNumbers) => GraphLeaves,
  ) {
    this.#evaluated = evaluated;
    [this.#program, this.#leaves, this.#hyper] = [program, leaves, hyper];
    [this.#options, this.#doing] = [options, doing];
    this.#functions = new Functions(this.#names, options.inlineFunctions);
    this.#host = options.precision === "float64"
      ? undefined
      : new HostNumbers(leaves.treeStates, program, this.#names);
    this.#scalars = this.#scalarsWith(leaves);
    this.#scope = {
      names: this.#names,
      constants: this.#constants,
      nodes: this.#nodes,
      functions: this.#functions,
      options,
    };
  }

  write(): GraphParts {
    this.#declare();
    const { treeStates } = this.#leaves;
    const carried = treeStates.filter(([name]) => this.#host?.isCarried(name) ?? true);
    for (const [name, root] of carried) this.#scalars.expect(root, `next/${name}`);
    const { name, doc, source } = this.#program;
    const step = new Pass(this.#scope, {
      program: this.#program,
      leaves: this.#leaves,
      scalars: this.#scalars,
      name,
      doc: [doc, latex(this.#program), source].filter(Boolean).join("\n\n"),
      given: (name, leaf) => this.#read(name, leaf, ""),
      made: (name, leaf) => {
        const next = `next/${at(name, leaf)}`;
        return blocksOf(name, leaf) === undefined ? next : this.#numbersOf(next);
      },
    });
    step.reduce();
    for (const [name, root] of carried) {
      this.#scalars.result(root, `next/${name}`, this.#typeOf(name));
    }
    step.results();
    this.#store();
    if (this.#evaluated !== undefined) this.#evaluate(this.#evaluated);
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

  /** Writes what to evaluate with, of what the step has made. */
  #evaluate(evaluated: (after: NextNumbers) => GraphLeaves): void {
    const { treeStates } = this.#leaves;
    const isMade = (name: string) => this.#host?.isCarried(name) ?? true;
    const leaves = evaluated(
      new Map(
        treeStates.map(([name, root]) => [name, isMade(name) ? symbol(`next/${name}`) : root]),
      ),
    );
    const scalars = this.#scalarsWith(leaves);
    for (const [name] of treeStates) {
      if (isMade(name)) scalars.define(symbol(`next/${name}`), `next/${name}`);
    }
    const pass = new Pass(this.#scope, {
      program: evaluation(this.#program),
      leaves,
      scalars,
      name: `${this.#program.name}_evaluate`,
      doc: `What to evaluate with: ${printExpression(this.#program.evaluate)}`,
      given: (name, leaf) => this.#read(name, leaf, "next/"),
      made: (_name, leaf) => at(EVALUATE, leaf),
    });
    pass.reduce();
    pass.results();
  }

  /** What a leaf brings, or has been given by the step; what is in blocks as numbers. */
  #read(name: string, leaf: GraphLeaf, prefix: "" | "next/"): string {
    const own = prefix + at(name, leaf);
    const blocks = blocksOf(name, leaf);
    if (blocks === undefined) return own;
    // What a step has made is not yet what is stored of it.
    const isRead = this.#numbers.has(`stored ${own}`);
    const numbers = this.#numbersOf(`stored ${own}`);
    if (!isRead) {
      this.#codec(readBlocks(blocks.isUnsigned), "readBlocks", leaf, {
        codes: own,
        scales: own + SCALES,
        numbers,
      });
    }
    return numbers;
  }

  /** Stores what a step has made of states in blocks. */
  #store(): void {
    const { opset } = this.#options;
    for (const leaf of this.#leaves.all) {
      for (const { name, blocks } of leaf.arrays) {
        if (blocks === undefined) continue;
        const own = `next/${at(name, leaf)}`;
        this.#codec(storeBlocks(blocks.isUnsigned, opset), "storeBlocks", leaf, {
          codes: own,
          scales: own + SCALES,
          numbers: this.#numbersOf(own),
        });
      }
    }
  }

  /** What the numbers of codes are called. */
  #numbersOf(codes: string): string {
    if (!this.#numbers.has(codes)) {
      this.#numbers.set(codes, this.#names.fresh(`float32(${codes})`));
    }
    return this.#numbers.get(codes)!;
  }

  #codec(
    body: Body,
    name: string,
    { path }: GraphLeaf,
    values: Readonly<Record<"codes" | "scales" | "numbers", string>>,
  ): void {
    const given = (each: Given): string => {
      if (each.kind === "leaf") return values[each.name as keyof typeof values];
      if (each.kind === "list") return this.#constants.list(each.values);
      if (each.kind === "table") return this.#constants.table(each.name, each.values);
      const { value, type } = each as Extract<Given, { kind: "constant" }>;
      return this.#constants.number(value, type);
    };
    const made = (each: Made): string => {
      return values[(each as Extract<Made, { kind: "next" }>).name as keyof typeof values];
    };
    this.#nodes.push(...this.#functions.place(body, name, CODEC, { path, given, made }));
  }

  /** What a number of the tree is. */
  #typeOf(state: string): ElementType {
    return this.#host?.counts.names.has(state) ? "int64" : this.#options.precision;
  }

  #scalarsWith(leaves: GraphLeaves): Scalars {
    const { scalarTexts } = leaves.all[0].kind.form;
    return new Scalars(
      { names: this.#names, constants: this.#constants, nodes: this.#nodes, doing: this.#doing },
      this.#options.precision,
      scalarTexts,
      this.#host,
    );
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
      for (const { name, type, shape, isCarried, blocks } of leaf.arrays) {
        if (blocks === undefined) (isCarried ? carried : input)(at(name, leaf), type, shape);
        else {
          const scales = scalesOf(sizeOf(shape as readonly number[]));
          carried(at(name, leaf), "uint8", shape);
          carried(at(name, leaf) + SCALES, "float32", [scales]);
        }
      }
    }
    for (const leaf of this.#evaluated === undefined ? [] : this.#leaves.all) {
      const { type, shape } = leaf.arrays.find(({ name }) => name === "w")!;
      this.#outputs.push(valueInfo(at(EVALUATE, leaf), type, shape));
    }
    for (const { name } of [...this.#inputs, ...this.#outputs]) {
      if (this.#names.take(name!)) continue;
      throw new GradusError(
        `${this.#doing}: two values of the graph would be named ${quoted(name!)}: ` +
          `rename a parameter or state`,
      );
    }
  }
}
