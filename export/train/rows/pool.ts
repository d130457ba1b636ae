/** Pools: the gradient of a window goes to its largest element, or to all of them. */
import type { Attributes } from "../emit.ts";
import { DataType, type Kind, numbersOf, type Value } from "../value.ts";
import { elementsAt, padded, placesIn, spread } from "./places.ts";
import type { At, Rows } from "./row.ts";
import { attributesOf, countsOf, imageOf, kernelOf, type Windows, windowsOf } from "./windows.ts";

/** A window of more elements than this is not compared one by one. */
const MOST_COMPARED = 1024;

/** The pools. */
export const pools: Rows = {
  MaxPool: {
    shape: (at) => [pooled(at), { ...pooled(at), type: DataType.INT64 }],
    gradient: ([g], at) => {
      const windows = windowsOf(at, kernelOf(at, undefined), imageOf(at));
      return [isWhole(windows, at) ? toLargest(g!, at) : toFirstOfLargest(g!, windows, at)];
    },
  },
  AveragePool: {
    shape: (at) => [pooled(at)],
    gradient: ([g], at) => {
      const windows = windowsOf(at, kernelOf(at, undefined), imageOf(at));
      const { kernel } = windows;
      const share = inOneChannel(shared(g!, windows, at), at);
      const ones = repeated(1, [1, 1, ...kernel], g!.type, at);
      const image = inOneChannel(at.input(0), at);
      return [at.build.reshapeLike(spread(share, ones, windows, 1, image, at), at.input(0))];
    },
  },
  LpPool: { shape: (at) => [pooled(at)] },
  GlobalAveragePool: {
    shape: (at) => [whole(at)],
    lower: (at) => [at.build.reduce("ReduceMean", at.input(0), imageAxes(at))],
  },
  GlobalMaxPool: { shape: (at) => [whole(at)], gradient: ([g], at) => [toLargest(g!, at)] },
  GlobalLpPool: { shape: (at) => [whole(at)] },
};

function pooled(at: At): Kind {
  const { type, shape } = at.input(0);
  if (shape === undefined) return { type, shape };
  const counts = countsOf(at, kernelOf(at, undefined), imageOf(at));
  return { type, shape: [shape[0], shape[1], ...counts] };
}

function whole(at: At): Kind {
  const { type, shape } = at.input(0);
  return { type, shape: shape?.map((size, axis) => axis < 2 ? size : 1) };
}

function imageAxes(at: At): number[] {
  return imageOf(at).map((_, axis) => axis + 2);
}

/** Whether there is one window, of all that there is. */
function isWhole({ kernel, dilations, before, after }: Windows, at: At): boolean {
  const isPlain = [...before, ...after].every((size) => size === 0);
  return isPlain &&
    imageOf(at).every((size, axis) => size === kernel[axis] && dilations[axis] === 1);
}

/** Batch and channels as one axis, of which each is an image alone. */
function inOneChannel(value: Value, { build }: At): Value {
  const sizes = value.shape!.slice(2);
  const known = numbersOf(sizes);
  if (known !== undefined && !known.includes(0)) {
    return build.emit("Reshape", [value, build.ints([-1, 1, ...known])]);
  }
  const image = build.emit("Shape", [value], { start: 2 });
  const to = build.emit("Concat", [build.ints([-1, 1]), image], { axis: 0 });
  return build.emit("Reshape", [value, to]);
}

/** A constant that may be large. */
function repeated(value: number, shape: readonly number[], type: DataType, { build }: At): Value {
  return build.emit("Expand", [build.constant([value], type, []), build.ints(shape)]);
}

/**
 * The gradient goes to the first of equals, row by row, as in PyTorch: place by place in the window, those that hold the
 * result take what none before has taken.
 */
