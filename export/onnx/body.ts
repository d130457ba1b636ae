/** Writes what one leaf goes through between two reductions over the tree: the body of a function. */
import { GradusError } from "../../dsl/errors.ts";
import { type Node, type ReduceOpName, symbol } from "../../dsl/node.ts";
import { elementRow, matrixRow, reduceOps, reduceRow } from "../../dsl/ops.ts";
import { sketchExpression } from "../../dsl/print.ts";
import { extentShape } from "../../runtime/plan/extent.ts";
import type { Arithmetic } from "../../runtime/trees/dtype.ts";
import { isScalarSymbol, isTruth } from "./apart.ts";
import type { Form } from "./form.ts";
import { toFloat16 } from "./half.ts";
import { orderOf } from "./order.ts";
import type { ElementType, NodeInit } from "./proto.ts";
import { type Reduction, Reductions } from "./reduce.ts";
import { requireKernel } from "./scalars.ts";
import { BodyScope, type Given } from "./scope.ts";

/** What a body gives at an output. */
export type Made =
  | { readonly kind: "next"; readonly name: string }
  | { readonly kind: "partial"; readonly global: number }
  | { readonly kind: "kept"; readonly node: Node };

/** Nodes with names of their own for what they are given and what they make. */
export interface Body {
  readonly inputs: readonly (readonly [name: string, given: Given])[];
  readonly outputs: readonly (readonly [name: string, made: Made])[];
  readonly nodes: readonly NodeInit[];
  /** Results that are another's or an input, as they are. */
  readonly copies: ReadonlyMap<string, { readonly of: "leaf" | "next"; readonly name: string }>;
}

/** What a body is written for. */
export interface BodyKind {
  readonly form: Form;
  readonly dtype: Arithmetic;
  /** What sums and the numbers of a step are computed in. */
  readonly precision: Arithmetic;
  /** The extents of a leaf that is reduced in stages, in float32; else leaves of all sizes are alike. */
  readonly shape: readonly number[] | undefined;
  /** Whether arrays are of several matrices, one after the other along a first axis. */
  readonly isBatch: boolean;
  /** The arrays that a leaf brings besides `w` and `g`. */
  readonly leaves: readonly string[];
  /** What a state is stored as. */
  readonly storedAs: (state: string) => ElementType;
  readonly opset: number;
  readonly doing: string;
}

/** A leaf's part of a reduction over the tree; in float32 it is finished, so that none is too large. */
export function partOf(op: ReduceOpName, precision: Arithmetic): Reduction {
  if (precision === "float32") return op;
  return op === "ReduceMean" ? "ReduceSum" : op === "ReduceL2" ? "ReduceSumSquare" : op;
}

/**
 * The body that makes the parts of `globals` and what later bodies read of it, or, without those, the
 * results. `made` are the values that earlier bodies have made and this one is given.
 */
export function writeBody(
  kind: BodyKind,
  globals: readonly { readonly k: number; readonly op: ReduceOpName }[] | undefined,
  made: ReadonlySet<Node>,
  kept: readonly Node[],
): Body {
  const writer = new BodyWriter(kind, made);
  if (globals === undefined) writer.results();
  else {
    for (const { k, op } of globals) writer.part(k, op);
    for (const each of kept) writer.keep(each);
  }
  return writer.body;
}

/** The result that a value is as it is, if it is made before the results are. */
export function resultMadeAs({ form, dtype, storedAs }: BodyKind, value: Node): string | undefined {
  const found = [...form.results].find(([name, root]) =>
    root === value && form.extents.get(root) === form.over.get(name) &&
    (name === "w" || storedAs(name) === dtype)
  );
  return found?.[0];
}

class BodyWriter {
  readonly #kind: BodyKind;
  readonly #made: ReadonlySet<Node>;
  readonly #scope: BodyScope;
  readonly #outputs: [string, Made][] = [];
  readonly #copies = new Map<string, { of: "leaf" | "next"; name: string }>();
  readonly #values = new Map<Node, string>();
  readonly #reductions: Reductions;

