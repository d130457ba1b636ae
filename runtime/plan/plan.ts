/**
 * Plans a graph into phases of fused loops. A loop computes everything of one extent that does not
 * wait for a reduction; a phase ends where a reduction must finish before the rest can go on.
 */
import { GradusError } from "../../dsl/errors.ts";
import { globalIndex, type GlobalReduction, type Graph } from "../../dsl/graph.ts";
import {
  apply,
  constant,
  type Node,
  postorder,
  type ReduceOpName,
  symbol,
  ZERO,
} from "../../dsl/node.ts";
import { matrixRow, randomRow, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { settle, simplified } from "../../dsl/simplify.ts";
import {
  domain,
  type Extent,
  isMatrix,
  isSized,
  showExtent,
  type Varying,
  varyingAxes,
} from "./extent.ts";
import { extentsOf, isWithin, overExtent, type Planned } from "./infer.ts";
import {
  type Accumulation,
  type Cell,
  type Loop,
  operandsOf,
  type Output,
  type Phase,
} from "./loop.ts";
import { placeOutputs, type Work } from "./outputs.ts";
import { factorsOf, matricesOf, placed, type Places, type Product } from "./products.ts";

export type { Extent } from "./extent.ts";
export {
  type Accumulation,
  type Cell,
  type Loop,
  operandsOf,
  type Output,
  type Phase,
} from "./loop.ts";

/**
 * Where results go: a step writes the arrays it reads, and what does not change is left out; an update
 * writes new arrays. Either gives of a short parameter its float32 master copy and the parameter, rounded.
 */
export type Mode = "step" | "update" | "masterStep" | "masterUpdate";

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
  /** Everything that is written, the parameter or update first. */
  readonly outputs: readonly Output[];
  readonly phases: readonly Phase[];
  /** What is done to whole matrices when the loops of each phase are done. */
  readonly products: readonly (readonly Product[])[];
  /** The arrays of a leaf that products and their factors go through. */
  readonly temporaries: Places;
  /** The extent of every node. */
  readonly extents: ReadonlyMap<Node, Extent>;
}

// Loops are compiled: 400 reductions, each of what the one before gave, come near it, and take seconds.
const MOST_OPERATIONS = 250_000;

/** The phase after which each reduction over the tree is known. */
export function globalLevels(graph: Graph): number[] {
  const levels: number[] = [];
  for (const { node } of graph.globals) {
    levels.push(1 + levelsOf([node], levels).get(node)!);
  }
  return levels;
}

function levelsOf(roots: readonly Node[], globals: readonly number[]): Map<Node, number> {
  const levels = new Map<Node, number>();
  for (const node of postorder(roots)) {
    const isMatrices = matrixRow(node.op) !== undefined;
    const operands = isMatrices ? factorsOf(node).map((factor) => factor.node) : node.src;
    const below = Math.max(0, ...operands.map((operand) => levels.get(operand)!));
    const isWaiting = isMatrices || reduceRow(node.op) !== undefined;
    const own = isWaiting ? below + 1 : below;
    const global = node.op === "Symbol" ? globalIndex(node.arg as string) : undefined;
    levels.set(node, global === undefined ? own : globals[global] ?? 0);
  }
  return levels;
}

