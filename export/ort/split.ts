/**
 * What changes once a step, taken out of a graph and computed here: it is formed in float64, which the
 * builds of ONNX Runtime for WebGPU do not have. What remains is given its results, rounded once.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType as DataType,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { namesUsed } from "./cut.ts";
import { elementOps } from "../../dsl/ops.ts";

/** A number of a graph and how it holds it. */
export interface HostNumber {
  readonly value: number;
  readonly type: DataType;
}

/** A graph in two parts. */
export interface Split {
  /** The model that remains. */
  readonly bytes: Uint8Array;
  /** What that takes besides trees, and what the whole made without it, from the numbers the whole took. */
  numbersOf(given: ReadonlyMap<string, number>): {
    readonly given: ReadonlyMap<string, HostNumber>;
    readonly made: ReadonlyMap<string, number>;
  };
}

interface HostNode {
  readonly output: string;
  readonly type: DataType;
  compute(values: ReadonlyMap<string, number>): number;
}

const ROUND: ReadonlyMap<DataType, (value: number) => number> = new Map([
  [DataType.FLOAT, Math.fround],
  [DataType.DOUBLE, (value) => value],
  [DataType.INT64, Math.trunc],
  [DataType.BOOL, (value) => Number(value !== 0)],
]);

const NEXT = "next/";
const ROWS = new Map(Object.values(elementOps).flatMap((row) => row.onnx ? [[row.onnx, row]] : []));

/** Splits a model; `isTree` tells the inputs and outputs that are leaves of trees from numbers. */
export function split(bytes: Uint8Array, isTree: (name: string) => boolean, doing: string): Split {
  const isLeaf = (name: string) => isTree(name.startsWith(NEXT) ? name.slice(NEXT.length) : name);
  const model = fromBinary(ModelProtoSchema, bytes);
  const graph = model.graph!;
  const types = new Map<string, DataType>();
  const constants = new Map<string, number>();
  for (const { name, type } of graph.input) {
    if (!isTree(name) && type?.value.case === "tensorType") {
      types.set(name, type.value.value.elemType);
    }
  }
  for (const tensor of graph.initializer) {
    const value = numberOf(tensor);
    if (value === undefined) continue;
    types.set(tensor.name, tensor.dataType);
    constants.set(tensor.name, value);
  }
  // What a leaf becomes is a result of what remains, even where it is the same for every element.
  const results = new Set(graph.output.flatMap(({ name }) => isLeaf(name) ? [name] : []));
  const host: HostNode[] = [];
  const kept: NodeProto[] = [];
  for (const node of graph.node) {
    const taken = node.output.some((name) => results.has(name)) ? undefined : hostNode(node, types);
    if (taken === undefined) kept.push(node);
    else {
      host.push(taken);
      types.set(taken.output, taken.type);
    }
  }
  const used = new Set(kept.flatMap(namesUsed));
  const crossing = [...types].filter(([name]) => used.has(name) && !constants.has(name));
  graph.node = kept;
  const made = graph.output.flatMap(({ name }) => types.has(name) ? [name] : []);
  graph.output = graph.output.filter(({ name }) => !types.has(name));
  graph.initializer = graph.initializer.filter(({ name }) => used.has(name));
  graph.input = [
    ...graph.input.filter(({ name }) => isTree(name)),
    ...crossing.map(([name, type]) => scalarInput(name, type)),
  ];
  graph.valueInfo = graph.valueInfo.filter(({ name }) => !types.has(name));
  requireNoFloat64(model, doing);
  return {
    bytes: toBinary(ModelProtoSchema, model),
    numbersOf(given) {
      const values = new Map([...constants, ...given]);
      for (const { output, compute } of host) values.set(output, compute(values));
      return {
        given: new Map(crossing.map(([name, type]) => [name, { value: values.get(name)!, type }])),
        made: new Map(made.map((name) => [name, values.get(name)!])),
      };
    },
  };
}

/** `node` as something to compute here, if all that it takes is known here. */
function hostNode(node: NodeProto, types: ReadonlyMap<string, DataType>): HostNode | undefined {
  const { opType, domain, input, output: [output], attribute } = node;
  const taken = input.map((name) => types.get(name));
  if (domain !== "" || taken.length === 0 || taken.includes(undefined)) return undefined;
  if (opType === "Cast" || opType === "Identity") {
    const to = opType === "Identity"
      ? taken[0]!
      : Number(attribute.find((a) => a.name === "to")!.i);
    const round = ROUND.get(to);
    if (round === undefined) return undefined;
    return { output, type: to, compute: (values) => round(values.get(input[0])!) };
  }
  const row = ROWS.get(opType);
  if (row === undefined || row.takes.length !== input.length) return undefined;
  const type = row.gives === "truth" ? DataType.BOOL : taken[row.takes.indexOf("number")]!;
  const round = ROUND.get(type);
  if (round === undefined) return undefined;
  return {
    output,
    type,
    compute: (values) => round(row.eval(...input.map((name) => values.get(name)!))),
  };
}

/** The number of a constant that is one. */
function numberOf({ dims, dataType, rawData }: TensorProto): number | undefined {
  if (dims.length > 0) return undefined;
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (dataType === DataType.FLOAT && rawData.length === 4) return view.getFloat32(0, true);
  if (dataType === DataType.DOUBLE && rawData.length === 8) return view.getFloat64(0, true);
  if (dataType === DataType.INT64 && rawData.length === 8) return Number(view.getBigInt64(0, true));
  return dataType === DataType.BOOL && rawData.length === 1 ? view.getUint8(0) : undefined;
}

function scalarInput(name: string, elemType: DataType): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType, shape: { dim: [] } } } },
  });
}

/** Refuses what neither part can compute. */
function requireNoFloat64({ graph, functions }: ModelProto, doing: string): void {
  const { input, initializer, node } = graph!;
  const nodes = [...node, ...functions.flatMap((each) => each.node)];
  const wide = [
    ...input.flatMap(({ name, type }) =>
      type?.value.case === "tensorType" && type.value.value.elemType === DataType.DOUBLE
        ? [name]
        : []
    ),
    ...initializer.flatMap(({ name, dataType }) => dataType === DataType.DOUBLE ? [name] : []),
    ...nodes.flatMap(({ opType, output, attribute }) =>
      attribute.some(({ i, t }) =>
          opType === "Cast" && Number(i) === DataType.DOUBLE || t?.dataType === DataType.DOUBLE
        )
        ? output
        : []
    ),
  ];
  if (wide.length === 0) return;
  throw new GradusError(
    `${doing}: \`executionProvider\` "webgpu" has no float64: given a graph whose ${
      quoted(wide[0])
    } ` +
      `is float64; export it with \`precision: "float32"\``,
  );
}
