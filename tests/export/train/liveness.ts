/** How many bytes of values a graph holds at once, in the order in which ONNX Runtime runs it. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type NodeProto, ValueInfoProtoSchema } from "onnx-buf";
import type * as ort from "onnxruntime-web/wasm";
import { opened } from "./driver.ts";

/** What has the memory of its first operand. */
const ALIASES = new Set(["Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"]);

/** The most bytes that values made by nodes take at once, each from when it is made until it is last read. */
export async function mostBytes(
  bytes: Uint8Array,
  feeds: Record<string, ort.Tensor>,
): Promise<number> {
  const graph = fromBinary(ModelProtoSchema, bytes).graph!;
  const nodes = inOrder(graph.node);
  const sizes = await sizesOf(bytes, feeds);
  const owners = new Map<string, string>();
  const ownerOf = (name: string) => owners.get(name) ?? name;
  const last = new Map<string, number>();
  nodes.forEach(({ opType, input, output }, at) => {
    if (ALIASES.has(opType)) owners.set(output[0], ownerOf(input[0]));
    for (const name of [...input, ...output]) last.set(ownerOf(name), at);
  });
  for (const { name } of graph.output) last.set(ownerOf(name), Infinity);
  let [held, most] = [0, 0];
  const alive = new Set<string>();
  nodes.forEach(({ output }, at) => {
    for (const name of output) {
      if (owners.has(name)) continue;
      alive.add(name);
      held += sizes.get(name) ?? 0;
    }
    most = Math.max(most, held);
    for (const name of alive) {
      if (last.get(name)! > at) continue;
      alive.delete(name);
      held -= sizes.get(name) ?? 0;
    }
  });
  return most;
}

/** ONNX Runtime goes back from the last of the nodes that none reads, and takes what was written last first. */
function inOrder(nodes: readonly NodeProto[]): NodeProto[] {
  const makers = new Map(nodes.flatMap((node, i) => node.output.map((name) => [name, i] as const)));
  const read = new Set(nodes.flatMap(({ input }) => input));
  const stack = nodes.flatMap(({ output }, i) =>
    output.some((name) => read.has(name)) ? [] : [{ i, isDone: false }]
  );
  const met = new Set<number>();
  const order: NodeProto[] = [];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { i, isDone } = top;
    if (isDone) order.push(nodes[i]);
    if (isDone || met.has(i)) continue;
    met.add(i);
    stack.push({ i, isDone: true });
    const before = new Set(nodes[i].input.flatMap((name) => makers.get(name) ?? []));
    for (const each of [...before].sort((a, b) => a - b)) stack.push({ i: each, isDone: false });
  }
  return order;
}

/** How many bytes each value has, found by asking for all of them. */
async function sizesOf(
  bytes: Uint8Array,
  feeds: Record<string, ort.Tensor>,
): Promise<Map<string, number>> {
  const model = fromBinary(ModelProtoSchema, bytes);
  const { node, output } = model.graph!;
  const asked = new Set(output.map(({ name }) => name));
  for (const name of node.flatMap((each) => each.output)) {
    if (name !== "" && !asked.has(name)) output.push(create(ValueInfoProtoSchema, { name }));
  }
  const session = await opened(toBinary(ModelProtoSchema, model));
  const values = await session.run(feeds);
  await session.release();
  return new Map(
    Object.entries(values).map(([name, { data }]) =>
      [name, (data as Float32Array).byteLength] as const
    ),
  );
}
