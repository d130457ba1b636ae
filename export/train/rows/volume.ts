/** Transposed convolutions of volumes as those of the images that they consist of: WebGPU has none of volumes. */
import type { Attributes, Builder } from "../emit.ts";
import { numbersOf, type Value } from "../value.ts";

/** A transposed convolution of images. */
export type OfImages = (build: Builder, x: Value, w: Value, attributes: Attributes) => Value;

/**
 * Each layer of a volume makes one image for each layer of the kernel; those are added up at the depths where they
 * belong. Undefined where sizes or pads are not known.
 */
export function ofVolumes(
  build: Builder,
  x: Value,
  w: Value,
  attributes: Attributes,
  ofImages: OfImages,
): Value | undefined {
  const [sizes, kernels] = [numbersOf(x.shape?.slice(1)), numbersOf(w.shape)];
  const { auto_pad = "NOTSET", output_shape } = attributes;
  const isPlain = auto_pad === "NOTSET" && output_shape === undefined;
  if (sizes === undefined || kernels === undefined || !isPlain) return undefined;
  const [channels, depth, ...image] = sizes;
  const [read, made, deep, ...kernel] = kernels;
  const list = (name: string, otherwise: number, length = 3) =>
    (attributes[name] ?? Array<number>(length).fill(otherwise)) as readonly number[];
  const [strides, dilations] = [list("strides", 1), list("dilations", 1)];
  const [pads, rests] = [list("pads", 0, 6), list("output_padding", 0)];
  const ints = (...values: number[]) => build.ints(values);
  const slice = (value: Value, start: number, end: number) =>
    build.emit("Slice", [value, ints(start), ints(end), ints(2)]);
  const reshape = (value: Value, ...to: number[]) => build.emit("Reshape", [value, ints(...to)]);
  const pad = (value: Value, axis: number, before: number, after: number) => {
    const rank = value.shape!.length;
    const around = Array<number>(2 * rank).fill(0);
    [around[axis], around[axis + rank]] = [before, after];
    return before + after === 0 ? value : build.emit("Pad", [value, ints(...around)]);
  };
  const images = reshape(build.transpose(x, [0, 2, 1, 3, 4]), -1, channels, ...image);
  const flat: Attributes = {
    group: attributes.group ?? 1,
    kernel_shape: kernel,
    strides: strides.slice(1),
    dilations: dilations.slice(1),
    output_padding: rests.slice(1),
    pads: [1, 2, 4, 5].map((i) => pads[i]),
  };
  const layers = Array.from({ length: deep }, (_, k) => {
    const layer = reshape(slice(w, k, k + 1), read, made, ...kernel);
    const each = ofImages(build, images, layer, flat);
    const [, all, ...size] = numbersOf(each.shape?.with(0, 1))!;
    const stacked = build.transpose(reshape(each, -1, depth, all, ...size), [0, 2, 1, 3, 4]);
    const apart = pad(reshape(stacked, -1, all, depth, 1, ...size), 3, 0, strides[0] - 1);
    const long = strides[0] === 1
      ? stacked
      : slice(reshape(apart, -1, all, depth * strides[0], ...size), 0, 1 - strides[0]);
    return pad(long, 2, k * dilations[0], (deep - 1 - k) * dilations[0] + rests[0]);
  });
  const sum = layers.reduce((a, b) => build.emit("Add", [a, b]));
  const end = pads[3] === 0 ? 2 ** 31 - 1 : -pads[3];
  return pads[0] + pads[3] === 0 ? sum : slice(sum, pads[0], end);
}
