/** The networks that are trained: their first weights, a batch, and the model that PyTorch would export. */
import { convolutionalModel, convolutionalParams } from "../../examples/models/convolutional.ts";
import { gptModel, gptParams, type GptSizes } from "../../examples/models/gpt.ts";
import { drawn, linear, type Random, randomly } from "../../examples/models/layers.ts";
import { ModelWriter, type Numbers, type Parameters } from "../../examples/models/writer.ts";

/** A batch: images or characters, and the class or next character of each. */
export interface Batch {
  readonly x: { readonly data: Float32Array | BigInt64Array; readonly shape: readonly number[] };
  readonly y: { readonly data: BigInt64Array; readonly shape: readonly number[] };
}

/** The sizes of a transformer that takes batches of one size. */
export type BatchedGptSizes = GptSizes & { readonly batch: number };

/** A network to be trained. */
export interface Network {
  readonly name: string;
  readonly kind: "mlp" | "cnn" | "gpt";
  readonly classes: number;
  /** The axis of the classes in `logits`. */
  readonly axis: number;
  readonly params: Parameters;
  readonly batch: Batch;
  /** Of a transformer. */
  readonly sizes?: BatchedGptSizes;
  /** The bytes of its inference model. */
  model(): Uint8Array<ArrayBuffer>;
}

/** Two layers over images of 28 x 28, 128 at a time. */
export function mlp(): Network {
  const [batch, pixels, hidden, classes] = [128, 784, 128, 10];
  const random = randomly(4);
  const params = {
    ...linear(random, "fc1", pixels, hidden),
    ...linear(random, "fc2", hidden, classes),
  };
  return {
    name: "MLP 784-128-10, batch 128",
    kind: "mlp",
    classes,
    axis: 1,
    params,
    batch: imagesOf(random, [batch, pixels], classes),
    model() {
      const to = new ModelWriter();
      const logits = to.gemm(to.add("Relu", [to.gemm("x", "fc1")]), "fc2");
      return to.finish(
        { type: "float32", shape: [batch, pixels] },
        logits,
        [batch, classes],
        params,
      );
    },
  };
}

/** Two convolutions, each with a pool, over images of 28 x 28. */
export function cnn(
  sizes: { readonly batch: number; readonly channels: readonly [number, number] } = {
    batch: 32,
    channels: [16, 32],
  },
): Network {
  const random = randomly(2);
  const params = convolutionalParams(random, sizes);
  return {
    name: `convolutional net 28x28, batch ${sizes.batch}`,
    kind: "cnn",
    classes: 10,
    axis: 1,
    params,
    batch: imagesOf(random, [sizes.batch, 1, 28, 28], 10),
    model: () => convolutionalModel(sizes, params),
  };
}

/** A transformer that foretells the next of 96 characters. */
export function characterGpt(): Network {
  return gpt("character GPT, 4 layers of 128, batch 8 x 128", {
    batch: 8,
    length: 128,
    vocabulary: 96,
    width: 128,
    heads: 4,
    layers: 4,
  });
}

/** The same of any size. */
export function gpt(name: string, sizes: BatchedGptSizes): Network {
  const { batch, length, vocabulary } = sizes;
  const random = randomly(3);
  const params = gptParams(random, sizes);
  const shape = [batch, length];
  const tokens = () =>
    BigInt64Array.from({ length: batch * length }, () => BigInt(random.below(vocabulary)));
  return {
    name,
    kind: "gpt",
    classes: vocabulary,
    axis: -1,
    params,
    sizes,
    batch: { x: { data: tokens(), shape }, y: { data: tokens(), shape } },
    model: () => gptModel(sizes, params),
  };
}

/** A matrix with rows and columns exchanged. */
export function transposed({ data, shape: [rows, columns] }: Numbers): Numbers {
  const turned = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
  return { data: turned, shape: [columns, rows] };
}

function imagesOf(random: Random, shape: readonly number[], classes: number): Batch {
  const labels = BigInt64Array.from({ length: shape[0] }, () => BigInt(random.below(classes)));
  return { x: drawn(shape, random.uniform), y: { data: labels, shape: [shape[0]] } };
}
