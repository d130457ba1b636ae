/**
 * Reductions, in float32 in stages and norms by the largest: float32 counts no further than 2^24 by ones
 * and has no square beyond 2^128, and ONNX Runtime's WebGPU sees but a part of what has 65535·256 elements.
 */
import type { ReduceOpName } from "../../dsl/node.ts";
import type { Arithmetic } from "../../runtime/trees/dtype.ts";
import type { Attributes } from "./scope.ts";

/** Where nodes are written. */
export interface Into {
  /** Writes an operator, and returns what its result is called. */
  write(op: string, operands: readonly string[], wanted: string, attributes?: Attributes): string;
  /** Writes an operator whose result has its name already. */
  make(output: string, op: string, operands: readonly string[], attributes?: Attributes): void;
  /** A constant. */
  number(value: number, type: Arithmetic): string;
  /** A constant list. */
  list(values: readonly number[]): string;
}

/** What is reduced, and how. */
export interface Reduced {
  readonly value: string;
  readonly type: Arithmetic;
  /** The extents of `value`; undefined where it is reduced at once. */
  readonly shape: readonly number[] | undefined;
  /** The axes that are reduced; all if undefined. */
  readonly axes: readonly number[] | undefined;
  /** Whether an axis that is reduced stays, with one element. */
  readonly keepdims: 0 | 1;
  /** Whether no element is NaN. */
  readonly isNumber: boolean;
}

/** A reduction of ONNX. */
export type Reduction = ReduceOpName | "ReduceSumSquare";

/** How many float32 numbers are reduced at once. */
const MOST = 1024;

/** Whether so many float32 numbers are reduced in stages. */
export function isStaged(size: number): boolean {
  return size > MOST;
}

/** Writes reductions. */
export class Reductions {
  readonly #into: Into;
  readonly #opset: number;

  constructor(into: Into, opset: number) {
    [this.#into, this.#opset] = [into, opset];
  }

  /** Makes `output`. */
  make(op: Reduction, reduced: Reduced, output: string): void {
    const isExtreme = op === "ReduceMax" || op === "ReduceMin";
    if (op === "ReduceL2" && reduced.type === "float32") this.#norm(reduced, output);
    else if (isExtreme && !reduced.isNumber) this.#extreme(op, reduced, output);
    else this.#stages(op, reduced, output);
  }

  /** Sums squares; where they could be too large or small, of shares of the largest, if that is a number. */
  #norm(reduced: Reduced, output: string): void {
    const { value, type } = reduced;
    const into = this.#into;
    const number = (x: number) => into.number(x, type);
    const sizes = into.write("Abs", [value], "sizes");
    const largest = this.#stages("ReduceMax", { ...reduced, value: sizes });
    const isLarge = into.write("And", [
      into.write("Greater", [largest, number(2 ** 48)], "is beyond"),
      into.write("Less", [largest, number(Infinity)], "is finite"),
    ], "is large");
    const isSome = into.write("Greater", [largest, number(0)], "is some");
    const isSmall = into.write("Less", [largest, number(2 ** -30)], "is small");
    const scale = into.write("Where", [
      isSmall,
      into.write("Where", [isSome, largest, number(1)], "small scale"),
      into.write("Where", [isLarge, largest, number(1)], "large scale"),
    ], "scale");
    const shares = into.write("Div", [value, scale], "shares");
    const sum = this.#stages("ReduceSumSquare", { ...reduced, value: shares });
    into.make(output, "Mul", [into.write("Sqrt", [sum], "norm of shares"), scale]);
  }

  /** ONNX Runtime's maximum leaves NaN out: the sum of what is NaN, and else 0, puts it back. */
  #extreme(op: Reduction, reduced: Reduced, output: string): void {
    const { value, type } = reduced;
    const into = this.#into;
    const isNumber = into.write("Equal", [value, value], "is a number");
    const nans = into.write("Where", [isNumber, into.number(0, type), value], "nan or 0");
    const nan = this.#stages("ReduceSum", { ...reduced, value: nans });
    into.make(output, "Add", [this.#stages(op, reduced), nan]);
  }

  #stages(op: Reduction, { value, shape, axes, keepdims }: Reduced, output?: string): string {
    if (shape === undefined) return this.#reduce(op, value, axes, keepdims, output);
    const reduced = axes ?? shape.map((_, axis) => axis);
    if (!isStaged(reduced.reduce((size, axis) => size * shape[axis], 1))) {
      return this.#reduce(op, value, axes, keepdims, output);
    }
    // The last axis first: those before it keep their places where it is gone.
    const left = [...shape];
    return reduced.toSorted((a, b) => b - a).reduce((seen, axis, i) => {
      const own = i === 0 ? op : following(op);
      const name = i === reduced.length - 1 ? output : undefined;
      const made = this.#axis(own, seen, left, axis, keepdims, name);
      left.splice(axis, 1, ...(keepdims ? [1] : []));
      return made;
    }, value);
  }

