/** Cuts from a graph what some of its values need. */
import { create } from "@bufbuild/protobuf";
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { FUNCTIONS } from "../onnx/proto.ts";

/** The nodes that `wanted` needs where what is `given` is at hand. */
export function nodesFor(
  nodes: readonly NodeProto[],
  wanted: readonly string[],
  given: ReadonlySet<string>,
): NodeProto[] {
  const names = new Set(wanted);
  return nodes.toReversed().filter((node) => {
    const isNeeded = node.output.some((name) => names.has(name));
    if (isNeeded) { for (const name of namesUsed(node)) if (!given.has(name)) names.add(name); }
    return isNeeded;
  }).reverse();
}

/** The names that a node uses, those that graphs inside it use from outside included. */
export function namesUsed({ input, attribute }: NodeProto): string[] {
  const inner = attribute.flatMap(({ g, graphs }) => g === undefined ? graphs : [g, ...graphs]);
  return [
    ...input,
    ...inner.flatMap(({ node, output }) => [
      ...node.flatMap(namesUsed),
      ...output.map(({ name }) => name),
    ]),
  ];
}

/**
 * What of a model its values `outputs` need. What is `held` are inputs of it, be they initializers of the
 * model or inputs with a value of their own; other initializers are no inputs.
 */
export function cutModel(
  model: ModelProto,
  outputs: readonly ValueInfoProto[],
  held: ReadonlySet<string>,
): ModelProto & { graph: GraphProto } {
  const graph = model.graph!;
  const wanted = outputs.map(({ name }) => name);
  const node = nodesFor(graph.node, wanted, new Set());
  const used = new Set([...wanted, ...node.flatMap(namesUsed)]);
  const own = graph.initializer.filter(({ name }) => used.has(name));
  const initializer = own.filter(({ name }) => !held.has(name));
  const constants = new Set(initializer.map(({ name }) => name));
  const input = graph.input.filter(({ name }) => used.has(name) && !constants.has(name));
  const given = new Set(input.map(({ name }) => name));
  const added = own.filter(({ name }) => held.has(name) && !given.has(name)).map(inputLike);
  const functions = functionsFor(node, model.functions);
  return {
    ...model,
    functions,
    opsetImport: model.opsetImport.filter(({ domain }) =>
      domain !== FUNCTIONS || functions.length > 0
    ),
    metadataProps: [],
    graph: {
      ...graph,
      node,
      initializer,
      input: [...input, ...added],
      output: [...outputs],
      valueInfo: graph.valueInfo.filter(({ name }) => used.has(name)),
    },
  };
}

/** An input that takes what an initializer is. */
function inputLike({ name, dims, dataType }: TensorProto): ValueInfoProto {
  const dim = dims.map((value) => ({ value: { case: "dimValue" as const, value } }));
  const value = { elemType: dataType, shape: { dim } };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value } },
  });
}

/** The functions that nodes call, and those that these call. */
function functionsFor(
  nodes: readonly NodeProto[],
  functions: ModelProto["functions"],
): ModelProto["functions"] {
  const found = new Set<ModelProto["functions"][number]>();
  const visit = ({ domain, opType, attribute }: NodeProto): void => {
    const own = functions.find((each) => each.name === opType && each.domain === domain);
    if (own !== undefined && !found.has(own)) {
      found.add(own);
      own.node.forEach(visit);
    }
    for (const { g, graphs } of attribute) {
      for (const { node } of g === undefined ? graphs : [g, ...graphs]) node.forEach(visit);
    }
  };
  nodes.forEach(visit);
  return functions.filter((each) => found.has(each));
}
