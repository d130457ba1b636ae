/** A branch of an If whose condition is known: its nodes, with names that no others have. */
import { clone } from "@bufbuild/protobuf";
import {
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { nameOf } from "./read.ts";

/** What stands in the place of an If. */
export interface Branch {
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly said: readonly ValueInfoProto[];
  /** The names of what it gives. */
  readonly outputs: readonly string[];
}

/** The branch that is taken, or undefined if it is not there. */
export function branchOf(node: NodeProto, isTrue: boolean): Branch | undefined {
  const name = isTrue ? "then_branch" : "else_branch";
  const graph = node.attribute.find((each) => each.name === name)?.g;
  if (graph === undefined) return undefined;
  const made = new Set([
    ...graph.initializer.map((each) => each.name),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const own = (name: string) => name !== "" && made.has(name) ? `${nameOf(node)}/${name}` : name;
  const named = <T extends { name: string }>(value: T): T =>
    Object.assign(value, { name: own(value.name) });
  return {
    node: graph.node.map((each) => renamed(clone(NodeProtoSchema, each), own)),
    initializer: graph.initializer.map((each) => named(clone(TensorProtoSchema, each))),
    said: [...graph.valueInfo, ...graph.output].map((each) =>
      named(clone(ValueInfoProtoSchema, each))
    ),
    outputs: graph.output.map((each) => own(each.name)),
  };
}

/** A node, and those of graphs inside it, of values that are called otherwise. */
function renamed(node: NodeProto, own: (name: string) => string): NodeProto {
  node.input = node.input.map(own);
  node.output = node.output.map(own);
  for (const { g, graphs } of node.attribute) {
    for (const graph of g === undefined ? graphs : [g]) {
      for (const each of graph.node) renamed(each, own);
      for (const each of graph.output) each.name = own(each.name);
    }
  }
  return node;
}
