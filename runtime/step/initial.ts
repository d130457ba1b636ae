/** How a state begins: its shapes and its first numbers. */
import { axesByExtent } from "../../dsl/axes.ts";
import { Evaluator } from "../../dsl/evaluate.ts";
import { type Node, postorder, symbol, ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { interpret } from "../backends/interpreter/run.ts";
import { keptAxes, settleAxes } from "../plan/axes.ts";
import type { Planned } from "../plan/infer.ts";
import { plan } from "../plan/plan.ts";
import {
  allocate,
  arithmeticOf,
  type HostArray,
  load,
  memoryOf,
  storeAll,
} from "../trees/dtype.ts";
import { dtypeOf, isUnsigned, type Stored } from "../trees/stored.ts";
import { asHostLeaf } from "../trees/host_leaf.ts";
import { type LeafInfo, mirror, spellPath } from "../trees/leaf.ts";

/** The shape a state has for a parameter that keeps those that are `live`. */
export function stateShape(
  program: Program,
  state: string,
  { shape, path }: LeafInfo,
  live: ReadonlySet<string>,
): readonly number[] {
  if (!live.has(state)) return [0];
  const { over } = program.state.get(state)!;
  if (over === "element") return shape;
  const what = `optimizer "${program.name}", state \`${state}\` for ${spellPath(path)}`;
  const kept = over === "tensor" ? 0 : keptAxes(over, axesByExtent(shape), what);
  return shape.map((size, axis) => kept & (1 << axis) ? size : 1);
}

/** The number that an initial value without `w` is. */
export function initialNumber(init: Node, symbols: ReadonlyMap<string, number>): number {
  const evaluator = new Evaluator([init]);
  evaluator.evaluate(symbols);
  return evaluator.get(init);
}

/**
 * A leaf of a state at the beginning, rounded to nearest; `parameter` is the array of the parameter it
 * mirrors.
 */
export function initialLeaf(
  init: Node,
  info: LeafInfo,
  parameter: HostArray | undefined,
  symbols: ReadonlyMap<string, number>,
  stored: Stored,
  shape: readonly number[],
): unknown {
  const leaf = mirror(info, stored, shape);
  const dtype = dtypeOf(stored);
  if (init === ZERO) return leaf;
  const { data } = asHostLeaf(leaf, info.path, "")!;
  if (!postorder([init]).some(({ op, arg }) => op === "Symbol" && arg === "w")) {
    const number = initialNumber(init, symbols);
    if (Object.is(number, 0)) return leaf;
    // Alike numbers are stored alike, in blocks too, so that one tells what all are.
    const one = allocate(dtype, 1, isUnsigned(stored));
    storeAll(dtype, one, () => number);
    const parts = memoryOf(one);
    memoryOf(data).forEach((part, k) => part.fill(parts[k][0]));
    return leaf;
  }
  if (parameter === undefined || data.length === 0) return leaf;
  if (init === symbol("w")) {
    storeAll(dtype, data, (i) => load(info.dtype, parameter, i));
    return leaf;
  }
  // What starts from the parameter is an update of nothing by it.
  const initial = { update: init, states: new Map(), globals: [] };
  const { graph } = settleAxes(NO_STATES, initial, new Set(), axesByExtent(info.shape));
  const group = {
    graph,
    plan: plan(NO_STATES, graph, new Set(), [], "update", info.shape.length),
    mode: "update",
    backend: "interpreter",
    dtype: arithmeticOf(info.dtype),
    inputs: [{ name: "w", dtype: info.dtype }],
    outputs: [{ name: "", dtype: "float64" }],
    symbols,
  } as const;
  const { shape: whole, size } = info;
  const [inputs, values] = [[memoryOf(parameter)[0]], new Float64Array(data.length)];
  interpret({
    globals: [],
    leaves: [{ group, number: 0, shape: whole, size, inputs, outputs: [values] }],
  });
  storeAll(dtype, data, (i) => values[i]);
  return leaf;
}

const NO_STATES: Planned = { name: "an initial value", state: new Map(), inputs: new Map() };
