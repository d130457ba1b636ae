/** Slices: what was cut off has the gradient 0, and what was stepped over. */
import { DataType, numbersOf, type Shape, type Size, unknownSize, type Value } from "../value.ts";
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
function spread(g: Value, cut: Cut, at: At): Value {
  const { build } = at;
  const { axis, start, end, step } = cut;
  const size = at.shape(0)[axis];
  const ints = (...values: number[]) => build.ints(values);
  const pad = (value: Value, axis: number, before: number, after: number) => {
    const rank = value.shape!.length;
    const pads = Array<number>(2 * rank).fill(0);
    [pads[axis], pads[axis + rank]] = [before, after];
    return build.emit("Pad", [value, ints(...pads)]);
  };
  const apart = (value: Value, width: number) =>
    pad(build.emit("Unsqueeze", [value, ints(axis + 1)]), axis + 1, 0, width - 1);
  const numbers = numbersOf([size, start, end, step]);
  if (numbers === undefined) {
    const isToEnd = end === size || (typeof end === "number" && end >= 2 ** 31 - 1);
    if (typeof start !== "number" || start < 0 || !(step as number > 0) || !isToEnd) {
      return at.refuse(
        `the size of axis ${axis} must be known, since its steps are not 1 and do not go from a place ` +
          "counted from the front to the end",
      );
    }
    const sizes = build.emit("Concat", [
      build.emit("Shape", [g], { start: 0, end: axis }),
      ints(-1),
      build.emit("Shape", [g], { start: axis + 1 }),
    ], { axis: 0 });
    const joined = build.emit("Reshape", [apart(g, step as number), sizes], { allowzero: 0 });
    const long = pad({ ...joined, shape: at.shape(0) }, axis, start, 0);
    const till = build.emit("Shape", [at.input(0)], { start: axis, end: axis + 1 });
    const whole = build.emit("Slice", [long, ints(0), till, ints(axis)]);
    return { ...whole, shape: g.shape!.with(axis, size) };
  }
  const [length, from, to, by] = numbers;
  const { first, count } = placed(length, from, to, by);
  const width = Math.abs(by);
  const forward = by > 0
    ? g
    : build.emit("Slice", [g, ints(-1), ints(-(2 ** 31)), ints(axis), ints(-1)]);
  const joined = build.reshape(apart(forward, width), g.shape!.with(axis, count * width));
  const before = by > 0 ? first : first + (count - 1) * by;
  return pad(joined, axis, before, length - before - count * width);
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
  const fromBehind = new Map<number, number>();
  for (const { axis, start, end } of cut) {
    const [size, left] = [shape[axis], at.outputs[0].shape![axis]];
    if (typeof start !== "number") at.refuse("where it begins must be constant");
    const isKnown = typeof size === "number" && typeof left === "number";
    if (isKnown) {
      const begin = Math.min(Math.max(start < 0 ? start + size : start, 0), size);
      [before[axis], after[axis]] = [begin, size - begin - left];
    } else if (start >= 0) before[axis] = start;
    // Counted from behind: what is behind it is known, and what is before it is the rest.
    else if (end === size || end as number >= 2 ** 31 - 1) fromBehind.set(axis, 0);
    else if (typeof end === "number" && end < 0) fromBehind.set(axis, -end);
    else at.refuse(`where axis ${axis} ends must be counted as where it begins, since it is open`);
  }
  const isOpen = axes.some((axis) =>
    typeof shape[axis] !== "number" || typeof at.outputs[0].shape![axis] !== "number"
  );
  if (!isOpen) {
    return [build.emit("Pad", [gradient, build.ints([...before, ...after] as number[])])];
  }
  const cutOff = build.emit("Sub", [build.shapeOf(at.input(0)), build.shapeOf(gradient)]);
  const known = shape.map((_, axis) => fromBehind.get(axis) ?? before[axis] as number);
  const rest = build.emit("Sub", [cutOff, build.ints(known)]);
  if (fromBehind.size === 0) {
    const pads = build.emit("Concat", [build.ints(known), rest], { axis: 0 });
    return [build.emit("Pad", [gradient, pads])];
  }
  const isBehind = build.constant(
    shape.map((_, axis) => Number(fromBehind.has(axis))),
    DataType.BOOL,
    [shape.length],
  );
  const pads = [[rest, build.ints(known)], [build.ints(known), rest]].map(([a, b]) =>
    build.emit("Where", [isBehind, a, b])
  );
  return [build.emit("Pad", [gradient, build.emit("Concat", pads, { axis: 0 })])];
}
