/** What can be chosen of an exported graph. */
import { GradusError } from "../../dsl/errors.ts";
import { ANY, type Kinds, oneOf, requireOptions, TRUTH, whole } from "../../dsl/options.ts";
import { spellPath } from "../../runtime/trees/leaf.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import type { GraphOptions } from "./leaves.ts";

/** Options of {@linkcode toOnnx}. */
export interface OnnxOptions {
  /**
   * Hyperparameters that stay inputs of the graph, `hyper/<name>`, float64 scalars; one that is a
   * tree has an input a part, `hyper/<name>/<path>`. The others become constants or, if they are
   * schedules, expressions of `count`; a schedule that is a function of your own is always an input.
   */
  readonly inputs?: readonly string[];
  /** The version of ONNX's operators, from 17 to 21. Default 21. */
  readonly opset?: number;
  /** Whether each leaf's nodes are written out in the graph, and no local function is. Default false. */
  readonly inlineFunctions?: boolean;
  /**
   * What is computed in where it matters: what changes once a step, and sums. `"float32"` gives a graph
   * without float64, which GPUs lack: then all parameters are float32, and the numbers that are known
   * before a step, such as 1 - b1^t, are inputs `step/…`, which the metadata say how to compute; there is
   * no `count`. What data count is int64; sums are in stages, and norms of what is very large or small are
   * of its shares of the largest, so that they hold for 10⁸ elements over the range of float32; a mean of
   * numbers beyond 3e35 is infinite. Default `"float64"`.
   */
  readonly precision?: "float64" | "float32";
  /**
   * `"flat"` makes of all parameters one vector `w`, and so of gradients and states; only a program that treats
   * every element alike has such a graph. The vector is of any length `N`, unless the program reduces over all
   * parameters, as `globalNorm` does: then it is as long as they are. A hyperparameter that is not the
   * same for all is a vector as well, `hyper/<name>`, with an element for each of `w`. Default `"tree"`.
   */
  readonly layout?: "tree" | "flat";
  /**
   * Whether the graph has outputs `evaluate/<path>`: the parameters to evaluate with after the step, as the
   * program's `evaluate` says. Default false.
   */
  readonly evaluate?: boolean;
}

const OPTIONS: Kinds<OnnxOptions> = {
  inputs: ANY,
  opset: whole(17, 21),
  inlineFunctions: TRUTH,
  precision: oneOf("float64", "float32"),
  evaluate: TRUTH,
  layout: oneOf("tree", "flat"),
};

/** Refuses options that there are not. */
export function requireOnnxOptions(given: unknown, doing: string): void {
  requireOptions(doing, given, OPTIONS);
}

/** The options of a graph, and what only its parameters tell of them. */
export function graphOptions(given: OnnxOptions, params: Layout, doing: string): GraphOptions {
  const { opset = 21, inlineFunctions = false, precision = "float64", layout = "tree" } = given;
  const { evaluate = false } = given;
  requirePrecision(precision, params, doing);
  return { opset, inlineFunctions, precision, layout, evaluate };
}

/** Refuses parameters that are wider than what is computed in. */
function requirePrecision(precision: string, { leaves }: Layout, doing: string): void {
  const wide = leaves.find(({ dtype }) => dtype === "float64");
  if (precision === "float64" || wide === undefined) return;
  throw new GradusError(
    `${doing}: a graph of \`precision\` "float32" takes float32 parameters: given float64 at ` +
      spellPath(wide.path),
  );
}
