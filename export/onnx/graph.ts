/** The graph of an exported step: what changes once a step, then each leaf. */
import { elaborate, globalSymbol } from "../../dsl/graph.ts";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { latex } from "../../dsl/latex.ts";
import { lower } from "../../dsl/lower.ts";
import { foldNodes, type Node, symbol } from "../../dsl/node.ts";
import { type ReduceOpName, reduceOps } from "../../dsl/ops.ts";
import { simplified } from "../../dsl/simplify.ts";
import type { Binding, Group } from "../../runtime/binding.ts";
import { type LeafInfo, spellPath } from "../../runtime/leaves.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { stateShape } from "../../runtime/state.ts";
import type { Arithmetic } from "../../runtime/storage.ts";
import {
  type Body,
  type BodyKind,
  computedFor,
  type Given,
  globalsIn,
  type Made,
  PARTS,
  resultMadeAs,
  writeBody,
} from "./body.ts";
import { Constants } from "./constants.ts";
import { type Form, formOf, globalsOf } from "./form.ts";
import { Functions } from "./functions.ts";
import { type HostNumber, HostNumbers } from "./host.ts";
import type { Hyperparameters } from "./hyper.ts";
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

/** How a graph is written. */
export interface GraphOptions {
  readonly opset: number;
  readonly inlineFunctions: boolean;
  /** What the numbers that change once a step are computed in, and sums. */
  readonly precision: Arithmetic;
}

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

/** Leaves that are written alike, and the bodies of their phases; the last makes the results. */
interface Kind extends BodyKind {
  readonly group: Group;
  /** Whether the leaves have no elements. */
  readonly isEmpty: boolean;
  readonly phases: readonly Body[];
}

/** Writes the graph of an optimizer. */
export class GraphWriter {
  readonly #optimizer: Optimizer;
  readonly #binding: Binding;
  readonly #hyper: Hyperparameters;
  readonly #options: GraphOptions;
  readonly #doing: string;
  readonly #precision: Arithmetic;
  readonly #names = new Names();
  readonly #constants = new Constants(this.#names);
  readonly #inputs: ValueInit[] = [];
  readonly #outputs: ValueInit[] = [];
  readonly #nodes: NodeInit[] = [];
  readonly #functions: Functions;
  readonly #bound = new Map<Group, Map<Node, Node>>();
  /** What each leaf has made for its later phases. */
  readonly #kept: Map<Node, string>[] = [];

