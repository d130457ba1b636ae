/** What windows hold place by place, and the way back: adding up where they lie. */
import { transposedConvolution } from "./convolve.ts";
import type { Value } from "../value.ts";
import type { At } from "./row.ts";
import { attributesOf, type Windows } from "./windows.ts";

/** More than any axis has. */
const END = 2 ** 31 - 1;

/** An image with what is thought around it. */
export function padded(image: Value, { before, after }: Windows, { build }: At, fill = 0): Value {
  if ([...before, ...after].every((size) => size === 0)) return image;
  const pads = build.ints([0, 0, ...before, 0, 0, ...after]);
  return build.emit("Pad", [image, pads, fill === 0 ? undefined : build.number(fill, image)]);
}

/** Of a padded image, the elements at `place` in all windows; `axes` are the axes of `place` among those of the image. */
export function elementsAt(
  image: Value,
  place: readonly number[],
  axes: readonly number[],
  { kernel, strides, dilations }: Windows,
  { build }: At,
): Value {
  // Windows of one element, one after the other, are the image.
  if (axes.every((axis) => kernel[axis] === 1 && strides[axis] === 1)) return image;
  const starts = axes.map((axis, i) => place[i] * dilations[axis]);
  const ends = axes.map((axis, i) => (place[i] - kernel[axis] + 1) * dilations[axis] || END);
  const steps = axes.map((axis) => strides[axis]);
  const at = axes.map((axis) => axis + 2);
  return build.emit("Slice", [image, ...[starts, ends, at, steps].map((each) => build.ints(each))]);
}

/**
 * Adds up what belongs to windows where they lie, each channel by its own `kernels`: the transposed convolution,
 * of the sizes of `image`, which was looked at.
 */
export function spread(
  columns: Value,
  kernels: Value,
  windows: Windows,
  group: number,
  image: Value,
  { build }: At,
): Value {
  const { strides, rests } = windows;
  const output_padding = rests.map((rest, axis) => rest ?? strides[axis] - 1);
  const attributes = { ...attributesOf(windows), group, output_padding };
  const whole = transposedConvolution(build, columns, kernels, undefined, attributes);
  if (!rests.includes(undefined)) return whole;
  // As if the last window left as much as it can: what is too much is cut off.
  const rank = rests.length;
  const sizes = build.emit("Shape", [image], { start: 2 });
  const axes = Array.from({ length: rank }, (_, axis) => axis + 2);
  return build.emit("Slice", [whole, build.ints(axes.map(() => 0)), sizes, build.ints(axes)]);
}

/** All places in a window, the last axis fastest. */
export function placesIn(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (places, size) =>
      places.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}
