/** What is left of a graph when all is written: what its outputs need, with constants for what is known. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";
import { infoOf } from "./proto.ts";
import { tensorOf } from "./tensor.ts";
import { DataType, isFloat, numbersOf, type Value } from "./value.ts";

/** A graph as it is written into a file. */
export type FinishedGraph = MessageInitShape<typeof GraphProtoSchema>;

/** Outputs by their names. */
export type Outputs = readonly (readonly [name: string, value: Value])[];

/** What a graph consists of. */
export interface Parts {
  readonly nodes: readonly {
    readonly inputs: readonly (Value | undefined)[];
    readonly outputs: readonly Value[];
    readonly captured: readonly Value[];
    readonly proto: NodeProto;
  }[];
  readonly tensors: ReadonlyMap<string, TensorProto>;
  readonly inputs: readonly ValueInfoProto[];
  readonly carried: readonly (readonly [value: Value, next: Value])[];
  /** Whether nothing in the file that was read knows of a name. */
  isWritten(name: string): boolean;
}

/** The graph as far as `outputs` need it; `kept` are initializers that stay whether they are read or not. */
export function finished(
  { nodes: all, tensors, inputs, carried, isWritten }: Parts,
  name: string,
  outputs: Outputs,
  kept: Iterable<string>,
): FinishedGraph {
  const needed = new Set<string>([...kept, ...carried.map(([value]) => value.name)]);
  const roots = [...outputs.map(([, value]) => value), ...carried.map(([, next]) => next)];
  for (const value of roots) needed.add(value.name);
  const nodes: NodeProto[] = [];
  const constants: TensorProto[] = [];
  const open: Value[] = [];
  for (const node of all.toReversed()) {
    const isNeeded = node.outputs.some((value) => needed.has(value.name));
    if (!isNeeded) continue;
    const [only] = node.outputs;
    // Arithmetic of floats is rounded by whoever runs the graph; a constant in another type is what it is.
    const isFixed = !isFloat(only.type) || node.proto.opType === "Cast";
    const numbers = node.outputs.length === 1 && isFixed ? numbersOf(only.known) : undefined;
    // The largest of int64, as slices end at, are no JavaScript numbers.
    const isExact = isFloat(only.type) || (numbers?.every(Number.isSafeInteger) ?? false);
    if (numbers !== undefined && isExact && only.type !== DataType.UNDEFINED) {
      const sizes = numbersOf(only.shape) ?? [numbers.length];
      constants.push(tensorOf(only.name, numbers, only.type, sizes));
      continue;
    }
    nodes.push(node.proto);
    open.push(...node.outputs.filter(isOpen));
    for (const value of [...node.inputs, ...node.captured]) {
      if (value !== undefined) needed.add(value.name);
    }
    node.proto.input = node.inputs.map((value) => value?.name ?? "");
  }
  nodes.reverse();
  const renamed = new Map<string, string>();
  for (const [name, value] of outputs) {
    if (name === value.name) continue;
    const isFree = isWritten(value.name) && !renamed.has(value.name);
    if (isFree) renamed.set(value.name, name);
    else {
      const input = [value.name];
      nodes.push(create(NodeProtoSchema, { opType: "Identity", name, input, output: [name] }));
    }
  }
  const own = (name: string) => renamed.get(name) ?? name;
  for (const node of nodes) {
    node.input = node.input.map(own);
    node.output = node.output.map(own);
  }
  for (const tensor of constants) tensor.name = own(tensor.name);
  const isOutput = new Set(outputs.map(([name]) => name));
  return {
    name,
    input: [...inputs, ...carried.map(([value]) => infoOf(value))],
    output: outputs.map(([name, { type, shape }]) => infoOf({ name, type, shape })),
    initializer: [
      ...[...tensors.values()].filter(({ name }) => needed.has(name)),
      ...constants,
    ],
    node: nodes,
    valueInfo: open.map((value) => infoOf({ ...value, name: own(value.name) }))
      .filter((value) => !isOutput.has(value.name)),
  };
}

/**
 * Whether the names of sizes are all that is known of a shape. ONNX Runtime cannot follow them everywhere, and
 * plans memory in a time that grows with the square of how many shapes it does not know.
 */
function isOpen({ name, type, shape }: Value): boolean {
  return name !== "" && type !== DataType.UNDEFINED && shape !== undefined &&
    numbersOf(shape) === undefined && shape.every((size) => !String(size).includes("?"));
}
