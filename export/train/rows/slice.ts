/** Slices: what was cut off has the gradient 0, and what was stepped over. */
import { numbersOf, type Shape, type Size, unknownSize, type Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

/** The operator that cuts out. */
export const slicing: Rows = {
  Slice: {
    shape: (at) => [{ type: at.input(0).type, shape: slicedShape(at) }],
    gradient: unsliced,
  },
};

/** What a slice leaves of an axis. */
interface Cut {
  readonly axis: number;
  readonly start: Size;
  readonly end: Size;
  readonly step: Size;
}

/** The axes of a slice with where they begin and end; undefined where that is not known. */
function slices(at: At): Cut[] | undefined {
  const rank = at.shape(0).length;
  const [starts, ends, axes, steps] = at.inputs.slice(1).map((value) => value?.known);
  if (starts === undefined || ends === undefined) return undefined;
  if (at.inputs[3] !== undefined && numbersOf(axes) === undefined) return undefined;
  if (at.inputs[4] !== undefined && steps === undefined) return undefined;
  return starts.map((start, i) => ({
    axis: at.axis((axes?.[i] ?? i) as number, rank),
    start,
    end: ends[i],
    step: steps?.[i] ?? 1,
  }));
}

function slicedShape(at: At): Shape | undefined {
  const { shape } = at.input(0);
  if (shape === undefined) return undefined;
  const all = slices(at);
  if (all === undefined) {
    const axes = at.inputs[3]?.known;
    return shape.map((size, axis) => {
      const isLeft = axes !== undefined &&
        !axes.some((each) => each === axis || each === axis - shape.length);
      return isLeft ? size : unknownSize();
    });
  }
  const sizes = [...shape];
  for (const { axis, start, end, step } of all) {
    const size = shape[axis];
    const isWhole = start === 0 && step === 1 && (end === size || end as number >= 2 ** 31 - 1);
    if (isWhole) continue;
    const isKnown = [size, start, end, step].every((each) => typeof each === "number");
    sizes[axis] = isKnown
      ? placed(size as number, start as number, end as number, step as number).count
      : unknownSize();
  }
  return sizes;
}

/** Where the elements of a slice lie on an axis: the first, and how many. */
export function placed(
  size: number,
  start: number,
  end: number,
  step: number,
): { readonly first: number; readonly count: number } {
  const [lo, hi] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, lo), hi);
  const first = within(start);
  return { first, count: step === 0 ? 0 : Math.max(0, Math.ceil((within(end) - first) / step)) };
}

/** What was stepped over is 0, and what lies before and behind. */
function spread(g: Value, { axis, start, end, step }: Cut, at: At): Value {
  const { build } = at;
  const numbers = numbersOf([at.shape(0)[axis], start, end, step]) ??
    at.refuse(`the size of axis ${axis} must be known, since its steps are not 1`);
  const [size, from, to, by] = numbers;
  const { first, count } = placed(size, from, to, by);
  const width = Math.abs(by);
  const ints = (...values: number[]) => build.ints(values);
  const forward = by > 0
    ? g
    : build.emit("Slice", [g, ints(-1), ints(-(2 ** 31)), ints(axis), ints(-1)]);
  const pad = (value: Value, axis: number, before: number, after: number) => {
    const rank = value.shape!.length;
    const pads = Array<number>(2 * rank).fill(0);
    [pads[axis], pads[axis + rank]] = [before, after];
    return build.emit("Pad", [value, ints(...pads)]);
  };
  const apart = pad(build.emit("Unsqueeze", [forward, ints(axis + 1)]), axis + 1, 0, width - 1);
  const joined = build.reshape(apart, g.shape!.with(axis, count * width));
  const before = by > 0 ? first : first + (count - 1) * by;
  return pad(joined, axis, before, size - before - count * width);
}

/** What was cut off is 0. */
function unsliced([g]: readonly (Value | undefined)[], at: At): Value[] {
  const { build } = at;
  const shape = at.shape(0);
  const all = slices(at) ?? at.refuse("where it begins and ends must be constant");
  const isBack = ({ start, end, step, axis }: Cut) => {
    const size = shape[axis];
    return step === -1 &&
      (start === -1 || start === 2 ** 31 - 1 || start as number >= 2 ** 53 || start === size) &&
      typeof end === "number" && (end < -(2 ** 30) || (typeof size === "number" && end < -size));
  };
  const back = all.filter(isBack);
  let gradient = g!;
  if (back.length > 0) {
    const list = (value: number) => build.ints(back.map(() => value));
    const axes = build.ints(back.map(({ axis }) => axis));
    gradient = build.emit("Slice", [gradient, list(-1), list(-(2 ** 31)), axes, list(-1)]);
  }
  for (const each of all) {
    if (each.step !== 1 && !isBack(each)) gradient = spread(gradient, each, at);
  }
  const cut = all.filter(({ step, axis }) =>
    step === 1 && at.outputs[0].shape![axis] !== shape[axis]
  );
  if (cut.length === 0) return [gradient];
  const axes = cut.map(({ axis }) => axis);
  const before = Array<Size>(shape.length).fill(0);
  const after = Array<Size>(shape.length).fill(0);
  for (const { axis, start } of cut) {
    const [size, left] = [shape[axis], at.outputs[0].shape![axis]];
    if (typeof start !== "number") at.refuse("where it begins must be constant");
    const isKnown = typeof size === "number" && typeof left === "number";
    if (isKnown) {
      const begin = Math.min(Math.max(start < 0 ? start + size : start, 0), size);
      [before[axis], after[axis]] = [begin, size - begin - left];
    } else if (start >= 0) before[axis] = start;
    else at.refuse(`where it begins must be counted from the front, since axis ${axis} is open`);
  }
  const isOpen = axes.some((axis) =>
    typeof shape[axis] !== "number" || typeof at.outputs[0].shape![axis] !== "number"
  );
  if (!isOpen) {
    return [build.emit("Pad", [gradient, build.ints([...before, ...after] as number[])])];
  }
  const left = build.emit("Sub", [
    build.emit("Sub", [build.shapeOf(at.input(0)), build.shapeOf(gradient)]),
    build.ints(before as number[]),
  ]);
  const pads = build.emit("Concat", [build.ints(before as number[]), left], { axis: 0 });
  return [build.emit("Pad", [gradient, pads])];
}
