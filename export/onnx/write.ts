/** Writes an optimizer as an ONNX graph: one step, from old values to new. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { elaborate, mapGraph, rootsOf, specialise } from "../../dsl/graph.ts";
import { printJson } from "../../dsl/json.ts";
import { lower } from "../../dsl/lower.ts";
import { apply, constant, type Node, postorder, symbol } from "../../dsl/node.ts";
import { elementOps, elementRow } from "../../dsl/ops.ts";
import { printExpression, sketchExpression } from "../../dsl/print.ts";
import { settle, simplified, substitute } from "../../dsl/simplify.ts";
import { Binding, type Group } from "../../runtime/binding.ts";
import type { LeafSetting } from "../../runtime/hyper.ts";
import { type LeafInfo, spellPath } from "../../runtime/leaves.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { DType } from "../../runtime/storage.ts";
import { Layout } from "../../runtime/trees.ts";
import {
  cast,
  type ElementType,
  node,
  type NodeInit,
  scalarOf,
  type TensorInit,
  valueInfo,
  type ValueInit,
  writeModel,
} from "./proto.ts";

/** Options of {@linkcode toOnnx}. */
export interface OnnxOptions {
  /**
   * Hyperparameters that stay inputs of the graph, `hyper/<name>`, float64 scalars; one that is a
   * tree has an input a part, `hyper/<name>/<path>`. The others become constants or, if they are
   * schedules, expressions of `count`; a schedule that is a function of your own is always an input.
   */
  readonly inputs?: readonly string[];
}

/**
 * Keys of the metadata that every exported model carries.
 *
 * @example
 * ```ts
 * import { METADATA } from "@gradus/gradus/onnx";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(METADATA.program, "gradus.program");
 * ```
 */
export const METADATA = {
  /** The program as JSON text. */
  program: "gradus.program",
  /** Each state's initial value as JSON: a number, or the text of an expression of `w`. */
  state: "gradus.state",
  /** Each hyperparameter that is an input and its value, or null for an opaque schedule, as JSON. */
  inputs: "gradus.inputs",
  /** Each hyperparameter that is not, and the text of its value or of each part of it, as JSON. */
  constants: "gradus.constants",
} as const;

const OPSET = 21;
// Identifiers do not begin so: what the graph names itself cannot meet what a program names.
const OWN = "__";
// ONNX spells these for float64, but ONNX Runtime has no kernel for them.
const NO_FLOAT64 = ["Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh"];

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
 * @throws {GradusError} if the program reduces, or a name or type has no place in a graph.
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
  requireElementwise(optimizer, doing);
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
  const writer = new Writer(optimizer, binding, new Set(options.inputs), doing);
  return writeModel({
    name: program.name,
    doc: program.doc,
    ...writer.write(),
    metadata: {
      [METADATA.program]: printJson(program),
      [METADATA.state]: JSON.stringify(writer.initialStates()),
      [METADATA.inputs]: JSON.stringify(Object.fromEntries(writer.hyperInputs)),
      [METADATA.constants]: JSON.stringify(Object.fromEntries(writer.constants)),
    },
  }, OPSET);
}

class Writer {
  /** Each hyperparameter that is an input, by its name there, and the value it was bound to. */
  readonly hyperInputs = new Map<string, number | null>();
  /** The text of each other one, by its name and part. */
  readonly constants = new Map<string, string>();
  readonly #optimizer: Optimizer;
  readonly #binding: Binding;
  readonly #asked: ReadonlySet<string>;
  readonly #doing: string;
  readonly #inputs: ValueInit[] = [valueInfo("count", "int64", [])];
  readonly #outputs: ValueInit[] = [valueInfo("next/count", "int64", [])];
  readonly #constants = new Map<string, TensorInit>();
  readonly #nodes: NodeInit[] = [];
  /** Values that change once a step, in float64, and what they are rounded to. */
  readonly #scalars = new Map<Node, string>();
  readonly #rounded = new Map<string, string>();
  #next = 0;

