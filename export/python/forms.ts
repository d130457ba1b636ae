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
  foldNodes,
  type Node,
  PARAMETER,
  postorder,
  symbol,
  symbolsIn,
  withSources,
} from "../../dsl/node.ts";
import { elementRow, reduceRow } from "../../dsl/ops.ts";
import type { Program } from "../../dsl/program.ts";
import { SHAPE_SYMBOLS } from "../../dsl/scope.ts";
import { simplified, substitute } from "../../dsl/simplify.ts";
import { settleSides } from "./sides.ts";
import { Counts, powersByCounts } from "../../runtime/plan/counts.ts";
import { spellerOf, type Spelling } from "./spelling.ts";

/** What Python tells of a parameter's shape besides {@linkcode SHAPE_SYMBOLS}: no name that a program could write. */
export const SECOND_EXTENT = "second extent";

/** What a program comes to for parameters of some shapes. */
export interface Form {
  readonly graph: Graph;
  /** What to evaluate with. */
  readonly evaluate: Node;
  /** The names that the program gives values, first come. */
  readonly named: ReadonlyMap<Node, string>;
  /** The states that such parameters keep. */
  readonly live: ReadonlySet<string>;
}

/** Forms by what masks say of a parameter, and the truth of conditions on its shape. */
export type Choice = Form | {
  readonly condition: Node;
  readonly then: Choice;
  readonly else: Choice;
};

/** What to evaluate with, among what the program names. */
const EVALUATE = "to evaluate with";

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

/** Whether what is evaluated is not what is trained. */
export function isEvaluated({ choice }: { readonly choice: Choice }): boolean {
  return formsIn(choice).some(({ evaluate }) => evaluate !== PARAMETER);
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

/** A mask, by the key of what it says: what it makes of symbols where it is true and where not. */
export interface Masked {
  readonly key: string;
  readonly bind: (isTrue: boolean) => readonly [symbol: string, value: Node] | undefined;
}

/**
 * The forms of `program`, where `bind` says what stands for symbols that are known for good, `fixed` are the
 * hyperparameters that change at no step, and `masks` are true together as `combinations` say.
 */
export function formsOf(
  program: Program,
  bind: (name: string) => Node | undefined,
  fixed: ReadonlySet<string>,
  masks: readonly Masked[],
  combinations: readonly ReadonlyMap<string, boolean>[],
  spelling: Spelling,
  doing: string,
): Choice {
  const named = [...namedIn(program), [EVALUATE, program.evaluate] as [string, Node]];
  let count = 0;
  return chooseMasks(masks, combinations, new Map());

  function chooseMasks(
    masks: readonly Masked[],
    combinations: readonly ReadonlyMap<string, boolean>[],
    bound: ReadonlyMap<string, Node>,
  ): Choice {
    if (masks.length === 0) {
      const own = (name: string) => bound.get(name) ?? bind(name);
      const graph = elaborate(program);
      const change = substitute([...rootsOf(graph), ...named.map(([, node]) => node)], own);
      const all = named.map(([name, node]) => [name, change(node)] as const);
      return choose(mapGraph(graph, change), all, new Map());
    }
    const [{ key, bind: bindMask }, ...others] = masks;
    const decided = (isTrue: boolean) => {
      const some = combinations.filter((each) => each.get(key) === isTrue);
      if (some.length === 0) return undefined;
      const own = bindMask(isTrue);
      return chooseMasks(others, some, own === undefined ? bound : new Map([...bound, own]));
    };
    const [then, other] = [decided(true), decided(false)];
    if (then === undefined || other === undefined) return (then ?? other)!;
    return { condition: symbol(key), then, else: other };
  }

  function choose(
    graph: Graph,
    named: readonly (readonly [string, Node])[],
    known: ReadonlyMap<string, Interval>,
  ): Choice {
    const evaluate = named.find(([name]) => name === EVALUATE)![1];
    const condition = postorder([...rootsOf(graph), evaluate])
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
    return isForm(then) && isForm(other) && isSame(then, other)
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
    const lowered = lowerFor(roots.map(formed), spellerOf(spelling));
    const change = (node: Node) => lowered(formed(node));
    const made = mapGraph(graph, change);
    const first = new Map<Node, string>();
    let evaluate = program.evaluate;
    for (const [name, node] of named) {
      const own = change(node);
      if (name === EVALUATE) evaluate = own;
      else if (own.op !== "Const" && !first.has(own)) first.set(own, name);
    }
    const live = liveIn(program, made, evaluate);
    return { graph: settleSides(program, made, live), evaluate, named: first, live };
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
    [...names].every((name) => isShapeSymbol(name) || fixed.has(name)) &&
    [...names].some(isShapeSymbol);
}

/** Whether a symbol is what the shape of a parameter tells. */
export function isShapeSymbol(name: string): boolean {
  return SHAPE_SYMBOLS.has(name) || name === SECOND_EXTENT;
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
  const isOfNumber = a?.op === "Symbol" && b?.op === "Const" && isShapeSymbol(a.arg as string);
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

function isSame({ graph: a, ...one }: Form, { graph: b, ...other }: Form): boolean {
  return a.update === b.update && one.evaluate === other.evaluate &&
    [...a.states].every(([name, node]) => b.states.get(name) === node) &&
    a.globals.every(({ node }, k) => b.globals[k].node === node);
}

/** The states that the update, or what is evaluated, comes to read; those that are nowhere read are kept too. */
function liveIn(program: Program, graph: Graph, evaluate: Node): Set<string> {
  const read = new Set<string>();
  const roots = [graph.update, evaluate];
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
