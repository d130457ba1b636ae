/**
 * Plans a graph into phases of fused loops. A loop computes everything of one extent that does not
 * wait for a reduction; a phase ends where a reduction must finish before the rest can go on.
 */
import { GradusError } from "../dsl/errors.ts";
import { globalIndex, type GlobalReduction, type Graph, rootsOf } from "../dsl/graph.ts";
import { apply, constant, foldNodes, type Node, postorder, symbol, ZERO } from "../dsl/node.ts";
import { randomRow, type ReduceOpName, reduceRow } from "../dsl/ops.ts";
import { sketchExpression } from "../dsl/print.ts";
import type { Program } from "../dsl/program.ts";
import { settle, simplified } from "../dsl/simplify.ts";

/**
 * What a value varies over within a leaf: nothing (it is a number for the whole group), all
 * elements, or the axes whose bits are set (none for one value a tensor).
 */
export type Extent = "scalar" | "element" | number;

/**
 * Where results go: a step writes the arrays it reads, and what does not change is left out; an update
 * writes new arrays. Either gives of a short parameter its float32 master copy and the parameter, rounded.
 */
export type Mode = "step" | "update" | "masterStep" | "masterUpdate";

/**
 * A value that a loop writes. `target` is `""` for the parameter or update, `"w"` for the master copy
 * that is read as `w`, or a state.
 */
export interface Output {
  readonly target: string;
  readonly node: Node;
  readonly extent: Exclude<Extent, "scalar">;
}

/** A reduction that a loop accumulates: into a cell of the leaf, or towards the `k`th global. */
export interface Accumulation {
  readonly op: ReduceOpName;
  readonly operand: Node;
  /** What the result varies over; global ones vary over nothing. */
  readonly extent: number;
  readonly into: { readonly cell: number } | { readonly global: number };
}

/** One fused loop over one extent. */
export interface Loop {
  readonly extent: Exclude<Extent, "scalar">;
  /** What it computes, operands first; never leaves, scalars or cells. */
  readonly nodes: readonly Node[];
  /** What later loops of the phase read of it. */
  readonly kept: readonly Node[];
  readonly accumulations: readonly Accumulation[];
  readonly outputs: readonly Output[];
}

/** What one leaf goes through between two synchronisations; narrow extents first. */
export type Phase = readonly Loop[];

/** A reduction's result within a leaf. */
export interface Cell {
  readonly node: Node;
  readonly op: ReduceOpName;
  readonly extent: number;
  /** The extent of what is reduced. */
  readonly from: Exclude<Extent, "scalar">;
}

/** What planning needs of a program. */
export type Planned = Pick<Program, "name" | "state" | "inputs">;

/** How a group of leaves is computed. */
export interface Plan {
  readonly rank: number;
  /** Numbers computed on the host once a step, in float64, each with the phase it is ready for. */
  readonly scalars: readonly { readonly node: Node; readonly phase: number }[];
  /** States kept once for the tree, computed on the host. */
  readonly treeStates: ReadonlyMap<string, Node>;
  readonly cells: readonly Cell[];
  /** The random numbers that loops draw; their operands are scalars that only their keys need. */
  readonly random: readonly Node[];
  /** Everything the last phase writes, the parameter or update first. */
  readonly outputs: readonly Output[];
  readonly phases: readonly Phase[];
  /** The extent of every node. */
  readonly extents: ReadonlyMap<Node, Extent>;
}

/** Whether planning `graph` needs the leaves' rank. */
export function usesAxes(program: Program, graph: Graph): boolean {
  const isAxes = (over: unknown) => typeof over === "string" && /^-?[0-9]/.test(over);
  return [...program.state.values()].some(({ over }) => isAxes(over)) ||
    postorder(rootsOf(graph)).some((node) => reduceRow(node.op) !== undefined && isAxes(node.arg));
}

/** The axes that remain when those listed in `over` are reduced, as a bit set. */
export function keptAxes(over: string, rank: number, what: string): number {
  let mask = 2 ** rank - 1;
  for (const axis of over.split(",").map(Number)) {
    if (axis >= rank || axis < -rank) {
      throw new GradusError(
        `Cannot plan ${what}: axis ${axis} needs a tensor of ${
          axis < 0 ? -axis : axis + 1
        } or more ` +
          `dimensions: given one of ${rank}`,
      );
    }
    mask &= ~(1 << (axis < 0 ? axis + rank : axis));
  }
  return mask;
}

/** The phase after which each reduction over the tree is known. */
export function globalLevels(graph: Graph): number[] {
  const levels: number[] = [];
  for (const { node } of graph.globals) {
    levels.push(1 + levelsOf([node], levels).get(node)!);
  }
  return levels;
}

