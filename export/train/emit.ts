/** Writes operators into a graph: what rows and losses are written with. */
import type { AttributeProto } from "onnx-buf";
import { lower } from "../../dsl/lower.ts";
import { constant, type Node, postorder, symbol } from "../../dsl/node.ts";
import { gradientOf } from "../../dsl/differentiate.ts";
import { elementRow } from "../../dsl/ops.ts";
import {
  DataType,
  isSameShape,
  numbersOf,
  type Shape,
  type Size,
  spellShape,
  type Value,
} from "./value.ts";

/** An attribute of an operator: a whole number or several, text, a float, or any other as it is in the file. */
export type Attribute =
  | (number | readonly number[] | string)
  | { readonly float: number }
  | { readonly proto: AttributeProto };
/** Attributes of an operator. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Where operators are written. */
export abstract class Builder {
  /** The version of the operators. */
  abstract readonly opset: number;

  /** Writes an operator with `count` outputs; empty inputs are left out. Shapes follow from its row. */
  abstract emitAll(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes: Attributes,
    count: number,
  ): Value[];

  /** A constant of `type`, held once: a number, or a list of as many dimensions as `shape` has. */
  abstract constant(values: readonly number[], type: DataType, shape: readonly number[]): Value;

  /** A further output of the operator that makes `value`, one that its file does not ask for. */
  abstract outputOf(value: Value, index: number): Value;

  /** The operator that makes a value, or undefined for inputs and constants. */
  abstract makerOf(value: Value): Maker | undefined;

  /** `value`, through which no gradient goes. */
  abstract stop(value: Value): Value;

  /** A further input of the graph, which whoever runs it must feed. */
  abstract input(name: string, type: DataType, shape: Shape): Value;

  /**
   * A further input of float32 that is drawn anew for each step: 0 with `probability`, and 1/(1 - probability)
   * elsewhere.
   */
  abstract mask(shape: Shape, probability: number): Value;

  /** Says that the constant `value`, an initializer, is `next` after the step: it becomes an input, and gets an output. */
  abstract carry(value: Value, next: Value): void;

  /** An error at the operator that is being written or differentiated. */
  abstract refuse(reason: string): never;

  /** A value that has a size of this name, and the axis. */
  protected abstract sourceOf(size: string): readonly [value: Value, axis: number] | undefined;

  /** Writes an operator with one output. */
  emit(op: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
    return this.emitAll(op, inputs, attributes, 1)[0];
  }

  /** A scalar of the type of `like`. */
  number(value: number, like: { readonly type: DataType }): Value {
    return this.constant([value], like.type, []);
  }

  /** A list of whole numbers. */
  ints(values: readonly number[]): Value {
    return this.constant(values, DataType.INT64, [values.length]);
  }

  /** Element-wise arithmetic in the language's own text, of values and numbers by the names that it uses. */
  write(
    text: string,
    values: Readonly<Record<string, Value>>,
    numbers: Readonly<Record<string, number>> = {},
  ): Value {
    const like = Object.values(values).find(({ type }) => type !== DataType.BOOL)!;
    const written = this.writeWith(text, values, numbers, like, new Map());
    return typeof written === "number" ? this.number(written, like) : written;
  }

  /**
   * The same with `numbers` by name, sharing what is in `done`, and giving a number where it comes to
   * one. `like` has the type of what is computed.
   */
  writeWith(
    text: string,
    values: Readonly<Record<string, Value>>,
    numbers: Readonly<Record<string, number>>,
    like: Value,
    done: Map<Node, Value>,
  ): Value | number {
    const given: Record<string, Node> = {};
    for (const [name, value] of Object.entries(values)) {
      const only = value.shape?.length === 0 && value.type !== DataType.BOOL
        ? value.known?.[0]
        : undefined;
      given[name] = typeof only === "number" ? constant(only) : symbol(name);
    }
    for (const [name, value] of Object.entries(numbers)) given[name] = constant(value);
    const parsed = gradientOf(text, given);
    const root = lower([parsed], "onnx")(parsed);
    if (root.op === "Zero") return 0;
    if (root.op === "Const") return root.arg as number;
    for (const node of postorder([root])) {
      if (done.has(node) || node.op === "Const") continue;
      if (node.op === "Symbol") {
        done.set(node, values[node.arg as string]);
        continue;
      }
      const op = elementRow(node.op)!.onnx!;
      const operands = node.src.map((each) =>
        each.op === "Const" ? this.number(each.arg as number, like) : done.get(each)!
      );
      done.set(node, this.emit(op, operands));
    }
    return done.get(root)!;
  }

  /** The shape of a value as a list of whole numbers. */
  shapeOf(value: Value): Value {
    const numbers = numbersOf(value.shape);
    return numbers === undefined ? this.emit("Shape", [value]) : this.ints(numbers);
  }

  /** Sizes as a list of whole numbers, those with names found when the graph runs. */
  sizes(sizes: readonly Size[]): Value {
    const numbers = numbersOf(sizes);
    if (numbers !== undefined) return this.ints(numbers);
    const found = new Map<string, Value>();
    const parts: Value[] = sizes.map((size) => {
      if (typeof size === "number") return this.ints([size]);
      if (found.has(size)) return found.get(size)!;
      const source = this.sourceOf(size);
      if (source === undefined) {
        return this.refuse(`a size of ${spellShape(sizes)} is not known where it is needed`);
      }
      const [value, axis] = source;
      found.set(size, this.emit("Shape", [value], { start: axis, end: axis + 1 }));
      return found.get(size)!;
    });
    return parts.length === 1 ? parts[0] : this.emit("Concat", parts, { axis: 0 });
  }

