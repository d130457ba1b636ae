/** The cross entropy of scores and labels. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { type Loss, type LossGraph, lossOf, requireName, wide, type WrittenLoss } from "./loss.ts";
import type { Graph } from "./graph.ts";
import { DataType, spellShape, type Value } from "./value.ts";

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions {
  /** The output with a score for each class: [N, C], or [N, C, …] with labels [N, …]. */
  readonly logits: string;
  /** The input of the labels, whole numbers from 0 to C - 1. Default "y". */
  readonly labels?: string;
  /** The axis of the classes, such as -1 for a language model's [N, T, C]. Default 1. */
  readonly axis?: number;
  /** How much each class counts. Default 1 for all. */
  readonly weight?: ArrayLike<number>;
  /** Whether examples are averaged, by weight, or added. Default "mean". */
  readonly reduction?: "mean" | "sum";
  /** The label of examples that do not count. Default -100. */
  readonly ignore?: number;
  /** How much of each label is spread over all classes alike, from 0 to 1. Default 0. */
  readonly smoothing?: number;
}

/**
 * The cross entropy of scores and labels, -log softmax(logits)[label], as PyTorch's `CrossEntropyLoss`
 * has it. A label that is no class, and not ignored, makes the loss NaN.
 *
 * @example
 * ```ts
 * import { crossEntropy } from "@gradus/gradus/train";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(crossEntropy({ logits: "logits", smoothing: 0.1 }).outputs, ["logits"]);
 * ```
 *
 * @throws {GradusError} if an option is none. Where it is used: if the output has no such axis, or its size is open.
 */
export function crossEntropy(options: CrossEntropyOptions): Loss {
  const doing = "Cannot make a cross entropy";
  requireName(options?.logits, "logits", doing);
  const { logits, labels = "y", weight, reduction = "mean", ignore = -100, smoothing = 0 } =
    options;
  if (reduction !== "mean" && reduction !== "sum") {
    throw new GradusError(
      `${doing}: \`reduction\` must be "mean" or "sum": given ${shown(reduction)}`,
    );
  }
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new GradusError(`${doing}: \`smoothing\` must be from 0 to 1: given ${shown(smoothing)}`);
  }
  if (!Number.isInteger(ignore)) {
    throw new GradusError(`${doing}: \`ignore\` must be a whole number: given ${shown(ignore)}`);
  }
  const write = ({ graph, output, target, refuse }: LossGraph): WrittenLoss => {
    const scores = output(logits);
    const x = wide(scores, graph);
    const shape = x.shape ?? refuse(`the number of dimensions of ${quoted(logits)} must be known`);
    const given = options.axis ?? (shape.length === 1 ? 0 : 1);
    const axis = given < 0 ? given + shape.length : given;
    const classes = shape[axis];
    if (!Number.isInteger(axis) || typeof classes !== "number") {
      return refuse(
        `the classes, axis ${given} of ${
          quoted(logits)
        }, must be of a known number: given a shape ` +
          spellShape(shape),
      );
    }
    const rest = shape.filter((_, i) => i !== axis);
    const wanted = target(labels, DataType.INT64, rest);
    const whole = wanted.type === DataType.INT64
      ? wanted
      : graph.emit("Cast", [wanted], { to: DataType.INT64 });
    const y = graph.emit("Unsqueeze", [whole, graph.ints([axis])]);
    const number = (value: number) => graph.constant([value], DataType.INT64, []);
    const near = graph.emit("Max", [graph.emit("Min", [y, number(classes - 1)]), number(0)]);
    const isIgnored = graph.emit("Equal", [y, number(ignore)]);
    const counted = graph.write("where(a, 0, 1)", { a: isIgnored, x });
    const valid = graph.write("where(a, 1, nan)", { a: graph.emit("Equal", [y, near]), x });

    const most = graph.reduce("ReduceMax", x, [axis]);
    const less = graph.write("x - m", { x, m: most });
    const e = graph.write("exp(x)", { x: less });
    const s = graph.sum(e, [axis]);
    const of = { less, near, e, s };
    const { each, count, slope } = weight === undefined && smoothing === 0
      ? plain(of, axis, graph)
      : spread(
        of,
        x,
        axis,
        classes,
        weight && weightsOf(weight, classes, refuse),
        smoothing,
        graph,
      );

    const all = shape.map((_, i) => i);
    const counts = count === undefined ? counted : graph.write("v*n", { v: counted, n: count });
    const total = graph.sum(
      graph.write("where(a, 0, v*l)", { a: isIgnored, v: valid, l: each }),
      all,
      0,
    );
    const n = reduction === "sum" ? undefined : graph.sum(counts, all, 0);
    const loss = n === undefined ? total : graph.write("a/n", { a: total, n });
    const k = n === undefined
      ? graph.write("where(a, 0, v)", { a: isIgnored, v: valid })
      : graph.write("where(a, 0, v/n)", { a: isIgnored, v: valid, n });
    return { loss, seeds: [[scores, slope(k)]] };
  };
  return lossOf(logits, write);
}

