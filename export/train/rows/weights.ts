/** The gradient of a convolution's weights: windows unfolded into a product of matrices, or a convolution of groups. */
import { numbersOf, type Value } from "../value.ts";
import { elementsAt, padded, placesIn } from "./places.ts";
import type { At } from "./row.ts";
import { attributesOf, type Windows } from "./windows.ts";

/** From so many rows on, one product a place in the last axis is as fast as one of all, which takes more memory. */
const MANY_ROWS = 32;

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
 * a window: the product with the rows of `g` sums over batch and windows at once. It is unfolded axis
 * by axis, with the channels in front, so that a whole row is moved at a time.
 */
function unfolded({ x, g, windows, group, sizes }: Convolved, at: At): Value {
  const { build } = at;
  const [made, read, ...kernel] = sizes;
  const image = kernel.map((_, axis) => axis);
  // Of several groups they are the first axis: [group, channels, batch, ...image].
  const lead = group === 1 ? 0 : 1;
  const apart = (value: Value, channels: number) =>
    lead === 0 ? value : build.reshape(value, [
      value.shape![0],
      group,
      channels / group,
      ...value.shape!.slice(2),
    ]);
  const from = image.map((axis) => axis + lead + 2);
  const groups = lead === 0 ? [] : [group];
  const columnsFirst = (value: Value, rows: number) =>
    build.emit("Reshape", [value, build.ints([...groups, rows, -1])]);
  const right = lead === 0
    ? columnsFirst(build.transpose(g, [1, 0, ...from]), made)
    : build.emit("Reshape", [
      build.transpose(apart(g, made), [1, 0, ...from, 2]),
      build.ints([group, -1, made / group]),
    ]);
  const product = (columns: Value, rows: number) =>
    lead === 0
      ? build.emit("Gemm", [columnsFirst(columns, rows), right], { transB: 1 })
      : build.emit("MatMul", [columnsFirst(columns, rows), right]);
  const joined = (parts: readonly Value[]) =>
    parts.length === 1 ? parts[0] : build.emit("Concat", parts, { axis: lead });

  const turned = build.transpose(
    apart(x, read * group),
    lead === 0 ? [1, 0, ...from] : [1, 2, 0, ...from],
  );
  let parts = [padded(turned, windows, at, 0, lead + 2)];
  let rows = read;
  for (const axis of image) {
    const columns = joined(parts);
    rows = read * kernel.slice(0, axis).reduce((a, b) => a * b, 1);
    parts = placesIn([kernel[axis]]).map((place) =>
      elementsAt(columns, place, [axis], windows, at, lead + 2)
    );
  }
  const all = rows >= MANY_ROWS
    ? joined(parts.map((part) => product(part, rows)))
    : product(joined(parts), rows * parts.length);
  // The axes unfolded last come first.
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
