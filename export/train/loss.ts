/** What a loss is, and how losses are written behind a model and added. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Graph } from "./graph.ts";
import { DataType, isFloat, isWhole, type Shape, spellType, type Value } from "./value.ts";

/** A loss; made by {@linkcode crossEntropy} and its kind. */
export interface Loss {
  /** The outputs of the model that it is of. */
  readonly outputs: readonly string[];
}

/** Writes a loss: one number, and for values of the graph the gradients of it. */
type Writer = (graph: LossGraph) => WrittenLoss;

const writers = new WeakMap<Loss, Writer>();

/** The loss that `write` writes, of an output. */
export function lossOf(output: string, write: Writer): Loss {
  const loss = Object.freeze({ outputs: Object.freeze([output]) });
  writers.set(loss, write);
  return loss;
}

/** Whether something is a loss. */
export function isLoss(value: unknown): value is Loss {
  return typeof value === "object" && value !== null && writers.has(value as Loss);
}

/** A loss as it stands in a graph. */
export interface WrittenLoss {
  readonly loss: Value;
  /** Gradients may have more digits than what they are of. */
  readonly seeds: readonly (readonly [value: Value, gradient: Value])[];
}

/** What a loss is written into. */
export interface LossGraph {
  readonly graph: Graph;
  /** A value of the model. */
  output(name: string): Value;
  /** An input of the graph, shared by losses that call it alike. */
  target(name: string, type: DataType, shape: Shape): Value;
  refuse(reason: string): never;
}

/**
 * Writes losses, and adds them; with `scale`, one number, their gradients are multiplied by it while they
 * have all their digits.
 */
export function writeLosses(
  graph: Graph,
  losses: readonly Loss[],
  scale: Value | undefined,
  doing: string,
): WrittenLoss {
  const targets = new Map<string, Value>();
  const refuse = (reason: string): never => {
    throw new GradusError(`${doing}: ${reason}`);
  };
  const output = (name: string): Value => {
    const value = graph.named(name);
    if (value === undefined) {
      return refuse(`it has no output ${quoted(name)}${suggestion(name, graph.names)}`);
    }
    if (isFloat(value.type)) return value;
    return refuse(`${quoted(name)} must be of floats for a loss: given ${spellType(value.type)}`);
  };
  const target = (name: string, type: DataType, shape: Shape): Value => {
    const known = targets.get(name) ?? graph.inputOf(name);
    if (known === undefined && graph.named(name) !== undefined) {
      refuse(`it has a value ${quoted(name)} already: call the loss's input otherwise`);
    }
    if (known === undefined) targets.set(name, graph.input(name, type, shape));
    else if (known.type !== type && !(isWhole(type) && isWhole(known.type))) {
      refuse(
        `${quoted(name)} is ${spellType(known.type)} already, and ${spellType(type)} is needed: ` +
          `call the loss's input otherwise`,
      );
    }
    return known ?? targets.get(name)!;
  };
  return graph.within("loss/", undefined, () => {
    const written = losses.map((each) => writers.get(each)!({ graph, output, target, refuse }));
    const loss = written.map((each) => each.loss).reduce((a, b) => graph.emit("Add", [a, b]));
    const scaled = (seed: Value) =>
      scale === undefined ? seed : graph.emit("Mul", [seed, as(seed, scale, graph)]);
    const seeds = written.flatMap((each) => each.seeds).map(([value, seed]) =>
      [value, as(value, scaled(seed), graph)] as const
    );
    return { loss, seeds };
  });
}

/** What is of few digits as float32. */
export function wide(value: Value, graph: Graph): Value {
  const isShort = value.type === DataType.FLOAT16 || value.type === DataType.BFLOAT16;
  return isShort ? graph.emit("Cast", [value], { to: DataType.FLOAT }) : value;
}

/** A gradient in the type of what it is of. */
function as({ type }: Value, gradient: Value, graph: Graph): Value {
  return gradient.type === type ? gradient : graph.emit("Cast", [gradient], { to: type });
}

/** Refuses what is no name. */
export function requireName(name: unknown, option: string, doing: string): void {
  if (typeof name === "string" && name !== "") return;
  throw new GradusError(
    `${doing}: \`${option}\` must be the name of an output: given ${shown(name)}`,
  );
}
