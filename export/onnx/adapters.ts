/** Low-rank factors beside weights: the function that a model has for them, how they are found, and how they become part of the weights. */
import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  type FunctionProto,
  FunctionProtoSchema,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProto_DataType as DataType,
} from "onnx-buf";
import { floatsOf, putFloats } from "./floats.ts";
import { cast, FUNCTIONS, node } from "./proto.ts";
import { type ProductWeight, weightsIn } from "./weight.ts";

/** Factors beside a product of matrices. */
export interface Adapter {
  /** The call of the function. */
  readonly call: NodeProto;
  /** The product whose result they are added to. */
  readonly product: NodeProto;
  readonly weight: ProductWeight;
  /** A, of a row for each number in between, and B, of a column for each. */
  readonly factors: readonly [a: TensorProto, b: TensorProto];
  readonly scale: number;
}

const NAMES: Readonly<Partial<Record<DataType, string>>> = {
  [DataType.FLOAT]: "LoRA",
  [DataType.DOUBLE]: "LoRAFloat64",
  [DataType.FLOAT16]: "LoRAFloat16",
  [DataType.BFLOAT16]: "LoRABfloat16",
};

/** The type that factors beside products of `type` have; undefined where there are none. */
export function factorType(type: DataType): DataType.FLOAT | DataType.DOUBLE | undefined {
  if (NAMES[type] === undefined) return undefined;
  return type === DataType.DOUBLE ? DataType.DOUBLE : DataType.FLOAT;
}

/** The call that makes `output` of a product, what it was of, and factors. */
export function adapterCall(
  type: DataType,
  [product, x, a, b]: readonly [product: string, x: string, a: string, b: string],
  output: string,
  name: string,
  scale: number,
): NodeProto {
  return create(NodeProtoSchema, {
    opType: NAMES[type],
    domain: FUNCTIONS,
    input: [product, x, a, b],
    output: [output],
    name,
    attribute: [{ name: "scale", type: AttributeType.FLOAT, f: scale }],
  });
}

/** Gives a model the functions that its calls need: z = y + scale·x·Aᵀ·Bᵀ, computed in what the factors are of. */
export function defineAdapters(model: ModelProto): void {
  const version = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")!
    .version;
  const called = new Set(model.graph!.node.filter(isCall).map(({ opType }) => opType));
  const known = new Set(model.functions.filter(isOwn).map(({ name }) => name));
  for (const [type, name] of Object.entries(NAMES)) {
    if (!called.has(name) || known.has(name)) continue;
    model.functions.push(definition(Number(type), name, version));
  }
  if (!model.opsetImport.some(({ domain }) => domain === FUNCTIONS)) {
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: FUNCTIONS, version: 1n }));
  }
  // Files have functions since this version.
  if (model.irVersion < 8n) model.irVersion = 8n;
}

function definition(type: DataType, name: string, version: bigint): FunctionProto {
  const isShort = type === DataType.FLOAT16 || type === DataType.BFLOAT16;
  const isWide = type === DataType.DOUBLE;
  const scale = create(NodeProtoSchema, {
    opType: "Constant",
    output: ["s"],
    attribute: [{ name: "value_float", refAttrName: "scale", type: AttributeType.FLOAT }],
  });
  return create(FunctionProtoSchema, {
    name,
    domain: FUNCTIONS,
    docString: "z = y + scale·x·Aᵀ·Bᵀ, of low rank",
    input: ["y", "x", "A", "B"],
    output: ["z"],
    attribute: ["scale"],
    opsetImport: [{ domain: "", version }],
    node: [
      scale,
      ...(isWide ? [cast("s", "wide", "float64")] : []),
      ...(isShort ? [cast("x", "long", "float32")] : []),
      node("Transpose", ["A"], "At", { perm: [1, 0] }),
      node("MatMul", [isShort ? "long" : "x", "At"], "few"),
      node("Mul", ["few", isWide ? "wide" : "s"], "scaled"),
      node("Transpose", ["B"], "Bt", { perm: [1, 0] }),
      node("MatMul", ["scaled", "Bt"], "many"),
      ...(isShort ? [node("Cast", ["many"], "short", { to: type })] : []),
      node("Add", ["y", isShort ? "short" : "many"], "z"),
    ],
  });
}

/** The low-rank factors of a model, a call each, in the order that they run in. */
export function adaptersIn({ graph }: ModelProto): Adapter[] {
  const { node, initializer } = graph!;
  if (!node.some(isCall)) return [];
  const makers = new Map(node.flatMap((each) => each.output.map((name) => [name, each])));
  const tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
  const weightOf = weightsIn(graph!);
  return node.filter(isCall).flatMap((call) => {
    const product = makers.get(call.input[0]);
    const weight = product && weightOf(product);
    const [a, b] = call.input.slice(2, 4).map((name) => tensors.get(name));
    const scale = call.attribute.find(({ name }) => name === "scale")?.f;
    if (weight === undefined || scale === undefined) return [];
    const [read, made] = weight.sizes;
    const [rank, inner] = [a?.dims[0], a?.dims[1]].map(Number);
    const isFitting = inner === read && b?.dims.map(Number).join() === `${made},${rank}`;
    return isFitting ? [{ call, product: product!, weight, factors: [a!, b!], scale }] : [];
  });
}

/**
 * Adds factors to their weights and takes them out of the model, which then is as it was without them. Those beside
 * quantized weights stay: rounded to whole numbers, most of what was learned would be gone.
 */
export function mergeAdapters(model: ModelProto): void {
  const graph = model.graph!;
  const merged = adaptersIn(model).filter(({ weight }) => !weight.isQuantized);
  const done = new Set<string>();
  for (const { call, product, weight, factors, scale } of merged) {
    // One weight may have several products, which share its factors.
    if (!done.has(weight.tensor.name)) add(weight, factors, scale);
    done.add(weight.tensor.name);
    product.output = [...call.output];
  }
  const calls = new Set(merged.map(({ call }) => call));
  graph.node = graph.node.filter((each) => !calls.has(each));
  const gone = new Set(merged.flatMap(({ factors }) => factors.map(({ name }) => name)));
  graph.initializer = graph.initializer.filter(({ name }) => !gone.has(name));
  const left = new Set(graph.node.filter(isCall).map(({ opType }) => opType));
  const names = new Set(Object.values(NAMES));
  model.functions = model.functions.filter((each) =>
    !isOwn(each) || !names.has(each.name) || left.has(each.name)
  );
  if (left.size > 0 || model.functions.some(isOwn)) return;
  model.opsetImport = model.opsetImport.filter(({ domain }) => domain !== FUNCTIONS);
}

/** W + scale·(BA)ᵀ, or W + scale·BA where the weight has a row for each number that is made. */
function add(
  { tensor, sizes: [read, made], isTurned, factor }: ProductWeight,
  factors: Adapter["factors"],
  scale: number,
): void {
  const [a, b] = factors.map(floatsOf);
  const numbers = Float64Array.from(floatsOf(tensor));
  const rank = a.length / read;
  const row = new Float64Array(read);
  for (let i = 0; i < made; i++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const own = b[i * rank + r] * scale / factor;
      for (let j = 0; j < read; j++) row[j] += own * a[r * read + j];
    }
    for (let j = 0; j < read; j++) numbers[isTurned ? i * read + j : j * made + i] += row[j];
  }
  putFloats(tensor, numbers);
}

function isCall({ domain, opType }: NodeProto): boolean {
  return domain === FUNCTIONS && Object.values(NAMES).includes(opType);
}

function isOwn({ domain }: FunctionProto): boolean {
  return domain === FUNCTIONS;
}
