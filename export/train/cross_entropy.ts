/** The cross entropy of scores and labels. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { type Loss, type LossGraph, lossOf, requireName, wide, type WrittenLoss } from "./loss.ts";
import { DataType, spellShape } from "./value.ts";

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
    const column = shape.map((_, i) => i === axis ? classes : 1).slice(axis);
    const y = graph.emit("Unsqueeze", [
      graph.emit("Cast", [target(labels, DataType.INT64, rest)], { to: DataType.INT32 }),
      graph.ints([axis]),
    ]);
    const numbers = Array.from({ length: classes }, (_, i) => i);
    const isLabel = graph.emit("Equal", [y, graph.constant(numbers, DataType.INT32, column)]);
    const o = graph.write("where(a, 1, 0)", { a: isLabel, x });
    const v = graph.write("where(a, 0, 1)", {
      a: graph.emit("Equal", [y, graph.constant([ignore], DataType.INT32, [])]),
      x,
    });
    const most = graph.reduce("ReduceMax", x, [axis]);
    const less = graph.write("x - m", { x, m: most });
    const e = graph.write("exp(x)", { x: less });
    const s = graph.sum(e, [axis]);
    // How much each class should be: the label's 1, spread and weighted.
    const isPlain = weight === undefined && smoothing === 0;
    const q = smoothing === 0
      ? o
      : graph.write("o*(1 - r) + r/c", { o }, { r: smoothing, c: classes });
    const w = weight && graph.constant(weightsOf(weight, classes, refuse), x.type, column);
    const p = w === undefined ? q : graph.write("w*q", { w, q });
    const t = isPlain ? undefined : graph.sum(p, [axis]);
    const hit = graph.sum(graph.write("where(p == 0, 0, p*x)", { p, x: less }), [axis]);
    const total = t === undefined
      ? graph.write("log(s)", { s })
      : graph.write("t*log(s)", { t, s });
    const isClass = graph.sum(o, [axis]);
    const each = graph.write("where(v == 0, 0, where(n == 0, nan, l - h))", {
      v,
      n: isClass,
      l: total,
      h: hit,
    });
    const all = shape.map((_, i) => i);
    const counts = w === undefined
      ? v
      : graph.write("v*n", { v, n: graph.sum(graph.write("w*o", { w, o }), [axis]) });
    const k = reduction === "sum" ? v : graph.write("v/n", { v, n: graph.sum(counts, all, 0) });
    const loss = reduction === "sum"
      ? graph.sum(each, all, 0)
      : graph.write("a/n", { a: graph.sum(each, all, 0), n: graph.sum(counts, all, 0) });
    const seed = t === undefined
      ? graph.write("(e/s - p)*k", { e, s, p, k })
      : graph.write("(e*(t/s) - p)*k", { e, s, p, k, t });
    return { loss, seeds: [[scores, seed]] };
  };
  return lossOf(logits, write);
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
