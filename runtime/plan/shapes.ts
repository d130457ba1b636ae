/**
 * Gives places along axes and random numbers the shapes that they are used in, beside leaves that are
 * matrices: what is made of them and of numbers alone has no shape of its own, and each use of it may have
 * another.
 */
import { GradusError } from "../../dsl/errors.ts";
import { type Graph, rootsOf } from "../../dsl/graph.ts";
import { foldNodes, index, type Node, postorder, shaped, withSources } from "../../dsl/node.ts";
import { matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { type Part, partsOf, type Side } from "./extent.ts";
import { overExtent, type Planned } from "./infer.ts";

/** A side that is still to be found, and what it is if nothing tells. */
interface Open {
  found: Part | Open | undefined;
  /** Whether it is the parameter's where nothing tells, as that of random numbers is. */
  isOwn: boolean;
  readonly own: Side;
}
type Term = Part | Open;
/** What a value varies over on either side; undefined of a number. */
type Terms = readonly [Term, Term] | undefined;

/** A use of something without a shape of its own: the terms of all that it is made of. */
type Use = ReadonlyMap<Node, Terms>;

const OWN: readonly [Side, Side] = ["rows", "columns"];
const MOST_USED = 250_000;

/** `graph` with every shape told, in leaves that are matrices. */
export function settleShapes(program: Planned, graph: Graph): Graph {
  const roots = rootsOf(graph);
  const isOpen = openNodes(roots, program);
  if (![...isOpen.values()].includes(true)) return graph;
  const terms = new Map<Node, Terms>();
  const uses = new Map<Node, (Use | undefined)[]>();
  let used = 0;
  const use = (node: Node): Use => {
    const own = new Map<Node, Terms>();
    for (const each of postorder([node])) {
      if (++used > MOST_USED) {
        throw new GradusError(
          `Cannot plan optimizer "${program.name}": what has no shape of its own is used too often: ` +
            `its operations come to more than ${MOST_USED}`,
        );
      }
      own.set(each, termsOf(each, each.src.map((operand) => own.get(operand)), program));
    }
    return own;
  };
  for (const node of postorder(roots)) {
    if (isOpen.get(node)) continue;
    const own = node.src.map((operand) => isOpen.get(operand) ? use(operand) : undefined);
    uses.set(node, own);
    const src = node.src.map((operand, i) => (own[i] ?? terms).get(operand));
    terms.set(node, termsOf(node, src, program));
  }
  // What is written has the shape of what it is written to.
  const rootUses = new Map<string, Use | undefined>();
  const meet = (key: string, root: Node, kept: readonly Term[] | undefined) => {
    const own = isOpen.get(root) ? use(root) : undefined;
    rootUses.set(key, own);
    const found = (own ?? terms).get(root);
    if (found !== undefined && kept !== undefined) {
      found.forEach((term, axis) => kept[axis] === "-" || unify(term, kept[axis]));
    }
  };
  meet("", graph.update, OWN);
  for (const [name, root] of graph.states) {
    const state = program.state.get(name)!;
    meet(`state ${name}`, root, state.over === "tree" ? undefined : partsOf(overExtent(state, 2)));
  }
  graph.globals.forEach(({ node }, k) => meet(`global ${k}`, node, undefined));

  // Beside what has a shape, a guess might be wrong.
  for (const [node, own] of terms) {
    const isTold = own?.every((term) => {
      const at = found(term);
      return typeof at !== "object" || at.isOwn;
    });
    if (isTold ?? true) continue;
    throw new GradusError(
      `Cannot plan optimizer "${program.name}": nothing tells how large \`${
        sketchExpression(node)
      }\` is, ` +
        `which is made of places along an axis: let it meet what has as many`,
    );
  }
  const made = new Map<Node, Node>();
  const build = (root: Node, own: Use | undefined): Node =>
    own === undefined ? made.get(root)! : foldNodes<Node>([root], (node, src) => {
      const found = own.get(node);
      if (node.op === "Index") return indexOf(node, found!);
      if (randomRow(node.op) === undefined || found === undefined) return withSources(node, src);
      const parts = found.map(partOf);
      const isOwn = parts.every((part, axis) => part === OWN[axis]);
      return isOwn ? withSources(node, src) : shaped(withSources(node, src), parts.join(" x "));
    }).get(root)!;
  for (const node of postorder(roots)) {
    if (isOpen.get(node)) continue;
    const own = uses.get(node)!;
    made.set(node, withSources(node, node.src.map((operand, i) => build(operand, own[i]))));
  }
  return {
    update: build(graph.update, rootUses.get("")),
    states: new Map(
      [...graph.states].map(([name, root]) => [name, build(root, rootUses.get(`state ${name}`))]),
    ),
    globals: graph.globals.map(({ op, node }, k) => ({
      op,
      node: build(node, rootUses.get(`global ${k}`)),
    })),
  };
}

/** Whether each node is made of places or random numbers, and of nothing that has a shape. */
function openNodes(roots: readonly Node[], program: Planned): Map<Node, boolean> {
  const kinds = foldNodes<"number" | "open" | "shaped">(roots, (node, src) => {
    if (node.op === "Index" || randomRow(node.op) !== undefined) return "open";
    if (node.op === "Symbol") return hasShape(node, program) ? "shaped" : "number";
    return src.includes("shaped") ? "shaped" : src.includes("open") ? "open" : "number";
  });
  return new Map([...kinds].map(([node, kind]) => [node, kind === "open"]));
}

function hasShape({ arg }: Node, { state, inputs }: Planned): boolean {
  const name = arg as string;
  const over = state.get(name)?.over ?? "tree";
  return name === "w" || name === "g" || inputs.get(name) === "element" || over !== "tree";
}

function termsOf(node: Node, src: readonly Terms[], program: Planned): Terms {
  const isOwn = node.op !== "Index";
  const open = (): [Term, Term] => [
    { found: undefined, isOwn, own: "rows" },
    { found: undefined, isOwn, own: "columns" },
  ];
  if (node.op === "Symbol") {
    if (!hasShape(node, program)) return undefined;
    const state = program.state.get(node.arg as string);
    return state === undefined ? OWN : partsOf(overExtent(state, 2));
  }
  if (node.op === "Index") return node.arg === "0" ? [open()[0], "-"] : ["-", open()[1]];
  if (randomRow(node.op) !== undefined) return open();
  if (reduceRow(node.op) !== undefined) {
    const axes = node.arg === "tensor" ? [0, 1] : (node.arg as string).split(",").map(Number);
    const [rows, columns] = src[0] ?? OWN;
    return [axes.includes(0) ? "-" : rows, axes.includes(1) ? "-" : columns];
  }
  const sizes = matrixRow(node.op)?.sizes;
  if (sizes !== undefined && src.every((each) => each !== undefined)) {
    const given = src as readonly (readonly [Term, Term])[];
    if (given.length === 2) unify(given[0][1], given[1][0]);
    return sizes(...given.map(([rows, columns]) => [found(rows), found(columns)] as const)) ?? OWN;
  }
  return src.reduce(joined, undefined);
}

/** What varies over either side of one operand or the other. */
function joined(a: Terms, b: Terms): Terms {
  if (a === undefined || b === undefined) return a ?? b;
  const join = (x: Term, y: Term): Term => {
    if (x === "-" || y === "-") return x === "-" ? y : x;
    unify(x, y);
    return x;
  };
  return [join(a[0], b[0]), join(a[1], b[1])];
}

/** Takes two sides for one. What is not one is left, and refused where extents are inferred. */
function unify(a: Term, b: Term): void {
  const [x, y] = [found(a), found(b)];
  if (x === y) return;
  if (typeof x === "object") {
    x.found = y;
    if (typeof y === "object") y.isOwn ||= x.isOwn;
  } else if (typeof y === "object") y.found = x;
}

function found(term: Term): Term {
  let at = term;
  while (typeof at === "object" && at.found !== undefined) at = at.found;
  return at;
}

function partOf(term: Term): Part {
  const at = found(term);
  return typeof at === "object" ? at.own : at;
}

function indexOf({ arg }: Node, terms: readonly [Term, Term]): Node {
  const axis = Number(arg);
  const part = partOf(terms[axis]);
  return part === OWN[axis] || part === "-" ? index(axis) : index(axis, part);
}
