/** A convolutional net over grey images: two convolutions, each with a pool, and a linear layer. */
import { convolution, linear, type Random } from "./layers.ts";
import { ModelWriter, type Parameters } from "./writer.ts";

/** Its sizes. */
export interface ConvolutionalSizes {
  /** How many images a run takes; `"batch"` where it is any number. */
  readonly batch: number | "batch";
  /** How many channels the two convolutions make. */
  readonly channels: readonly [number, number];
  /** How many rows and columns an image has, a multiple of 4. Default 28. */
  readonly side?: number;
}

const CLASSES = 10;

/** Its first weights. */
export function convolutionalParams(
  random: Random,
  { channels, side = 28 }: ConvolutionalSizes,
): Parameters {
  return {
    ...convolution(random, "conv1", 1, channels[0], 3),
    ...convolution(random, "conv2", channels[0], channels[1], 3),
    ...linear(random, "fc", channels[1] * (side / 4) ** 2, CLASSES),
  };
}

/** Its model: images `x` [batch, 1, side, side] to `logits` [batch, 10]. */
export function convolutionalModel(
  { batch, channels, side = 28 }: ConvolutionalSizes,
  params: Parameters,
): Uint8Array<ArrayBuffer> {
  const to = new ModelWriter();
  const block = (x: string, layer: string) => {
    const inputs = [x, `${layer}.weight`, `${layer}.bias`];
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
    const relu = to.add("Relu", [to.add("Conv", inputs, attributes)]);
    return to.add("MaxPool", [relu], { kernel_shape: [2, 2], strides: [2, 2] });
  };
  const features = block(block("x", "conv1"), "conv2");
  const rows = to.reshape(features, [batch, channels[1] * (side / 4) ** 2]);
  const x = { type: "float32", shape: [batch, 1, side, side] } as const;
  return to.finish(x, to.gemm(rows, "fc"), [batch, CLASSES], params);
}
