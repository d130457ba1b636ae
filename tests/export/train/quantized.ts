/** The small network of PyTorch with weights of fewer bits, and with what those stand for in float32. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { modelNamed } from "./driver.ts";

/** How weights are kept. */
export type Kept =
  | "float16"
  | "int8 per tensor"
  | "uint8 per row"
  | "4 bits"
  | "4 bits with zero points"
  | "8 bits"
  | "8 bits with zero points";

/** All ways. */
export const KEPT: readonly Kept[] = [
  ...["float16", "int8 per tensor", "uint8 per row", "4 bits"] as const,
  ...["4 bits with zero points", "8 bits", "8 bits with zero points"] as const,
];

const BLOCK = 16;

/** The network with weights kept so, and the same in float32. */
export function keptModel(how: Kept): [kept: Uint8Array, plain: Uint8Array] {
  const [kept, plain] = [0, 1].map(() => fromBinary(ModelProtoSchema, modelNamed("mlp.tsplain")));
  const values = new Map(plain.graph!.initializer.map((tensor) => [tensor.name, tensor]));
  for (const tensor of kept.graph!.initializer.filter(({ dims }) => dims.length === 2)) {
    const [{ name }, shape] = [tensor, tensor.dims.map(Number)];
    const weights = new Float32Array(tensor.rawData.slice().buffer);
    const standsFor = how.includes("bits")
      ? packed(kept, name, weights, shape, how)
      : shortened(kept, name, weights, shape, how);
    values.get(name)!.rawData = new Uint8Array(Float32Array.from(standsFor).buffer);
  }
  return [toBinary(ModelProtoSchema, kept), toBinary(ModelProtoSchema, plain)];
}

/** Whole numbers from `least` to `most` in the place of numbers, with a scale and what stands for 0. */
function whole(numbers: ArrayLike<number>, least: number, most: number, hasZero: boolean) {
  const all = Array.from(numbers);
  const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
  const middle = (least + most + 1) / 2;
  const scale = Math.fround(
    hasZero ? (high - low) / (most - least) : Math.max(high, -low) / (most - middle),
  );
  const zero = hasZero ? Math.round(least - low / scale) : middle;
  const near = (value: number) => Math.min(most, Math.max(least, Math.round(value / scale) + zero));
  const numbersOf = all.map(near);
  return { scale, zero, whole: numbersOf, values: numbersOf.map((each) => (each - zero) * scale) };
}

/** By `Cast` of float16, or `DequantizeLinear`. */
function shortened(
  model: ModelProto,
  name: string,
  weights: Float32Array,
  [rows, columns]: readonly number[],
  how: Kept,
): ArrayLike<number> {
  const graph = model.graph!;
  const tensor = graph.initializer.find((each) => each.name === name)!;
  if (how === "float16") {
    const half = Float16Array.from(weights);
    [tensor.rawData, tensor.dataType] = [new Uint8Array(half.buffer), DataType.FLOAT16];
    read(model, name, "Cast", [name], { to: DataType.FLOAT });
    return half;
  }
  const isSigned = how === "int8 per tensor";
  const parts = isSigned ? [whole(weights, -128, 127, false)] : Array.from(
    { length: rows },
    (_, i) => whole(weights.subarray(i * columns, (i + 1) * columns), 0, 255, true),
  );
  tensor.name = `${name}_quantized`;
  tensor.dataType = isSigned ? DataType.INT8 : DataType.UINT8;
  tensor.rawData = Uint8Array.from(parts.flatMap((each) => each.whole));
  const dims = isSigned ? [] : [BigInt(rows)];
  const scales = Float32Array.from(parts, ({ scale }) => scale);
  add(model, `${name}_scale`, DataType.FLOAT, dims, new Uint8Array(scales.buffer));
  const zeros = Uint8Array.from(parts, ({ zero }) => zero);
  add(model, `${name}_zero_point`, tensor.dataType, dims, zeros);
  const inputs = [tensor.name, `${name}_scale`, `${name}_zero_point`];
  read(model, name, "DequantizeLinear", inputs, { axis: 0 });
  return parts.flatMap(({ values }) => values);
}

