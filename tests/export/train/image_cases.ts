/** What operators on images may be given: convolutions, pools and normalisations by channel. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { type Drawn, type Fixed, trained, weights } from "./law.ts";

const type = DataType.FLOAT;

/** So small that the sum of all squares keeps the digits that differences are of. */
const small = (value: number) => value / 3;
const list = (length: number, min: number, max: number) =>
  fc.array(fc.integer({ min, max }), { minLength: length, maxLength: length });
const rank = fc.constantFrom(1, 2, 2, 2, 3);
const autoPad = fc.constantFrom("NOTSET", "NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER");

/** Windows with images in which they fit. */
const windows = rank.chain((rank) =>
  fc.record({
    kernel: list(rank, 1, 3),
    strides: list(rank, 1, 3),
    dilations: list(rank, 1, 2),
    before: list(rank, 0, 2),
    after: list(rank, 0, 2),
    free: list(rank, 0, 3),
    auto: autoPad,
  }).map(({ kernel, free, auto, before, after, dilations, strides }) => {
    // ONNX Runtime has no dilations together with the pads that it chooses, nor steps over what no window sees.
    const spaced = auto.startsWith("SAME") ? dilations.map(() => 1) : dilations;
    const near = auto.startsWith("SAME")
      ? strides.map((stride, axis) => Math.min(stride, kernel[axis]))
      : strides;
    const reach = kernel.map((size, axis) => (size - 1) * spaced[axis] + 1);
    const within = (pads: number[]) => pads.map((pad, axis) => Math.min(pad, kernel[axis] - 1));
    const pads = auto === "NOTSET" ? [...within(before), ...within(after)] : undefined;
    return {
      strides: near,
      kernel,
      dilations: spaced,
      image: reach.map((size, axis) => size + free[axis]),
      around: { auto_pad: auto, ...(pads && { pads }) },
    };
  })
);

const channels = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 3 }),
  read: fc.integer({ min: 1, max: 2 }),
  made: fc.integer({ min: 1, max: 2 }),
  isBiased: fc.boolean(),
});

/** A number of its own for each of many elements, so that none in a window is as large as another. */
const apart = (shape: readonly number[]) => {
  let i = 0;
  const size = shape.reduce((a, b) => a * b, 1);
  // Of a prime that does not divide the size, multiples are all different.
  const by = [37, 41, 43].find((prime) => size % prime !== 0)!;
  return trained(shape, () => (by * i++ % size) / size * 4 - 2);
};

const conv = (
  drawn: fc.Arbitrary<{ kernel: number[]; image: number[] } & Record<string, unknown>>,
) =>
  fc.tuple(drawn, channels).map(([{ kernel, image, strides, dilations, around }, each]): Drawn => {
    const { batch, group, read, made, isBiased } = each;
    return {
      inputs: [
        trained([batch, group * read, ...image], small),
        weights([group * made, read, ...kernel], small),
        isBiased ? weights([group * made], small) : null,
      ],
      attributes: {
        kernel_shape: kernel,
        group,
        strides: strides as number[],
        dilations: dilations as number[],
        ...around as object,
      },
      type,
    };
  });

const pool = (isMax: boolean) =>
  fc.tuple(windows, channels, fc.boolean(), fc.boolean()).map((
    [{ kernel, image, strides, dilations, around }, { batch, read }, isCeil, counts],
  ): Drawn => {
    const shape = [batch, read, ...image];
    // No window may begin in what is thought behind the image.
    const { pads = [] } = around;
    const isNarrow = image.every((size, axis) => {
      const [before, after] = [pads[axis] ?? 0, pads[axis + image.length] ?? 0];
      const free = size + before + after - ((kernel[axis] - 1) * dilations[axis] + 1);
      return Math.ceil(free / strides[axis]) * strides[axis] < size + before;
    });
    return {
      inputs: [isMax ? apart(shape) : trained(shape)],
      attributes: {
        kernel_shape: kernel,
        strides,
        dilations,
        ...around,
        ceil_mode: Number(isCeil && isNarrow && around.auto_pad === "NOTSET"),
        ...(!isMax && { count_include_pad: Number(counts) }),
      },
      type,
    };
  });

const images = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), rank)
  .chain(([batch, channels, rank]) => list(rank, 1, 4).map((image) => [batch, channels, ...image]));

/** Rows without an image behind them. */
const rows = list(2, 1, 4);

const ofChannels = (channels: number, values: (i: number) => number): Fixed => ({
  type,
  shape: [channels],
  values: Array.from({ length: channels }, (_, i) => values(i)),
});

const positive = (value: number) => Math.abs(value) + 0.5;

/** By family and case. */
export const IMAGE_FAMILIES: Readonly<
  Record<string, Readonly<Record<string, fc.Arbitrary<Drawn>>>>
