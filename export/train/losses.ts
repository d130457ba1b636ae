/** Losses: what training makes small, written behind a model with their gradients of its outputs. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Graph } from "./graph.ts";
import {
  broadcast,
  DataType,
  isFloat,
  isWhole,
  numbersOf,
  type Shape,
  spellShape,
  spellType,
  type Value,
} from "./value.ts";

/** A loss; made by {@linkcode crossEntropy} and its kind. */
export interface Loss {
  /** The outputs of the model that it is of. */
  readonly outputs: readonly string[];
}

/** Writes a loss: one number, and for values of the graph the gradients of it. */
type Writer = (graph: LossGraph) => WrittenLoss;

const writers = new WeakMap<Loss, Writer>();

function lossOf(output: string, write: Writer): Loss {
  const loss = Object.freeze({ outputs: Object.freeze([output]) });
  writers.set(loss, write);
  return loss;
}

/** Whether something is a loss. */
export function isLoss(value: unknown): value is Loss {
  return typeof value === "object" && value !== null && writers.has(value as Loss);
}

/** A loss as it stands in a graph. */
export interface WrittenLoss {
  readonly loss: Value;
  readonly seeds: readonly (readonly [value: Value, gradient: Value])[];
}

/** What a loss is written into. */
export interface LossGraph {
  readonly graph: Graph;
  /** A value of the model. */
  output(name: string): Value;
  /** An input of the graph, shared by losses that call it alike. */
  target(name: string, type: DataType, shape: Shape): Value;
  refuse(reason: string): never;
}

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
    return { loss, seeds: [[scores, as(scores, seed, graph)]] };
  };
  return lossOf(logits, write);
}

/** Options of {@linkcode meanSquaredError}. */
export interface MeanSquaredErrorOptions {
  /** The output of the model. */
  readonly output: string;
  /** The input of what it should be, of the same shape. Default "y". */
  readonly target?: string;
}

/**
 * The mean of (output - target)² over all elements.
 *
 * @example
 * ```ts
 * import { meanSquaredError } from "@gradus/gradus/train";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(meanSquaredError({ output: "price" }).outputs, ["price"]);
 * ```
 *
 * @throws {GradusError} if `output` is no name.
 */
export function meanSquaredError(options: MeanSquaredErrorOptions): Loss {
  requireName(options?.output, "output", "Cannot make a mean squared error");
  const { output, target = "y" } = options;
  return averaged(output, target, (graph, x, y) => {
    const d = graph.write("x - y", { x, y });
    return { each: graph.write("d*d", { d }), slope: graph.write("2*d", { d }) };
  });
}

/** Options of {@linkcode binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions {
  /** The output of the model, of which the sigmoid is a probability. */
  readonly logits: string;
  /** The input of what that should be, from 0 to 1, of the same shape. Default "y". */
  readonly target?: string;
}

/**
 * The mean of -(y·log σ(x) + (1 - y)·log(1 - σ(x))) over all elements.
 *
 * @example
 * ```ts
 * import { binaryCrossEntropy } from "@gradus/gradus/train";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(binaryCrossEntropy({ logits: "score", target: "isSpam" }).outputs, ["score"]);
 * ```
 *
 * @throws {GradusError} if `logits` is no name.
 */
export function binaryCrossEntropy(options: BinaryCrossEntropyOptions): Loss {
  requireName(options?.logits, "logits", "Cannot make a binary cross entropy");
  const { logits, target = "y" } = options;
  return averaged(logits, target, (graph, x, y) => ({
    each: graph.write("max(x, 0) - x*y + log(1 + exp(-abs(x)))", { x, y }),
    slope: graph.write("p - y", { p: graph.emit("Sigmoid", [x]), y }),
  }));
}

/**
 * A loss that the model computes itself: an output of one number.
 *
 * @example
 * ```ts
 * import { lossOutput } from "@gradus/gradus/train";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(lossOutput("loss").outputs, ["loss"]);
 * ```
 *
 * @throws {GradusError} if `name` is no name.
 */
