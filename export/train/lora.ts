/** Low-rank adaptation: a model with trainable factors beside weights that stay as they are. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProtoSchema } from "onnx-buf";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { type Kinds, POSITIVE, requireOptions, whole } from "../../dsl/options.ts";
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import { adapterCall, defineAdapters, factorType } from "../onnx/adapters.ts";
import { putFloats } from "../onnx/floats.ts";
import { Names } from "../onnx/names.ts";
import { FUNCTIONS } from "../onnx/proto.ts";
import type { Factors } from "../safetensors/adapter.ts";
import { loadAdapter, type Numbers } from "./adapter.ts";
import { inlined } from "./inline.ts";
import { type Candidate, type Candidates, candidatesIn } from "./lora_weights.ts";
import { matching } from "./params.ts";
import { type GraphProto, type ModelSource, nameOf, readWhole } from "./read.ts";

/** Options of {@linkcode lora}. */
export interface LoraOptions {
  /** How many rows A and columns B have. Default 8. */
  readonly rank?: number;
  /** What x·Aᵀ·Bᵀ is multiplied by, divided by the rank. Default the rank; of an adapter, its own. */
  readonly alpha?: number;
  /**
   * The weights to put factors beside, by name, or by patterns in which `*` stands for any text; those after `!` are left
   * out. Default all weights of MatMul and Gemm that can have factors.
   */
  readonly match?: readonly string[];
  /** What the first values of A are drawn by, a whole number. Default 0. */
  readonly seed?: number;
  /** The bytes of an adapter, of `OrtTrainer.adapter` or PEFT: it says which weights have which factors. */
  readonly adapter?: Uint8Array;
}

/**
 * `model` with low-rank factors beside weights of products of matrices, which stay as they are: what was x·W becomes
 * x·W + alpha/rank·x·Aᵀ·Bᵀ. The factors of a weight `l1.weight` are the initializers `l1.weight.lora_A` [rank, in], which is
 * drawn, and `l1.weight.lora_B` [out, rank], which is 0, so that the model computes at first what it did before.
 *
 * `trainingStep` on such a model trains the factors and nothing else unless its `params` say so. `OrtTrainer` then
 * gives the tuned `model()` with the factors added to the weights, and the factors alone as `adapter()`.
 *
 * The weights may be of float16, or quantized: by `DequantizeLinear` or as `MatMulNBits` has them.
 *
 * Source: Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models, arXiv 2106.09685.
 *
 * @example
 * ```ts
 * import { crossEntropy, lora, OrtTrainer, trainingStep } from "@gradus/gradus/train";
 * import { adamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const model = await Deno.readFile("docs/classifier.onnx");
 * const adapted = lora(model, { rank: 4, alpha: 8, match: ["l1.weight", "l2.weight"] });
 * const loss = crossEntropy({ logits: "logits" });
 * const trainer = await OrtTrainer.load(trainingStep(adapted, adamw({ learningRate: 0.01 }), { loss }));
 * assertEquals(Object.keys(await trainer.params()).slice(0, 2), ["l1.weight.lora_A", "l1.weight.lora_B"]);
 * await trainer.dispose();
 * ```
 *
 * @throws {GradusError} if an option is none, a weight that was named cannot have factors, an adapter does not fit the
 * model, or the bytes are no whole model.
 */
export function lora(model: ModelSource, options: LoraOptions = {}): Uint8Array<ArrayBuffer> {
  const doing = "Cannot put low-rank factors into the model";
  requireOptions(doing, options, OPTIONS);
  requireUnsaid(options, doing);
  const source = readWhole(model, doing);
  const graph = source.graph!;
  const isOwn = ({ domain }: { readonly domain: string }) => domain === FUNCTIONS;
  // What is called may have products of its own.
  const others = source.functions.filter((each) => !isOwn(each));
  graph.node = inlined({ ...source, functions: others }, doing);
  source.functions = source.functions.filter(isOwn);
  const candidates = candidatesIn(source);
  const factors = options.adapter === undefined
    ? firstFactors(graph, candidates, options, doing)
    : loadAdapter(graph, options.adapter, candidates.weights, doing);
  const names = new Names();
  for (const { name } of [...graph.input, ...graph.initializer]) names.take(name);
  for (const { output } of graph.node) for (const name of output) names.take(name);
  for (const [name, { a, b, alpha: own }] of factors) {
    const alpha = options.alpha ?? own;
    if (alpha === undefined) {
      throw new GradusError(
        `${doing}: \`alpha\` must be given, since the adapter's metadata do not say it: PEFT has it in ` +
          "`adapter_config.json` as `lora_alpha`",
      );
    }
    put(graph, name, candidates.weights.get(name)!, { a, b, alpha }, names, doing);
  }
  defineAdapters(source);
  return toBinary(ModelProtoSchema, source) as Uint8Array<ArrayBuffer>;
}

