/** Convolutions. */
import type { Builder } from "../emit.ts";
import { type Kind, numbersOf, type Shape, type Value } from "../value.ts";
import {
  convolution,
  isConvMistaken,
  isTransposedMistaken,
  transposedConvolution,
} from "./convolve.ts";
import type { At, Rows } from "./row.ts";
import {
  attributesOf,
  countsOf,
  elementsAt,
  imageOf,
  kernelOf,
  placesIn,
  spread,
  type Windows,
  windowsOf,
} from "./windows.ts";

/** From this many rows on, one product a place in the last axis is as fast as one of all, which takes more memory. */
const MANY_ROWS = 32;

/** The convolutions. */
export const convolutions: Rows = {
  Conv: {
    shape: (at) => {
      const [{ type, shape }, w] = [at.input(0), at.input(1)];
      if (shape === undefined) return [{ type, shape }];
      const counts = isKnown(at) ? countsOf(at, kernelOf(at, w), imageOf(at)) : undefined;
      const channels = w.shape?.[0];
      const isWhole = counts !== undefined && channels !== undefined;
      return [{ type, shape: isWhole ? [shape[0], channels, ...counts] : undefined }];
    },
    // What WebGPU computes wrong is written otherwise, for whoever runs it.
    always: true,
    lower: (at) => {
      const [x, w, bias] = [at.input(0), at.input(1), at.inputs[2]];
      if (!isConvMistaken(w, at.int("group", 1))) return undefined;
      return [convolution(at.build, x, w, bias, at.attributes)];
    },
    gradient: ([g], at) => {
      const [x, w] = [at.input(0), at.input(1)];
      const windows = windowsOf(at, kernelOf(at, w), imageOf(at));
      const group = at.int("group", 1);
      return [
        at.needs(0) ? spread(g!, w, windows, group, x, at) : undefined,
        at.needs(1) ? weightGradient(x, g!, w, windows, group, at) : undefined,
        at.needs(2) ? biasGradient(g!, at) : undefined,
      ];
    },
  },
  ConvTranspose: {
    shape: transposedShape,
    always: true,
    lower: (at) => {
      const [x, w, bias] = [at.input(0), at.input(1), at.inputs[2]];
      if (!isTransposedMistaken(w, at.int("group", 1))) return undefined;
      return [transposedConvolution(at.build, x, w, bias, at.attributes)];
    },
    gradient: ([g], at) => {
      const { build } = at;
      const [x, w] = [at.input(0), at.input(1)];
      const [windows, group] = [transposedWindows(at), at.int("group", 1)];
      const attributes = { ...attributesOf(windows), group };
      return [
        at.needs(0) ? convolution(build, g!, w, undefined, attributes) : undefined,
        at.needs(1) ? weightGradient(g!, x, w, windows, group, at) : undefined,
        at.needs(2) ? biasGradient(g!, at) : undefined,
      ];
    },
  },
};

/** Whether enough is known to tell where windows lie. */
function isKnown(at: At): boolean {
  return at.has("kernel_shape") || numbersOf(at.input(1).shape?.slice(2)) !== undefined;
}

function biasGradient(g: Value, at: At): Value {
  const { build } = at;
  const axes = at.shape(0);
  return build.sum(g, axes.map((_, axis) => axis).filter((axis) => axis !== 1), 0);
}

/**
 * The gradient of the weights [made, read, ...] of a convolution of `x` whose result has the gradient `g`. What the
 * windows of `x` hold becomes the rows of a matrix, one a place in the window and channel, with one column a window:
 * the product with the rows of `g` sums over batch and windows at once. It is unfolded axis by axis, with
 * the channels in front, so that a whole row is moved at a time.
 */
