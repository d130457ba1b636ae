/** The parameters of a model as pieces of one vector, and their gradients as another. */
import { create } from "@bufbuild/protobuf";
import { type ModelProto, type NodeProto, NodeProtoSchema, TensorProtoSchema } from "onnx-buf";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import { Names } from "./names.ts";
import { listOf, node, type NodeInit } from "./proto.ts";

type Graph = NonNullable<ModelProto["graph"]>;

/** A parameter, and the value that is its gradient. */
export interface Piece {
  readonly name: string;
  readonly shape: readonly number[];
  readonly gradient: string;
}

/**
 * Makes of the `pieces` of a graph, in turn, what is cut from the value `vector`, and of their gradients one
 * `gradient`. Parameters whose names are `taken` by other values get new ones.
 */
export function asVector(
  graph: Graph,
  pieces: readonly Piece[],
  { vector, gradient, taken }: {
    readonly vector: string;
    readonly gradient: string;
    readonly taken: ReadonlySet<string>;
  },
): void {
  const names = new Names();
  for (const each of [...taken, ...valuesOf(graph)]) names.take(each);
  const lists = new Map<string, string>();
  const list = (values: readonly number[]): string => {
    const text = `[${values.join(", ")}]`;
    if (!lists.has(text)) {
      lists.set(text, names.fresh(text));
      graph.initializer.push(create(TensorProtoSchema, listOf(lists.get(text)!, values)));
    }
    return lists.get(text)!;
  };
  const given = new Set(pieces.map(({ name }) => name));
  graph.initializer = graph.initializer.filter(({ name }) => !given.has(name));
  graph.input = graph.input.filter(({ name }) => !given.has(name));
  const renamed = new Map(
    pieces.flatMap(({ name }) => taken.has(name) ? [[name, names.fresh(`piece/${name}`)]] : []),
  );
  for (const each of graph.node) rename(each, renamed);
  const before: NodeInit[] = [];
  const after: NodeInit[] = [];
  let from = 0;
  const rows = pieces.map(({ name, shape, gradient: own }) => {
    const [start, end] = [from, from += sizeOf(shape)];
    const cut = names.fresh(`cut/${name}`);
    before.push(
      node("Slice", [vector, list([start]), list([end])], cut),
      node("Reshape", [cut, list(shape)], renamed.get(name) ?? name),
    );
    const row = names.fresh(`row/${own}`);
    after.push(node("Reshape", [own, list([-1])], row));
    return row;
  });
  after.push(node("Concat", rows, gradient, { axis: 0 }));
  const made = (nodes: readonly NodeInit[]) => nodes.map((each) => create(NodeProtoSchema, each));
  graph.node = [...made(before), ...graph.node, ...made(after)];
}

function valuesOf(graph: Graph): string[] {
  const own = [...graph.input, ...graph.output, ...graph.initializer].map(({ name }) => name);
  return [...own, ...graph.node.flatMap(({ input, output }) => [...input, ...output])];
}

/** Gives what a node reads, and graphs inside it do, its new name. */
function rename({ input, attribute }: NodeProto, renamed: ReadonlyMap<string, string>): void {
  input.forEach((name, i) => input[i] = renamed.get(name) ?? name);
  for (const { g, graphs } of attribute) {
    for (const inner of g === undefined ? graphs : [g, ...graphs]) {
      for (const each of inner.node) rename(each, renamed);
    }
  }
}
