/** Writes an optimizer as an ONNX graph: one step, from old values to new. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { printJson } from "../../dsl/json.ts";
import { postorder } from "../../dsl/node.ts";
import { randomRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { Binding } from "../../runtime/binding.ts";
import { spellPath } from "../../runtime/leaves.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { isShort } from "../../runtime/storage.ts";
import { Layout } from "../../runtime/trees.ts";
import { GraphWriter } from "./graph.ts";
import { Hyperparameters } from "./hyper.ts";
import { GraphLeaves } from "./leaves.ts";
import { METADATA } from "./metadata.ts";
import { writeModel } from "./proto.ts";

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
   * no `count`. Default `"float64"`.
   */
  readonly precision?: "float64" | "float32";
  /**
   * `"flat"` makes of all parameters one vector, of any length `N`, `w`, and so of gradients and states;
   * only a program that treats every element alike has such a graph. A hyperparameter that is not the
   * same for all is a vector as well, `hyper/<name>`, with an element for each of `w`. Default `"tree"`.
   */
  readonly layout?: "tree" | "flat";
}

const OPSETS = [17, 18, 19, 20, 21];

/**
 * The bytes of an ONNX model (opset 21) that computes one step of an element-wise optimizer for
 * parameters of the given structure: arrays, or shapes such as `{ w: [784, 64], b: [64] }`.
 *
 * Inputs are `count` (int64, 0 at the first step), `w/<path>`, `g/<path>`, `<state>/<path>` and the
 * hyperparameters asked for; every input that carries over has an output `next/<input>`. What changes
 * once a step is computed in float64, everything else in the parameter's type, each operation rounded.
 *
 * @example
 * ```ts
 * import { toOnnx } from "@gradus/gradus/onnx";
 * import { lion } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * const bytes = toOnnx(lion({ learningRate: 1e-3 }), { w: [784, 64], b: [64] });
 * assert(bytes.length < 8_000);
 * ```
 *
 * @throws {GradusError} if the program reduces or draws random numbers, or a name or type has no place in a graph.
 */
export function toOnnx(
  optimizer: Optimizer,
  params: object,
  options: OnnxOptions = {},
): Uint8Array<ArrayBuffer> {
  if (typeof optimizer?.init !== "function") {
    const hint = typeof optimizer === "function" ? ": call it with its options first" : "";
    throw new GradusError(
      `Cannot export to ONNX: an optimizer is required: given ${shown(optimizer)}${hint}`,
    );
  }
  const { program } = optimizer;
  const doing = `Cannot export "${program.name}" to ONNX`;
  const layout = Layout.of(params, doing, true);
  requirePlainPaths(layout, doing);
  requireWide(layout, doing);
  requireSpelled(optimizer, doing);
  const { opset = 21, inlineFunctions = false, precision = "float64" } = options;
  const { layout: arrangement = "tree" } = options;
  if (arrangement !== "tree" && arrangement !== "flat") {
    throw new GradusError(
      `${doing}: \`layout\` must be "tree" or "flat": given ${shown(arrangement)}`,
    );
  }
  requirePrecision(precision, layout, doing);
  if (!OPSETS.includes(opset)) {
    throw new GradusError(
      `${doing}: \`opset\` must be a whole number from 17 to 21: given ${shown(opset)}`,
    );
  }
  for (const name of options.inputs ?? []) {
    const setting = optimizer.settings.get(name);
    if (setting === undefined) {
      const near = suggestion(name, optimizer.settings.keys());
      throw new GradusError(
        `${doing}: it has no hyperparameter ${quoted(name)} to stay an input${near}`,
      );
    }
    if (typeof setting.value === "boolean") {
      throw new GradusError(
        `${doing}: \`${name}\` decides what the graph computes and cannot stay an input`,
      );
    }
  }
  const binding = new Binding(program, optimizer.settings, layout, params, doing);
  const hyper = new Hyperparameters(optimizer, binding, new Set(options.inputs), doing);
  const how = { opset, inlineFunctions, precision, layout: arrangement };
  const leaves = new GraphLeaves(optimizer, binding, hyper, how, doing);
  const { host, ...graph } = new GraphWriter(program, leaves, hyper, how, doing).write();
  return writeModel({
    name: program.name,
    doc: program.doc,
    ...graph,
    metadata: {
      [METADATA.program]: printJson(program),
      [METADATA.state]: JSON.stringify(hyper.initialStates(binding)),
      [METADATA.inputs]: JSON.stringify(Object.fromEntries(hyper.inputs)),
      [METADATA.hyper]: JSON.stringify(hyper.texts()),
      [METADATA.clocks]: JSON.stringify(hyper.clocks()),
      [METADATA.host]: JSON.stringify(host),
      [METADATA.layout]: JSON.stringify(
        arrangement === "tree" ? {} : {
          leaves: layout.leaves.map(({ path, shape }) => ({ path, shape })),
          vectors: [...leaves.vectors],
        },
      ),
    },
  }, opset);
}

/** Refuses what is no precision, and parameters that have another. */
function requirePrecision(precision: unknown, { leaves }: Layout, doing: string): void {
  if (precision !== "float64" && precision !== "float32") {
    throw new GradusError(
      `${doing}: \`precision\` must be "float64" or "float32": given ${shown(precision)}`,
    );
  }
  const wide = leaves.find(({ dtype }) => dtype === "float64");
  if (precision === "float64" || wide === undefined) return;
  throw new GradusError(
    `${doing}: a graph of \`precision\` "float32" takes float32 parameters: given float64 at ` +
      spellPath(wide.path),
  );
}

/** Refuses short parameters: a graph has no place for their master copies. */
function requireWide({ leaves }: Layout, doing: string): void {
  for (const { path, dtype } of leaves) {
    if (!isShort(dtype)) continue;
    throw new GradusError(
      `${doing}: the parameter at ${spellPath(path)} must be float32 or float64: given ${dtype}`,
    );
  }
}

/** Refuses paths that no name in a graph can hold, or that are one when joined. */
export function requirePlainPaths({ leaves }: Layout, doing: string): void {
  const paths = new Set<string>();
  for (const { path } of leaves) {
    if (paths.has(path)) {
      throw new GradusError(
        `${doing}: paths joined by "/" must differ: ${spellPath(path)} stands for two parameters`,
      );
    }
    if (path.includes("\0") || !path.isWellFormed()) {
      throw new GradusError(
        `${doing}: the path of a parameter must be well-formed text without zeros: given ` +
          `${shown(path)}`,
      );
    }
    paths.add(path);
  }
}

/** Refuses what no operator of ONNX does. */
function requireSpelled({ program }: Optimizer, doing: string): void {
  for (const { target, value } of program.statements) {
    const random = postorder([value]).find(({ op }) => randomRow(op) !== undefined);
    if (random === undefined) continue;
    throw new GradusError(
      `${doing}: a graph must be made of operators of ONNX, and none draws random numbers by a ` +
        `counter, as \`${sketchExpression(random)}\` in \`${target} = ${
          sketchExpression(value)
        }\` does`,
    );
  }
}