> = {
  convolution: {
    Conv: conv(windows),
    "Conv of many channels": fc.tuple(fc.constantFrom(6, 9, 18), fc.boolean()).map((
      [read, isBiased],
    ) => ({
      inputs: [
        trained([2, read, 4, 3], small),
        weights([4, read, 3, 2], small),
        isBiased ? weights([4]) : null,
      ],
      type,
    })),
    "Conv of each channel alone": fc.tuple(fc.constantFrom(2, 3), list(2, 0, 1)).map((
      [group, pads],
    ) => ({
      inputs: [
        trained([2, group, 4, 3], small),
        weights([group, 1, 3, 2], small),
        weights([group], small),
      ],
      attributes: { group, pads: [...pads, ...pads] },
      type,
    })),
    "Conv of groups that make several": fc.constantFrom(2, 3).map((group) => ({
      inputs: [trained([2, group, 4, 3], small), weights([4 * group, 1, 2, 2], small)],
      attributes: { group },
      type,
    })),
    "ConvTranspose of groups that make one": fc.tuple(fc.constantFrom(2, 3), fc.boolean()).map((
      [group, isBiased],
    ) => ({
      inputs: [
        trained([2, 2 * group, 2, 3], small),
        weights([2 * group, 1, 2, 2], small),
        isBiased ? weights([group], small) : null,
      ],
      attributes: { group, strides: [2, 1] },
      type,
    })),
    ConvTranspose: fc.tuple(windows, channels, list(3, 0, 1), list(3, 1, 3)).map((
      [{ kernel, strides, dilations }, { batch, group, read, made, isBiased }, rests, image],
    ): Drawn => ({
      inputs: [
        trained([batch, group * read, ...image.slice(0, kernel.length)], small),
        weights([group * read, made, ...kernel], small),
        isBiased ? weights([group * made], small) : null,
      ],
      attributes: {
        group,
        strides,
        dilations,
        pads: [...kernel, ...kernel].map((size) => size > 2 ? 1 : 0),
        output_padding: kernel.map((_, axis) => Math.min(rests[axis], strides[axis] - 1)),
      },
      type,
    })),
  },
  pool: {
    MaxPool: pool(true),
    "MaxPool of all": images.map((shape) => ({
      inputs: [apart(shape)],
      attributes: { kernel_shape: shape.slice(2) },
      type,
    })),
    AveragePool: pool(false),
    GlobalAveragePool: images.map((shape) => ({ inputs: [trained(shape)], type })),
    GlobalMaxPool: images.map((shape) => ({ inputs: [apart(shape)], type })),
  },
  "image normalisation": {
    BatchNormalization: fc.oneof(images, rows).map((shape) => ({
      inputs: [
        trained(shape),
        weights([shape[1]]),
        weights([shape[1]]),
        weights([shape[1]]),
        weights([shape[1]], positive),
      ],
      floats: { epsilon: 0.1 },
      type,
    })),
    "BatchNormalization in training": fc.oneof(images, rows).map((shape) => ({
      inputs: [
        trained(shape),
        weights([shape[1]]),
        weights([shape[1]]),
        ofChannels(shape[1], (i) => 0.2 * i),
        ofChannels(shape[1], (i) => 1 + 0.2 * i),
      ],
      attributes: { training_mode: 1 },
      floats: { epsilon: 0.1 },
      type,
    })),
    InstanceNormalization: images.map((shape) => ({
      inputs: [trained(shape), weights([shape[1]]), weights([shape[1]])],
      floats: { epsilon: 0.1 },
      type,
    })),
    LRN: fc.tuple(images, fc.integer({ min: 1, max: 4 })).map(([shape, size]) => ({
      inputs: [trained(shape.with(1, shape[1] + 2))],
      attributes: { size },
      floats: { alpha: 0.3, beta: 0.6, bias: 1.5 },
      type,
    })),
    GroupNormalization: fc.tuple(images, fc.integer({ min: 1, max: 3 })).map(([shape, groups]) => {
      const wide = shape.with(1, shape[1] * groups);
      return {
        inputs: [trained(wide), weights([wide[1]]), weights([wide[1]])],
        attributes: { num_groups: groups },
        floats: { epsilon: 0.1 },
        type,
      };
    }),
    "GroupNormalization before opset 21": fc.tuple(images, fc.integer({ min: 1, max: 3 })).map((
      [shape, groups],
    ) => ({
      inputs: [
        trained(shape.with(1, shape[1] * groups)),
        weights([groups]),
        weights([groups]),
      ],
      attributes: { num_groups: groups },
      floats: { epsilon: 0.1 },
      type,
      opset: 20,
    })),
  },
};
