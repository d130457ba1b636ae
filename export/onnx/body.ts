/** Writes what one leaf goes through between two reductions over the tree: the body of a function. */
import { globalIndex } from "../../dsl/graph.ts";
import { type Node, postorder, symbol } from "../../dsl/node.ts";
import { elementRow, matrixRow, type ReduceOpName, reduceOps, reduceRow } from "../../dsl/ops.ts";
import type { Extent } from "../../runtime/extent.ts";
import type { Arithmetic } from "../../runtime/storage.ts";
import { spellNumber } from "./constants.ts";
import { type Form, isScalarSymbol, isTruth } from "./form.ts";
import { toFloat16 } from "./half.ts";
import { Names } from "./names.ts";
import { orderOf } from "./order.ts";
import { cast, type ElementType, node, type NodeInit } from "./proto.ts";
import { requireKernel } from "./scalars.ts";
import type { Texts } from "./text.ts";

/** What a body is given at an input. */
export type Given =
  | { readonly kind: "leaf"; readonly name: string }
  | { readonly kind: "scalar"; readonly node: Node; readonly type: ElementType }
  | { readonly kind: "constant"; readonly value: number; readonly type: ElementType }
  | { readonly kind: "list"; readonly values: readonly number[] }
  | { readonly kind: "kept"; readonly node: Node };

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
  /** The arrays that a leaf brings besides `w` and `g`. */
  readonly leaves: readonly string[];
  /** What a state is stored as. */
  readonly storedAs: (state: string) => ElementType;
  readonly opset: number;
  readonly doing: string;
}

