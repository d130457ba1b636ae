/** A model as it is used, where it was exported as it is trained. */
import type { ModelProto, NodeProto } from "onnx-buf";

/** Takes out of a model that it is in training: what is dropped, and statistics of the batch. */
export function endTraining({ graph, functions }: ModelProto): void {
  const bodies = [graph!.node, ...functions.map(({ node }) => node)];
  while (bodies.length > 0) {
    const nodes = bodies.pop()!;
    const read = new Set(nodes.flatMap(({ input }) => input));
    for (const node of nodes) {
      if (node.domain === "" || node.domain === "ai.onnx") calm(node, read);
      for (const { g, graphs } of node.attribute) {
        bodies.push(...(g === undefined ? graphs : [g]).map((each) => each.node));
      }
    }
  }
}

function calm(node: NodeProto, read: ReadonlySet<string>): void {
  if (node.opType === "Dropout") node.input = node.input.slice(0, 2);
  if (node.opType !== "BatchNormalization") return;
  const [y, ...statistics] = node.output;
  if (statistics.some((name) => read.has(name))) return;
  node.attribute = node.attribute.filter(({ name }) => name !== "training_mode");
  node.output = [y];
}