function levelsOf(roots: readonly Node[], globals: readonly number[]): Map<Node, number> {
  return foldNodes<number>(roots, (node, src) => {
    const below = Math.max(0, ...src);
    if (node.op === "Symbol") return globals[globalIndex(node.arg as string) ?? -1] ?? 0;
    return reduceRow(node.op) === undefined ? below : below + 1;
  });
}

/**
 * Plans `graph`, which may be specialised. `globalPhases` are the {@linkcode globalLevels} of the
 * graph before that, so that every group of leaves agrees when the tree is synchronised. `needed` are
 * the reductions over the tree that some leaf or state reads; the others are left out.
 */
export function plan(
  program: Planned,
  graph: Graph,
  live: ReadonlySet<string>,
  globalPhases: readonly number[],
  mode: Mode,
  rank: number,
  needed: ReadonlySet<number> = new Set(graph.globals.keys()),
): Plan {
  const update = mode === "update" ? settledUpdate(graph.update) : stepped(graph.update);
  const isInPlace = mode === "step" || mode === "masterStep";
  const isTree = (name: string) => program.state.get(name)!.over === "tree";
  const targets = new Map<string, Node>([["", update]]);
  if (mode === "masterStep" || mode === "masterUpdate") targets.set("w", update);
  const treeStates = new Map<string, Node>();
  for (const [name, node] of graph.states) {
    if (isTree(name)) treeStates.set(name, settle(node));
    else if (live.has(name)) targets.set(name, settle(node));
  }
  const globals = graph.globals.map(({ op, node }) => ({ op, node: settle(node) }));
  const roots = [...targets.values(), ...treeStates.values(), ...globals.map(({ node }) => node)];
  const levels = levelsOf(roots, globalPhases);
  const extents = extentsOf(roots, program, rank);
  const last = Math.max(0, ...globalPhases, ...[...levels.values()]);

  const isCell = (node: Node) => reduceRow(node.op) !== undefined && extents.get(node) !== "scalar";
  const cells = [...extents.keys()].filter(isCell).map((node): Cell => ({
    node,
    op: node.op as ReduceOpName,
    extent: extents.get(node) as number,
    from: domain(extents.get(node.src[0])!),
  }));
  const random = [...extents.keys()].filter(({ op }) => randomRow(op) !== undefined);
  const outputs = [...targets].map(([target, node]): Output => {
    const over = program.state.get(target)?.over ?? "element";
    return { target, node, extent: overExtent(over, rank, program.name) };
  });
  for (const { target, node, extent } of outputs) {
    if (isWithin(extents.get(node)!, extent)) continue;
    throw new GradusError(
      `Cannot plan optimizer "${program.name}": state \`${target}\` is kept over other axes than its ` +
        `value varies over, which is \`${sketchExpression(node)}\``,
    );
  }
  const phases = Array.from({ length: last + 1 }, (_, phase) =>
    planPhase(
      [
        ...cells.flatMap((cell, k) =>
          levels.get(cell.node) === phase + 1
            ? [{ op: cell.op, operand: cell.node.src[0], extent: cell.extent, into: { cell: k } }]
            : []
        ),
        ...globals.flatMap(({ op, node }: GlobalReduction, k) =>
          globalPhases[k] === phase + 1 && needed.has(k)
            ? [{ op, operand: node, extent: 0, into: { global: k } }]
            : []
        ),
      ],
      phase === last ? outputs.filter((output) => !isInPlace || isChanged(output)) : [],
      extents,
      isCell,
    ));
  const scalars = scalarsOf(
    roots,
    [...targets.values(), ...globals.map(({ node }) => node)],
    extents,
  )
    .map((node) => ({ node, phase: levels.get(node)! }));
  return { rank, scalars, treeStates, cells, random, outputs, phases, extents };
}

/** An update, -0 where there is none: added to a parameter, that changes no bit. */
export function settledUpdate(update: Node): Node {
  return update === ZERO ? constant(-0) : update;
}

/** The parameter after an update; one that is 0 for good leaves it as it is, -0 included. */
export function stepped(update: Node): Node {
  if (update === ZERO || (update.op === "Const" && update.arg === 0)) return symbol("w");
  const sum = apply("Add", symbol("w"), update);
  return simplified(sum, sum.src);
}

function isChanged({ target, node }: Output): boolean {
  return node !== symbol(target === "" ? "w" : target);
}

/** Whether what varies over `inner` fits into what varies over `outer`. */
function isWithin(inner: Extent, outer: Extent): boolean {
  if (outer === "element" || inner === "scalar") return true;
  return typeof inner === "number" && typeof outer === "number" && (inner & ~outer) === 0;
}