/** The factors that training begins with, by the names of their weights. */
function firstFactors(
  graph: GraphProto,
  candidates: Candidates,
  { rank = 8, alpha = rank, match, seed = 0 }: LoraOptions,
  doing: string,
): ReadonlyMap<string, Factors<Numbers>> {
  const names = chosen(match, candidates, doing);
  return new Map(names.map((name) => {
    const { tensor, sizes: [read, made] } = candidates.weights.get(name)!;
    const place = graph.initializer.indexOf(tensor);
    const a = { data: drawn(rank * read, read, seed, place), shape: [rank, read] };
    const b = { data: new Float32Array(made * rank), shape: [made, rank] };
    return [name, { a, b, alpha }];
  }));
}

/** Numbers from -1/√read to 1/√read, as PyTorch draws the weights of a layer that reads as many. */
function drawn(count: number, read: number, seed: number, place: number): Float32Array {
  const key = [wordOf(seed), 0] as const;
  const bound = 1 / Math.sqrt(read);
  return Float32Array.from(
    { length: count },
    (_, i) => (2 * bitsAt(key, i, place, 0)[0] / 2 ** 32 - 1) * bound,
  );
}

/** Puts factors beside the products of a weight. */
function put(
  { initializer, node }: GraphProto,
  weight: string,
  { type, products }: Candidate,
  { a, b, alpha }: Factors<Numbers>,
  names: Names,
  doing: string,
): void {
  const [first, second] = [["lora_A", a], ["lora_B", b]].map(([factor, numbers]) => {
    const { data, shape } = numbers as Numbers;
    const name = `${weight}.${factor}`;
    if (!names.take(name)) {
      throw new GradusError(`${doing}: it has a value ${quoted(name)} already`);
    }
    const dims = shape.map(BigInt);
    const own = create(TensorProtoSchema, { name, dataType: factorType(type)!, dims });
    putFloats(own, data);
    initializer.push(own);
    return name;
  });
  for (const product of products) {
    const [output] = product.output;
    const frozen = names.fresh(`${output}/frozen`);
    product.output = [frozen];
    const inputs = [frozen, product.input[0], first, second] as const;
    const scale = alpha! / a.shape[0];
    const call = adapterCall(type, inputs, output, `${nameOf(product)}/LoRA`, scale);
    node.splice(node.indexOf(product) + 1, 0, call);
  }
}

/** The weights that are meant. */
function chosen(
  match: readonly string[] | undefined,
  { weights, names, nameOf, refusalOf }: Candidates,
  doing: string,
): string[] {
  const wanted = matching(match ?? ["*"], names, new Set(weights.keys()), doing);
  const wrong = [...wanted.named].find((name) => !weights.has(nameOf(name)));
  if (wrong !== undefined) {
    throw new GradusError(`${doing}: ${quoted(wrong)} cannot have any: ${refusalOf(wrong)}`);
  }
  const found = new Set([...wanted.names].map(nameOf));
  if (found.size > 0) return [...weights.keys()].filter((name) => found.has(name));
  throw new GradusError(
    `${doing}: \`match\` must fit a weight of MatMul or Gemm: given ${shown(match)}; it has ` +
      `${[...weights.keys()].slice(0, 8).map(quoted).join(", ") || "none"}`,
  );
}

const OPTIONS: Kinds<LoraOptions> = {
  rank: whole(1),
  alpha: {
    is: (value) => POSITIVE.is(value) && value !== Infinity,
    must: "a number above 0",
  },
  match: {
    is: (value) =>
      Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string"),
    must: "a list of names or patterns",
  },
  seed: { is: Number.isSafeInteger, must: "a whole number" },
  adapter: { is: (value) => value instanceof Uint8Array, must: "the bytes of an adapter" },
};

/** Refuses what an adapter says itself. */
function requireUnsaid(options: LoraOptions, doing: string): void {
  for (const name of ["rank", "match", "seed"] as const) {
    if (options.adapter === undefined || options[name] === undefined) continue;
    throw new GradusError(
      `${doing}: \`${name}\` must be left out, since the adapter says it: given ${
        shown(options[name])
      }`,
    );
  }
}
