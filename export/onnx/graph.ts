/** The nodes of an exported step: what changes once a step, then each leaf. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { elaborate, specialise } from "../../dsl/graph.ts";
import { lower } from "../../dsl/lower.ts";
import { foldNodes, type Node, postorder, symbol, withSources, ZERO } from "../../dsl/node.ts";
import { elementOps, elementRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { settle, simplified } from "../../dsl/simplify.ts";
import type { Binding, Group } from "../../runtime/binding.ts";
import type { LeafInfo } from "../../runtime/leaves.ts";
import { stepped } from "../../runtime/plan.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { type Arithmetic, arithmeticOf } from "../../runtime/storage.ts";
import { toFloat16 } from "./half.ts";
import type { Hyperparameters } from "./hyper.ts";
import {
  cast,
  type ElementType,
  node,
  type NodeInit,
  scalarOf,
  type TensorInit,
  valueInfo,
  type ValueInit,
} from "./proto.ts";

// Identifiers do not begin so: what the graph names itself cannot meet what a program names.
const OWN = "__";
// ONNX spells these for float64, but ONNX Runtime has no kernel for them.
const NO_FLOAT64 = ["Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh"];

/** Writes the nodes of a graph. */
export class GraphWriter {
  readonly #optimizer: Optimizer;
  readonly #binding: Binding;
  readonly #hyper: Hyperparameters;
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
    hyper: Hyperparameters,
    doing: string,
  ) {
    [this.#optimizer, this.#binding, this.#hyper] = [optimizer, binding, hyper];
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
    for (const name of this.#hyper.inputs.keys()) this.#inputs.push(valueInfo(name, "float64", []));
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

  /** The results of a leaf of `group`, hyperparameters taken in, in ops that ONNX spells. */
  #rootsOf(group: Group): ReadonlyMap<string, Node> {
    const structural = new Map(
      [...group.structural].filter(([name, value]) =>
        value !== ZERO || this.#hyper.isKnown(name, group.settings.get(name)!)
      ),
    );
    const graph = specialise(elaborate(this.#optimizer.program), structural);
    const roots = new Map<string, Node>([["w", stepped(graph.update)]]);
    for (const name of this.#binding.live) roots.set(name, settle(graph.states.get(name)!));
    const bound = this.#bound([...roots.values()], group);
    const lowered = lower([...bound.values()], "onnx");
    return new Map([...roots].map(([name, root]) => [name, lowered(bound.get(root)!)]));
  }

  /**
   * `roots` with the hyperparameters of `group` in their places. Only what changes at most once a step
   * is simplified by them: what was computed per element must be rounded per element.
   */
  #bound(roots: readonly Node[], group: Group): Map<Node, Node> {
    const { state } = this.#optimizer.program;
    const elements = new Set<Node>();
    return foldNodes<Node>(roots, (node, src) => {
      if (node.op === "Symbol") {
        const name = node.arg as string;
        if (name === "w" || name === "g" || state.has(name)) elements.add(node);
        return this.#hyper.nodeOf(name, group) ?? node;
      }
      if (!node.src.some((operand) => elements.has(operand))) return simplified(node, src);
      elements.add(node);
      return withSources(node, src);
    });
  }

  #leaf(info: LeafInfo, roots: ReadonlyMap<string, Node>): void {
    const { path, shape } = info;
    const dtype = arithmeticOf(info.dtype);
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
      else if (type === "float16" && dtype === "float64") {
        const names = {
          fresh: (op: string) => at(this.#fresh(op)),
          constant: (number: number) => this.#constant(number, "float64"),
        };
        this.#nodes.push(...toFloat16(value, output, names));
      } else this.#nodes.push(cast(value, output, type));
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

  #storedAs(state: string, dtype: Arithmetic): ElementType {
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