/**
 * Plans `graph`, which may be specialised, for tensors of `rank` axes; its lists of axes are those that
 * {@linkcode settleAxes} gives. `globalPhases` are the {@linkcode globalLevels} of the graph before all
 * that, so that every group of leaves agrees when the tree is synchronised. `needed` are the reductions
 * over the tree that some leaf or state reads; the others are left out.
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
    extent: extents.get(node) as Varying,
    from: domain(extents.get(node.src[0])!),
  }));
  const random = [...extents.keys()].filter(({ op }) => randomRow(op) !== undefined);
  const outputs = [...targets].map(([target, node]): Output => {
    const state = program.state.get(target) ?? { over: "element" };
    return { target, node, extent: overExtent(state, rank) };
  });
  for (const { target, node, extent } of outputs) {
    requireExtent(program, target, node, extents.get(node)!, extent);
  }
  const matrices = matricesOf([...levels.keys()], new Set(roots), levels);
  // What an earlier phase or its products have left is read, and not computed again.
  const isReadIn = (phase: number) => (node: Node) =>
    isCell(node) || matrixRow(node.op) !== undefined ||
    (matrices.computed.get(node) ?? phase) < phase;
  const work = Array.from({ length: last + 1 }, (_, phase): Work => ({
    accumulations: [
      ...cells.flatMap((cell, k): Accumulation[] =>
        levels.get(cell.node) === phase + 1
          ? [{ op: cell.op, operand: cell.node.src[0], extent: cell.extent, into: { cell: k } }]
          : []
      ),
      ...globals.flatMap(({ op, node }: GlobalReduction, k): Accumulation[] =>
        globalPhases[k] === phase + 1 && needed.has(k)
          ? [{ op, operand: node, extent: 0, into: { global: k } }]
          : []
      ),
    ],
    stored: [...matrices.computed].flatMap(([node, from]) => from === phase ? [node] : []),
    products: matrices.products.get(phase) ?? [],
    isRead: isReadIn(phase),
  }));
  const written = outputs.filter((output) => !isInPlace || isChanged(output));
  const overwritten = (target: string) => {
    if (!isInPlace || (target === "" && mode === "masterStep")) return undefined;
    return symbol(target === "" ? "w" : target);
  };
  const placeOf = placeOutputs(written, overwritten, work, levels, extents);
  let operations = 0;
  const phases = work.map(({ accumulations, stored, isRead }, phase) => {
    const here = written.filter((output) => placeOf.get(output) === phase);
    const loops = planPhase(accumulations, here, stored, extents, isRead);
    for (const { nodes } of loops) operations += nodes.length;
    if (operations > MOST_OPERATIONS) {
      throw new GradusError(
        `Cannot plan optimizer "${program.name}": its loops may have at most ${MOST_OPERATIONS} ` +
          `operations, and each of its ${last} reductions in a row computes anew what it reduces: ` +
          `given ${operations} or more`,
      );
    }
    return loops;
  });
  const scalars = scalarsOf(
    roots,
    [...targets.values(), ...globals.map(({ node }) => node)],
    extents,
  )
    .map((node) => ({ node, phase: levels.get(node)! }));
  return {
    rank,
    scalars,
    treeStates,
    cells,
    random,
    outputs,
    phases,
    products: work.map(({ products }) => products),
    temporaries: placed(matrices, phases.map((phase) => phase.flatMap(operandsOf)), extents),
    extents,
  };
}

/** Refuses a result, `""` for the update or a state, that varies over more than it is kept over. */
export function requireExtent(
  { name }: Pick<Planned, "name">,
  target: string,
  node: Node,
  own: Extent,
  kept: Varying,
): void {
  if (isWithin(own, kept)) return;
  if (isSized(own) || isSized(kept)) {
    const shape = kept === "element"
      ? "the parameter's shape, rows x columns"
      : `its shape, ${showExtent(kept)}`;
    throw new GradusError(
      `Cannot plan optimizer "${name}": \`${target === "" ? "u" : target}\` must be of ${shape}: ` +
        `given ${showExtent(own)}, as \`${sketchExpression(node)}\` is`,
    );
  }
  throw new GradusError(
    `Cannot plan optimizer "${name}": state \`${target}\` is kept over other axes than its ` +
      `value varies over, which is \`${sketchExpression(node)}\``,
  );
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
  stored: readonly Node[],
  extents: ReadonlyMap<Node, Extent>,
  isRead: (node: Node) => boolean,
): Phase {
  const wanted = new Map<Varying, { kept: Set<Node>; nodes: Set<Node> }>();
  const at = (extent: Varying) => {
    if (!wanted.has(extent)) wanted.set(extent, { kept: new Set(), nodes: new Set() });
    return wanted.get(extent)!;
  };
  const require = (node: Node, extent: Varying) => {
    // Depth is bounded by the program's size limits only, so this walks with a stack of its own.
    const stack: { node: Node; from: Varying }[] = [{ node, from: extent }];
    while (stack.length > 0) {
      const { node, from } = stack.pop()!;
      const own = extents.get(node)!;
      if (own === "scalar" || node.op === "Symbol" || isRead(node)) continue;
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
  for (const node of stored) require(node, domain(extents.get(node)!));
  return [...wanted.keys()].sort((a, b) => width(a) - width(b)).map((extent): Loop => {
    const { kept, nodes } = wanted.get(extent)!;
    return {
      extent,
      nodes: postorder(nodes).filter((node) => nodes.has(node)),
      kept: [...kept],
      stored: stored.filter((node) => extents.get(node) === extent),
      accumulations: accumulations.filter((a) => ofAccumulation(a) === extent),
      outputs: outputs.filter((output) => output.extent === extent),
    };
  });
}

function width(extent: Extent): number {
  if (isMatrix(extent)) return Infinity;
  if (extent === "scalar") return -1;
  if (isSized(extent)) return varyingAxes(extent, 2).length;
  let bits = 0;
  for (let rest = extent >>> 0; rest > 0; rest >>>= 1) bits += rest & 1;
  return bits;
}
