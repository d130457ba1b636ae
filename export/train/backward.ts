/** The walk back: from the loss to each parameter, by the gradients of the table. */
import { quoted } from "../../dsl/errors.ts";
import type { Graph, GraphNode } from "./graph.ts";
import { summed } from "./sum.ts";
import type { Value } from "./value.ts";

const MOST_SHOWN = 8;

/**
 * Writes the gradients of what `seeds` are the gradients of; returns them by the names of values that the
 * walk ends at: initializers and inputs.
 */
export function writeBackward(
  graph: Graph,
  seeds: readonly (readonly [value: Value, gradient: Value])[],
): ReadonlyMap<string, Value> {
  const parts = new Map<string, Value[]>();
  const add = (value: Value, part: Value) => {
    if (!parts.has(value.name)) parts.set(value.name, []);
    parts.get(value.name)!.push(part);
  };
  for (const [value, gradient] of seeds) add(value, gradient);
  const total = (value: Value): Value | undefined => {
    const all = parts.get(value.name);
    if (all === undefined) return undefined;
    const sum = summed(all, graph);
    parts.set(value.name, [sum]);
    return sum;
  };
  const forward = [...graph.nodes];
  requireGradients(graph, forward, seeds);
  for (const node of forward.toReversed()) {
    const { row, outputs, place } = node;
    const isMet = outputs.some((value) => graph.isActive(value) && parts.has(value.name));
    if (!isMet) continue;
    graph.within(`backward/${place.name}/`, place, () => {
      const gradients = row!.gradient!(outputs.map(total), graph.at(node));
      gradients.forEach((part, i) => {
        const operand = node.inputs[i];
        if (part !== undefined && operand !== undefined && graph.isActive(operand)) {
          add(operand, part);
        }
      });
    });
  }
  const ends = [...parts.keys()].flatMap((name) => graph.named(name) ?? []);
  return new Map(
    ends.filter((value) => graph.makerOf(value) === undefined).map((value) => [
      value.name,
      graph.within(`backward/${value.name}/`, undefined, () => total(value)!),
    ]),
  );
}

/** Refuses the last operator that a gradient would go through and that has none. */
function requireGradients(
  graph: Graph,
  nodes: readonly GraphNode[],
  seeds: readonly (readonly [value: Value, gradient: Value])[],
): void {
  const met = new Set(seeds.map(([value]) => value.name));
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((value) => met.has(value.name) && graph.isActive(value))) continue;
    if (node.row?.gradient === undefined || node.captured.some((value) => graph.isActive(value))) {
      graph.within("", node.place, () => refuse(graph, node, nodes, seeds));
    }
    for (const value of node.inputs) if (value && graph.isActive(value)) met.add(value.name);
  }
}

/** Refuses an operator without a gradient, with the way from a parameter through it to the loss. */
function refuse(
  graph: Graph,
  node: GraphNode,
  nodes: readonly GraphNode[],
  seeds: readonly (readonly [value: Value, gradient: Value])[],
): never {
  const before: string[] = [];
  let value: Value | undefined = node.outputs[0];
  for (let maker: GraphNode | undefined = node; maker !== undefined;) {
    before.unshift(maker.place.name);
    value = [...maker.inputs, ...maker.captured].find((each) => each && graph.isActive(each));
    maker = value && graph.makerOf(value);
  }
  const ends = new Set(seeds.map(([each]) => each.name));
  const after: string[] = [];
  for (let last: GraphNode | undefined = node; last !== undefined;) {
    const made: readonly string[] = last.outputs.map(({ name }) => name);
    if (made.some((name) => ends.has(name))) break;
    last = nodes.find(({ inputs }) => inputs.some((each) => each && made.includes(each.name)));
    if (last !== undefined) after.push(last.place.name);
  }
  const way = [value?.name ?? "a parameter", ...before, ...after].map(quoted);
  const half = MOST_SHOWN / 2;
  const shown = way.length > MOST_SHOWN ? [...way.slice(0, half), "…", ...way.slice(-half)] : way;
  const what = node.captured.length > 0
    ? "no gradient goes into a graph inside"
    : "it has no gradient";
  graph.refuse(
    `${what} here, and it lies on the way from a parameter to the loss: ` +
      `${
        shown.join(" → ")
      }: freeze what is before it by \`params\`, or export the model without it`,
  );
}