/** Scores less the largest, labels that are classes, e to those scores and its sum. */
interface Scores {
  readonly less: Value;
  readonly near: Value;
  readonly e: Value;
  readonly s: Value;
}

/** The loss of each example, how much it counts if not 1, and the gradient of all for what each is multiplied by. */
interface Each {
  readonly each: Value;
  readonly count?: Value;
  slope(k: Value): Value;
}

/** Each label is all of what a class should be: only its score is looked at, and only its gradient is its own. */
function plain({ less, near, e, s }: Scores, axis: number, graph: Graph): Each {
  const hit = graph.emit("GatherElements", [less, near], { axis });
  const slope = (k: Value) => {
    const own = graph.write("-k", { k });
    const attributes = { axis, reduction: "add" };
    return graph.emit(
      "ScatterElements",
      [graph.write("e*(k/s)", { e, k, s }), near, own],
      attributes,
    );
  };
  return { each: graph.write("log(s) - h", { s, h: hit }), slope };
}

/** How much each class should be is spread and weighted. */
function spread(
  { less, near, e, s }: Scores,
  x: Value,
  axis: number,
  classes: number,
  weights: readonly number[] | undefined,
  smoothing: number,
  graph: Graph,
): Each {
  const column = x.shape!.map((_, i) => i === axis ? classes : 1).slice(axis);
  const numbers = Array.from({ length: classes }, (_, i) => i);
  const isLabel = graph.emit("Equal", [
    graph.emit("Cast", [near], { to: DataType.INT32 }),
    graph.constant(numbers, DataType.INT32, column),
  ]);
  const o = graph.write("where(a, 1, 0)", { a: isLabel, x });
  const q = graph.write("o*(1 - r) + r/c", { o }, { r: smoothing, c: classes });
  const w = weights && graph.constant(weights, x.type, column);
  const p = w === undefined ? q : graph.write("w*q", { w, q });
  const t = graph.sum(p, [axis]);
  const hit = graph.sum(graph.write("where(p == 0, 0, p*x)", { p, x: less }), [axis]);
  return {
    each: graph.write("t*log(s) - h", { t, s, h: hit }),
    count: w && graph.sum(graph.write("w*o", { w, o }), [axis]),
    slope: (k) => graph.write("(e*(t/s) - p)*k", { e, s, p, k, t }),
  };
}

function weightsOf(
  weight: ArrayLike<number>,
  classes: number,
  refuse: (reason: string) => never,
): number[] {
  const weights = Array.from(weight, Number);
  if (weights.length === classes && weights.every((each) => each >= 0 && each < Infinity)) {
    return weights;
  }
  return refuse(
    `\`weight\` must have a number for each of ${classes} classes: given ${shown(weight)}`,
  );
}
