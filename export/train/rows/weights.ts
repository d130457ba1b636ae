/** The gradient of a convolution's weights: windows unfolded into a product of matrices, or a convolution of groups. */
import { numbersOf, type Value } from "../value.ts";
import { elementsAt, padded, placesIn } from "./places.ts";
import type { At } from "./row.ts";
import { attributesOf, type Windows } from "./windows.ts";

/** From so many rows on, one product a place in the last axis is as fast as one of all, which takes more memory. */
const MANY_ROWS = 32;

/** From so many windows an image on, a sum over the batch as well is long: it loses digits, and a GPU sums few at once. */
const MANY_WINDOWS = 2048;

/** Of fewer channels a group, to unfold them takes longer than to convolve. */
const MANY_CHANNELS = 8;

/** A convolution of `x` by `w`, whose result has the gradient `g`. */
interface Convolved {
  readonly x: Value;
  readonly g: Value;
  readonly windows: Windows;
  readonly group: number;
  /** How many channels are made, how many are read by each group, and how large the kernels are. */
  readonly sizes: readonly [made: number, read: number, ...kernel: readonly number[]];
}

/** The gradient of the weights `w` of a convolution of `x` whose result has the gradient `g`. */
export function weightGradient(
  x: Value,
  g: Value,
  w: Value,
  windows: Windows,
  group: number,
  at: At,
): Value {
  const sizes = numbersOf(w.shape) as Convolved["sizes"] | undefined ??
    at.refuse("the sizes of its weights must be known");
  const convolved = { x, g, windows, group, sizes };
  const [, read, ...kernel] = sizes;
  const isSlim = group > 1 && read < MANY_CHANNELS && kernel.some((size) => size > 1);
  // Images of open sizes have no shape to be given as weights.
  const isKnown = numbersOf(x.shape?.slice(2)) !== undefined;
  return isSlim && isKnown ? exchanged(convolved, at) : unfolded(convolved, at);
}

/**
 * What the windows of `x` hold becomes the rows of a matrix, one a place in the window and channel, with one column
 * a window: the product with the rows of `g` sums over windows. Over the batch it sums as well where there is
 * one group and the images are small, with the channels in front; else each image and group has a product of its own.
 * It is unfolded axis by axis, so that a whole row is moved at a time.
 */
function unfolded({ x, g, windows, group, sizes }: Convolved, at: At): Value {
  const { build } = at;
  const [made, read, ...kernel] = sizes;
  const image = kernel.map((_, axis) => axis);
  const axes = image.map((axis) => axis + 2);
  const count = numbersOf(windows.counts)?.reduce((a, b) => a * b, 1) ?? 0;
  const isOne = group === 1 && count < MANY_WINDOWS;
  const shaped = (value: Value, ...to: readonly number[]) =>
    build.emit("Reshape", [value, build.ints(to)]);
  // Each group as an image: the other axes keep their sizes, whatever they are.
  const apart = (value: Value, channels: number) =>
    group === 1 ? value : shaped(value, -1, channels, ...image.map(() => 0));
  const right = isOne
    ? shaped(build.transpose(g, [1, 0, ...axes]), made, -1)
    : shaped(build.transpose(apart(g, made / group), [0, ...axes, 1]), 0, -1, made / group);
  const product = (columns: Value, rows: number) => {
    if (isOne) return build.emit("Gemm", [shaped(columns, rows, -1), right], { transB: 1 });
    const each = build.emit("MatMul", [shaped(columns, 0, rows, -1), right]);
    return build.sum(group === 1 ? each : shaped(each, -1, group, rows, made / group), [0], 0);
  };
  const joined = (parts: readonly Value[], axis: number) =>
    parts.length === 1 ? parts[0] : build.emit("Concat", parts, { axis });
  const channels = isOne ? 0 : 1;
  const turned = isOne ? build.transpose(x, [1, 0, ...axes]) : apart(x, read);
  let parts = [padded(turned, windows, at)];
  let rows = read;
  for (const axis of image) {
    const columns = joined(parts, channels);
    rows = read * kernel.slice(0, axis).reduce((a, b) => a * b, 1);
    parts = placesIn([kernel[axis]]).map((place) =>
      elementsAt(columns, place, [axis], windows, at)
    );
  }
  const lead = group === 1 ? 0 : 1;
  const all = rows >= MANY_ROWS
    ? joined(parts.map((part) => product(part, rows)), lead)
    : product(joined(parts, channels), rows * parts.length);
  // [...groups, ...kernel backwards, read, made]: the axes unfolded last come first.
  const groups = lead === 0 ? [] : [group];
  const split = build.reshape(all, [...groups, ...kernel.toReversed(), read, made / group]);
  const back = [kernel.length + 1, kernel.length, ...image.toReversed()].map((i) => i + lead);
  return build.reshape(build.transpose(split, lead === 0 ? back : [0, ...back]), sizes);
}

/** The convolution of `x` by `g`, each with batch and channels exchanged: what was a stride is a dilation. */
function exchanged({ x, g, windows, group, sizes }: Convolved, at: At): Value {
  const { build } = at;
  const [, read, ...kernel] = sizes;
  const image = numbersOf(x.shape!.slice(2))!;
  const axes = kernel.map((_, axis) => axis + 2);
  const apart = build.emit("Reshape", [x, build.ints([0, group, read, ...image])]);
  const turned = build.transpose(apart, [2, 1, 0, ...axes.map((axis) => axis + 1)]);
  const images = build.emit("Reshape", [turned, build.ints([read, -1, ...image])]);
  const { strides, dilations, pads } = attributesOf(windows);
  const whole = build.emit("Conv", [images, build.transpose(g, [1, 0, ...axes])], {
    strides: dilations,
    dilations: strides,
    pads,
    group,
  });
  const [zeros, ends, all] = [kernel.map(() => 0), kernel, axes].map((each) => build.ints(each));
  const cut = build.emit("Slice", [whole, zeros, ends, all]);
  return build.reshape(build.transpose(cut, [1, 0, ...axes]), sizes);
}