  constructor(kind: BodyKind, made: ReadonlySet<Node>) {
    [this.#kind, this.#made] = [kind, made];
    this.#scope = new BodyScope(["w", "g", ...kind.leaves]);
    this.#reductions = new Reductions(this.#scope, kind.opset);
  }

  get body(): Body {
    const { inputs, nodes } = this.#scope;
    return { inputs, outputs: this.#outputs, nodes, copies: this.#copies };
  }

  /** Makes the next values. */
  results(): void {
    const { form: { results, over }, dtype } = this.#kind;
    const direct = new Map<Node, string>();
    const first = new Map<string, string>();
    const pending: [string, Node, string][] = [];
    for (const [name, root] of results) {
      const type = this.#typeOf(name);
      const isLeaf = root.op === "Symbol" && !isScalarSymbol(root);
      const isSameType = isLeaf && type === this.#typeOf(root.arg as string);
      if (root === symbol(name) || (isSameType && this.#fits(root, name))) {
        this.#copies.set(name, { of: "leaf", name: root.arg as string });
        continue;
      }
      const key = `${root.id} ${type} ${over.get(name)}`;
      if (first.has(key)) {
        this.#copies.set(name, { of: "next", name: first.get(key)! });
        continue;
      }
      first.set(key, name);
      if (this.#made.has(root) && resultMadeAs(this.#kind, root) === name) continue;
      const output = this.#scope.fresh(`next/${name}`);
      this.#outputs.push([output, { kind: "next", name }]);
      const isOp = root.src.length > 0 && !this.#made.has(root);
      if (isOp && type === dtype && this.#fits(root, name) && !direct.has(root)) {
        direct.set(root, output);
      } else pending.push([output, root, name]);
    }
    const left = [...direct.keys(), ...pending.map(([, root]) => root)];
    this.#compute(left.filter((root) => root.src.length > 0), direct);
    for (const [output, root, name] of pending) this.#finish(output, root, name);
  }

  /** Makes a leaf's part of a reduction over the tree. */
  part(k: number, op: ReduceOpName): void {
    const { form, dtype, precision } = this.#kind;
    const root = form.operands[k]!;
    this.#compute([root]);
    const value = this.#scope.converted(this.#whole(root, dtype), dtype, precision);
    const output = this.#scope.fresh(reduceOps[op].call);
    this.#outputs.push([output, { kind: "partial", global: k }]);
    this.#reduce(partOf(op, precision), value, precision, root, output, undefined, 0);
  }

  /** Makes a value that a later body reads. */
  keep(each: Node): void {
    this.#compute([each]);
    this.#outputs.push([this.#values.get(each)!, { kind: "kept", node: each }]);
  }

  #compute(roots: readonly Node[], direct: ReadonlyMap<Node, string> = new Map()): void {
    const { texts } = this.#kind.form;
    for (const each of orderOf(roots, (node) => this.#made.has(node))) {
      if (each.src.length === 0 || this.#values.has(each)) continue;
      if (this.#made.has(each)) {
        this.#values.set(each, this.#scope.kept(each, texts.of(each)));
        continue;
      }
      const output = direct.get(each) ?? this.#scope.fresh(texts.of(each));
      this.#values.set(each, output);
      if (reduceRow(each.op) !== undefined) this.#reduction(each, output);
      else if (matrixRow(each.op) !== undefined) this.#matrix(each, output);
      else this.#element(each, output);
    }
  }

  #element(each: Node, output: string): void {
    const { dtype, doing, form } = this.#kind;
    const row = elementRow(each.op)!;
    requireKernel(each.op, form.texts.show(each), dtype, doing);
    const operands = each.src.map((operand, k) =>
      this.#operand(operand, row.takes[k] === "truth" ? "bool" : dtype)
    );
    this.#scope.make(output, row.onnx!, operands);
  }

  #reduction(each: Node, output: string): void {
    const { dtype, precision } = this.#kind;
    const axes = this.#axesOf(each.arg as string);
    const value = this.#scope.converted(this.#whole(each.src[0], dtype), dtype, precision);
    this.#rounded(
      output,
      precision,
      (result) =>
        this.#reduce(each.op as ReduceOpName, value, precision, each.src[0], result, axes, 1),
    );
  }

  /** The axes that are reduced; undefined for all. */
  #axesOf(over: string): readonly number[] | undefined {
    const { isBatch } = this.#kind;
    const own = over === "tensor" ? undefined : over.split(",").map(Number);
    return isBatch ? (own ?? [0, 1]).map((axis) => axis + 1) : own;
  }

  #matrix(each: Node, output: string): void {
    const { dtype, precision, isBatch, doing, form } = this.#kind;
    const { onnx, syntax } = matrixRow(each.op)!;
    if (onnx === null) {
      const call = "call" in syntax ? syntax.call : each.op;
      const needing = sketchExpression(form.texts.show(each));
      throw new GradusError(
        `${doing}: ONNX has no operator for \`${call}\`: needed by \`${needing}\``,
      );
    }
    const isTranspose = each.op === "Transpose";
    const type = isTranspose ? dtype : precision;
    const attributes = isTranspose && isBatch ? { perm: [0, 2, 1] } : undefined;
    const operands = each.src.map((operand) =>
      this.#scope.converted(this.#whole(operand, dtype), dtype, type)
    );
    this.#rounded(
      output,
      type,
      (result) => this.#scope.make(result, onnx, operands, attributes),
    );
  }

  /** Makes `output` of what is computed in another type. */
  #rounded(output: string, type: Arithmetic, make: (result: string) => void): void {
    const { dtype } = this.#kind;
    if (type === dtype) return make(output);
    const result = this.#scope.fresh(`${type}(${output})`);
    make(result);
    this.#scope.convert(output, result, dtype);
  }

  #reduce(
    op: Reduction,
    value: string,
    type: Arithmetic,
    operand: Node,
    output: string,
    axes: readonly number[] | undefined,
    keepdims: 0 | 1,
  ): void {
    const { shape: whole, form, isBatch } = this.#kind;
    const extent = form.extents.get(operand)!;
    const shape = whole &&
      (isBatch ? [whole[0], ...extentShape(extent, whole.slice(1))] : extentShape(extent, whole));
    const isNumber = isNumberAlways(operand);
    this.#reductions.make(op, { value, type, shape, axes, keepdims, isNumber }, output);
  }

  /** The value of a node as an operand. */
  #operand(each: Node, type: ElementType): string {
    const { form, dtype } = this.#kind;
    if (each.op === "Const") return this.#scope.number(each.arg as number, type);
    if (each.op === "Index") return this.#places(each);
    if (each.op !== "Symbol") return this.#values.get(each)!;
    const name = each.arg as string;
    if (!isScalarSymbol(each)) {
      return this.#scope.converted(this.#scope.leaf(name), this.#typeOf(name), dtype);
    }
    const scalar = form.scalars.get(name)!;
    return this.#scope.scalar(scalar, isTruth(scalar) ? "bool" : type, form.texts.of(each));
  }

  #places({ arg }: Node): string {
    const { form: { rank }, dtype, isBatch } = this.#kind;
    const [axis, side] = (arg as string).split(" ");
    const sides: readonly (string | undefined)[] = ["rows", "columns"];
    const own = side === undefined ? Number(axis) : sides.indexOf(side);
    const first = Number(isBatch);
    return this.#scope.places(
      Number(axis) + first,
      rank + first,
      own < 0 ? { length: Number(side) } : own + first,
      dtype,
    );
  }

  /** The value of a node as large as the parameter, if it is a number for all. */
  #whole(each: Node, type: ElementType): string {
    const value = this.#operand(each, type);
    const isNumber = each.op === "Const" || isScalarSymbol(each);
    return isNumber ? this.#scope.expanded(value, "w") : value;
  }

  #finish(output: string, root: Node, name: string): void {
    const { dtype } = this.#kind;
    const type = this.#typeOf(name);
    const scope = this.#scope;
    let value = this.#operand(root, dtype);
    const isFitting = this.#fits(root, name);
    if (!isFitting) value = scope.expanded(value, name, type === dtype ? output : undefined);
    if (type === dtype) {
      if (isFitting) scope.make(output, "Identity", [value]);
    } else if (type === "float16" && dtype === "float64") {
      scope.nodes.push(...toFloat16(value, output, {
        fresh: (op) => scope.fresh(op),
        constant: (number) => scope.number(number, "float64"),
      }));
    } else scope.convert(output, value, type);
  }

  #typeOf(name: string): ElementType {
    const { dtype, storedAs, form } = this.#kind;
    return name !== "w" && form.over.has(name) ? storedAs(name) : dtype;
  }

  /** Whether a value has the shape of the result `name`. */
  #fits(root: Node, name: string): boolean {
    const { extents, over } = this.#kind.form;
    return extents.get(root) === over.get(name);
  }
}

/** Whether a value is never NaN. */
function isNumberAlways({ op, src }: Node): boolean {
  return op === "Where" &&
    src.slice(1).every((each) => each.op === "Const" && !Number.isNaN(each.arg));
}
