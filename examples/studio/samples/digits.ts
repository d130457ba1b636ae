/** The sample of handwritten digits: a convolutional net of 9,000 numbers, and 10,000 images of the package `mnist`. */
import { type Dataset, datasetOf } from "../../../trainer/mod.ts";
import { convolutionalModel, convolutionalParams } from "../../models/convolutional.ts";
import { randomly } from "../../models/layers.ts";
import type { DrawnDigit } from "../protocol.ts";

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const SIZES = { batch: "batch", channels: [8, 16] } as const;

/** Its network, untrained. */
export function digitsModel(): Uint8Array<ArrayBuffer> {
  return convolutionalModel(SIZES, convolutionalParams(randomly(2), SIZES));
}

/** Its examples from the bytes of `digits.bin`, with those that were drawn. */
export function digitsData(bytes: Uint8Array, drawn: readonly DrawnDigit[]): Dataset {
  const known = bytes.length / (PIXELS + 1);
  const count = known + drawn.length;
  const x = new Float32Array(count * PIXELS);
  for (let i = 0; i < known * PIXELS; i++) x[i] = bytes[i] / 255;
  const y = new Int32Array(count);
  y.set(bytes.subarray(known * PIXELS));
  drawn.forEach(({ image, label }, i) => {
    x.set(image, (known + i) * PIXELS);
    y[known + i] = label;
  });
  return datasetOf({
    x: { data: x, shape: [count, 1, SIDE, SIDE] },
    y: { data: y, shape: [count] },
  });
}