function overExtent(over: string, rank: number, name: string): Exclude<Extent, "scalar"> {
  if (over === "element") return "element";
  return over === "tensor" ? 0 : keptAxes(over, rank, `optimizer "${name}"`);
}

function extentsOf(roots: readonly Node[], program: Planned, rank: number): Map<Node, Extent> {
  const all = 2 ** rank - 1;
  return foldNodes<Extent>(roots, (node, src) => {
    if (node.op === "Symbol") {
      const name = node.arg as string;
      if (name === "w" || name === "g" || program.inputs.get(name) === "element") return "element";
      const over = program.state.get(name)?.over ?? "tree";
      return over === "tree" ? "scalar" : overExtent(over, rank, program.name);
    }
    if (randomRow(node.op) !== undefined) return "element";
    if (reduceRow(node.op) === undefined) return src.reduce(joinExtents, "scalar");
    if (node.arg === "tensor") return 0;
    const kept = keptAxes(node.arg as string, rank, `optimizer "${program.name}"`);
    return src[0] === "element" || src[0] === "scalar" ? kept : kept & src[0];
  });

  function joinExtents(a: Extent, b: Extent): Extent {
    if (a === "element" || b === "element") return "element";
    if (a === "scalar") return b;
    if (b === "scalar") return a;
    return (a | b) === all && rank > 0 ? "element" : a | b;
  }
}

// A number for the whole group, where a loop is asked for it, is the same at every element.
function domain(extent: Extent): Exclude<Extent, "scalar"> {
  return extent === "scalar" ? "element" : extent;
}

function scalarsOf(
  roots: readonly Node[],
  targets: readonly Node[],
  extents: ReadonlyMap<Node, Extent>,
): Node[] {
  const isScalar = (node: Node) => extents.get(node) === "scalar" && node.op !== "Const";
  const found = new Set<Node>(targets.filter(isScalar));
  for (const node of postorder(roots)) {
    // Keys are made of numbers as they are, which no kernel takes.
    if (extents.get(node) === "scalar" || randomRow(node.op) !== undefined) continue;
    for (const operand of node.src) if (isScalar(operand)) found.add(operand);
  }
  return [...found];
}

/** The loops of one phase: what the wide ones need of narrow ones is computed there, once. */
function planPhase(
  accumulations: readonly Accumulation[],
  outputs: readonly Output[],
  extents: ReadonlyMap<Node, Extent>,
  isCell: (node: Node) => boolean,
): Phase {
  const wanted = new Map<Exclude<Extent, "scalar">, { kept: Set<Node>; nodes: Set<Node> }>();
  const at = (extent: Exclude<Extent, "scalar">) => {
    if (!wanted.has(extent)) wanted.set(extent, { kept: new Set(), nodes: new Set() });
    return wanted.get(extent)!;
  };
  const require = (node: Node, extent: Exclude<Extent, "scalar">) => {
    // Depth is bounded by the program's size limits only, so this walks with a stack of its own.
    const stack: { node: Node; from: Exclude<Extent, "scalar"> }[] = [{ node, from: extent }];
    while (stack.length > 0) {
      const { node, from } = stack.pop()!;
      const own = extents.get(node)!;
      if (own === "scalar" || node.op === "Symbol" || isCell(node)) continue;
      const loop = at(own);
      if (own !== from) loop.kept.add(node);
      if (loop.nodes.has(node)) continue;
      loop.nodes.add(node);
      for (const operand of node.src) stack.push({ node: operand, from: own });
    }
  };
  const ofAccumulation = ({ operand }: Accumulation) => domain(extents.get(operand)!);
  for (const accumulation of accumulations) {
    at(ofAccumulation(accumulation));
    require(accumulation.operand, ofAccumulation(accumulation));
  }
  for (const { node, extent } of outputs) {
    at(extent);
    require(node, extent);
  }
  return [...wanted.keys()].sort((a, b) => width(a) - width(b)).map((extent): Loop => {
    const { kept, nodes } = wanted.get(extent)!;
    return {
      extent,
      nodes: postorder(nodes).filter((node) => nodes.has(node)),
      kept: [...kept],
      accumulations: accumulations.filter((a) => ofAccumulation(a) === extent),
      outputs: outputs.filter((output) => output.extent === extent),
    };
  });
}

function width(extent: Extent): number {
  if (extent === "element") return Infinity;
  if (extent === "scalar") return -1;
  let bits = 0;
  for (let rest = extent; rest > 0; rest >>>= 1) bits += rest & 1;
  return bits;
}
