/** The networks that are trained: their first weights, a batch, and the model that PyTorch would export. */
import { ModelWriter, type Numbers, type Parameters } from "./model.ts";

/** A batch: images or characters, and the class or next character of each. */
export interface Batch {
  readonly x: { readonly data: Float32Array | BigInt64Array; readonly shape: readonly number[] };
  readonly y: { readonly data: BigInt64Array; readonly shape: readonly number[] };
}

/** A transformer's sizes. */
export interface GptSizes {
  readonly batch: number;
  readonly length: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}

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
  readonly sizes?: GptSizes;
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
      const gemm = (x: string, layer: string) =>
        to.add("Gemm", [x, `${layer}.weight`, `${layer}.bias`], { transB: 1 });
      const logits = gemm(to.add("Relu", [gemm("x", "fc1")]), "fc2");
      return to.finish(
        { type: "float32", shape: [batch, pixels] },
        logits,
        [batch, classes],
        params,
      );
    },
  };
}

/** Two convolutions, each with a pool, over images of 28 x 28, 32 at a time. */
export function cnn(): Network {
  const [batch, side, classes] = [32, 28, 10];
  const random = randomly(2);
  const flat = 32 * (side / 4) ** 2;
  const params = {
    ...convolution(random, "conv1", 1, 16, 3),
    ...convolution(random, "conv2", 16, 32, 3),
    ...linear(random, "fc", flat, classes),
  };
  return {
    name: "convolutional net 28x28, batch 32",
    kind: "cnn",
    classes,
    axis: 1,
    params,
    batch: imagesOf(random, [batch, 1, side, side], classes),
    model() {
      const to = new ModelWriter();
      const block = (x: string, layer: string) => {
        const inputs = [x, `${layer}.weight`, `${layer}.bias`];
        const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] };
        const relu = to.add("Relu", [to.add("Conv", inputs, attributes)]);
        return to.add("MaxPool", [relu], { kernel_shape: [2, 2], strides: [2, 2] });
      };
      const features = block(block("x", "conv1"), "conv2");
      const rows = to.add("Reshape", [features, to.ints([batch, flat])], { allowzero: 1 });
      const logits = to.add("Gemm", [rows, "fc.weight", "fc.bias"], { transB: 1 });
      const x = { type: "float32", shape: [batch, 1, side, side] } as const;
      return to.finish(x, logits, [batch, classes], params);
    },
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

