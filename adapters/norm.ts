/** Norms whose squares stay within float32, and reductions of several arrays as if they were one. */
import type { ElementOpName, ReduceOpName } from "../dsl/node.ts";
import type { ArrayLibrary, Operand } from "./library.ts";

/** Calls a library's ops, and drops what was made on the way. */
class Scratch<A> {
  readonly arrays: ArrayLibrary<A>;
  readonly #made = new Set<A>();

  constructor(arrays: ArrayLibrary<A>) {
    this.arrays = arrays;
  }

  /** An array that is dropped in the end. */
  own(x: A): A {
    this.#made.add(x);
    return x;
  }

  /** An element-wise op. */
  element(op: ElementOpName, ...operands: Operand<A>[]): A {
    return this.own(this.arrays.element[op]!(...operands));
  }

  /** A reduction over axes, which are kept. */
  reduce(op: Exclude<ReduceOpName, "ReduceL2">, x: A, axes: readonly number[]): A {
    return this.own(this.arrays.reduce[op](x, axes));
  }

  /** Drops everything but `result`. */
  leave(result: A): A {
    this.#made.delete(result);
    for (const each of this.#made) this.arrays.drop(each);
    return result;
  }
}

// Powers of 2, so that scaling is exact: squares of the largest numbers and of the smallest stay normal.
const LARGE = 2 ** 40;
const [DOWN, UP] = [2 ** -100, 2 ** 80];

/** What numbers of at most `largest` are multiplied by before they are squared, and what that is undone by. */
function scales<A>(scratch: Scratch<A>, largest: A): readonly [scale: A, inverse: A] {
  const isLarge = scratch.element("Greater", largest, LARGE);
  const isSmall = scratch.element("Less", largest, 1 / LARGE);
  const choose = (large: number, small: number) =>
    scratch.element("Where", isLarge, large, scratch.element("Where", isSmall, small, 1));
  const { once } = scratch.arrays;
  const scale = choose(DOWN, UP);
  return [once === undefined ? scale : scratch.own(once(scale)), choose(1 / DOWN, 1 / UP)];
}

/** The squares of `x` times `scale`. */
function squares<A>(scratch: Scratch<A>, x: A, scale: A): A {
  const scaled = scratch.element("Mul", x, scale);
  return scratch.element("Mul", scaled, scaled);
}

/** A reduction of an array over axes, which are kept with an extent of 1. */
export function reduceAxes<A>(
  library: ArrayLibrary<A>,
  op: ReduceOpName,
  x: A,
  axes: readonly number[],
): A {
  if (axes.length === 0) {
    return op === "ReduceL2" ? library.element.Abs!(x) : library.keep(x);
  }
  if (op !== "ReduceL2") return library.reduce[op](x, axes);
  if (library.reduce.ReduceL2 !== null) return library.reduce.ReduceL2(x, axes);
  const scratch = new Scratch(library);
  const largest = scratch.reduce("ReduceMax", scratch.element("Abs", x), axes);
  const [scale, inverse] = scales(scratch, largest);
  const sum = scratch.reduce("ReduceSum", squares(scratch, x, scale), axes);
  return scratch.leave(scratch.element("Mul", scratch.element("Sqrt", sum), inverse));
}

/** An array of a leaf that is reduced with those of others: how many axes and elements it has. */
export interface Part<A> {
  readonly array: A;
  readonly rank: number;
  readonly size: number;
}

/** A reduction of all elements of some arrays, of which there is at least one, to an array without axes. */
export function reduceAll<A>(
  library: ArrayLibrary<A>,
  op: ReduceOpName,
  parts: readonly Part<A>[],
): A {
  const scratch = new Scratch(library);
  const joined = (
    by: ElementOpName,
    over: Exclude<ReduceOpName, "ReduceL2">,
    of: (part: Part<A>) => A = ({ array }) => array,
  ): A =>
    parts.map((part) => {
      const axes = Array.from({ length: part.rank }, (_, axis) => axis);
      const x = of(part);
      return axes.length === 0
        ? x
        : scratch.own(library.reshape(scratch.reduce(over, x, axes), []));
    }).reduce((a, b) => scratch.element(by, a, b));
  const made = (): A => {
    switch (op) {
      case "ReduceSum":
        return joined("Add", "ReduceSum");
      case "ReduceMax":
        return joined("Max", "ReduceMax");
      case "ReduceMin":
        return joined("Min", "ReduceMin");
      case "ReduceMean": {
        const count = parts.reduce((sum, { size }) => sum + size, 0);
        return scratch.element("Div", joined("Add", "ReduceSum"), Math.fround(count));
      }
      case "ReduceL2": {
        const largest = joined("Max", "ReduceMax", ({ array }) => scratch.element("Abs", array));
        const [scale, inverse] = scales(scratch, largest);
        const sum = joined("Add", "ReduceSum", ({ array }) => squares(scratch, array, scale));
        return scratch.element("Mul", scratch.element("Sqrt", sum), inverse);
      }
    }
  };
  const result = made();
  // A single array without axes is its own sum.
  const isGiven = parts.some(({ array }) => array === result);
  return scratch.leave(isGiven ? library.keep(result) : result);
}
