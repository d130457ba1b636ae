/** The pieces of an ONNX model, written and read with protocol buffers. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  type AttributeProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType as DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";
import { changedParts, seal } from "./digest.ts";

/** The element types that exported graphs use. */
export type ElementType = "float32" | "float64" | "float16" | "int64" | "int32" | "uint8" | "bool";

/** The domain of the functions that a model brings along. */
export const FUNCTIONS = "gradus";

/** A node; made by {@linkcode node}. */
export type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
/** A function of a model. */
export interface FunctionInit {
  readonly name: string;
  readonly input: string[];
  readonly output: string[];
  readonly node: NodeInit[];
  readonly docString: string;
}
/** A constant; made by {@linkcode scalarOf}. */
export type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
/** An input or output; made by {@linkcode valueInfo}. */
export type ValueInit = MessageInitShape<typeof ValueInfoProtoSchema>;

const DATA_TYPES: Readonly<Record<ElementType, DataType>> = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  int64: DataType.INT64,
  int32: DataType.INT32,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
};

/** An attribute of a node: a whole number or several. */
export function attribute(
  name: string,
  value: number | readonly number[],
): MessageInitShape<typeof AttributeProtoSchema> {
  return typeof value === "number"
    ? { name, type: AttributeType.INT, i: BigInt(value) }
    : { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

/** An operator of the default domain with one output. */
export function node(
  opType: string,
  input: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): NodeInit {
  const all = Object.entries(attributes).map(([name, value]) => attribute(name, value));
  return { opType, input: [...input], output: [output], name: output, attribute: all };
}

/** A call of a function. */
export function call(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  name: string,
): NodeInit {
  return { opType, domain: FUNCTIONS, input: [...input], output: [...output], name };
}

/** A conversion to another element type. */
export function cast(input: string, output: string, to: ElementType): NodeInit {
  return node("Cast", [input], output, { to: DATA_TYPES[to] });
}

/** The name, type and shape of an input or output; a size that is text is open. */
export function valueInfo(
  name: string,
  type: ElementType,
  shape: readonly (number | string)[],
): ValueInit {
  const dim = shape.map((size) => ({
    value: typeof size === "number"
      ? { case: "dimValue" as const, value: BigInt(size) }
      : { case: "dimParam" as const, value: size },
  }));
  const value = { elemType: DATA_TYPES[type], shape: { dim } };
  return { name, type: { value: { case: "tensorType", value } } };
}

/** A constant list of whole numbers. */
export function listOf(name: string, values: readonly number[]): TensorInit {
  const data = BigInt64Array.from(values, BigInt);
  const rawData = new Uint8Array(data.buffer);
  return { name, dataType: DATA_TYPES.int64, dims: [BigInt(values.length)], rawData };
}

/** A constant list of float32 numbers. */
export function tableOf(name: string, values: Float32Array): TensorInit {
  const rawData = new Uint8Array(values.slice().buffer);
  return { name, dataType: DataType.FLOAT, dims: [BigInt(values.length)], rawData };
}

/** A constant scalar. */
export function scalarOf(name: string, type: ElementType, value: number): TensorInit {
  const data = type === "float64"
    ? Float64Array.of(value)
    : type === "int64"
    ? BigInt64Array.of(BigInt(value))
    : type === "int32"
    ? Int32Array.of(value)
    : type === "bool" || type === "uint8"
    ? Uint8Array.of(value)
    : Float32Array.of(value);
  return { name, dataType: DATA_TYPES[type], dims: [], rawData: new Uint8Array(data.buffer) };
}

/** The parts of a model. */
export interface ModelParts {
  readonly name: string;
  readonly doc: string;
  readonly inputs: readonly ValueInit[];
  readonly outputs: readonly ValueInit[];
  readonly constants: readonly TensorInit[];
  readonly nodes: readonly NodeInit[];
  readonly functions: readonly FunctionInit[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes a model. */
export function writeModel(parts: ModelParts, opset: number): Uint8Array<ArrayBuffer> {
  const model = create(ModelProtoSchema, {
    irVersion: 10n,
    producerName: "gradus",
    docString: parts.doc,
    opsetImport: [
      { domain: "", version: BigInt(opset) },
      ...(parts.functions.length === 0 ? [] : [{ domain: FUNCTIONS, version: 1n }]),
    ],
    functions: parts.functions.map((each) => ({
      ...each,
      domain: FUNCTIONS,
      opsetImport: [{ domain: "", version: BigInt(opset) }],
    })),
    metadataProps: Object.entries(parts.metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: parts.name,
      docString: parts.doc,
      input: [...parts.inputs],
      output: [...parts.outputs],
      initializer: [...parts.constants],
      node: [...parts.nodes],
    },
  });
  seal(model);
  return toBinary(ModelProtoSchema, model);
}

/** An input or output of a model that was read. */
export interface ReadValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
}

/** What a reader of a model needs of it. */
export interface ReadModel {
  /** How many nodes its graph has. */
  readonly nodes: number;
  readonly inputs: readonly ReadValue[];
  readonly outputs: readonly ReadValue[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The parts that are not what the metadata say. */
  changed(): string[];
}

/**
 * Reads a model; throws what the protobuf reader throws if the bytes are none, and an error if they end
 * before a function that the graph calls.
 */
export function readModel(bytes: Uint8Array): ReadModel {
  const model = fromBinary(ModelProtoSchema, bytes);
  const functions = new Set(model.functions.map(({ name }) => name));
  for (const { domain, opType } of model.graph?.node ?? []) {
    if (domain !== FUNCTIONS || functions.has(opType)) continue;
    throw new Error(`it lacks the function "${opType.slice(0, 64)}" that its graph calls`);
  }
  return {
    nodes: model.graph?.node.length ?? 0,
    inputs: (model.graph?.input ?? []).map(readValue),
    outputs: (model.graph?.output ?? []).map(readValue),
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    changed: () => changedParts(model),
  };
}

type ValueProto = NonNullable<ModelProto["graph"]>["input"][number];

function readValue({ name, type }: ValueProto): ReadValue {
  const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
  const found = Object.entries(DATA_TYPES).find(([, value]) => value === tensor?.elemType);
  const shape = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === "dimValue" ? Number(value.value) : NaN
  );
  return { name, type: (found?.[0] ?? "float32") as ElementType, shape };
}