/** The same of any size, as GPT-2 is: normalised before each block, with tanh's Gelu. */
export function gpt(name: string, sizes: GptSizes): Network {
  const { batch, length, vocabulary, width, heads, layers } = sizes;
  const random = randomly(3);
  const params: Record<string, Numbers> = {
    "wte.weight": drawn([vocabulary, width], () => 0.1 * random.normal()),
    "wpe.weight": drawn([length, width], () => 0.1 * random.normal()),
  };
  for (let i = 0; i < layers; i++) {
    Object.assign(
      params,
      norm(`h.${i}.ln_1`, width),
      linear(random, `h.${i}.qkv`, width, 3 * width),
    );
    Object.assign(params, linear(random, `h.${i}.proj`, width, width), norm(`h.${i}.ln_2`, width));
    Object.assign(params, linear(random, `h.${i}.up`, width, 4 * width));
    Object.assign(params, linear(random, `h.${i}.down`, 4 * width, width));
  }
  Object.assign(params, norm("ln_f", width));
  params["head.weight"] = linear(random, "head", width, vocabulary)["head.weight"];
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
    model() {
      const to = new ModelWriter();
      const layerNorm = (x: string, layer: string) =>
        to.add("LayerNormalization", [x, `${layer}.weight`, `${layer}.bias`], { axis: -1 });
      const places = to.ints(Array.from({ length }, (_, i) => i));
      const mask = to.floats(maskOf(length), [length, length]);
      const scale = to.floats([Math.sqrt(heads / width)], []);
      const apart = to.ints([batch, length, heads, width / heads]);
      const together = to.ints([batch, length, width]);
      const headsOf = (x: string, perm: readonly number[]) =>
        to.add("Transpose", [to.add("Reshape", [x, apart], { allowzero: 1 })], { perm });
      let x = to.add("Add", [
        to.add("Gather", ["wte.weight", "x"], { axis: 0 }),
        to.add("Gather", ["wpe.weight", places], { axis: 0 }),
      ]);
      for (let i = 0; i < layers; i++) {
        const qkv = to.linear(layerNorm(x, `h.${i}.ln_1`), `h.${i}.qkv`);
        const [q, k, v] = to.addAll("Split", [qkv], 3, { axis: 2, num_outputs: 3 });
        const product = to.add("MatMul", [headsOf(q, [0, 2, 1, 3]), headsOf(k, [0, 2, 3, 1])]);
        const scores = to.add("Add", [to.add("Mul", [product, scale]), mask]);
        const softmax = to.add("Softmax", [scores], { axis: -1 });
        const read = to.add("MatMul", [softmax, headsOf(v, [0, 2, 1, 3])]);
        const turned = to.add("Transpose", [read], { perm: [0, 2, 1, 3] });
        const joined = to.add("Reshape", [turned, together], { allowzero: 1 });
        x = to.add("Add", [x, to.linear(joined, `h.${i}.proj`)]);
        const up = to.linear(layerNorm(x, `h.${i}.ln_2`), `h.${i}.up`);
        const gelu = to.add("Gelu", [up], { approximate: "tanh" });
        x = to.add("Add", [x, to.linear(gelu, `h.${i}.down`)]);
      }
      const logits = to.linear(layerNorm(x, "ln_f"), "head", false);
      const given = { type: "int64", shape } as const;
      return to.finish(given, logits, [...shape, vocabulary], params);
    },
  };
}

/** What is added to scores so that none is looked at that comes later. */
export function maskOf(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: length * length },
    (_, i) => i % length > Math.floor(i / length) ? -1e9 : 0,
  );
}

/** A matrix with rows and columns exchanged. */
export function transposed({ data, shape: [rows, columns] }: Numbers): Numbers {
  const turned = data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
  return { data: turned, shape: [columns, rows] };
}

type Random = ReturnType<typeof randomly>;

/** Numbers that are the same for the same seed. */
function randomly(seed: number) {
  let bits = seed * 0x9e3779b9 >>> 0;
  const uniform = () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    return ((bits >>> 0) + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, below: (end: number) => Math.floor(end * uniform()) };
}

function drawn(shape: readonly number[], draw: () => number): Numbers {
  const length = shape.reduce((a, b) => a * b, 1);
  return { data: Float32Array.from({ length }, draw), shape };
}

/** Weights as PyTorch draws them first. */
function linear(random: Random, layer: string, from: number, to: number): Parameters {
  return weights(random, layer, [to, from], from);
}

function convolution(random: Random, layer: string, from: number, to: number, kernel: number) {
  return weights(random, layer, [to, from, kernel, kernel], from * kernel * kernel);
}

function weights(
  random: Random,
  layer: string,
  shape: readonly number[],
  fanIn: number,
): Parameters {
  const draw = () => (2 * random.uniform() - 1) / Math.sqrt(fanIn);
  return { [`${layer}.weight`]: drawn(shape, draw), [`${layer}.bias`]: drawn([shape[0]], draw) };
}

function norm(layer: string, width: number): Parameters {
  return {
    [`${layer}.weight`]: drawn([width], () => 1),
    [`${layer}.bias`]: drawn([width], () => 0),
  };
}

function imagesOf(random: Random, shape: readonly number[], classes: number): Batch {
  const labels = BigInt64Array.from({ length: shape[0] }, () => BigInt(random.below(classes)));
  return { x: drawn(shape, random.uniform), y: { data: labels, shape: [shape[0]] } };
}
