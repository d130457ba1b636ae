/** What one step computes, as a graph of old values, and how often each value in it changes. */
import {
  apply,
  constant,
  foldNodes,
  type Node,
  postorder,
  type ReduceOpName,
  symbol,
  symbolsIn,
  withSources,
} from "./node.ts";
import { matrixRow, randomRow, reduceRow } from "./ops.ts";
import type { Program } from "./program.ts";
import { SHAPE_SYMBOLS } from "./scope.ts";
import { substitute } from "./simplify.ts";

/** The new values of a step in terms of the old: locals are gone, sharing is by identity. */
export interface Graph {
  /** `u`, what is added to the parameter. */
  readonly update: Node;
  /** The next value of each state. */
  readonly states: ReadonlyMap<string, Node>;
  /**
   * The reductions over the whole tree, in an order in which each depends on earlier ones only. The
   * `k`th one's value is the symbol `%k`: it needs every leaf, so it splits the step into phases.
   */
  readonly globals: readonly GlobalReduction[];
}

/** A reduction of `node` over all leaves. */
export interface GlobalReduction {
  readonly op: ReduceOpName;
  readonly node: Node;
}

/** The symbol of the `k`th reduction over the tree: no name that a program could write. */
export const globalSymbol = (k: number): string => `%${k}`;

/** Which reduction over the tree a symbol stands for, or undefined. */
export function globalIndex(name: string): number | undefined {
  return name.startsWith("%") ? Number(name.slice(1)) : undefined;
}

/** How often a value changes, slowest first. */
export type Rate = "const" | "step" | "tensor" | "axis" | "element";

const RATES: readonly Rate[] = ["const", "step", "tensor", "axis", "element"];
const elaborated = new WeakMap<Program, Graph>();

/** The graph of a program. */
export function elaborate(program: Program): Graph {
  const known = elaborated.get(program);
  if (known !== undefined) return known;
  const values = new Map<string, Node>([["t", apply("Add", symbol("count"), constant(1))]]);
  for (const { target, value } of program.statements) {
    values.set(target, substitute([value], (name) => values.get(name))(value));
  }
  const graph = liftGlobals({
    update: values.get("u")!,
    states: new Map(
      [...program.state.keys()].map((name) => [name, values.get(name) ?? symbol(name)]),
    ),
    globals: [],
  });
  elaborated.set(program, graph);
  return graph;
}

const evaluations = new WeakMap<Program, Program>();
const evaluatedFor = new WeakMap<Program, Program>();

/**
 * What to evaluate with, as a program: its update is that, of the parameter and the states as a step has
 * left them, which it leaves as they are. Its `count` is that of the step.
 */
export function evaluation(program: Program): Program {
  let made = evaluations.get(program);
  if (made === undefined) {
    const statements = [{ target: "u", value: program.evaluate }];
    made = { ...program, inputs: new Map(), statements };
    const { update, globals } = elaborate(made);
    elaborated.set(made, { update, states: new Map(), globals });
    evaluations.set(program, made);
    evaluatedFor.set(made, program);
  }
  return made;
}

/** The program whose {@linkcode evaluation} `program` is; else itself. */
export function steppedBy(program: Program): Program {
  return evaluatedFor.get(program) ?? program;
}

function liftGlobals(graph: Graph): Graph {
  const globals: GlobalReduction[] = [];
  const lifted = foldNodes<Node>([graph.update, ...graph.states.values()], (node, src) => {
    if (node.arg !== "tree" || reduceRow(node.op) === undefined) return withSources(node, src);
    globals.push({ op: node.op as ReduceOpName, node: src[0] });
    return symbol(globalSymbol(globals.length - 1));
  });
  return { ...mapGraph(graph, (node) => lifted.get(node)!), globals };
}

/** `graph` with every root changed. */
export function mapGraph(graph: Graph, change: (node: Node) => Node): Graph {
  return {
    update: change(graph.update),
    states: new Map([...graph.states].map(([name, node]) => [name, change(node)])),
    globals: graph.globals.map(({ op, node }) => ({ op, node: change(node) })),
  };
}

/** The reductions over the tree that the update or a state of `graph` reads, directly or through others. */
export function globalsRead(graph: Graph): Set<number> {
  if (graph.globals.length === 0) return new Set();
  const indices = [...symbolsRead(graph, [graph.update, ...graph.states.values()])].map(
    globalIndex,
  );
  return new Set(indices.filter((k) => k !== undefined));
}