  constructor(
    optimizer: Optimizer,
    binding: Binding,
    asked: ReadonlySet<string>,
    doing: string,
  ) {
    [this.#optimizer, this.#binding, this.#asked] = [optimizer, binding, asked];
    this.#doing = doing;
  }

  write(): {
    inputs: readonly ValueInit[];
    outputs: readonly ValueInit[];
    constants: readonly TensorInit[];
    nodes: readonly NodeInit[];
  } {
    const { layout, groupOf, groups } = this.#binding;
    const graphs = new Map(groups.map((group) => [group, this.#rootsOf(group)]));
    for (const name of this.hyperInputs.keys()) this.#inputs.push(valueInfo(name, "float64", []));
    for (const name of this.#optimizer.program.inputs.keys()) {
      this.#inputs.push(valueInfo(name, "float64", []));
    }
    layout.leaves.forEach((info, i) => this.#leaf(info, graphs.get(groupOf[i])!));
    const one = this.#constant(1, "int64");
    this.#nodes.push(node("Add", ["count", one], "next/count"));
    requireDistinctNames([...this.#inputs, ...this.#outputs], this.#doing);
    return {
      inputs: this.#inputs,
      outputs: this.#outputs,
      constants: [...this.#constants.values()],
      nodes: this.#nodes,
    };
  }

  initialStates(): Record<string, number | string> {
    const { program } = this.#optimizer;
    const group = this.#binding.groups[0];
    return Object.fromEntries([...this.#binding.live].map((name) => {
      const { init } = program.state.get(name)!;
      const value = substitute(
        [init],
        (symbolName) => symbolName === "w" ? undefined : this.#hyper(symbolName, group, true),
      )(init);
      const settled = settle(value);
      const isPlain = settled.op === "Const" && Number.isFinite(settled.arg) &&
        !Object.is(settled.arg, -0);
      return [name, isPlain ? settled.arg as number : printExpression(settled)];
    }));
  }

  /** The results of a leaf of `group`, hyperparameters taken in, in ops that ONNX spells. */
  #rootsOf(group: Group): ReadonlyMap<string, Node> {
    // A 0 that stays an input may become another number.
    const structural = new Map(
      [...group.structural].filter(([name, value]) =>
        value !== 0 || !this.#asked.has(name) || group.settings.get(name)!.isMasked
      ),
    );
    const graph = specialise(elaborate(this.#optimizer.program), structural);
    const bound = mapGraph(graph, substitute(rootsOf(graph), (name) => this.#hyper(name, group)));
    const sum = apply("Add", symbol("w"), bound.update);
    const roots = new Map<string, Node>([["w", simplified(sum, sum.src)]]);
    for (const name of this.#binding.live) roots.set(name, settle(bound.states.get(name)!));
    const lowered = lower([...roots.values()], "onnx");
    return new Map([...roots].map(([name, root]) => [name, lowered(root)]));
  }

  /** What stands for a hyperparameter of a group in the graph, or undefined for other symbols. */
  #hyper(name: string, { settings }: Group, isAtStart: boolean = false): Node | undefined {
    const setting = settings.get(name);
    if (setting === undefined) return undefined;
    const { value, position, isMasked } = setting;
    if (isMasked) return constant(0);
    if (isAtStart) return constant(typeof value === "function" ? value(0) : Number(value));
    const isOpaque = typeof value === "function" && value.expression === undefined;
    if (this.#asked.has(name) || isOpaque) {
      const input = `hyper/${name}${position === "" ? "" : `/${position}`}`;
      this.hyperInputs.set(input, startOf(setting));
      return symbol(input);
    }
    const node = typeof value === "function"
      ? substitute([value.expression!], () => undefined)(value.expression!)
      : constant(Number(value));
    this.constants.set(`${name}${position === "" ? "" : `/${position}`}`, printExpression(node));
    return node;
  }

  #leaf(info: LeafInfo, roots: ReadonlyMap<string, Node>): void {
    const { path, shape, dtype } = info;
    const at = (name: string) => path === "" ? name : `${name}/${path}`;
    const values = new Map<Node, string>();
    for (const name of ["w", "g", ...this.#binding.live]) {
      const type = name === "w" || name === "g" ? dtype : this.#storedAs(name, dtype);
      this.#inputs.push(valueInfo(at(name), type, shape));
      values.set(symbol(name), this.#convert(at(name), type, dtype));
    }
    const typeOf = (name: string) => name === "w" ? dtype : this.#storedAs(name, dtype);
    // A value that is a result as it is bears the result's name.
    const named = new Map<Node, string>();
    for (const [name, root] of roots) {
      if (!named.has(root) && typeOf(name) === dtype) named.set(root, `next/${at(name)}`);
    }
    const nodes = postorder(roots.values()).filter((n) => elementRow(n.op) !== undefined);
    const isElement = new Set<Node>(values.keys());
    for (const each of nodes) {
      if (!each.src.some((operand) => isElement.has(operand))) continue;
      isElement.add(each);
      const operands = each.src.map((operand, k) => {
        if (values.has(operand)) return values.get(operand)!;
        const isTruth = elementOps[each.op as keyof typeof elementOps].takes[k] === "truth";
        return this.#scalar(operand, isTruth ? "bool" : dtype);
      });
      const output = named.get(each) ?? at(this.#fresh(each.op));
      this.#requireKernel(each, dtype);
      this.#nodes.push(node(elementRow(each.op)!.onnx!, operands, output));
      values.set(each, output);
    }
    for (const [name, root] of roots) {
      const type = typeOf(name);
      const output = `next/${at(name)}`;
      this.#outputs.push(valueInfo(output, type, shape));
      if (values.get(root) === output) continue;
      const value = values.get(root) ?? this.#filled(root, values.get(symbol("w"))!, dtype, at);
      if (type === dtype) this.#nodes.push(node("Identity", [value], output));
      else this.#nodes.push(cast(value, output, type));
    }
  }

  // A result that is one number for all elements takes its shape from the parameter.
  #filled(root: Node, like: string, dtype: ElementType, at: (name: string) => string): string {
    const condition = at(this.#fresh("Equal"));
    const output = at(this.#fresh("Where"));
    const number = this.#scalar(root, dtype);
    this.#nodes.push(node("Equal", [like, like], condition));
    this.#nodes.push(node("Where", [condition, number, number], output));
    return output;
  }

  #convert(value: string, from: ElementType, to: ElementType): string {
    if (from === to) return value;
    const output = `${OWN}${to}/${value}`;
    this.#nodes.push(cast(value, output, to));
    return output;
  }

  /** A number that changes once a step, as an operand of arithmetic in `type`. */
  #scalar(root: Node, type: ElementType): string {
    if (root.op === "Const") return this.#constant(root.arg as number, type);
    for (const each of postorder([root])) {
      if (this.#scalars.has(each) || each.op === "Const") continue;
      this.#scalars.set(each, this.#float64(each));
    }
    const value = this.#scalars.get(root)!;
    if (type === "float64" || type === "bool") return value;
    const key = `${type}/${value}`;
    if (!this.#rounded.has(key)) this.#rounded.set(key, this.#convert(value, "float64", type));
    return this.#rounded.get(key)!;
  }

  #float64(each: Node): string {
    if (each.op === "Symbol") {
      return each.arg === "count" ? this.#convert("count", "int64", "float64") : each.arg as string;
    }
    const row = elementRow(each.op)!;
    const operands = each.src.map((operand, k) =>
      operand.op === "Const"
        ? this.#constant(operand.arg as number, row.takes[k] === "truth" ? "bool" : "float64")
        : this.#scalars.get(operand)!
    );
    const output = this.#fresh(each.op);
    this.#requireKernel(each, "float64");
    this.#nodes.push(node(row.onnx!, operands, output));
    return output;
  }

  #constant(value: number, type: ElementType): string {
    const kept = type === "float32" ? Math.fround(value) : value;
    const key = `${type}/${Object.is(kept, -0) ? "-0" : kept}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known.name!;
    const name = `${OWN}${type}/${Object.is(value, -0) ? "-0" : value}`;
    this.#constants.set(key, scalarOf(name, type, value));
    return name;
  }

  #fresh(op: string): string {
    return `${OWN}${op}_${this.#next++}`;
  }

  #requireKernel(each: Node, type: ElementType): void {
    if (type !== "float64" || !NO_FLOAT64.includes(each.op)) return;
    throw new GradusError(
      `${this.#doing}: \`${
        sketchExpression(each)
      }\` would be computed in float64, and ONNX Runtime has ` +
        `no float64 ${each.op}`,
    );
  }

  #storedAs(state: string, dtype: DType): ElementType {
    const stored = this.#optimizer.storage.get(state) ?? dtype;
    if (stored === "bfloat16") {
      throw new GradusError(
        `${this.#doing}: state \`${state}\` is stored as bfloat16, which ONNX Runtime takes neither ` +
          `in nor out: store it as float16 or float32`,
      );
    }
    return stored;
  }
}

function startOf({ value }: LeafSetting): number | null {
  if (typeof value !== "function") return Number(value);
  return value.expression === undefined ? null : value(0);
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

function requireDistinctNames(values: readonly ValueInit[], doing: string): void {
  const names = new Set<string>();
  for (const { name } of values) {
    if (names.has(name!)) {
      throw new GradusError(
        `${doing}: two values of the graph would be named ${
          quoted(name!)
        }: rename a parameter or state`,
      );
    }
    names.add(name!);
  }
}

function requireElementwise({ program }: Optimizer, doing: string): void {
  for (const { target, value } of program.statements) {
    const reduction = postorder([value]).find(({ op }) => op.startsWith("Reduce"));
    if (reduction !== undefined) {
      throw new GradusError(
        `${doing}: only element-wise programs are exported, and \`${
          sketchExpression(reduction)
        }\` in \`${target} = ${sketchExpression(value)}\` reduces`,
      );
    }
  }
  for (const [name, { over }] of program.state) {
    if (over !== "element") {
      throw new GradusError(
        `${doing}: only element-wise programs are exported, and state \`${name}\` is kept over ${over}`,
      );
    }
  }
}