  constructor(
    optimizer: Optimizer,
    binding: Binding,
    hyper: Hyperparameters,
    options: GraphOptions,
    doing: string,
  ) {
    [this.#optimizer, this.#binding, this.#hyper] = [optimizer, binding, hyper];
    [this.#options, this.#precision, this.#doing] = [options, options.precision, doing];
    this.#functions = new Functions(this.#names, new Names(), options.inlineFunctions);
  }

  write(): GraphParts {
    const { program } = this.#optimizer;
    const { layout, groupOf } = this.#binding;
    const levels = this.#levels();
    const kinds = this.#kinds(levels);
    const kindOf = ({ size }: LeafInfo, i: number) =>
      kinds.find(({ group, isEmpty }) => group === groupOf[i] && isEmpty === (size === 0))!;
    const ofTree = kinds.find(({ group }) => group === groupOf[0])!;
    const treeStates = [...ofTree.form.treeStates].map(([name, root]) =>
      [name, this.#bind(root, ofTree.group)] as const
    );
    const reserved = ["count", ...program.inputs.keys(), ...program.state.keys()];
    const host = this.#precision === "float64"
      ? undefined
      : new HostNumbers(treeStates, reserved, this.#names);
    this.#declare(host);
    const scope = {
      names: this.#names,
      constants: this.#constants,
      nodes: this.#nodes,
      doing: this.#doing,
    };
    const scalars = new Scalars(scope, this.#precision, kinds[0].form.scalarTexts, host);
    layout.leaves.forEach(() => this.#kept.push(new Map()));

    const carried = treeStates.filter(([name]) => host?.isCarried(name) ?? true);
    for (const [name, root] of carried) scalars.expect(root, `next/${name}`);

    const { globals } = elaborate(program);
    for (let phase = 0; phase < kinds[0].phases.length - 1; phase++) {
      const due = [...levels].flatMap(([k, level]) => level === phase + 1 ? [k] : []);
      const parts = new Map<number, string[]>(due.map((k) => [k, []]));
      const name = due.length === 1
        ? `${program.name}_${reduceOps[globals[due[0]].op].call}`
        : `${program.name}_phase${phase + 1}`;
      layout.leaves.forEach((info, i) => {
        const kind = kindOf(info, i);
        this.#place(kind, phase, info, i, name, scalars, parts);
      });
      for (const k of due) {
        const global = symbol(globalSymbol(k));
        const text = kinds[0].form.scalarTexts.of(global);
        scalars.define(global, this.#total(k, parts.get(k)!, text));
      }
    }
    for (const [name, root] of carried) scalars.result(root, `next/${name}`);
    layout.leaves.forEach((info, i) => {
      const kind = kindOf(info, i);
      this.#place(kind, kind.phases.length - 1, info, i, program.name, scalars, new Map());
      for (const [name, { of, name: source }] of kind.phases.at(-1)!.copies) {
        const from = of === "leaf" ? at(source, info) : `next/${at(source, info)}`;
        this.#nodes.push(node("Identity", [from], `next/${at(name, info)}`));
      }
    });
    if (host === undefined) {
      this.#nodes.push(node("Add", ["count", this.#constants.number(1, "int64")], "next/count"));
    }
    return {
      host: host?.numbers ?? {},
      inputs: [...(host?.inputs ?? []), ...this.#inputs],
      outputs: this.#outputs,
      constants: this.#constants.all,
      nodes: this.#nodes,
      functions: this.#functions.all,
    };
  }

  /** The phase after which each reduction over the tree is known, of those that are read. */
  #levels(): ReadonlyMap<number, number> {
    const { program } = this.#optimizer;
    const { globals } = elaborate(program);
    const needed = new Set(this.#binding.groups.flatMap((group) => [
      ...globalsOf({ program, structural: this.#structural(group), live: this.#live(group) }),
    ]));
    const levels = new Map<number, number>();
    globals.forEach(({ node }, k) => {
      if (!needed.has(k)) return;
      const below = globalsIn(node).map((each) => levels.get(each) ?? 0);
      levels.set(k, 1 + Math.max(0, ...below));
    });
    return levels;
  }

  #kinds(levels: ReadonlyMap<number, number>): Kind[] {
    const { layout, groups } = this.#binding;
    return groups.flatMap((group) => {
      const sizes = group.leaves.map((i) => layout.leaves[i].size);
      const emptiness = new Set(sizes.map((size) => size === 0));
      return [...emptiness].map((isEmpty) => this.#kind(group, isEmpty, levels));
    });
  }

  #kind(group: Group, isEmpty: boolean, levels: ReadonlyMap<number, number>): Kind {
    const { program } = this.#optimizer;
    const form = formOf({
      program,
      structural: this.#structural(group),
      live: this.#live(group),
      axes: group.axes,
      isEmpty,
      globals: new Set(levels.keys()),
      vectors: new Set(),
      bind: (scalar) => this.#bind(scalar, group),
    });
    this.#requireKept(form, group);
    const kind: BodyKind = {
      form,
      dtype: group.dtype,
      precision: this.#precision,
      leaves: [...program.inputs.keys(), ...program.state.keys()],
      storedAs: (state) => this.#storedAs(state, group.dtype),
      opset: this.#options.opset,
      doing: this.#doing,
    };
    const phases = phasesOf(kind, isEmpty, levels, elaborate(program).globals);
    return { ...kind, group, isEmpty, phases };
  }

  #structural({ structural, settings }: Group): Group["structural"] {
    return new Map(
      [...structural].filter(([name, value]) =>
        value.op !== "Zero" || this.#hyper.isKnown(name, settings.get(name)!)
      ),
    );
  }

  /** The states that leaves of a group keep, and those of the tree. */
  #live({ live }: Group): ReadonlySet<string> {
    const trees = [...this.#binding.live].filter((name) => this.#isTree(name));
    return new Set(
      [...this.#optimizer.program.state.keys()].filter((name) =>
        trees.includes(name) || (live.has(name) && !this.#isTree(name))
      ),
    );
  }

  #isTree(state: string): boolean {
    return this.#optimizer.program.state.get(state)!.over === "tree";
  }

  /** The inputs and outputs of the graph. */
  #declare(host: HostNumbers | undefined): void {
    const { program } = this.#optimizer;
    const { layout, groupOf, live } = this.#binding;
    const input = (name: string, type: ElementType, shape: readonly (number | string)[]) =>
      this.#inputs.push(valueInfo(name, type, shape));
    const carried = (name: string, type: ElementType, shape: readonly (number | string)[]) => {
      input(name, type, shape);
      this.#outputs.push(valueInfo(`next/${name}`, type, shape));
    };
    if (host === undefined) {
      carried("count", "int64", []);
      for (const name of this.#hyper.inputs.keys()) input(name, "float64", []);
      for (const [name, kind] of program.inputs) if (kind === "scalar") input(name, "float64", []);
    } else {
      // Those that are read become inputs as they are met.
      for (const name of this.#hyper.inputs.keys()) this.#names.take(name);
      for (const [name, kind] of program.inputs) if (kind === "scalar") this.#names.take(name);
    }
    for (const name of program.state.keys()) {
      if (!live.has(name) || !this.#isTree(name)) continue;
      if (host?.isCarried(name) ?? true) carried(name, this.#precision, []);
    }
    layout.leaves.forEach((info, i) => {
      const { shape } = info;
      const { dtype, live } = groupOf[i];
      carried(at("w", info), dtype, shape);
      input(at("g", info), dtype, shape);
      for (const [name, kind] of program.inputs) {
        if (kind === "element") input(at(name, info), dtype, shape);
      }
      for (const name of program.state.keys()) {
        if (!live.has(name) || this.#isTree(name)) continue;
        const type = this.#storedAs(name, dtype);
        carried(at(name, info), type, stateShape(program, name, info, live));
      }
    });
    for (const { name } of [...this.#inputs, ...this.#outputs]) {
      if (this.#names.take(name!)) continue;
      throw new GradusError(
        `${this.#doing}: two values of the graph would be named ${quoted(name!)}: ` +
          `rename a parameter or state`,
      );
    }
  }

  /** Writes one phase of one leaf. */
  #place(
    kind: Kind,
    phase: number,
    info: LeafInfo,
    i: number,
    name: string,
    scalars: Scalars,
    parts: ReadonlyMap<number, string[]>,
  ): void {
    const kept = this.#kept[i];
    const given = (each: Given): string => {
      switch (each.kind) {
        case "leaf":
          return at(each.name, info);
        case "scalar":
          return scalars.value(
            this.#bind(each.node, kind.group),
            each.type,
            kind.form.scalarTexts.of(each.node),
          );
        case "constant":
          return this.#constants.number(each.value, each.type);
        case "list":
          return this.#constants.list(each.values);
        case "kept":
          return kept.get(each.node)!;
      }
    };
    const made = (each: Made, own: string): string => {
      if (each.kind === "next") return `next/${at(each.name, info)}`;
      const result = each.kind === "kept" ? resultMadeAs(kind, each.node) : undefined;
      const name = result === undefined
        ? this.#names.fresh(at(own, info))
        : `next/${at(result, info)}`;
      if (each.kind === "partial") parts.get(each.global)!.push(name);
      else kept.set(each.node, name);
      return name;
    };
    const doc = phase === kind.phases.length - 1 ? this.#equations() : "";
    const nodes = this.#functions.place(kind.phases[phase], name, doc, {
      path: info.path,
      given,
      made,
    });
    this.#nodes.push(...nodes);
  }

  #equations(): string {
    const { program } = this.#optimizer;
    return [program.doc, latex(program), program.source].filter(Boolean).join("\n\n");
  }

  /** Joins the leaves' parts of a reduction over the tree, in the order of the tree. */
  #total(k: number, parts: readonly string[], text: string): string {
    const { op } = elaborate(this.#optimizer.program).globals[k];
    const { combine } = PARTS[op];
    const write = (op: string, operands: readonly string[], wanted: string): string => {
      const name = this.#names.fresh(wanted);
      this.#nodes.push(node(op, operands, name));
      return name;
    };
    const { layout } = this.#binding;
    const count = layout.leaves.reduce((sum, { size }) => sum + size, 0);
    const row = reduceOps[op];
    const [first, ...others] = parts;
    if (first === undefined) {
      return this.#constants.number(row.finish(row.start, count), this.#precision);
    }
    const isFinished = op === "ReduceMean" || op === "ReduceL2";
    let total = first;
    others.forEach((part, i) => {
      const isLast = i === others.length - 1 && !isFinished;
      total = write(combine, [total, part], isLast ? text : `sum of ${text}`);
    });
    if (op === "ReduceL2") return write("Sqrt", [total], text);
    if (op !== "ReduceMean") return total;
    return write("Div", [total, this.#constants.number(count, this.#precision)], text);
  }

  /** A number that changes once a step with what the hyperparameters of a group are, as ONNX spells it. */
  #bind(root: Node, group: Group): Node {
    if (!this.#bound.has(group)) this.#bound.set(group, new Map());
    const known = this.#bound.get(group)!;
    if (!known.has(root)) {
      const bound = foldNodes<Node>([root], (node, src) => {
        if (node.op !== "Symbol") return simplified(node, src);
        return this.#hyper.nodeOf(node.arg as string, group) ?? node;
      }).get(root)!;
      known.set(root, lower([bound], "onnx")(bound));
    }
    return known.get(root)!;
  }

  #storedAs(state: string, dtype: Arithmetic): ElementType {
    const stored = this.#optimizer.storage.get(state) ?? dtype;
    if (stored === "bfloat16") {
      throw new GradusError(
        `${this.#doing}: state \`${state}\` is stored as bfloat16, which ONNX Runtime takes neither ` +
          `in nor out: store it as float16 or float32`,
      );
    }
    return stored;
  }

  /** Refuses a form that reads a state which its leaves do not keep. */
  #requireKept(form: Form, group: Group): void {
    const { program } = this.#optimizer;
    for (const { op, arg } of form.extents.keys()) {
      const name = arg as string;
      if (op !== "Symbol" || !program.state.has(name) || this.#isTree(name)) continue;
      if (group.live.has(name)) continue;
      const path = spellPath(this.#binding.layout.leaves[group.leaves[0]].path);
      throw new GradusError(
        `${this.#doing}: state \`${name}\` was left out for ${path}, since a hyperparameter that it ` +
          `needs is 0: make it with another value, or do not keep it an input`,
      );
    }
  }
}

/** The name of a leaf of a tree. */
export function at(name: string, { path }: { readonly path: string }): string {
  return path === "" ? name : `${name}/${path}`;
}

/** Whether a reduction over the tree is what it is without such a leaf. */
function isNothing(op: ReduceOpName, { op: kind, arg }: Node): boolean {
  return kind === "Const" && (arg === reduceOps[op].start);
}

/** The bodies of a kind of leaf, one for each reduction over the tree that others wait for, and the results. */
function phasesOf(
  kind: BodyKind,
  isEmpty: boolean,
  levels: ReadonlyMap<number, number>,
  globals: readonly { readonly op: ReduceOpName }[],
): Body[] {
  const { form } = kind;
  const last = Math.max(0, ...levels.values());
  const due = Array.from(
    { length: last },
    (_, phase) => [...levels].flatMap(([k, level]) => level === phase + 1 ? [k] : []),
  );
  // Each value is made in the first phase that needs it.
  const made = new Set<Node>();
  const madeIn = due.map((ks) => {
    const own = computedFor(ks.flatMap((k) => form.operands[k] ?? []), made);
    own.forEach((node) => made.add(node));
    return own;
  });
  const rest = computedFor([...form.results.values()], made);
  const readBy = [
    ...madeIn.map((own, i) => [own, due[i].flatMap((k) => form.operands[k] ?? [])] as const),
    [
      rest,
      [...form.results.values()],
    ] as const,
  ];
  const before = new Set<Node>();
  const bodies = madeIn.map((own, phase) => {
    const later = new Set(
      readBy.slice(phase + 1).flatMap(([nodes, roots]) => [
        ...[...nodes].flatMap(({ src }) => src),
        ...roots,
      ]),
    );
    const kept = [...own].filter((node) => later.has(node));
    const parts = due[phase].map((k) => ({ k, op: globals[k].op }))
      .filter(({ k, op }) => !isEmpty && !isNothing(op, form.operands[k]!));
    const body = writeBody(kind, parts, new Set(before), kept);
    own.forEach((node) => before.add(node));
    return body;
  });
  return [...bodies, writeBody(kind, undefined, before, [])];
}