/** The symbols that `roots` read, directly or through reductions over the tree and new states. */
function symbolsRead(graph: Graph, roots: Node[]): Set<string> {
  const read = new Set<string>();
  for (let root = roots.pop(); root !== undefined; root = roots.pop()) {
    for (const name of symbolsIn([root])) {
      if (read.has(name)) continue;
      read.add(name);
      const next = graph.globals[globalIndex(name) ?? -1]?.node ?? graph.states.get(name);
      if (next !== undefined) roots.push(next);
    }
  }
  return read;
}

/** Every node that a step must compute. */
export function rootsOf(graph: Graph): Node[] {
  return [graph.update, ...graph.states.values(), ...graph.globals.map(({ node }) => node)];
}

/**
 * Symbols whose value is known for good: hyperparameters that are absent (`Zero`) or a truth value, and
 * what a leaf's shape tells.
 */
export type Structural = ReadonlyMap<string, Node>;

/** `graph` with structural hyperparameters taken in. */
export function specialise(graph: Graph, structural: Structural): Graph {
  if (structural.size === 0) return graph;
  return mapGraph(graph, substitute(rootsOf(graph), (name) => structural.get(name)));
}

/** What `program` evaluates with where structural hyperparameters are taken in. */
export function evaluated({ evaluate }: Program, structural: Structural): Node {
  return substitute([evaluate], (name) => structural.get(name))(evaluate);
}

/**
 * The states whose old value the update, what is evaluated, or one of `clocks` depends on, in this step or
 * through later ones, where structural hyperparameters are taken in.
 */
export function statesRead(
  program: Program,
  structural: Structural = NOTHING,
  clocks: readonly string[] = [],
): Set<string> {
  const graph = specialise(elaborate(program), structural);
  const roots = [graph.update, evaluated(program, structural), ...clocks.map(symbol)];
  const read = symbolsRead(graph, roots);
  return new Set([...graph.states.keys()].filter((name) => read.has(name)));
}

const NOTHING: Structural = new Map();

/**
 * The states of `program` that remain where structural hyperparameters are taken in and schedules may follow
 * `clocks`. Those that nothing ever reads, such as a count that is only looked at, are kept for their own sake.
 */
export function statesLeft(
  program: Program,
  structural: Structural,
  clocks: readonly string[],
): Set<string> {
  const ever = statesRead(program);
  const read = statesRead(program, structural, clocks);
  return new Set([...program.state.keys()].filter((name) => read.has(name) || !ever.has(name)));
}

/** The rate of every node; symbols that are not `w`, `g` or a state change once a step. */
export function rates(roots: readonly Node[], program: Program): Map<Node, Rate> {
  return foldNodes<Rate>(roots, (node, src) => {
    if (node.op === "Const" || node.op === "Zero") return "const";
    if (node.op === "Symbol") return symbolRate(node.arg as string, program);
    if (node.op === "Index") return "axis";
    if (randomRow(node.op) !== undefined || matrixRow(node.op) !== undefined) return "element";
    if (reduceRow(node.op) === undefined) return fastest(src);
    return src[0] === "tensor" ? "tensor" : overRate(node.arg as string);
  });
}

/**
 * Whether `user` may take a value as a matrix: it has one number for each element, or is made of values along
 * more than one axis, of which planning tells what they come to. A row or column may be turned.
 */
export function mayBeMatrix(
  { op: user }: Node,
  node: Node,
  rate: Rate,
  program: Program,
): boolean {
  if (rate !== "axis") return rate === "element";
  if (user === "Transpose") return true;
  const along = new Set(
    postorder([node]).flatMap(({ op, arg }) => {
      if (op === "Index") return [`index ${arg}`];
      if (reduceRow(op) !== undefined) return arg === "tensor" ? [] : [arg];
      const over = op === "Symbol" ? program.state.get(arg as string)?.over : undefined;
      return over === undefined || overRate(over) !== "axis" ? [] : [over];
    }),
  );
  return along.size > 1;
}

function symbolRate(name: string, program: Program): Rate {
  if (name === "w" || name === "g" || program.inputs.get(name) === "element") return "element";
  if (SHAPE_SYMBOLS.has(name)) return "tensor";
  const state = program.state.get(name);
  return state === undefined ? "step" : overRate(state.over);
}

/** The rate of what is kept by a state, or left by a reduction, that ranges over `over`. */
export function overRate(over: string): Rate {
  if (over === "tensor" || over === "element") return over;
  if (over === "sizes") return "element";
  return over === "tree" ? "step" : "axis";
}

/** Whether a value of rate `a` changes at most as often as one of rate `b`. */
export function isAtMost(a: Rate, b: Rate): boolean {
  return RATES.indexOf(a) <= RATES.indexOf(b);
}

function fastest(given: readonly Rate[]): Rate {
  return RATES[Math.max(0, ...given.map((rate) => RATES.indexOf(rate)))];
}