/** A reduction over the tree: what its leaves' parts are. */
export const PARTS: Readonly<Record<ReduceOpName, { onnx: string; combine: string }>> = {
  ReduceSum: { onnx: "ReduceSum", combine: "Add" },
  ReduceMean: { onnx: "ReduceSum", combine: "Add" },
  ReduceL2: { onnx: "ReduceSumSquare", combine: "Add" },
  ReduceMax: { onnx: "ReduceMax", combine: "Max" },
  ReduceMin: { onnx: "ReduceMin", combine: "Min" },
};

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
  readonly #names = new Names();
  readonly #nodes: NodeInit[] = [];
  readonly #leaves: [string, Given][] = [];
  readonly #earlier: [string, Given][] = [];
  readonly #numbers: [string, Given][] = [];
  readonly #constants: [string, Given][] = [];
  readonly #outputs: [string, Made][] = [];
  readonly #copies = new Map<string, { of: "leaf" | "next"; name: string }>();
  readonly #values = new Map<Node, string>();
  readonly #given = new Map<string, string>();
  readonly #shared = new Map<string, string>();
  readonly #texts: Texts;

  constructor(kind: BodyKind, made: ReadonlySet<Node>) {
    [this.#kind, this.#made] = [kind, made];
    this.#texts = kind.form.texts;
    // What the program reads is called so, whatever else would be, and comes first.
    for (const each of ["w", "g", ...kind.leaves]) this.#names.take(each);
  }

  get body(): Body {
    const order = ["w", "g", ...this.#kind.leaves];
    const leaves = this.#leaves.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b));
    return {
      inputs: [...leaves, ...this.#earlier, ...this.#numbers, ...this.#constants],
      outputs: this.#outputs,
      nodes: this.#nodes,
      copies: this.#copies,
    };
  }

  /** Makes the next values. */
  results(): void {
    const { form: { results }, dtype } = this.#kind;
    const direct = new Map<Node, string>();
    const first = new Map<string, string>();
    const pending: [string, Node, string][] = [];
    for (const [name, root] of results) {
      const type = this.#typeOf(name);
      if (root === symbol(name)) {
        this.#copies.set(name, { of: "leaf", name });
        continue;
      }
      const key = `${root.id} ${type} ${JSON.stringify(this.#extent(name))}`;
      if (first.has(key)) {
        this.#copies.set(name, { of: "next", name: first.get(key)! });
        continue;
      }
      const isLeaf = root.op === "Symbol" && !isScalarSymbol(root);
      if (isLeaf && type === this.#typeOf(root.arg as string) && this.#fits(root, name)) {
        this.#copies.set(name, { of: "leaf", name: root.arg as string });
        continue;
      }
      first.set(key, name);
      if (this.#made.has(root) && resultMadeAs(this.#kind, root) === name) continue;
      const output = this.#names.fresh(`next/${name}`);
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
    const value = this.#whole(root, dtype);
    const wide = this.#converted(value, dtype, precision);
    const output = this.#names.fresh(reduceOps[op].call);
    this.#outputs.push([output, { kind: "partial", global: k }]);
    this.#reduce(PARTS[op].onnx, wide, precision, { keepdims: 0 }, undefined, output, root);
  }

  /** Makes a value that a later body reads. */
  keep(each: Node): void {
    this.#compute([each]);
    this.#outputs.push([this.#values.get(each)!, { kind: "kept", node: each }]);
  }

  #compute(roots: readonly Node[], direct: ReadonlyMap<Node, string> = new Map()): void {
    for (const each of orderOf(roots, (node) => this.#made.has(node))) {
      if (each.src.length === 0 || this.#values.has(each)) continue;
      if (this.#made.has(each)) {
        this.#values.set(
          each,
          this.#input(this.#earlier, `kept ${each.id}`, this.#texts.of(each), {
            kind: "kept",
            node: each,
          }),
        );
        continue;
      }
      const output = direct.get(each) ?? this.#names.fresh(this.#texts.of(each));
      this.#values.set(each, output);
      if (reduceRow(each.op) !== undefined) this.#reduction(each, output);
      else if (matrixRow(each.op) !== undefined) this.#matrix(each, output);
      else this.#element(each, output);
    }
  }

  #element(each: Node, output: string): void {
    const { dtype, doing } = this.#kind;
    const row = elementRow(each.op)!;
    requireKernel(each.op, this.#texts.show(each), dtype, doing);
    const operands = each.src.map((operand, k) =>
      this.#operand(operand, row.takes[k] === "truth" ? "bool" : dtype)
    );
    this.#nodes.push(node(row.onnx!, operands, output));
  }

  #reduction(each: Node, output: string): void {
    const { dtype, precision } = this.#kind;
    const type = dtype === "float64" ? dtype : precision;
    const value = this.#converted(this.#whole(each.src[0], dtype), dtype, type);
    const axes = each.arg === "tensor" ? undefined : (each.arg as string).split(",").map(Number);
    const isWide = type !== dtype;
    const result = isWide ? this.#names.fresh(`${type}(${output})`) : output;
    this.#reduce(each.op, value, type, {}, axes, result, each.src[0]);
    if (isWide) this.#nodes.push(cast(result, output, dtype));
  }

  #reduce(
    op: string,
    value: string,
    type: ElementType,
    attributes: Readonly<Record<string, number>>,
    axes: readonly number[] | undefined,
    output: string,
    operand: Node,
  ): void {
    const isByAttribute = axes !== undefined && this.#kind.opset < 18 && op !== "ReduceSum";
    const inputs = (of: string) =>
      axes === undefined || isByAttribute ? [of] : [of, this.#list(axes)];
    const all = isByAttribute ? { ...attributes, axes } : attributes;
    const isExtreme = op === "ReduceMax" || op === "ReduceMin";
    if (!isExtreme || isNumberAlways(operand)) {
      this.#nodes.push(node(op, inputs(value), output, all));
      return;
    }
    // ONNX Runtime's maximum leaves NaN out: the sum of what is NaN, and else 0, puts it back.
    const write = (
      name: string,
      op: string,
      operands: readonly string[],
      attributes: Readonly<Record<string, number | readonly number[]>> = {},
    ): string => {
      const own = this.#names.fresh(name);
      this.#nodes.push(node(op, operands, own, attributes));
      return own;
    };
    const isNumber = write("isNumber", "Equal", [value, value]);
    const zero = this.#number(0, type);
    const nans = write("nans", "Where", [isNumber, zero, value]);
    const sumAxes = axes === undefined ? [nans] : [nans, this.#list(axes)];
    const nan = write("nan", "ReduceSum", sumAxes, attributes);
    const extreme = write(op, op, inputs(value), all);
    this.#nodes.push(node("Add", [extreme, nan], output));
  }

  #matrix(each: Node, output: string): void {
    const { dtype, precision } = this.#kind;
    const type = each.op === "Transpose" || dtype === "float64" ? dtype : precision;
    const operands = each.src.map((operand) =>
      this.#converted(this.#whole(operand, dtype), dtype, type)
    );
    const result = type === dtype ? output : this.#names.fresh(`${type}(${output})`);
    this.#nodes.push(node(matrixRow(each.op)!.onnx, operands, result));
    if (result !== output) this.#nodes.push(cast(result, output, dtype));
  }

  /** The value of a node as an operand. */
  #operand(each: Node, type: ElementType): string {
    if (each.op === "Const") return this.#number(each.arg as number, type);
    if (each.op !== "Symbol") return this.#values.get(each)!;
    const name = each.arg as string;
    if (isScalarSymbol(each)) {
      const scalar = this.#kind.form.scalars.get(name)!;
      const own = isTruth(scalar) ? "bool" : type;
      const text = this.#texts.of(each);
      return this.#input(this.#numbers, `${name} ${own}`, text, {
        kind: "scalar",
        node: scalar,
        type: own,
      });
    }
    return this.#converted(this.#leaf(name), this.#typeOf(name), this.#kind.dtype);
  }

  /** The value of a node as large as the parameter, if it is a number for all. */
  #whole(each: Node, type: ElementType): string {
    const value = this.#operand(each, type);
    return this.#isScalar(each) ? this.#expanded(value, "w") : value;
  }

  #finish(output: string, root: Node, name: string): void {
    const { dtype } = this.#kind;
    const type = this.#typeOf(name);
    const isFitting = this.#fits(root, name);
    let value = this.#operand(root, dtype);
    if (!isFitting) value = this.#expanded(value, name, type === dtype ? output : undefined);
    if (type === dtype) {
      if (isFitting) this.#nodes.push(node("Identity", [value], output));
    } else if (type === "float16" && dtype === "float64") {
      const names = {
        fresh: (op: string) => this.#names.fresh(op),
        constant: (number: number) => this.#number(number, "float64"),
      };
      this.#nodes.push(...toFloat16(value, output, names));
    } else this.#nodes.push(cast(value, output, type));
  }

  #expanded(value: string, like: string, output?: string): string {
    const name = output ?? this.#names.fresh(`${value} like ${like}`);
    const shape = this.#once(`shape ${like}`, () => {
      const own = this.#names.fresh(`shape(${like})`);
      this.#nodes.push(node("Shape", [this.#leaf(like)], own));
      return own;
    });
    this.#nodes.push(node("Expand", [value, shape], name));
    return name;
  }

  #converted(value: string, from: ElementType, to: ElementType): string {
    if (from === to) return value;
    return this.#once(`${to} ${value}`, () => {
      const name = this.#names.fresh(`${to}(${value})`);
      this.#nodes.push(cast(value, name, to));
      return name;
    });
  }

  #leaf(name: string): string {
    return this.#input(this.#leaves, `leaf ${name}`, name, { kind: "leaf", name });
  }

  #number(value: number, type: ElementType): string {
    const text = type === "bool" ? String(Boolean(value)) : spellNumber(value, type);
    const key = `${type} ${Object.is(value, -0) ? "-0" : value}`;
    return this.#input(this.#constants, key, text, { kind: "constant", value, type });
  }

  #list(values: readonly number[]): string {
    return this.#input(this.#constants, `list ${values}`, `[${values.join(", ")}]`, {
      kind: "list",
      values,
    });
  }

  #input(list: [string, Given][], key: string, wanted: string, given: Given): string {
    let name = this.#given.get(key);
    if (name === undefined) {
      name = given.kind === "leaf" ? wanted : this.#names.fresh(wanted);
      this.#given.set(key, name);
      list.push([name, given]);
    }
    return name;
  }

  #once(key: string, make: () => string): string {
    if (!this.#shared.has(key)) this.#shared.set(key, make());
    return this.#shared.get(key)!;
  }

  #typeOf(name: string): ElementType {
    const { dtype, storedAs, form } = this.#kind;
    return name !== "w" && form.over.has(name) ? storedAs(name) : dtype;
  }

  #extent(name: string): Extent {
    return this.#kind.form.over.get(name)!;
  }

  /** Whether a value has the shape of the result `name`. */
  #fits(root: Node, name: string): boolean {
    return this.#kind.form.extents.get(root) === this.#extent(name);
  }

  #isScalar(each: Node): boolean {
    return each.op === "Const" || isScalarSymbol(each);
  }
}

/** Whether a value is never NaN. */
function isNumberAlways({ op, src }: Node): boolean {
  return op === "Where" &&
    src.slice(1).every((each) => each.op === "Const" && !Number.isNaN(each.arg));
}

/** The values computed in a body for `roots`, those that `made` has left out. */
export function computedFor(roots: readonly Node[], made: ReadonlySet<Node>): Set<Node> {
  const found = new Set<Node>();
  const stack = [...roots];
  for (let each = stack.pop(); each !== undefined; each = stack.pop()) {
    if (found.has(each) || made.has(each) || each.src.length === 0) continue;
    found.add(each);
    stack.push(...each.src);
  }
  return found;
}

/** Which reductions over the tree an expression reads. */
export function globalsIn(root: Node): number[] {
  return postorder([root]).flatMap(({ op, arg }) => {
    const k = op === "Symbol" ? globalIndex(arg as string) : undefined;
    return k === undefined ? [] : [k];
  });
}