  #axis(
    op: Reduction,
    value: string,
    shape: readonly number[],
    axis: number,
    keepdims: 0 | 1,
    output: string | undefined,
  ): string {
    const size = shape[axis];
    if (!isStaged(size)) return this.#reduce(op, value, [axis], keepdims, output);
    const into = this.#into;
    const blocks = blocksOf(size);
    const whole = blocks.reduce((a, b) => a * b, 1);
    let seen = value;
    if (whole > size) {
      const pads = [...shape.map(() => 0), ...shape.map((_, i) => i === axis ? whole - size : 0)];
      const fill = op === "ReduceMax" ? -Infinity : op === "ReduceMin" ? Infinity : 0;
      seen = into.write("Pad", [seen, into.list(pads), into.number(fill, "float32")], "padded");
    }
    const split = [...shape.slice(0, axis), ...blocks, ...shape.slice(axis + 1)];
    seen = into.write("Reshape", [seen, into.list(split)], "blocks");
    // Of a mean, what was filled up must not count.
    const isShort = op === "ReduceMean" && whole > size;
    for (let stage = blocks.length - 1; stage >= 0; stage--) {
      const own = stage === blocks.length - 1 ? op : following(op);
      const isLast = stage === 0;
      const name = isLast && !isShort ? output : undefined;
      seen = this.#reduce(own, seen, [axis + stage], isLast ? keepdims : 0, name);
    }
    if (!isShort) return seen;
    return this.#write("Mul", [seen, into.number(whole / size, "float32")], "mean", output);
  }

  #reduce(
    op: Reduction,
    value: string,
    axes: readonly number[] | undefined,
    keepdims: 0 | 1,
    output: string | undefined,
  ): string {
    // Before opset 18 only sums took their axes as an input.
    const isByAttribute = axes !== undefined && this.#opset < 18 && op !== "ReduceSum";
    const lists = axes === undefined || isByAttribute ? [] : [this.#into.list(axes)];
    const attributes = { ...(keepdims ? {} : { keepdims }), ...(isByAttribute ? { axes } : {}) };
    return this.#write(op, [value, ...lists], NAMES[op], output, attributes);
  }

  #write(
    op: string,
    operands: readonly string[],
    wanted: string,
    output: string | undefined,
    attributes?: Attributes,
  ): string {
    if (output === undefined) return this.#into.write(op, operands, wanted, attributes);
    this.#into.make(output, op, operands, attributes);
    return output;
  }
}

const NAMES: Readonly<Record<Reduction, string>> = {
  ReduceSum: "sum",
  ReduceSumSquare: "sum of squares",
  ReduceMean: "mean",
  ReduceMax: "largest",
  ReduceMin: "least",
  ReduceL2: "norm",
};

/** What joins the results of a reduction's blocks. */
function following(op: Reduction): Reduction {
  return op === "ReduceSumSquare" ? "ReduceSum" : op;
}

/** Sizes of blocks of blocks that hold at least `size` elements: no more, where it has such factors. */
function blocksOf(size: number): number[] {
  const stages = size > MOST ** 2 ? 3 : 2;
  const exact = factorsOf(size, stages);
  if (exact !== undefined) return exact;
  const each = Math.ceil(size ** (1 / stages));
  const inner = Array.from({ length: stages - 1 }, () => each);
  return [Math.ceil(size / each ** (stages - 1)), ...inner];
}

/** So many factors of a number, near to each other and none beyond `MOST`, if it has such. */
function factorsOf(size: number, count: number): number[] | undefined {
  if (count === 1) return size <= MOST ? [size] : undefined;
  const middle = Math.round(size ** (1 / count));
  for (let away = 0; away < middle; away++) {
    for (const factor of [middle - away, middle + away]) {
      if (factor < 2 || factor > MOST || size % factor !== 0) continue;
      const others = factorsOf(size / factor, count - 1);
      if (others !== undefined) return [...others, factor];
    }
  }
  return undefined;
}