export function lossOutput(name: string): Loss {
  requireName(name, "name", "Cannot take a model's own loss");
  const write = ({ graph, output, refuse }: LossGraph): WrittenLoss => {
    const value = output(name);
    const sizes = numbersOf(value.shape);
    if (sizes === undefined || sizes.some((size) => size !== 1)) {
      return refuse(
        `the loss ${quoted(name)} must be one number: given a shape ${spellShape(value.shape)}`,
      );
    }
    const loss = graph.reshape(wide(value, graph), []);
    return { loss, seeds: [[value, graph.constant([1], value.type, sizes)]] };
  };
  return lossOf(name, write);
}

/** The mean over all elements of what a loss says of each. */
function averaged(
  name: string,
  wanted: string,
  of: (graph: Graph, x: Value, y: Value) => { readonly each: Value; readonly slope: Value },
): Loss {
  const write = ({ graph, output, target, refuse }: LossGraph): WrittenLoss => {
    const made = output(name);
    const x = wide(made, graph);
    const shape = x.shape ?? refuse(`the number of dimensions of ${quoted(name)} must be known`);
    const y = target(wanted, x.type, shape);
    if (y.shape === undefined || broadcast(shape, y.shape)?.length !== shape.length) {
      return refuse(
        `${quoted(wanted)} must have the shape ${spellShape(shape)} of ${quoted(name)}`,
      );
    }
    const { each, slope } = of(graph, x, y);
    const all = shape.map((_, axis) => axis);
    const loss = all.length === 0 ? each : graph.reduce("ReduceMean", each, all, 0);
    const sizes = numbersOf(shape);
    const seed = sizes === undefined
      ? graph.write("d/n", {
        d: slope,
        n: graph.emit("Cast", [graph.emit("Size", [x])], { to: x.type }),
      })
      : graph.write("d/n", { d: slope }, { n: sizes.reduce((count, size) => count * size, 1) });
    return { loss, seeds: [[made, as(made, seed, graph)]] };
  };
  return lossOf(name, write);
}

/** What is of few digits as float32. */
function wide(value: Value, graph: Graph): Value {
  const isShort = value.type === DataType.FLOAT16 || value.type === DataType.BFLOAT16;
  return isShort ? graph.emit("Cast", [value], { to: DataType.FLOAT }) : value;
}

/** A gradient in the type of what it is of. */
function as({ type }: Value, gradient: Value, graph: Graph): Value {
  return gradient.type === type ? gradient : graph.emit("Cast", [gradient], { to: type });
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

function requireName(name: unknown, option: string, doing: string): void {
  if (typeof name === "string" && name !== "") return;
  throw new GradusError(
    `${doing}: \`${option}\` must be the name of an output: given ${shown(name)}`,
  );
}

/** Writes losses, and adds them. */
export function writeLosses(graph: Graph, losses: readonly Loss[], doing: string): WrittenLoss {
  const targets = new Map<string, Value>();
  const refuse = (reason: string): never => {
    throw new GradusError(`${doing}: ${reason}`);
  };
  const output = (name: string): Value => {
    const value = graph.named(name);
    if (value === undefined) {
      return refuse(`it has no output ${quoted(name)}${suggestion(name, graph.names)}`);
    }
    if (isFloat(value.type)) return value;
    return refuse(`${quoted(name)} must be of floats for a loss: given ${spellType(value.type)}`);
  };
  const target = (name: string, type: DataType, shape: Shape): Value => {
    const known = targets.get(name) ?? graph.inputOf(name);
    if (known === undefined) targets.set(name, graph.input(name, type, shape));
    else if (known.type !== type && !(isWhole(type) && isWhole(known.type))) {
      refuse(
        `${quoted(name)} is ${spellType(known.type)} already, and ${spellType(type)} is needed: ` +
          `call the loss's input otherwise`,
      );
    }
    return known ?? targets.get(name)!;
  };
  const written = graph.within(
    "loss/",
    undefined,
    () => losses.map((each) => writers.get(each)!({ graph, output, target, refuse })),
  );
  const loss = written.map((each) => each.loss).reduce((a, b) => graph.emit("Add", [a, b]));
  return { loss, seeds: written.flatMap(({ seeds }) => seeds) };
}
