/**
 * The definition of what a step means: every node on its own, over whole arrays, each operation
 * rounded. Slow and obvious; every other backend answers to it.
 */
import { globalSymbol } from "../../../dsl/graph.ts";
import { type Node, postorder } from "../../../dsl/node.ts";
import { elementRow, matrixRow, randomRow, type ReduceOp, reduceRow } from "../../../dsl/ops.ts";
import { settle } from "../../../dsl/simplify.ts";
import { lanesOf } from "../lanes.ts";
import { settledUpdate, stepped } from "../../plan/plan.ts";
import { keysOf, leafNumbers, storesOf } from "../random.ts";
import { extentShape } from "../../plan/extent.ts";
import { sizeOf } from "../../trees/leaf.ts";
import { BLOCK, GlobalTotal, type LeafRun, loadsOf, type StepRun } from "../backend.ts";

/** A value within a leaf: an extent of 1 on every axis it does not vary over. */
interface Field {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
type Value = number | Field;

/** Interprets one step. */
export function interpret(
  { leaves, globals }: Pick<StepRun, "leaves" | "globals">,
): Map<string, number> {
  const known = new Map<string, number>();
  const memos = leaves.map(() => new Map<Node, Value>());
  const evaluateAt = (i: number, root: Node) => evaluate(root, leaves[i], known, memos[i]);
  globals.forEach(({ op }, k) => {
    const total = new GlobalTotal(op);
    leaves.forEach((leaf, i) => {
      const operand = fieldOf(evaluateAt(i, settle(leaf.group.graph.globals[k].node)), leaf);
      total.add(accumulateBlocks(reduceRow(op)!, operand.data), operand.data.length);
    });
    known.set(globalSymbol(k), total.finish());
  });

  const results = leaves.map((leaf, i) =>
    leaf.group.plan.outputs.map((_, k) => {
      const { graph, mode, outputs } = leaf.group;
      const { name } = outputs[k];
      if (name !== "" && name !== "w") return evaluateAt(i, settle(graph.states.get(name)!));
      const { update } = graph;
      return evaluateAt(i, mode === "update" ? settledUpdate(update) : stepped(update));
    })
  );
  const treeStates = new Map<string, number>();
  for (const [name, node] of leaves[0].group.plan.treeStates) {
    treeStates.set(name, evaluateAt(0, node) as number);
  }
  // Nothing is written before everything is computed: inputs and outputs may be the same arrays.
  leaves.forEach((leaf, i) => {
    const write = storesOf(leaf);
    leaf.group.plan.outputs.forEach((_, k) => {
      const out = leaf.outputs[k];
      const shape = extentShape(leaf.group.plan.outputs[k].extent, leaf.shape);
      const result = results[i][k];
      const read = typeof result === "number" ? () => rounded(result, leaf) : at(result, shape);
      for (let j = 0; j < out.length; j++) write(k, j, read(j));
    });
  });
  return treeStates;
}

function evaluate(
  root: Node,
  leaf: LeafRun,
  globals: ReadonlyMap<string, number>,
  memo: Map<Node, Value>,
): Value {
  for (const node of postorder([root])) {
    if (memo.has(node)) continue;
    const src = node.src.map((operand) => memo.get(operand)!);
    memo.set(node, evaluateNode(node, src, leaf, globals));
  }
  return memo.get(root)!;
}

function evaluateNode(
  node: Node,
  src: readonly Value[],
  leaf: LeafRun,
  globals: ReadonlyMap<string, number>,
): Value {
  const round = leaf.group.dtype === "float32" ? Math.fround : (x: number) => x;
  if (node.op === "Const") return node.arg as number;
  if (node.op === "Symbol") {
    const name = node.arg as string;
    const input = leaf.group.inputs.findIndex((kind) => kind.name === name);
    if (input < 0) return leaf.group.symbols.get(name) ?? globals.get(name)!;
    const [array, read] = [leaf.inputs[input], loadsOf(leaf)];
    const shape = extentShape(leaf.group.plan.extents.get(node)!, leaf.shape);
    return { shape, data: Float64Array.from(array, (_, i) => read(input, i)) };
  }
  const reduction = reduceRow(node.op);
  if (reduction !== undefined) {
    // All axes together are the tensor.
    const { extents, rank } = leaf.group.plan;
    const kept = extents.get(node) as number;
    const over = kept === 0 ? "tensor" : node.arg as string;
    const lanes = lanesOf(kept, extents.get(node.src[0])!, rank);
    return reduceField(reduction, fieldOf(src[0], leaf), over, lanes, round);
  }
  const isRandom = randomRow(node.op) !== undefined;
  if (isRandom || node.op === "Index") {
    const shape = extentShape(leaf.group.plan.extents.get(node)!, leaf.shape);
    const keys = keysOf([node], (operand) => src[node.src.indexOf(operand)] as number);
    const drawn = isRandom ? leafNumbers([node], keys, leaf) : (_: number, i: number) => round(i);
    const length = sizeOf(shape);
    return { shape, data: Float64Array.from({ length }, (_, i) => drawn(0, i)) };
  }
  const matrices = matrixRow(node.op);
  if (matrices !== undefined) {
    const operands = src.map((value) => {
      const { shape: [rows, columns], data } = value as Field;
      return { sizes: [rows, columns] as const, data };
    });
    const { sizes, data } = matrices.eval(...operands);
    return { shape: sizes, data: data.map(round) };
  }
  const row = elementRow(node.op)!;
  if (src.every((value) => typeof value === "number")) return row.eval(...src);

  const shape = extentShape(leaf.group.plan.extents.get(node)!, leaf.shape);
  const operands = src.map((value) => {
    if (typeof value !== "number") return at(value, shape);
    // A number enters element-wise arithmetic here, and is rounded as it does.
    const entered = round(value);
    return () => entered;
  });
  const size = sizeOf(shape);
  const data = new Float64Array(size);
  for (let i = 0; i < size; i++) data[i] = round(row.eval(...operands.map((read) => read(i))));
  return { shape, data };
}

/** Reads a field as if it had the larger `shape`. */
function at(field: Field, shape: readonly number[]): (i: number) => number {
  if (field.data.length === sizeOf(shape)) return (i) => field.data[i];
  return (i) => {
    let [index, stride] = [0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const position = i % shape[axis];
      i = (i - position) / shape[axis];
      if (field.shape[axis] > 1) index += position * stride;
      stride *= field.shape[axis];
    }
    return field.data[index];
  };
}

function reduceField(
  row: ReduceOp,
  { shape, data }: Field,
  over: string,
  lanes: 1 | 4,
  round: (x: number) => number,
): Field {
  if (over === "tensor") {
    const value = round(row.finish(accumulateBlocks(row, data), data.length));
    return { shape: shape.map(() => 1), data: Float64Array.of(value) };
  }
  const axes = over.split(",").map((axis) => (Number(axis) + shape.length) % shape.length);
  const kept = shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
  const size = sizeOf(kept);
  const accumulators = new Float64Array(size * lanes).fill(row.start);
  const indices = Float64Array.from({ length: size }, (_, i) => i);
  const indexOf = at({ shape: kept, data: indices }, shape);
  for (let i = 0; i < data.length; i++) {
    const k = indexOf(i) * lanes + i % lanes;
    accumulators[k] = row.accumulate(accumulators[k], data[i]);
  }
  const count = axes.reduce(
    (product, axis, i) => product * (axes.indexOf(axis) === i ? shape[axis] : 1),
    1,
  );
  const joined = indices.map((i) => {
    const [a, b, c, d] = accumulators.subarray(i * lanes);
    return lanes === 1 ? a : row.combine(row.combine(a, c), row.combine(b, d));
  });
  return { shape: kept, data: joined.map((a) => round(row.finish(a, count))) };
}

/**
 * Accumulates in the one order that every backend keeps: blocks in turn, within a block four lanes
 * that each take every fourth element, joined as (0, 2) with (1, 3).
 */
export function accumulateBlocks(row: ReduceOp, data: ArrayLike<number>): number {
  const { accumulate, combine, start } = row;
  let total = start;
  for (let from = 0; from < data.length; from += BLOCK) {
    let [a, b, c, d] = [start, start, start, start];
    const end = Math.min(from + BLOCK, data.length);
    for (let i = from; i < end; i += 4) {
      a = accumulate(a, data[i]);
      if (i + 1 < end) b = accumulate(b, data[i + 1]);
      if (i + 2 < end) c = accumulate(c, data[i + 2]);
      if (i + 3 < end) d = accumulate(d, data[i + 3]);
    }
    total = combine(total, combine(combine(a, c), combine(b, d)));
  }
  return total;
}

// A number for the whole group is the same at every element.
function fieldOf(value: Value, leaf: LeafRun): Field {
  if (typeof value !== "number") return value;
  return { shape: leaf.shape, data: new Float64Array(leaf.size).fill(rounded(value, leaf)) };
}

function rounded(value: number, leaf: LeafRun): number {
  return leaf.group.dtype === "float32" ? Math.fround(value) : value;
}