  /** `value` with other sizes for the same elements. */
  reshape(value: Value, sizes: readonly Size[]): Value {
    if (isSameShape(value.shape, sizes)) return value;
    const open = sizes.filter((size) => typeof size === "string");
    const isOne = open.length === 1 && !sizes.includes(0);
    const to = isOne
      ? this.ints(sizes.map((size) => typeof size === "string" ? -1 : size))
      : this.sizes(sizes);
    // A size that the operator is not told by its name has it all the same.
    return { ...this.emit("Reshape", [value, to], { allowzero: 1 }), shape: sizes };
  }

  /** `value` with the sizes that another has, for the same elements. */
  reshapeLike(value: Value, like: Value): Value {
    const open = like.shape?.filter((size) => typeof size === "string").length ?? 2;
    if (open <= 1 && !like.shape!.includes(0)) return this.reshape(value, like.shape!);
    return this.emit("Reshape", [value, this.shapeOf(like)], { allowzero: 1 });
  }

  /** `value` stretched to the shape of another. */
  expandLike(value: Value, like: Value): Value {
    if (isSameShape(value.shape, like.shape)) return value;
    return this.emit("Expand", [value, this.shapeOf(like)]);
  }

  /** `value` with its axes in another order. */
  transpose(value: Value, perm: readonly number[]): Value {
    if (perm.every((axis, i) => axis === i)) return value;
    const maker = this.makerOf(value);
    if (maker?.op === "Transpose" && maker.inputs[0] !== undefined) {
      const before = maker.attributes.perm as readonly number[] | undefined ??
        perm.map((_, i) => perm.length - 1 - i);
      return this.transpose(maker.inputs[0], perm.map((axis) => before[axis]));
    }
    if (maker?.op === "Gemm" && maker.inputs[2] === undefined) {
      // (A·B)ᵀ = Bᵀ·Aᵀ: the product is made transposed at once.
      const { transA = 0, transB = 0, ...others } = maker.attributes;
      const [a, b] = maker.inputs;
      const turned = { ...others, transA: 1 - Number(transB), transB: 1 - Number(transA) };
      return this.emit("Gemm", [b, a], turned);
    }
    return this.emit("Transpose", [value], { perm });
  }

  /** `value` with its last two axes exchanged. */
  turned(value: Value): Value {
    const axes = value.shape!.map((_, axis) => axis);
    return this.transpose(value, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
  }

  /** A reduction `ReduceSum`, `ReduceMean`, `ReduceMax` or `ReduceMin` over axes from 0. */
  reduce(op: string, value: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value {
    if (axes.length === 0) return value;
    const first = stageOf(value, axes);
    if (first === undefined) return this.#once(op, value, axes, keepdims);
    return this.reduce(op, this.#once(op, value, first, 1), axes, keepdims);
  }

  #once(op: string, value: Value, axes: readonly number[], keepdims: 0 | 1): Value {
    const asInput = op === "ReduceSum" || this.opset >= 18;
    return asInput
      ? this.emit(op, [value, this.ints(axes)], { keepdims })
      : this.emit(op, [value], { axes, keepdims });
  }

  /** The sum over axes from 0. */
  sum(value: Value, axes: readonly number[], keepdims: 0 | 1 = 1): Value {
    return this.reduce("ReduceSum", value, axes, keepdims);
  }

  /** The gradient of an operand that was stretched: `value` summed to the shape of `like`. */
  sumTo(value: Value, like: Value): Value {
    const [from, to] = [value.shape, like.shape];
    if (isSameShape(from, to)) return value;
    if (from === undefined || to === undefined || to.length > from.length) {
      return this.refuse(
        `the gradient of \`${like.name}\`, of shape ${spellShape(from)}, has no way to the shape ` +
          spellShape(to),
      );
    }
    const lead = from.length - to.length;
    const sizeAt = (axis: number) => axis < lead ? 1 : to[axis - lead];
    const differ = from.flatMap((size, axis) =>
      size === sizeAt(axis) && axis >= lead ? [] : [axis]
    );
    if (differ.every((axis) => axis < lead || sizeAt(axis) === 1)) {
      const isOuter = differ.every((axis) => axis < lead);
      const summed = this.sum(value, differ, isOuter ? 0 : 1);
      return isOuter || lead === 0 ? summed : this.reshapeLike(summed, like);
    }
    // Some sizes have names: which of them were stretched is found when the graph runs.
    const shape = this.shapeOf(like);
    const padded = lead === 0
      ? shape
      : this.emit("Concat", [this.ints(Array(lead).fill(1)), shape], { axis: 0 });
    const isStretched = this.emit("Not", [this.emit("Equal", [padded, this.shapeOf(value)])]);
    const axes = this.emit("Squeeze", [this.emit("NonZero", [isStretched]), this.ints([0])]);
    const summed = this.emit("ReduceSum", [value, axes], { keepdims: 1, noop_with_empty_axes: 1 });
    return this.emit("Reshape", [summed, shape], { allowzero: 1 });
  }
}

/** How many elements one result may be reduced from at once. */
const MOST = 2 ** 21;

/**
 * The axes that are reduced first where all at once may be too much: ONNX Runtime's WebGPU sees but a part of
 * what a result is reduced from beyond 65535·64 elements. Undefined where it is not.
 */
export function stageOf(
  { shape }: Value,
  axes: readonly number[],
): readonly number[] | undefined {
  const wide = axes.toSorted((a, b) => a - b).filter((axis) => shape?.[axis] !== 1);
  if (wide.length < 2) return undefined;
  const known = wide.filter((axis) => typeof shape?.[axis] === "number");
  const count = known.reduce((product, axis) => product * Number(shape![axis]), 1);
  if (count >= MOST || known.length === 0) return wide.slice(-1);
  return known.length < wide.length ? known : undefined;
}

/** An operator as it stands in the graph. */
export interface Maker {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
}
