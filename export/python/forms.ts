/** The forms of a program by what the shape of a parameter decides: Python chooses one for each parameter. */
import { GradusError } from "../../dsl/errors.ts";
import {
  elaborate,
  globalIndex,
  globalSymbol,
  type Graph,
  mapGraph,
  rootsOf,
} from "../../dsl/graph.ts";
import { lowerFor } from "../../dsl/lower.ts";
import {
  apply,
  constant,
  type ElementOpName,
  foldNodes,
  type Node,
  postorder,
  symbol,
  symbolsIn,
  withSources,
} from "../../dsl/node.ts";
import { elementRow, reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { simplified, substitute } from "../../dsl/simplify.ts";
import { Counts, powersByCounts } from "../../runtime/plan/counts.ts";
import type { Spelling } from "./spelling.ts";

/** What a program comes to for parameters of some shapes. */
export interface Form {
  readonly graph: Graph;
  /** The names that the program gives values, first come. */
  readonly named: ReadonlyMap<Node, string>;
  /** The states that such parameters keep. */
  readonly live: ReadonlySet<string>;
}

/** Forms by the truth of conditions on the shape. */
export type Choice = Form | {
  readonly condition: Node;
  readonly then: Choice;
  readonly else: Choice;
};

/** More forms than this are refused. */
const MOST_FORMS = 40;

/** Whether a choice is made. */
export function isForm(choice: Choice): choice is Form {
  return "graph" in choice;
}

/** The forms of a choice. */
export function formsIn(choice: Choice): Form[] {
  return isForm(choice) ? [choice] : [...formsIn(choice.then), ...formsIn(choice.else)];
}

/** The values that a program's statements name, as the graph has them. */
function namedIn(program: Program): [name: string, node: Node][] {
  const values = new Map<string, Node>([["t", apply("Add", symbol("count"), constant(1))]]);
  const named: [string, Node][] = [["t", values.get("t")!]];
  for (const { target, value } of program.statements) {
    const node = substitute([value], (name) => values.get(name))(value);
    values.set(target, node);
    named.push([target, node]);
  }
  // As `elaborate` lifts them.
  const states = [...program.state.keys()].map((name) => values.get(name) ?? symbol(name));
  const roots = [values.get("u")!, ...states];
  let globals = 0;
  const lifted = foldNodes<Node>(
    roots,
    (node, src) =>
      node.arg === "tree" && reduceRow(node.op) !== undefined
        ? symbol(globalSymbol(globals++))
        : withSources(node, src),
  );
  return named.flatMap(([name, node]) => {
    const own = lifted.get(node);
    return own === undefined ? [] : [[name, own]];
  });
}

/**
 * The forms of `program`, where `bind` says what stands for symbols that are known for good, and `fixed` are the
 * hyperparameters that change at no step.
 */
export function formsOf(
  program: Program,
  bind: (name: string) => Node | undefined,
  fixed: ReadonlySet<string>,
  spelling: Spelling,
  doing: string,
): Choice {
  const named = namedIn(program);
  const change = substitute(
    [...rootsOf(elaborate(program)), ...named.map(([, node]) => node)],
    bind,
  );
  const graph = mapGraph(elaborate(program), change);
  const all = named.map(([name, node]) => [name, change(node)] as const);
  let count = 0;
  return choose(graph, all, new Map());

  function choose(
    graph: Graph,
    named: readonly (readonly [string, Node])[],
    known: ReadonlyMap<string, Interval>,
  ): Choice {
    const condition = postorder(rootsOf(graph))
      .find((node) => node.op === "Where" && isOfShape(node.src[0], fixed))?.src[0];
    if (condition === undefined) {
      if (++count <= MOST_FORMS) return finish(graph, named);
      throw new GradusError(
        `${doing}: at most ${MOST_FORMS} forms may differ by the shape of a parameter`,
      );
    }
    const decided = (truth: boolean, known: ReadonlyMap<string, Interval>) => {
      const roots = [...rootsOf(graph), ...named.map(([, node]) => node)];
      const made = foldNodes<Node>(
        roots,
        (node, src) => node === condition ? constant(Number(truth)) : simplified(node, src),
      );
      const change = (node: Node) => made.get(node)!;
      return choose(
        mapGraph(graph, change),
        named.map(([name, node]) => [name, change(node)] as const),
        known,
      );
    };
    const bound = boundIn(condition);
    const before = bound === undefined ? undefined : known.get(bound.name) ?? [0, Infinity];
    const [yes, no] = bound === undefined
      ? []
      : [bound.then, bound.else].map((each) => within(before!, each));
    if (yes === null) return decided(false, known);
    if (no === null) return decided(true, known);
    const and = (interval: Interval | undefined) =>
      interval === undefined ? known : new Map([...known, [bound!.name, interval]]);
    const [then, other] = [decided(true, and(yes)), decided(false, and(no))];
    return isForm(then) && isForm(other) && isSame(then.graph, other.graph)
      ? then
      : { condition, then, else: other };
  }

  function finish(graph: Graph, named: readonly (readonly [string, Node])[]): Form {
    const roots = [...rootsOf(graph), ...named.map(([, node]) => node)];
    const isKnown = (node: Node) =>
      postorder([node]).every(({ op, arg }) =>
        op === "Symbol" ? fixed.has(arg as string) : op === "Const" || elementRow(op) !== undefined
      );
    const counts = spelling.isFloat32 ? countsOf(program, graph) : new Counts(new Set());
    const formed = powersByCounts(roots, counts, isKnown);
    const speller = {
      name: spelling.name,
      spells: (op: ElementOpName) => spelling.element[op] !== null,
    };
    const lowered = lowerFor(roots.map(formed), speller);
    const change = (node: Node) => lowered(formed(node));
    const made = mapGraph(graph, change);
    const first = new Map<Node, string>();
    for (const [name, node] of named) {
      const own = change(node);
      if (own.op !== "Const" && !first.has(own)) first.set(own, name);
    }
    return { graph: made, named: first, live: liveIn(program, made) };
  }
}

/** What counts steps: `count`, and states over the tree that begin at a whole number and grow by such. */
function countsOf(program: Program, graph: Graph): Counts {
  const trees = [...graph.states].filter(([name]) => program.state.get(name)!.over === "tree");
  return Counts.among(new Map(trees), program, ["count"]);
}

/** Whether a condition is on the shape, and otherwise only on what is `fixed`. */
function isOfShape(node: Node, fixed: ReadonlySet<string>): boolean {
  const nodes = postorder([node]);
  const names = symbolsIn([node]);
  return nodes.every(({ op }) =>
    op === "Symbol" || op === "Const" || elementRow(op) !== undefined
  ) &&
    [...names].every((name) => SHAPE_SYMBOLS.has(name) || fixed.has(name)) &&
    [...names].some((name) => SHAPE_SYMBOLS.has(name));
}

/** Whole numbers from one to another. */
type Interval = readonly [least: number, greatest: number];

/** What is left of an interval, or null for nothing. */
function within(a: Interval, b: Interval): Interval | null {
  const [least, greatest] = [Math.max(a[0], b[0]), Math.min(a[1], b[1])];
  return least > greatest ? null : [least, greatest];
}

/** What a comparison of something that a shape tells with a number says of it, where it holds and where not. */
function boundIn(
  { op, src: [a, b] }: Node,
): { name: string; then: Interval; else: Interval } | undefined {
  const isOfNumber = a?.op === "Symbol" && b?.op === "Const" && SHAPE_SYMBOLS.has(a.arg as string);
  if (!isOfNumber) return undefined;
  const [name, bound] = [a.arg as string, b.arg as number];
  const [up, down] = [Math.floor(bound), Math.ceil(bound)];
  switch (op) {
    case "Less":
      return { name, then: [0, down - 1], else: [down, Infinity] };
    case "LessOrEqual":
      return { name, then: [0, up], else: [up + 1, Infinity] };
    case "Greater":
      return { name, then: [up + 1, Infinity], else: [0, up] };
    case "GreaterOrEqual":
      return { name, then: [down, Infinity], else: [0, down - 1] };
  }
}

function isSame(a: Graph, b: Graph): boolean {
  return a.update === b.update &&
    [...a.states].every(([name, node]) => b.states.get(name) === node) &&
    a.globals.every(({ node }, k) => b.globals[k].node === node);
}

/** The states that the update, or what is evaluated, comes to read; those that are nowhere read are kept too. */
function liveIn(program: Program, graph: Graph): Set<string> {
  const read = new Set<string>();
  const roots = [graph.update, program.evaluate];
  for (let root = roots.pop(); root !== undefined; root = roots.pop()) {
    for (const name of symbolsIn([root])) {
      if (read.has(name)) continue;
      read.add(name);
      const next = graph.globals[globalIndex(name) ?? -1]?.node ?? graph.states.get(name);
      if (next !== undefined) roots.push(next);
    }
  }
  return new Set([...program.state.keys()].filter((name) => read.has(name)));
}
