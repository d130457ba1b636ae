/** How a state begins: its shapes and its first numbers. */
import { axesByExtent } from "../../dsl/axes.ts";
import { Evaluator } from "../../dsl/evaluate.ts";
import { type Graph, mapGraph, rootsOf } from "../../dsl/graph.ts";
import { lower } from "../../dsl/lower.ts";
import { type Node, postorder, symbol, ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { interpret } from "../backends/interpreter/run.ts";
import { keptAxes, settleAxes } from "../plan/axes.ts";
import type { Blank } from "./device.ts";
import type { Group } from "./groups.ts";
import { lengthOf } from "../plan/extent.ts";
import type { Planned } from "../plan/infer.ts";
import type { VariantKey } from "../plan/forms.ts";
import { type Plan, plan } from "../plan/plan.ts";
import { requireSize } from "../plan/sizes.ts";
import {
  allocate,
  arithmeticOf,
  type HostArray,
  load,
  memoryOf,
  storeAll,
} from "../trees/dtype.ts";
import { asHostLeaf } from "../trees/host_leaf.ts";
import { dtypeOf, isUnsigned, type Stored } from "../trees/stored.ts";
import { type LeafInfo, mirror, spellPath } from "../trees/leaf.ts";
import { LeafMatrices } from "../trees/matrices.ts";
import type { MatrixView } from "../trees/view.ts";

/**
 * The shape a state has for a parameter that keeps these; where the parameter is seen as matrices, one that is no
 * larger than the parameter, or has a shape of its own, has the axes that tell them apart, and then its own.
 */
export function stateShape(
  program: Program,
  state: string,
  { shape: whole, path }: LeafInfo,
  { live, sizes }: Pick<Group, "live" | "sizes">,
  view: MatrixView | undefined,
): readonly number[] {
  if (!live.has(state)) return [0];
  const { over } = program.state.get(state)!;
  const { shape, batch } = view ?? { shape: whole, batch: [] };
  const own = sizes.get(state);
  if (own !== undefined) {
    const lengths = [...batch, ...own.map((side) => lengthOf(side, shape))];
    return requireSize(lengths, `state \`${state}\` for ${spellPath(path)}`);
  }
  if (over === "element") return whole;
  const what = `optimizer "${program.name}", state \`${state}\` for ${spellPath(path)}`;
  const kept = over === "tensor" ? 0 : keptAxes(over, axesByExtent(shape), what);
  return [...batch, ...shape.map((size, axis) => kept & (1 << axis) ? size : 1)];
}

/** Whether an initial value is one number: made of neither the parameter nor places along an axis. */
export function isInitialNumber(init: Node): boolean {
  return init.op === "Const" ||
    !postorder([init]).some((node) => node === symbol("w") || node.op === "Index");
}

/** The number that an initial value is. */
export function initialNumber(init: Node, symbols: ReadonlyMap<string, number>): number {
  if (init.op === "Const") return init.arg as number;
  const evaluator = new Evaluator([init]);
  evaluator.evaluate(symbols);
  return evaluator.get(init);
}

/**
 * A leaf of a state at the beginning, rounded to nearest; `parameter` is the array of the parameter it
 * mirrors, and `seen` says as which matrices.
 */
export function initialLeaf(
  init: Node,
  info: LeafInfo,
  parameter: HostArray | undefined,
  symbols: ReadonlyMap<string, number>,
  stored: Stored,
  shape: readonly number[],
  seen?: Blank<never>["seen"],
): unknown {
  const leaf = mirror(info, stored, shape);
  const dtype = dtypeOf(stored);
  if (init === ZERO || init.op === "Const" && Object.is(init.arg, 0)) return leaf;
  const { data } = asHostLeaf(leaf, info.path, "")!;
  if (isInitialNumber(init)) {
    const number = initialNumber(init, symbols);
    if (Object.is(number, 0)) return leaf;
    // Alike numbers are stored alike, in blocks too, so that one tells what all are.
    const one = allocate(dtype, 1, isUnsigned(stored));
    storeAll(dtype, one, () => number);
    const parts = memoryOf(one);
    memoryOf(data).forEach((part, k) => part.fill(parts[k][0]));
    return leaf;
  }
  const isOfParameter = postorder([init]).includes(symbol("w"));
  if (isOfParameter && parameter === undefined || data.length === 0) return leaf;
  if (init === symbol("w")) {
    storeAll(dtype, data, (i) => load(info.dtype, parameter!, i));
    return leaf;
  }
  const own = seen === undefined
    ? shape
    : seen.isLikeLeaf
    ? seen.view.shape
    : shape.slice(seen.view.batch.length);
  const group = {
    ...initialPlan(init, own, "interpreter"),
    mode: "update",
    backend: "interpreter",
    dtype: arithmeticOf(info.dtype),
    inputs: isOfParameter ? [{ name: "w", dtype: info.dtype }] : [],
    outputs: [{ name: "", dtype: "float64" }],
    symbols,
  } as const;
  const values = new Float64Array(data.length);
  const matrices = seen && new LeafMatrices(seen.view, info.shape);
  const inputs = isOfParameter
    ? memoryOf(parameter!).map((array) => matrices?.of(array, true, false) ?? [array])
    : [];
  const outputs = matrices?.of(values, seen!.isLikeLeaf, true) ?? [values];
  matrices?.begin();
  interpret({
    globals: [],
    leaves: outputs.map((output, k) => ({
      ...{ group, number: 0, shape: own, size: output.length },
      ...{ inputs: inputs.map((parts) => parts[k]), outputs: [output] },
    })),
  });
  matrices?.end();
  storeAll(dtype, data, (i) => values[i]);
  return leaf;
}

/** What starts from the parameter is planned as an update of nothing by it. */
export function initialPlan(
  init: Node,
  shape: readonly number[],
  backend: VariantKey["backend"],
): { readonly graph: Graph; readonly plan: Plan } {
  const initial = { update: init, states: new Map(), globals: [] };
  const settled = settleAxes(NO_STATES, initial, new Set(), axesByExtent(shape), new Map()).graph;
  const graph = backend === "interpreter"
    ? settled
    : mapGraph(settled, lower(rootsOf(settled), backend, false));
  return { graph, plan: plan(NO_STATES, graph, new Set(), [], "update", shape.length) };
}

const NO_STATES: Planned = { name: "an initial value", state: new Map(), inputs: new Map() };
