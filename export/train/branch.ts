/** What a graph inside a node comes to where it is written out: its nodes, with names that no others have. */
import { clone } from "@bufbuild/protobuf";
import {
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type GraphProto, nameOf } from "./read.ts";

/** What stands in the place of a graph inside. */
export interface Branch {
  /** The names of what it is given, */
  readonly inputs: readonly string[];
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly said: readonly ValueInfoProto[];
  /** and of what it gives. */
  readonly outputs: readonly string[];
}

/** The branch of an If that is taken, or undefined if it is not there. */
export function branchOf(node: NodeProto, isTrue: boolean): Branch | undefined {
  const name = isTrue ? "then_branch" : "else_branch";
  const graph = node.attribute.find((each) => each.name === name)?.g;
  return graph && copied(graph, nameOf(node));
}

/** A graph with names that begin with `scope` for all that it makes. */
export function copied(graph: GraphProto, scope: string): Branch {
  const made = new Set([
    ...graph.input.map((each) => each.name),
    ...graph.initializer.map((each) => each.name),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const own = (name: string) => name !== "" && made.has(name) ? `${scope}/${name}` : name;
  const named = <T extends { name: string }>(value: T): T =>
    Object.assign(value, { name: own(value.name) });
  return {
    inputs: graph.input.map((each) => own(each.name)),
    node: graph.node.map((each) => {
      const node = renamed(clone(NodeProtoSchema, each), own);
      if (node.name !== "") node.name = `${scope}/${node.name}`;
      return node;
    }),
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
