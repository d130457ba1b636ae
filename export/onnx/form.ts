/** What a step comes to for leaves of one group, in ops that ONNX spells, with its numbers apart. */
import {
  elaborate,
  globalIndex,
  globalsRead,
  globalSymbol,
  type Graph,
  mapGraph,
  rootsOf,
  specialise,
  type Structural,
} from "../../dsl/graph.ts";
import { lower } from "../../dsl/lower.ts";
import {
  apply,
  constant,
  foldNodes,
  type Node,
  postorder,
  reduce,
  symbol,
  withSources,
} from "../../dsl/node.ts";
import { reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { settle, simplified, substitute } from "../../dsl/simplify.ts";
import { settleAxes } from "../../runtime/plan/axes.ts";
import { type Extent, isSized, partsOf } from "../../runtime/plan/extent.ts";
import { extentsOf, overExtent, type Planned } from "../../runtime/plan/infer.ts";
import { isScalarSymbol, scalarsApart } from "./apart.ts";
import { Texts } from "./text.ts";

/** What a form is made of. */
export interface FormKey {
  readonly program: Program;
  /** What becomes of the parameter by an update. */
  readonly outcome: (update: Node) => Node;
  /** What is known of the leaves for good. */
  readonly structural: Structural;
  /** The states that the leaves keep, and those of the tree. */
  readonly live: ReadonlySet<string>;
  readonly axes: readonly number[];
  /** The axes of length 0: leaves that have one have no elements. */
  readonly emptyAxes: readonly number[];
  /** The reductions over the tree that some leaf reads. */
  readonly globals: ReadonlySet<number>;
  /** Hyperparameters that are trees of numbers like the parameters. */
  readonly vectors: ReadonlySet<string>;
  /** What a number that changes once a step is where the hyperparameters are what they are. */
  readonly bind: (scalar: Node) => Node;
}

/** A step of one leaf. What changes once a step is a symbol in it: see {@linkcode Form.scalars}. */
export interface Form {
  /** The results: `w`, and each state that a leaf keeps. */
  readonly results: ReadonlyMap<string, Node>;
  /** The extent of the parameter and of each state that a leaf keeps. */
  readonly over: ReadonlyMap<string, Extent>;
  /** What each reduction over the tree reduces; undefined for those that nothing here reads. */
  readonly operands: readonly (Node | undefined)[];
  /** The reductions over the tree to which the leaves have nothing to give, as they have no elements. */
  readonly nothing: ReadonlySet<number>;
  /** The next number of each state over the tree. */
  readonly treeStates: ReadonlyMap<string, Node>;
  /** The numbers that change once a step, by the symbol they have, hyperparameters as symbols. */
  readonly scalars: ReadonlyMap<string, Node>;
  readonly extents: ReadonlyMap<Node, Extent>;
  /** How many axes the leaves have, if the program looks at them. */
  readonly rank: number;
  /** What the program calls things. */
  readonly texts: Texts;
  /** The same of the numbers that change once a step. */
  readonly scalarTexts: Texts;
}

/** The step of leaves of one kind. */
export function formOf(key: FormKey): Form {
  const { program, outcome, structural, live, axes, emptyAxes, vectors } = key;
  const whole = elaborate(program);
  const graph = shaped(withLocals(program, whole), structural);
  const locals = [...localsOf(program, whole).keys()].map((name, i) =>
    [name, graph.globals[whole.globals.length + i].node] as const
  );
  const isTree = (name: string) => program.state.get(name)!.over === "tree";
  // An evaluation leaves states as they are.
  const next = [...live].filter((name) => graph.states.has(name));
  const kept = next.filter((name) => !isTree(name));
  const operands = whole.globals.map((_, k) =>
    key.globals.has(k) ? graph.globals[k].node : undefined
  );
  const mattering = new Set(postorder([
    outcome(graph.update),
    graph.update,
    ...next.map((name) => graph.states.get(name)!),
    ...operands.flatMap((node) => node ?? []),
  ]));
  const named = locals.filter(([, node]) => mattering.has(node));
  const reachable: Graph = {
    update: graph.update,
    states: new Map(next.map((name) => [name, graph.states.get(name)!])),
    globals: [
      ...operands.map((node) => ({ op: "ReduceSum" as const, node: node ?? constant(0) })),
      ...named.map(([, node]) => ({ op: "ReduceSum" as const, node })),
    ],
  };
  const { graph: settled, program: planned } = settleAxes(
    withVectors(program, vectors),
    reachable,
    live,
    axes,
    structural,
  );
  const hasNothing = (extent: Extent) => isOfNothing(extent, emptyAxes);
  const change = emptyAxes.length === 0 ? (node: Node) => node : reductionsOfNothing(
    settled,
    outcome,
    (roots) => extentsOf(roots, planned, axes.length),
    hasNothing,
  );
  const results = new Map([
    ["w", change(outcome(settled.update))],
    ...kept.map((name) => [name, change(settle(settled.states.get(name)!))] as const),
  ]);
  const reduced = operands.map((node, k) =>
    node === undefined ? undefined : change(settle(settled.globals[k].node))
  );
  const treeStates = new Map(
    next.filter(isTree).map((name) => [name, change(settle(settled.states.get(name)!))]),
  );
  const calls = named.map(([name], i) =>
    [name, change(settle(settled.globals[operands.length + i].node))] as const
  );
  const leafRoots = [...results.values(), ...reduced.flatMap((node) => node ?? [])];
  const extents = extentsOf(
    [...leafRoots, ...treeStates.values(), ...calls.map(([, node]) => node)],
    planned,
    axes.length,
  );
  const { scalars, apart } = scalarsApart(
    [...leafRoots, ...calls.map(([, node]) => node)],
    extents,
    key.bind,
  );
  const separate = [...leafRoots, ...calls.map(([, n]) => n)].map(apart);
  const spelled = lower(separate, "onnx");
  const final = (node: Node) => spelled(apart(node));
  const names = new Map<Node, string>();
  const scalarNames = new Map<Node, string>([[apply("Add", symbol("count"), constant(1)), "t"]]);
  for (const [name, node] of calls) {
    const into = extents.get(node) === "scalar" ? scalarNames : names;
    const own = extents.get(node) === "scalar" ? node : final(node);
    const isPlain = own.op === "Const" || (own.op === "Symbol" && !isGlobal(own));
    if (!isPlain && !into.has(own)) into.set(own, name);
  }
  const scalarTexts: Texts = new Texts({
    names: scalarNames,
    leaf: (node) => {
      if (!isGlobal(node)) return node;
      const k = globalIndex(node.arg as string)!;
      return reduce(
        whole.globals[k].op,
        texts.show(final(settle(change(settled.globals[k].node)))),
        "tree",
      );
    },
  });
  const meant = meantBy(separate, spelled);
  const texts: Texts = new Texts({
    names,
    meant: (node) => meant.get(node),
    leaf: (node) =>
      isScalarSymbol(node) ? scalarTexts.show(scalars.get(node.arg as string)!) : node,
  });
  const all = [...results.values(), ...reduced.flatMap((node) => node ?? [])].map(final);
  return {
    results: new Map([...results].map(([name, node]) => [name, final(node)])),
    over: new Map(["w", ...[...live].filter((name) => !isTree(name))].map((name) => [
      name,
      overExtent(name === "w" ? { over: "element" } : planned.state.get(name)!, axes.length),
    ])),
    operands: reduced.map((node) => node === undefined ? undefined : final(node)),
    nothing: new Set(
      reduced.flatMap((node, k) => node !== undefined && hasNothing(extents.get(node)!) ? [k] : []),
    ),
    treeStates,
    scalars,
    extents: extentsOf(all, planned, axes.length),
    rank: axes.length,
    texts,
    scalarTexts,
  };
}

function isGlobal({ op, arg }: Node): boolean {
  return op === "Symbol" && globalIndex(arg as string) !== undefined;
}

/**
 * `graph` with what is known for good taken in. What a shape tells decides conditions, and stays a symbol
 * where it is computed with, so that leaves of all sizes have one form.
 */
function shaped(graph: Graph, structural: Structural): Graph {
  const isShape = (name: string) => SHAPE_SYMBOLS.has(name);
  const known = specialise(
    graph,
    new Map([...structural].filter(([name]) => !isShape(name))),
  );
  if (![...structural.keys()].some(isShape)) return known;
  const numberOf = substitute(rootsOf(known), (name) => structural.get(name));
  const decided = foldNodes<Node>(rootsOf(known), (node, src) => {
    if (node.op === "Where") {
      const condition = numberOf(node.src[0]);
      if (condition.op === "Const") return src[condition.arg ? 1 : 2];
    }
    if (node.op === "Pow") return simplified(node, [src[0], numberOf(node.src[1])]);
    return simplified(node, src);
  });
  return mapGraph(known, (node) => decided.get(node)!);
}

/** The reductions over the tree that such leaves read, directly or through others. */
export function globalsOf(
  { program, structural, live }: Pick<FormKey, "program" | "structural" | "live">,
): Set<number> {
  const graph = shaped(elaborate(program), structural);
  const states = [...graph.states].filter(([name]) => live.has(name));
  return globalsRead({ ...graph, states: new Map(states) });
}

/** What each statement computes, by its target: the last one's with a name keeps it. */
function localsOf(program: Program, { globals }: Graph): ReadonlyMap<string, Node> {
  const values = new Map<string, Node>([["t", apply("Add", symbol("count"), constant(1))]]);
  const locals = new Map<string, Node>();
  for (const { target, value } of program.statements) {
    const node = substitute([value], (name) => values.get(name))(value);
    values.set(target, node);
    for (let k = 1;; k++) {
      const name = k === 1 ? target : `${target}_${k}`;
      if (locals.has(name)) continue;
      locals.set(name, node);
      break;
    }
  }
  const lifted = foldNodes<Node>(locals.values(), (node, src) => {
    const own = withSources(node, src);
    if (own.arg !== "tree" || reduceRow(own.op) === undefined) return own;
    const k = globals.findIndex((each) => each.op === own.op && each.node === own.src[0]);
    return k < 0 ? own : symbol(globalSymbol(k));
  });
  return new Map([...locals].map(([name, node]) => [name, lifted.get(node)!]));
}

/** `graph` with what its program's statements compute, where whatever changes the graph changes that too. */
function withLocals(program: Program, graph: Graph): Graph {
  const locals = [...localsOf(program, graph).values()];
  return {
    ...graph,
    globals: [...graph.globals, ...locals.map((node) => ({ op: "ReduceSum" as const, node }))],
  };
}

/** `program` with hyperparameters that are as large as a parameter. */
function withVectors(program: Program, vectors: ReadonlySet<string>): Planned {
  const { name, state, inputs } = program;
  return {
    name,
    state,
    inputs: new Map([...inputs, ...[...vectors].map((each) => [each, "element"] as const)]),
  };
}

/** Whether what varies so has no elements, in a leaf of which some axes have none. */
function isOfNothing(extent: Extent, emptyAxes: readonly number[]): boolean {
  if (emptyAxes.length === 0 || !isSized(extent)) return emptyAxes.length > 0;
  const empty = emptyAxes.map((axis) => axis === 0 ? "rows" : "columns");
  return partsOf(extent).some((part) => empty.some((each) => each === part));
}

/** Takes what a reduction over no elements is for the reduction. */
function reductionsOfNothing(
  graph: Graph,
  outcome: FormKey["outcome"],
  extentsOf: (roots: readonly Node[]) => ReadonlyMap<Node, Extent>,
  hasNothing: (extent: Extent) => boolean,
): (node: Node) => Node {
  const roots = [
    outcome(graph.update),
    ...[...graph.states.values(), ...graph.globals.map(({ node }) => node)].map(settle),
  ];
  const extents = extentsOf(roots);
  const changed = foldNodes<Node>(roots, (node, src) => {
    const row = reduceRow(node.op);
    return row === undefined || !hasNothing(extents.get(node.src[0])!)
      ? withSources(node, src)
      : constant(row.finish(row.start, 0));
  });
  return (node) => changed.get(node)!;
}

/** What each node that a lowering made stands for. */
function meantBy(
  roots: readonly Node[],
  spelled: (node: Node) => Node,
): ReadonlyMap<Node, { readonly node: Node; readonly src: readonly Node[] }> {
  const meant = new Map<Node, { node: Node; src: readonly Node[] }>();
  for (const node of postorder(roots)) {
    const own = spelled(node);
    if (own.op !== node.op && !meant.has(own)) meant.set(own, { node, src: node.src.map(spelled) });
  }
  return meant;
}
