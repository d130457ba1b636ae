/** The windows that convolutions and pools look through: where they lie, and how many there are. */
import type { Attributes } from "../emit.ts";
import { quoted } from "../../../dsl/errors.ts";
import { numbersOf, type Shape, type Size, sizeNamed, type Value } from "../value.ts";
import type { At } from "./row.ts";

/** Windows over the axes of an image, which are those behind the batch and the channels. */
export interface Windows {
  /** How many elements a window has along each axis, */
  readonly kernel: readonly number[];
  /** how far apart the windows begin, */
  readonly strides: readonly number[];
  /** and how far apart the elements of a window are. */
  readonly dilations: readonly number[];
  /** What is thought around the image, so far that the last window fits. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** How many windows there are. */
  readonly counts: Shape;
  /** What no window reaches at the end, undefined where the size of the image is open. */
  readonly rests: readonly (number | undefined)[];
}

/** The windows of the operator at `at`, through which an image of `sizes` is looked at. */
export function windowsOf(at: At, kernel: readonly number[], sizes: Shape): Windows {
  const { axes, ...others } = read(at, kernel, sizes);
  const placed = axes.map((axis) =>
    axis.before === undefined || axis.after === undefined
      ? at.refuse(`where its windows lie depends on the sizes of its image: they must be known`)
      : { ...axis, before: axis.before, after: axis.after }
  );
  return {
    kernel,
    ...others,
    before: placed.map(({ before }) => before),
    after: placed.map(({ after }) => after),
    counts: placed.map(({ count }) => count),
    rests: placed.map(({ rest }) => rest),
  };
}

/** How many windows there are along each axis. */
export function countsOf(at: At, kernel: readonly number[], sizes: Shape): Shape {
  return read(at, kernel, sizes).axes.map(({ count }) => count);
}

interface Axis {
  readonly count: Size;
  readonly before?: number;
  readonly after?: number;
  readonly rest?: number;
}

/** What the attributes say. */
function read(at: At, kernel: readonly number[], sizes: Shape) {
  const rank = sizes.length;
  const listOf = (name: string, least: number, length = rank) => {
    const list = at.ints(name) ?? Array<number>(length).fill(least);
    const isRight = list.length === length && list.every((each) => each >= least);
    return isRight ? list : at.refuse(
      `\`${name}\` must be ${length} numbers of at least ${least}: given [${list}]`,
    );
  };
  if (kernel.length !== rank || kernel.some((size) => size < 1)) {
    at.refuse(`its windows must have ${rank} axes, none of them empty: given [${kernel}]`);
  }
  const [strides, dilations] = [listOf("strides", 1), listOf("dilations", 1)];
  const pads = listOf("pads", 0, 2 * rank);
  const auto = at.text("auto_pad", "NOTSET");
  const isSame = auto === "SAME_UPPER" || auto === "SAME_LOWER";
  if (!isSame && auto !== "NOTSET" && auto !== "VALID") {
    at.refuse(`its \`auto_pad\` must be one of ONNX's: given ${quoted(auto)}`);
  }
  if (isSame && dilations.some((each) => each !== 1)) {
    at.refuse(`its \`dilations\` must be 1 with \`auto_pad\`, as in ONNX Runtime`);
  }
  const isCeil = at.int("ceil_mode", 0) === 1;
  if (isCeil && auto !== "NOTSET") {
    at.refuse("its `ceil_mode` must be 0 with `auto_pad`, on which runtimes do not agree");
  }
  const axes = sizes.map((size, axis): Axis => {
    const [stride, reach] = [strides[axis], (kernel[axis] - 1) * dilations[axis] + 1];
    if (isSame) return same(size, stride, reach, auto === "SAME_UPPER");
    const [before, after] = auto === "VALID" ? [0, 0] : [pads[axis], pads[axis + rank]];
    if (typeof size === "string") return open(size, stride, reach, before, after, isCeil);
    return fitted(at, size, stride, reach, before, after, isCeil);
  });
  return { strides, dilations, axes };
}

/** One window for each `stride` elements that are begun. */
function same(size: Size, stride: number, reach: number, isUpper: boolean): Axis {
  const isOpen = typeof size === "string";
  if (isOpen && stride !== 1) return { count: sizeNamed(size, ":", stride) };
  const count = isOpen ? size : Math.ceil(size / stride);
  const span = isOpen ? 0 : (count as number - 1) * stride + reach;
  const total = isOpen ? reach - 1 : Math.max(0, span - size);
  const less = Math.floor(total / 2);
  const before = isUpper ? less : total - less;
  return { before, after: total - before, count, rest: isOpen ? 0 : size + total - span };
}

/** As many windows as fit, and with `isCeil` one more of which a part fits. */
function fitted(
  at: At,
  size: number,
  stride: number,
  reach: number,
  before: number,
  after: number,
  isCeil: boolean,
): Axis {
  const free = size + before + after - reach;
  if (free < 0) {
    at.refuse(`its windows must fit into its image: given ${reach} in ${size + before + after}`);
  }
  const count = (isCeil ? Math.ceil : Math.floor)(free / stride) + 1;
  if (isCeil && (count - 1) * stride >= size + before) {
    // The runtime's own shapes differ there from what it computes.
    at.refuse("its last window must not begin behind its image: use fewer `pads`");
  }
  const end = (count - 1) * stride + reach - before;
  return {
    before,
    after: Math.max(after, end - size),
    count,
    rest: Math.max(0, size + after - end),
  };
}

/** The same of an image that may be of any size. */
function open(
  size: string,
  stride: number,
  reach: number,
  before: number,
  after: number,
  isCeil: boolean,
): Axis {
  const more = before + after - reach + 1;
  if (stride === 1) {
    return { before, after, count: more === 0 ? size : sizeNamed(size, "+", more), rest: 0 };
  }
  const count = sizeNamed(size, "+", more, isCeil ? "::" : ":", stride);
  return isCeil ? { count } : { before, after, count };
}

/** The attributes by which ONNX calls the same windows. */
export function attributesOf(windows: Windows): Attributes {
  const { kernel, strides, dilations, before, after } = windows;
  return { kernel_shape: kernel, strides, dilations, pads: [...before, ...after] };
}

/** The sizes behind batch and channels. */
export function imageOf(at: At): Shape {
  const shape = at.shape(0);
  return shape.length > 2 ? shape.slice(2) : at.refuse(
    `its input must have a batch, channels and at least one more axis: given ${shape.length} axes`,
  );
}

/** The sizes of what a kernel is given as, or of the weights themselves. */
export function kernelOf(at: At, weights: Value | undefined): readonly number[] {
  return at.ints("kernel_shape") ?? numbersOf(weights?.shape?.slice(2)) ??
    at.refuse("the sizes of its windows must be known");
}