function weightGradient(
  x: Value,
  g: Value,
  w: Value,
  windows: Windows,
  group: number,
  at: At,
): Value {
  const { build } = at;
  const [made, read, ...kernel] = numbersOf(w.shape) ??
    at.refuse(`the sizes of its weights must be known`);
  const rank = kernel.length;
  const image = Array.from({ length: rank }, (_, axis) => axis);
  const isOne = group === 1;
  // [groups, read, batch, ...image], of one group without the first.
  const first = isOne ? 2 : 3;
  const turned = isOne
    ? build.transpose(x, [1, 0, ...image.map((axis) => axis + 2)])
    : build.transpose(
      build.reshape(x, [x.shape![0], group, read, ...x.shape!.slice(2)]),
      [1, 2, 0, ...image.map((axis) => axis + 3)],
    );
  const g2 = isOne
    ? reshaped(build.transpose(g, [1, 0, ...image.map((axis) => axis + 2)]), [made, -1], build)
    : reshaped(
      build.transpose(
        build.reshape(g, [g.shape![0], group, made / group, ...g.shape!.slice(2)]),
        [1, 0, ...image.map((axis) => axis + 3), 2],
      ),
      [group, -1, made / group],
      build,
    );
  const product = (columns: Value, rows: number) =>
    isOne
      ? build.emit("Gemm", [reshaped(columns, [rows, -1], build), g2], { transB: 1 })
      : build.emit("MatMul", [reshaped(columns, [group, rows, -1], build), g2]);
  const channels = isOne ? 0 : 1;
  const joined = (parts: readonly Value[]) =>
    parts.length === 1 ? parts[0] : build.emit("Concat", parts, { axis: channels });
  const around = [...windows.before, ...windows.after].some((size) => size > 0);
  const zeros = Array<number>(first).fill(0);
  let columns = around
    ? build.emit("Pad", [
      turned,
      build.ints([...zeros, ...windows.before, ...zeros, ...windows.after]),
    ])
    : turned;
  let parts = [columns];
  let rows = read;
  for (const axis of image) {
    columns = joined(parts);
    rows = read * kernel.slice(0, axis).reduce((a, b) => a * b, 1);
    parts = placesIn([kernel[axis]]).map((place) =>
      elementsAt(columns, place, [axis], windows, at, first)
    );
  }
  const all = rows >= MANY_ROWS
    ? joined(parts.map((part) => product(part, rows)))
    : product(joined(parts), rows * parts.length);
  // [...groups, ...kernel backwards, read, made]
  const sizes = [...kernel.toReversed(), read, made / group];
  const apart = build.reshape(all, isOne ? sizes : [group, ...sizes]);
  const lead = isOne ? 0 : 1;
  const back = [...(isOne ? [] : [0]), rank + 1, rank, ...image.toReversed()];
  const perm = back.map((axis, i) => i < lead ? axis : axis + lead);
  return build.reshape(build.transpose(apart, perm), [made, read, ...kernel]);
}

function reshaped(value: Value, sizes: readonly number[], build: Builder): Value {
  return build.emit("Reshape", [value, build.ints(sizes)]);
}

/** The windows of the convolution that a transposed one is the way back of. */
function transposedWindows(at: At): Windows {
  const auto = at.text("auto_pad", "NOTSET");
  if (at.has("output_shape") || (auto !== "NOTSET" && auto !== "VALID")) {
    at.refuse("its pads must be given as `pads`, without `output_shape` and `auto_pad`");
  }
  const counts = imageOf(at);
  const kernel = kernelOf(at, at.inputs[1]);
  const { strides, dilations, before, after } = windowsOf(at, kernel, counts.map(() => "?"));
  const rests = at.ints("output_padding") ?? counts.map(() => 0);
  if (rests.length !== counts.length || rests.some((rest, axis) => rest >= strides[axis])) {
    at.refuse(`its \`output_padding\` must be less than its strides: given [${rests}]`);
  }
  return { kernel, strides, dilations, before, after, counts, rests };
}

function transposedShape(at: At): Kind[] {
  const [{ type, shape }, w] = [at.input(0), at.input(1)];
  const made = w.shape?.[1];
  if (shape === undefined || typeof made !== "number") return [{ type, shape: undefined }];
  const channels = made * at.int("group", 1);
  const given = at.ints("output_shape");
  if (given !== undefined) return [{ type, shape: [shape[0], channels, ...given] }];
  const isOpen = at.text("auto_pad", "NOTSET").startsWith("SAME") || !isKnown(at);
  if (isOpen) return [{ type, shape: undefined }];
  const { kernel, strides, dilations, before, after, rests } = transposedWindows(at);
  const sizes: Shape = imageOf(at).map((count, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    const more = reach + rests[axis]! - before[axis] - after[axis];
    if (typeof count === "number") return (count - 1) * strides[axis] + more;
    return more === strides[axis] ? scaled(count, more) : `?${at.place.name}.${axis}`;
  });
  return [{ type, shape: [shape[0], channels, ...sizes] }];
}

function scaled(count: string, by: number): string {
  return by === 1 ? count : `(${count}*${by})`;
}
