/** Convolutions. */
import { type Kind, numbersOf, type Shape, type Value } from "../value.ts";
import {
  convolution,
  isConvMistaken,
  isTransposedOther,
  transposedConvolution,
} from "./convolve.ts";
import { spread } from "./places.ts";
import type { At, Rows } from "./row.ts";
import { attributesOf, countsOf, imageOf, kernelOf, type Windows, windowsOf } from "./windows.ts";
import { weightGradient } from "./weights.ts";

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
        at.needs(0) ? imageGradient(x, g!, w, windows, group, at) : undefined,
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
      if (!isTransposedOther(w, at.int("group", 1))) return undefined;
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

/** The transposed convolution; of one channel a group, a convolution by the kernels backwards is faster. */
function imageGradient(
  x: Value,
  g: Value,
  w: Value,
  windows: Windows,
  group: number,
  at: At,
): Value {
  const { build } = at;
  const { kernel, strides, dilations } = windows;
  const pads = [...windows.before, ...windows.after].map((pad, i) => {
    const axis = i % kernel.length;
    return (kernel[axis] - 1) * dilations[axis] - pad;
  });
  const isAlone = group > 1 && w.shape?.[0] === group && w.shape[1] === 1;
  if (!isAlone || strides.some((stride) => stride !== 1) || pads.some((pad) => pad < 0)) {
    return spread(g, w, windows, group, x, at);
  }
  const list = (value: number) => build.ints(kernel.map(() => value));
  const axes = build.ints(kernel.map((_, axis) => axis + 2));
  const back = build.emit("Slice", [w, list(-1), list(-(2 ** 31)), axes, list(-1)]);
  return build.emit("Conv", [g, back], { kernel_shape: kernel, dilations, pads, group });
}

function biasGradient(g: Value, at: At): Value {
  const { build } = at;
  const axes = at.shape(0);
  return build.sum(g, axes.map((_, axis) => axis).filter((axis) => axis !== 1), 0);
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
