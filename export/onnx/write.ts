/** Writes an optimizer as an ONNX graph: one step, from old values to new. */
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { printJson } from "../../dsl/json.ts";
import { suggestedName } from "../../dsl/other_names.ts";
import { postorder } from "../../dsl/node.ts";
import { randomRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { requireNoOracle } from "../../runtime/step/rule.ts";
import { requireDivisor } from "../../runtime/step/groups.ts";
import { asShape, spellPath } from "../../runtime/trees/leaf.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { isShort } from "../../runtime/trees/dtype.ts";
import { Layout, requireLeaves } from "../../runtime/trees/layout.ts";
import { GraphWriter } from "./graph.ts";
import { Hyperparameters } from "./hyper.ts";
import { GraphLeaves, type NextNumbers } from "./leaves.ts";
import { JOINED, METADATA } from "./metadata.ts";
import { graphOptions, type OnnxOptions, requireOnnxOptions } from "./options.ts";
import { writeModel } from "./proto.ts";

/**
 * The bytes of an ONNX model (opset 21, IR 10) that computes one step of an optimizer for parameters of
 * the given structure: arrays, or shapes such as `{ w: [784, 64], b: [64] }`.
 *
 * Inputs are `count` (int64, 0 at the first step), `w/<path>`, `g/<path>`, `<state>/<path>` for the
 * parameters that keep the state, `<state>` for one over the tree (float64), the program's further inputs
 * and the hyperparameters asked for; every input that carries over has an output `next/<input>`. What
 * changes once a step is computed in float64, and so are sums; everything else in the parameter's type,
 * each operation rounded.
 *
 * With `evaluate: true` there are outputs `evaluate/<path>` beside them: the parameters to evaluate with after
 * the step.
 *
 * Each form that the program takes for some parameters is a local function in the domain `gradus`, called
 * once a parameter; what a reduction over the tree needs of a parameter is a function before that.
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
 * @throws {GradusError} if the program draws random numbers, an option is none, or a name or type has no place in a graph.
 */
export function toOnnx(
  optimizer: Optimizer,
  params: object,
  given: OnnxOptions = {},
): Uint8Array<ArrayBuffer> {
  if (typeof optimizer?.init !== "function") {
    const hint = typeof optimizer === "function" ? ": call it with its options first" : "";
    throw new GradusError(
      `Cannot export to ONNX: an optimizer is required: given ${shown(optimizer)}${hint}`,
    );
  }
  const { program } = optimizer;
  const doing = `Cannot export "${program.name}" to ONNX`;
  requireNoOracle(optimizer, doing);
  requireOnnxOptions(given, doing);
  const options: OnnxOptions = { ...given };
  const layout = Layout.of(params, doing, asShape);
  requireLeaves(layout, doing);
  requirePlainPaths(layout, doing);
  requireWide(layout, doing);
  requireSpelled(optimizer, doing);
  const how = graphOptions(options, layout, doing);
  for (const name of options.inputs ?? []) {
    const setting = optimizer.settings.get(name);
    if (setting === undefined) {
      const near = suggestedName(name, optimizer.settings.keys());
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
  const leaves = new GraphLeaves(optimizer, binding, hyper, how, doing);
  if (how.evaluate) {
    for (const group of binding.groups) {
      const isFixed = ([name]: readonly [string, unknown]) => !options.inputs?.includes(name);
      requireDivisor(program, new Map([...group.structural].filter(isFixed)), doing);
    }
  }
  const evaluated = (after: NextNumbers) =>
    new GraphLeaves(optimizer, binding, hyper, how, doing, after);
  const { host, ...graph } = new GraphWriter(
    program,
    leaves,
    hyper,
    how,
    doing,
    how.evaluate ? evaluated : undefined,
  ).write();
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
      ...(leaves.areBlocked
        ? { [JOINED.storage]: JSON.stringify(Object.fromEntries(optimizer.storage)) }
        : {}),
      [METADATA.layout]: JSON.stringify(
        how.layout === "tree" ? matricesIn(binding) : {
          leaves: layout.leaves.map(({ path, shape }) => ({ path, shape })),
          vectors: [...leaves.vectors],
        },
      ),
    },
  }, how.opset);
}

/** The leaves that are seen as matrices, if any are. */
function matricesIn({ layout, views }: Binding): { matrices?: Record<string, unknown> } {
  const seen = layout.leaves.flatMap(({ path }, i) =>
    views[i] === undefined ? [] : [[path, views[i].axes] as const]
  );
  return seen.length === 0 ? {} : { matrices: Object.fromEntries(seen) };
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
    if (path.includes("\0") || /\p{Surrogate}/u.test(path)) {
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
