/** Losses of what a model gives and what it should, and those that it computes itself. */
import { quoted } from "../../dsl/errors.ts";
import type { Graph } from "./graph.ts";
import { type Loss, type LossGraph, lossOf, requireName, wide, type WrittenLoss } from "./loss.ts";
import { broadcast, numbersOf, spellShape, type Value } from "./value.ts";

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
    const own = wide(value, graph);
    const loss = graph.reshape(own, []);
    return { loss, seeds: [[value, graph.constant([1], own.type, sizes)]] };
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
    return { loss, seeds: [[made, seed]] };
  };
  return lossOf(name, write);
}
