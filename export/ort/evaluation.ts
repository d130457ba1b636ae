/**
 * What an exported graph evaluates with, apart from its step: a graph of its own, of what a step has left. It
 * runs on WebAssembly, wherever the steps run.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type GraphProto, GraphProtoSchema, type ModelProto, ModelProtoSchema } from "onnx-buf";
import type * as ort from "onnxruntime-web/wasm";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { symbolsIn } from "../../dsl/node.ts";
import { EVALUATE } from "../onnx/graph.ts";
import { type ReadModel, readModel } from "../onnx/proto.ts";
import { attempt } from "../onnx/read.ts";
import type { NumberArray } from "../../runtime/trees/dtype.ts";
import type { Run } from "./engine.ts";
import type { ReadOptimizer } from "./read.ts";
import { nodesFor } from "./cut.ts";
import { inTurn, messageOf, type Opened, openOnWasm } from "./runtime.ts";
import { copyInto, numberFor, tensorOf } from "./tensors.ts";

const NEXT = "next/";

/** The step of an exported graph, and what it evaluates with if it has that. */
export function parted(
  bytes: Uint8Array,
  doing: string,
): { readonly step: Uint8Array; readonly evaluation: Uint8Array | undefined } {
  const model = attempt(undefined, () => fromBinary(ModelProtoSchema, bytes), doing);
  const { graph } = model;
  const evaluated = graph?.output.filter(({ name }) => isEvaluated(name)) ?? [];
  if (graph === undefined || evaluated.length === 0) return { step: bytes, evaluation: undefined };
  const others = graph.output.filter(({ name }) => !isEvaluated(name));
  const needed = nodesFor(graph.node, others.map(({ name }) => name), new Set());
  const step = { ...graph, output: others, node: needed };
  const made = new Map(others.map((value) => [value.name, value]));
  const own = nodesFor(graph.node, evaluated.map(({ name }) => name), new Set(made.keys()));
  const used = new Set(own.flatMap(({ input }) => input));
  const evaluation = {
    ...graph,
    output: evaluated,
    node: own,
    input: [
      ...graph.input.filter(({ name }) => used.has(name)),
      ...[...made].flatMap(([name, value]) => used.has(name) ? [value] : []),
    ],
    initializer: graph.initializer.filter(({ name }) => used.has(name)),
    valueInfo: [],
  };
  return { step: withGraph(model, step), evaluation: withGraph(model, evaluation) };
}

function isEvaluated(name: string): boolean {
  return name === EVALUATE || name.startsWith(`${EVALUATE}/`);
}

function withGraph(model: ModelProto, graph: GraphProto): Uint8Array {
  return toBinary(ModelProtoSchema, { ...model, graph: create(GraphProtoSchema, graph) });
}

/** What is evaluated, ready to be run. */
export class Evaluation {
  /** The names of what it takes. */
  readonly inputs: ReadonlySet<string>;
  /** What it takes that nobody knows after the step. */
  readonly #old: string | undefined;
  readonly #bytes: Uint8Array;
  readonly #model: ReadModel;
  #opened: Promise<Opened> | undefined;

  constructor(bytes: Uint8Array, { host }: ReadOptimizer) {
    [this.#bytes, this.#model] = [bytes, readModel(bytes)];
    this.inputs = new Set(this.#model.inputs.map(({ name }) => name));
    const isKnown = (name: string) =>
      name === "count" || name.startsWith("hyper/") || name.startsWith(NEXT);
    this.#old = [...this.inputs]
      .flatMap((name) => host.has(name) ? [...symbolsIn([host.get(name)!])] : [name])
      .find((name) => !isKnown(name));
  }

  /**
   * Evaluates; what is written takes the results, and what is read is what a step has left.
   *
   * @throws {GradusError} if it takes a number as it was before the step.
   */
  async run({ written, read, numbers, doing }: Run): Promise<void> {
    if (this.#old !== undefined) {
      throw new GradusError(
        `${doing}: what the graph evaluates with must not rest on ${
          quoted(this.#old)
        } as it was before ` +
          `the step: take the graph's outputs \`${EVALUATE}\`, or evaluate in the library`,
      );
    }
    this.#opened ??= openOnWasm(this.#bytes, doing);
    const { session } = await this.#opened;
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, number] of numbers) {
      if (this.inputs.has(name)) feeds[name] = numberFor(name, number, this.#model);
    }
    for (const { name, leaf, shape } of read) {
      if (this.inputs.has(name)) feeds[name] = tensorOf(leaf as NumberArray, shape);
    }
    let results: ort.InferenceSession.OnnxValueMapType;
    try {
      results = await inTurn(() => session.run(feeds));
    } catch (error) {
      throw new GradusError(`${doing}: ONNX Runtime failed: ${messageOf(error)}`);
    }
    for (const { name, leaf } of written) {
      copyInto(leaf as NumberArray, results[name] as ort.Tensor);
    }
  }

  /** Gives back what it took. */
  async dispose(): Promise<void> {
    await this.#opened?.then(({ session }) => inTurn(() => session.release()));
  }
}
