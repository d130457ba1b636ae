/** What is in an ONNX model of any maker, without its numbers. */
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { GradusError } from "../../dsl/errors.ts";

/** A named array of a model: its element type and its sizes, an open one by its name or `?`. */
export interface OutlineValue {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** A model in outline. */
export interface Outline {
  readonly producer: string;
  readonly doc: string;
  /** Versions of operators, by domain. */
  readonly opsets: readonly (readonly [domain: string, version: number])[];
  /** Inputs that a run must be given; initializers are not among them. */
  readonly inputs: readonly OutlineValue[];
  readonly outputs: readonly OutlineValue[];
  readonly initializers: readonly OutlineValue[];
  /** How many nodes of each operator the graph has, the most frequent first. */
  readonly operators: readonly (readonly [operator: string, count: number])[];
  /** The functions that the model brings along, and how many nodes each has. */
  readonly functions: readonly (readonly [name: string, nodes: number])[];
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads a model in outline.
 *
 * @throws {GradusError} if the bytes are no ONNX model with a graph.
 */
export function outlineOf(bytes: Uint8Array): Outline {
  const model = modelOf(bytes);
  const { graph } = model;
  if (graph === undefined) refuse("it has no graph");
  const counts = new Map<string, number>();
  for (const { domain, opType } of graph.node) {
    const name = domain === "" ? opType : `${domain}.${opType}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const given = new Set(graph.initializer.map(({ name }) => name));
  return {
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(" "),
    doc: graph.docString || model.docString,
    opsets: model.opsetImport.map(({ domain, version }) => [domain || "ai.onnx", Number(version)]),
    inputs: graph.input.map(valueOf).filter(({ name }) => !given.has(name)),
    outputs: graph.output.map(valueOf),
    initializers: graph.initializer.map(({ name, dataType, dims }) => ({
      name,
      type: typeName(dataType),
      shape: dims.map(Number),
    })),
    operators: [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)),
    functions: model.functions.map(({ name, node }) => [name, node.length]),
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
  };
}

function modelOf(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    return refuse((error as Error).message.slice(0, 200));
  }
}

function refuse(reason: string): never {
  throw new GradusError(`Cannot read an ONNX model: the bytes must be one: ${reason}`);
}

function valueOf(
  { name, type }: NonNullable<ModelProto["graph"]>["input"][number],
): OutlineValue {
  const { case: kind, value } = type?.value ?? {};
  if (kind !== "tensorType") return { name, type: kind?.replace("Type", "") ?? "any", shape: [] };
  const shape = (value?.shape?.dim ?? []).map(({ value }) =>
    value.case === "dimValue" ? Number(value.value) : value.case === "dimParam" ? value.value : "?"
  );
  return { name, type: typeName(value?.elemType ?? 0), shape };
}

function typeName(type: number): string {
  const name = DataType[type]?.toLowerCase() ?? `type ${type}`;
  return name === "float" ? "float32" : name === "double" ? "float64" : name;
}