/** By `MatMulNBits`: blocks of a row, each with a scale, the last of them filled up. */
function packed(
  model: ModelProto,
  name: string,
  weights: Float32Array,
  [rows, columns]: readonly number[],
  how: Kept,
): ArrayLike<number> {
  const bits = Number(how[0]);
  const hasZeros = how.endsWith("zero points");
  const blocks = Math.ceil(columns / BLOCK);
  const parts = Array.from({ length: rows * blocks }, (_, i) => {
    const [row, block] = [Math.floor(i / blocks), i % blocks];
    const from = row * columns;
    const part = weights.subarray(
      from + block * BLOCK,
      from + Math.min((block + 1) * BLOCK, columns),
    );
    return whole(part, 0, 2 ** bits - 1, hasZeros);
  });
  const bytesOf = (numbers: readonly number[]) =>
    bits === 8
      ? numbers
      : numbers.flatMap((low, i) => i % 2 === 0 ? [low + 16 * (numbers[i + 1] ?? 0)] : []);
  const filled = (numbers: readonly number[]) => [
    ...numbers,
    ...Array(BLOCK - numbers.length).fill(0),
  ];
  const bytes = parts.flatMap((each) => bytesOf(filled(each.whole)));
  const [graph, own] = [model.graph!, `${name}_Q${bits}`];
  graph.initializer = graph.initializer.filter((each) => each.name !== name);
  const size = BigInt(BLOCK * bits / 8);
  const dims = [BigInt(rows), BigInt(blocks), size];
  add(model, own, DataType.UINT8, dims, Uint8Array.from(bytes));
  const scales = Float32Array.from(parts, ({ scale }) => scale);
  const count = [BigInt(rows * blocks)];
  add(model, `${own}_scales`, DataType.FLOAT, count, new Uint8Array(scales.buffer));
  const node = graph.node.find(({ input }) => input.includes(name))!;
  const [x, , bias] = node.input;
  node.opType = "MatMulNBits";
  node.domain = "com.microsoft";
  node.input = [x, own, `${own}_scales`];
  if (hasZeros) {
    const zeros = Array.from(
      { length: rows },
      (_, i) => bytesOf(parts.slice(i * blocks, (i + 1) * blocks).map(({ zero }) => zero)),
    ).flat();
    add(model, `${own}_zeros`, DataType.UINT8, [BigInt(zeros.length)], Uint8Array.from(zeros));
    node.input.push(`${own}_zeros`);
  }
  const numbers = { N: rows, K: columns, bits, block_size: BLOCK };
  node.attribute = attributesOf(numbers);
  const [output] = node.output;
  node.output = [`${output}/product`];
  const sum = create(NodeProtoSchema, {
    opType: "Add",
    name: `${node.name}/bias`,
    input: [node.output[0], bias],
    output: [output],
  });
  graph.node.splice(graph.node.indexOf(node) + 1, 0, sum);
  const isKnown = model.opsetImport.some(({ domain }) => domain === "com.microsoft");
  if (!isKnown) {
    model.opsetImport.push({ ...model.opsetImport[0], domain: "com.microsoft", version: 1n });
  }
  return parts.flatMap(({ values }) => values);
}

function attributesOf(numbers: Readonly<Record<string, number>>) {
  const { attribute } = create(NodeProtoSchema, {
    attribute: Object.entries(numbers).map(([name, value]) => ({
      name,
      type: AttributeType.INT,
      i: BigInt(value),
    })),
  });
  return attribute;
}

/** Has what reads `name` read what an operator makes of `inputs` instead. */
function read(
  { graph }: ModelProto,
  name: string,
  opType: string,
  inputs: readonly string[],
  numbers: Readonly<Record<string, number>>,
): void {
  const output = `${name}/float`;
  for (const each of graph!.node) {
    each.input = each.input.map((own) => own === name ? output : own);
  }
  graph!.node.unshift(create(NodeProtoSchema, {
    opType,
    name: output,
    input: [...inputs],
    output: [output],
    attribute: attributesOf(numbers),
  }));
}

function add(
  { graph }: ModelProto,
  name: string,
  dataType: DataType,
  dims: readonly bigint[],
  rawData: Uint8Array<ArrayBuffer>,
): void {
  graph!.initializer.push(create(TensorProtoSchema, { name, dataType, dims: [...dims], rawData }));
}
