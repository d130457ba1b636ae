/** Writes the functions that a model brings along out where they are called. */
import { clone } from "@bufbuild/protobuf";
import { type ModelProto, type NodeProto, NodeProtoSchema } from "onnx-buf";
import { GradusError, quoted } from "../../dsl/errors.ts";

const MOST_NODES = 200_000;
const DEEPEST = 100;

/** The nodes of a model without calls of its functions. */
export function inlined({ graph, functions }: ModelProto, doing: string): NodeProto[] {
  if (functions.length === 0) return graph!.node;
  const known = new Map(functions.map((each) => [`${each.domain}:${each.name}`, each]));
  const done: NodeProto[] = [];
  let calls = 0;
  const visit = (node: NodeProto, depth: number) => {
    const called = known.get(`${node.domain}:${node.opType}`);
    if (called === undefined) {
      done.push(node);
      if (done.length <= MOST_NODES) return;
      throw new GradusError(`${doing}: its functions must come to at most ${MOST_NODES} nodes`);
    }
    if (depth > DEEPEST) {
      throw new GradusError(
        `${doing}: its functions must not call themselves: given ${quoted(called.name)}`,
      );
    }
    const prefix = `${node.name || node.output[0]}/${calls++}/`;
    const names = new Map<string, string>();
    called.input.forEach((name, i) => names.set(name, node.input[i] ?? ""));
    called.output.forEach((name, i) => {
      if (node.output[i]) names.set(name, node.output[i]);
    });
    const own = (name: string) => name === "" ? "" : names.get(name) ?? `${prefix}${name}`;
    const defaults = new Map(called.attributeProto.map((each) => [each.name, each]));
    const given = new Map([
      ...defaults,
      ...node.attribute.map((each) => [each.name, each] as const),
    ]);
    for (const inner of called.node) {
      const copy = clone(NodeProtoSchema, inner);
      if (copy.attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0)) {
        throw new GradusError(
          `${doing}: function ${quoted(called.name)} must have no graph inside: ` +
            `export the model without functions`,
        );
      }
      copy.input = copy.input.map(own);
      copy.output = copy.output.map(own);
      copy.name = `${prefix}${copy.name}`;
      copy.attribute = copy.attribute.flatMap((each) => {
        if (each.refAttrName === "") return [each];
        const actual = given.get(each.refAttrName);
        return actual === undefined ? [] : [{ ...actual, name: each.name }];
      });
      visit(copy, depth + 1);
    }
  };
  for (const node of graph!.node) visit(node, 0);
  return done;
}
