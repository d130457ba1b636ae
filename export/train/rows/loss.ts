/** Losses that a model computes itself, by operators made for it. */
import { DataType, isFloat, type Kind, type Value } from "../value.ts";
import { logSoftmax } from "./normal.ts";
import type { At, Rows } from "./row.ts";

/** The operators of losses, written out: the runtime's own run on the processor. */
export const losses: Rows = {
  SoftmaxCrossEntropyLoss: {
    shape: (at) => [reduced(at), { type: at.input(0).type, shape: at.input(0).shape }],
    lower: (at) => {
      if (at.shape(0).length < 2) at.refuse("its scores must have at least two dimensions");
      const logs = logSoftmax(at.float32(0), 1, at);
      return [likelihood(logs, at), logs];
    },
  },
  NegativeLogLikelihoodLoss: {
    shape: (at) => [reduced(at)],
    lower: (at) => [likelihood(at.float32(0), at)],
  },
};

function reduced(at: At): Kind {
  const isEach = at.text("reduction", "mean") === "none";
  return { type: at.input(0).type, shape: isEach ? at.input(1).shape : [] };
}

/** -w·log p of each label's class, averaged by weight or added; a label that is no class gives NaN. */
function likelihood(logs: Value, at: At): Value {
  const { build } = at;
  const [shape, labels] = [logs.shape!, at.input(1)];
  const reduction = at.text("reduction", "mean");
  const classes = shape[1];
  if (typeof classes !== "number") return at.refuse("the number of classes must be known");
  if (!["mean", "sum", "none"].includes(reduction)) {
    return at.refuse('its attribute `reduction` must be "mean", "sum" or "none"');
  }
  if (isFloat(labels.type)) return at.refuse("its labels must be whole numbers");
  const column = [classes, ...shape.slice(2).map(() => 1)];
  const y = build.emit("Cast", [labels], { to: DataType.INT32 });
  const numbers = Array.from({ length: classes }, (_, i) => i);
  const isLabel = build.emit("Equal", [
    build.emit("Unsqueeze", [y, build.ints([1])]),
    build.constant(numbers, DataType.INT32, column),
  ]);
  const picked = (of: Value, text: string) =>
    build.sum(build.write(text, { a: isLabel, x: of }), [1], 0);
  const x = picked(logs, "where(a, x, 0)");
  const n = picked(logs, "where(a, 1, 0)");
  const ignored = at.has("ignore_index")
    ? build.emit("Equal", [y, build.constant([at.int("ignore_index")], DataType.INT32, [])])
    : undefined;
  const given = at.inputs[2];
  if (at.needs(2)) return at.refuse("the weights of its classes must not be trained");
  const weights = given && picked(build.reshape(given, column), "where(a, x, 0)");
  const counted = weights ?? build.expandLike(build.number(1, logs), x);
  const w = ignored === undefined
    ? counted
    : build.write("where(a, 0, w)", { a: ignored, w: counted });
  const isClass = build.write("where(n == 0, nan, -w*x)", { n, w, x });
  const each = ignored === undefined
    ? isClass
    : build.write("where(a, 0, e)", { a: ignored, e: isClass });
  if (reduction === "none") return each;
  const axes = x.shape!.map((_, axis) => axis);
  const total = build.sum(each, axes, 0);
  if (reduction === "sum") return total;
  return build.write("t/n", { t: total, n: build.sum(w, axes, 0) });
}
