/** Makes cheap activations again in the walk back, so that they are not kept until then. */
import type { Graph, GraphNode } from "./graph.ts";
import { type Candidate, madeAgain } from "./kept.ts";
import { DataType, isFloat, numbersOf, type Value } from "./value.ts";

/** Where the parts of a graph end, and where the walk back begins. */
export interface Walked {
  /** How many nodes are the model's, */
  readonly model: number;
  /** and how many those of the loss as well: what follows is the walk back, */
  readonly loss: number;
  /** from these gradients. */
  readonly seeds: readonly Value[];
}

/** What an open size is taken for, where bytes are compared. */
const OPEN_SIZE = 64;

/**
 * Has the walk back make again what it needs of the model's values, as far as the operators in `cheap` can make it of
 * what is kept; the fewest bytes are kept ({@linkcode madeAgain}).
 *
 * A run could make it all as soon as the forward pass is done. So what it is made of is reshaped to the shape that it
 * has, which copies nothing, and that shape is made to depend on the gradient that has come so far.
 */
export function rematerialise(
  graph: Graph,
  { model, loss, seeds }: Walked,
  cheap: ReadonlySet<string>,
): void {
  const forward = graph.nodes.slice(0, model);
  const losses = graph.nodes.slice(model, loss).flatMap(({ outputs }) => outputs);
  const back = graph.nodes.splice(loss);
  const again = chosen(graph, forward, back, cheap);
  const copies = new Map<string, Value>();
  /** What comes of the loss, and so runs after the forward pass. */
  const isLate = new Set([...losses, ...seeds].map(({ name }) => name));
  /** By what is made again, the gradient that it waits for. */
  const waits = new Map<string, Value>();
  let gradient: Value | undefined;
  /** The gradients that are done, which else would be left for later with all that they are made of. */
  const ends: Value[] = [];

  /** What an operator reads of what there is, so that it is not run before the gradient has come so far. */
  const waiting = (inputs: readonly (Value | undefined)[]): readonly (Value | undefined)[] => {
    const first = inputs.findIndex((each) => each !== undefined && isBig(each));
    const isWaiting = inputs.some((each) =>
      each && (isLate.has(each.name) || waits.get(each.name) === gradient)
    );
    if (isWaiting || gradient === undefined || first < 0) return inputs;
    return inputs.with(first, after(inputs[first]!, [gradient, ...ends.splice(0)], graph));
  };
  const isRead = new Set(back.flatMap(({ inputs }) => inputs.map((each) => each?.name)));
  const noteWait = (name: string) => {
    if (gradient !== undefined) waits.set(name, gradient);
  };
  const made = (value: Value): Value => {
    if (!again.has(value.name)) return value;
    if (!copies.has(value.name)) makeAgain(graph.makerOf(value)!);
    return copies.get(value.name)!;
  };
  const makeAgain = (node: GraphNode): void => {
    const inputs = node.inputs.map((each) => each && made(each));
    graph.within(`again/${node.place.name}/`, node.place, () => {
      const outputs = graph.emitAll(
        node.op,
        waiting(inputs),
        node.attributes,
        node.outputs.length,
      );
      node.outputs.forEach((value, i) => {
        copies.set(value.name, { ...value, name: outputs[i].name });
        noteWait(outputs[i].name);
      });
    });
  };
  for (const node of back) {
    const late = node.inputs.find((each) => each && isLate.has(each.name));
    gradient = late ?? gradient;
    const inputs = waiting(node.inputs.map((each) => each && made(each)));
    graph.nodes.push({ ...node, inputs });
    for (const { name } of node.outputs) {
      if (late !== undefined) isLate.add(name);
      else noteWait(name);
    }
    ends.push(...node.outputs.filter(({ name }) => !isRead.has(name)));
  }
}

/** `value`, not before `others` are made: in its own shape, which begins with none of their sizes. */
function after(value: Value, others: readonly Value[], graph: Graph): Value {
  const none = others.map((other) => {
    const sizes = graph.emit("Shape", [other], { start: 0, end: 0 });
    // That they are known must not make a constant of them.
    return graph.makerOf(sizes)!.outputs[0] = { ...sizes, known: undefined };
  });
  const shape = graph.emit("Concat", [...none, graph.shapeOf(value)], { axis: 0 });
  return { ...graph.emit("Reshape", [value, shape], { allowzero: 1 }), shape: value.shape };
}

/** The names of what is made again. */
function chosen(
  graph: Graph,
  forward: readonly GraphNode[],
  back: readonly GraphNode[],
  cheap: ReadonlySet<string>,
): ReadonlySet<string> {
  const makers = new Map(
    forward.flatMap((node) => node.outputs.map(({ name }) => [name, node] as const)),
  );
  const isCandidate = (value: Value) => makers.has(value.name) && isBig(value);
  const needed = new Set(
    back.flatMap(({ inputs }) => inputs).flatMap((value) =>
      value !== undefined && isCandidate(value) ? [value.name] : []
    ),
  );
  const steps = stepsTo(forward, cheap);
  const kept = new Set<string>();
  for (;;) {
    const candidates = new Map<string, Candidate>();
    const open = [...needed];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (candidates.has(name)) continue;
      const maker = makers.get(name)!;
      const from = cheap.has(maker.op) && maker.captured.length === 0 && !kept.has(name)
        ? maker.inputs.flatMap((each) => each && isCandidate(each) ? [each.name] : [])
        : undefined;
      candidates.set(name, { bytes: bytesOf(graph.named(name)!), from });
      if (from !== undefined) open.push(...from);
    }
    const again = madeAgain(candidates, needed);
    // What an operator that is not cheap has been passed by, as between blocks of layers, would be made of all before it.
    const passed = [...again].flatMap((name) =>
      candidates.get(name)!.from!.filter((each) =>
        again.has(each) && steps.get(each)! < steps.get(name)!
      )
    );
    if (passed.length === 0) return again;
    for (const name of passed) kept.add(name);
  }
}

/** Of each value, how many operators that are not cheap lie on the longest way to it. */
function stepsTo(
  forward: readonly GraphNode[],
  cheap: ReadonlySet<string>,
): ReadonlyMap<string, number> {
  const steps = new Map<string, number>();
  for (const { op, inputs, captured, outputs } of forward) {
    const before = Math.max(
      0,
      ...[...inputs, ...captured].map((each) => each === undefined ? 0 : steps.get(each.name) ?? 0),
    );
    for (const { name } of outputs) steps.set(name, before + (cheap.has(op) ? 0 : 1));
  }
  return steps;
}

/** Whether a value is worth a thought: no shape, position or constant. */
function isBig({ type, known }: Value): boolean {
  return (isFloat(type) || type === DataType.BOOL) && numbersOf(known) === undefined;
}

const WIDTHS: Readonly<Partial<Record<DataType, number>>> = {
  [DataType.DOUBLE]: 8,
  [DataType.FLOAT]: 4,
  [DataType.BOOL]: 1,
};

/** How many bytes a value has. */
export function bytesOf({ type, shape }: Value): number {
  const sizes = (shape ?? []).map((size) => typeof size === "number" ? size : OPEN_SIZE);
  return (WIDTHS[type] ?? 2) * sizes.reduce((a, b) => a * b, 1);
}
