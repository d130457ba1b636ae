/**
 * Writes convolutions and transposed ones so that ONNX Runtime computes them right. On WebGPU two kinds come out wrong
 * without any message, and are written otherwise for whoever runs the graph:
 *
 * - a convolution of one group that makes a multiple of 4 channels of 6, 9, 15, 18, 21 and so on: those it reads
 *   three at a time;
 * - a transposed convolution of groups that makes one channel of an even number of them, which it reads two at a time.
 *
 * Transposed convolutions of volumes it has none of.
 */
import type { Attributes, Builder } from "../emit.ts";
import { numbersOf, type Value } from "../value.ts";
import { ofVolumes } from "./volume.ts";

/** A convolution; what it reads wrong is filled up to a multiple of 4 channels with zeros. */
export function convolution(
  build: Builder,
  x: Value,
  w: Value,
  bias: Value | undefined,
  attributes: Attributes,
): Value {
  const inputs = isConvMistaken(w, groupOf(attributes))
    ? [x, w].map((each) => filledUp(build, each, 4 - (w.shape![1] as number) % 4))
    : [x, w];
  return build.emit("Conv", bias === undefined ? inputs : [...inputs, bias], attributes);
}

/**
 * A transposed convolution; where it makes one channel a group wrong, it makes two, of which one is left, and volumes
 * are made layer by layer.
 */
export function transposedConvolution(
  build: Builder,
  x: Value,
  w: Value,
  bias: Value | undefined,
  attributes: Attributes,
): Value {
  const isVolume = w.shape?.length === 5;
  const y = isVolume
    ? ofVolumes(build, x, w, attributes, ofImages)
    : isTransposedMistaken(w, groupOf(attributes))
    ? ofImages(build, x, w, attributes)
    : undefined;
  if (y === undefined) {
    return build.emit("ConvTranspose", bias === undefined ? [x, w] : [x, w, bias], attributes);
  }
  if (bias === undefined) return y;
  const perChannel = [-1, ...w.shape!.slice(2).map(() => 1)];
  return build.emit("Add", [y, build.emit("Reshape", [bias, build.ints(perChannel)])]);
}

/** That of images, without a bias. */
function ofImages(build: Builder, x: Value, w: Value, attributes: Attributes): Value {
  const group = groupOf(attributes);
  if (!isTransposedMistaken(w, group)) return build.emit("ConvTranspose", [x, w], attributes);
  const wide = build.emit("ConvTranspose", [x, filledUp(build, w, 1)], attributes);
  const [batch, , ...image] = wide.shape!;
  const pairs = build.reshape(wide, [batch, group, 2, ...image]);
  const [zero, one, two] = [0, 1, 2].map((each) => build.ints([each]));
  const firsts = build.emit("Slice", [pairs, zero, one, two]);
  return build.reshape(firsts, [batch, group, ...image]);
}

/** Whether ONNX Runtime's WebGPU computes a convolution wrong. */
export function isConvMistaken({ shape }: Value, group: number): boolean {
  const sizes = numbersOf(shape);
  if (sizes === undefined || group !== 1) return false;
  const [made, read, ...kernel] = sizes;
  return read > 3 && read % 3 === 0 && read % 4 !== 0 && made % 4 === 0 &&
    kernel.some((size) => size > 1);
}

/** Whether it has no transposed one of such weights, or computes it wrong. */
export function isTransposedOther(w: Value, group: number): boolean {
  return w.shape?.length === 5 || isTransposedMistaken(w, group);
}

function isTransposedMistaken({ shape }: Value, group: number): boolean {
  const [read, made] = shape ?? [];
  return group > 1 && made === 1 && typeof read === "number" && read / group % 2 === 0;
}

function groupOf({ group }: Attributes): number {
  return typeof group === "number" ? group : 1;
}

/** `more` channels of zeros behind those of `value`. */
function filledUp(build: Builder, value: Value, more: number): Value {
  const pads = Array<number>(2 * value.shape!.length).fill(0);
  pads[value.shape!.length + 1] = more;
  return build.emit("Pad", [value, build.ints(pads)]);
}
