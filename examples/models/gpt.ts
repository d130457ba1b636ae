/** A transformer as GPT-2 is, of any size: normalised before each block, with tanh's Gelu. */
import { drawn, linear, norm, type Random } from "./layers.ts";
import { ModelWriter, type Numbers, type Parameters } from "./writer.ts";

/** A transformer's sizes. */
export interface GptSizes {
  /** How many sequences a run takes; `"batch"` where it is any number. */
  readonly batch: number | "batch";
  readonly length: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}

/** Its first weights. */
export function gptParams(random: Random, sizes: GptSizes): Parameters {
  const { length, vocabulary, width, layers } = sizes;
  const params: Record<string, Numbers> = {
    "wte.weight": drawn([vocabulary, width], () => 0.1 * random.normal()),
    "wpe.weight": drawn([length, width], () => 0.1 * random.normal()),
  };
  for (let i = 0; i < layers; i++) {
    Object.assign(
      params,
      norm(`h.${i}.ln_1`, width),
      linear(random, `h.${i}.qkv`, width, 3 * width),
      linear(random, `h.${i}.proj`, width, width),
      norm(`h.${i}.ln_2`, width),
      linear(random, `h.${i}.up`, width, 4 * width),
      linear(random, `h.${i}.down`, 4 * width, width),
    );
  }
  Object.assign(params, norm("ln_f", width));
  params["head.weight"] = linear(random, "head", width, vocabulary)["head.weight"];
  return params;
}

/** Its model: characters `x` [batch, length] to `logits` [batch, length, vocabulary] of each next one. */
export function gptModel(sizes: GptSizes, params: Parameters): Uint8Array<ArrayBuffer> {
  const { batch, length, vocabulary, width, heads, layers } = sizes;
  const to = new ModelWriter();
  const layerNorm = (x: string, layer: string) =>
    to.add("LayerNormalization", [x, `${layer}.weight`, `${layer}.bias`], { axis: -1 });
  const places = to.ints(Array.from({ length }, (_, i) => i));
  const mask = to.floats(maskOf(length), [length, length]);
  const scale = to.floats([Math.sqrt(heads / width)], []);
  const reshaped = (x: string, shape: readonly number[]) => to.reshape(x, [batch, ...shape]);
  const headsOf = (x: string, perm: readonly number[]) =>
    to.add("Transpose", [reshaped(x, [length, heads, width / heads])], { perm });
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
    x = to.add("Add", [x, to.linear(reshaped(turned, [length, width]), `h.${i}.proj`)]);
    const up = to.linear(layerNorm(x, `h.${i}.ln_2`), `h.${i}.up`);
    const gelu = to.add("Gelu", [up], { approximate: "tanh" });
    x = to.add("Add", [x, to.linear(gelu, `h.${i}.down`)]);
  }
  const logits = to.linear(layerNorm(x, "ln_f"), "head", false);
  const given = { type: "int64", shape: [batch, length] } as const;
  return to.finish(given, logits, [batch, length, vocabulary], params);
}

/** What is added to scores so that none is looked at that comes later. */
export function maskOf(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    { length: length * length },
    (_, i) => i % length > Math.floor(i / length) ? -1e9 : 0,
  );
}