function toFirstOfLargest(g: Value, windows: Windows, at: At): Value {
  const { build, outputs: [y] } = at;
  const { kernel } = windows;
  const places = placesIn(kernel);
  if (places.length > MOST_COMPARED) {
    at.refuse(`its windows must have at most ${MOST_COMPARED} elements: given ${places.length}`);
  }
  const image = padded(at.input(0), windows, at, -Infinity);
  const axes = kernel.map((_, axis) => axis);
  const zero = build.number(0, g);
  let left = g;
  const parts = places.map((place, i) => {
    if (i === places.length - 1) return left;
    const isTaken = build.emit("Equal", [elementsAt(image, place, axes, windows, at), y]);
    const part = build.emit("Where", [isTaken, left, zero]);
    left = build.emit("Where", [isTaken, zero, left]);
    return part;
  });
  if (parts.length === 1 && windows.strides.every((stride) => stride === 1)) return g;
  const columns = build.emit("Concat", parts.map((part) => inOneChannel(part, at)), { axis: 1 });
  const count = places.length;
  const isOn = Array.from({ length: count * count }, (_, i) => Number(i % (count + 1) === 0));
  const kernels = build.constant(isOn, g.type, [count, 1, ...kernel]);
  const back = spread(columns, kernels, windows, 1, inOneChannel(at.input(0), at), at);
  return build.reshapeLike(back, at.input(0));
}

/** The gradient goes to the first of the largest elements of each channel, which is the least of their places. */
function toLargest(g: Value, at: At): Value {
  const { build, outputs: [y] } = at;
  const x = at.input(0);
  const shaped = (value: Value, size: number) =>
    build.emit("Reshape", [value, build.ints([0, 0, size])]);
  const flat = shaped(x, -1);
  const places = placesOf(flat, at);
  const isMost = build.emit("Equal", [flat, shaped(y, 1)]);
  const none = build.constant([Infinity], DataType.FLOAT, []);
  const first = build.reduce("ReduceMin", build.emit("Where", [isMost, places, none]), [2]);
  const isFirst = build.emit("Equal", [places, first]);
  return build.reshapeLike(build.emit("Where", [isFirst, shaped(g, 1), build.number(0, g)]), x);
}

/** 0, 1, 2 and so on along the last axis; as floats, in which a GPU compares them. */
function placesOf(flat: Value, { build }: At): Value {
  const size = flat.shape![2];
  if (typeof size === "number" && size <= MOST_COMPARED) {
    return build.constant(Array.from({ length: size }, (_, i) => i), DataType.FLOAT, [size]);
  }
  const whole = (value: number) => build.constant([value], DataType.INT64, []);
  const last = build.emit("Squeeze", [build.emit("Shape", [flat], { start: 2 }), build.ints([0])]);
  const places = build.emit("Range", [whole(0), last, whole(1)]);
  return build.emit("Cast", [places], { to: DataType.FLOAT });
}

/** The gradient of a window by how many elements share it. */
function shared(g: Value, windows: Windows, at: At): Value {
  const { build } = at;
  const { kernel, before, after } = windows;
  const rank = kernel.length;
  const isPlain = [...before, ...after].every((size) => size === 0);
  const given = at.text("auto_pad", "NOTSET") === "NOTSET" ? at.ints("pads") : undefined;
  const isAsGiven = given !== undefined &&
    [...before, ...after].every((size, axis) => size === given[axis]);
  const counts = at.int("count_include_pad", 0) === 1;
  if (isPlain || (counts && isAsGiven)) {
    return build.write("g/n", { g }, { n: kernel.reduce((a, b) => a * b, 1) });
  }
  // The runtime's own mean of ones, by how many of them a window has.
  const x = at.input(0);
  const image = numbersOf(imageOf(at));
  const one = build.number(1, x);
  const ones = image !== undefined
    ? repeated(1, [1, 1, ...image], x.type, at)
    : build.emit("Expand", [
      one,
      build.emit("Concat", [build.ints([1, 1]), build.emit("Shape", [x], { start: 2 })], {
        axis: 0,
      }),
    ]);
  const kernels = repeated(1, [1, 1, ...kernel], x.type, at);
  const inside = build.emit("Conv", [padded(ones, windows, at), kernels], {
    ...attributesOf(windows),
    pads: Array<number>(2 * rank).fill(0),
  });
  const mean: Attributes = at.attributes;
  const share = counts ? build.emit("AveragePool", [ones], mean) : one;
  return build.write("g*s/n", { g, s: share, n: inside });
}
