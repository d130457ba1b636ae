/** The weights of a joined model: what they begin as, and the model for inference with those that were trained. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { isTensor, type Tensor } from "../../runtime/trees/leaf.ts";
import { initializersOf } from "../onnx/attach.ts";
import { keptInference } from "../onnx/inference.ts";
import { JOINED } from "../onnx/metadata.ts";
import { attempt } from "../onnx/read.ts";
import { cutModel } from "./cut.ts";
import type { Joined } from "./joined.ts";

/** The first values of `names`: those given, else those in the file; in arrays of their own. */
export function firstValues(
  bytes: Uint8Array,
  names: readonly string[],
  given: Readonly<Record<string, Tensor>> = {},
  doing: string,
): Map<string, Tensor> {
  for (const [name, tensor] of Object.entries(given)) {
    if (!names.includes(name)) {
      throw new GradusError(
        `${doing}: \`params\` has ${quoted(name)}, which the step does not change` +
          suggestion(name, names),
      );
    }
    if (isTensor(tensor) && ArrayBuffer.isView(tensor.data)) continue;
    throw new GradusError(
      `${doing}: \`params\` must have ${quoted(name)} as \`{ data, shape }\`: given ${
        shown(tensor)
      }`,
    );
  }
  const { initializer } = fromBinary(ModelProtoSchema, bytes).graph!;
  const inside = new Set(initializer.map(({ name }) => name));
  const wanted = names.filter((name) => !Object.hasOwn(given, name));
  const missing = wanted.find((name) => !inside.has(name));
  if (missing !== undefined) {
    throw new GradusError(
      `${doing}: \`params\` must have the first value of ${
        quoted(missing)
      }, since the file does not: ` +
        `\`initializersOf\` reads it from the model that the optimizer was attached to`,
    );
  }
  const own = initializersOf(bytes, wanted);
  return new Map(
    names.map((name) => {
      const { data, shape } = Object.hasOwn(own, name) ? own[name] : given[name];
      return [name, { data: data.slice(), shape: [...shape] }];
    }),
  );
}

/**
 * The model for inference: the one that the file keeps, if metadata `text` has it, else what the model's own
 * outputs need; `weightOf` gives what the file left out.
 */
export function inferenceOf(
  bytes: Uint8Array,
  { read, outputs, loss }: Joined,
  weights: ReadonlyMap<string, TensorProto>,
  doing: string,
): ModelProto {
  const joined = fromBinary(ModelProtoSchema, bytes);
  const graph = joined.graph!;
  const text = read.model.metadata[JOINED.inference];
  if (text !== undefined) {
    const held = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    const weightOf = (name: string) => weights.get(name) ?? held.get(name);
    return attempt("inference", () => keptInference(text, weightOf), doing);
  }
  const others = outputs.filter((name) => name !== loss);
  const wanted = new Set(others.length === 0 ? [loss] : others);
  const cut = cutModel(joined, graph.output.filter(({ name }) => wanted.has(name)), new Set());
  cut.metadataProps = joined.metadataProps.filter(({ key }) => !key.startsWith("gradus."));
  return cut;
}

/** The bytes of the model for inference with these weights. */
export function inferenceModel(
  bytes: Uint8Array,
  joined: Joined,
  trained: Readonly<Record<string, Tensor>>,
  doing: string,
): Uint8Array<ArrayBuffer> {
  const weights = new Map(
    Object.entries(trained).map(([name, tensor]) => [name, protoOf(name, tensor)]),
  );
  const model = inferenceOf(bytes, joined, weights, doing);
  const graph = model.graph!;
  const inputs = new Set(graph.input.map(({ name }) => name));
  const held = new Set(graph.initializer.map(({ name }) => name));
  graph.initializer = graph.initializer.map((tensor) => weights.get(tensor.name) ?? tensor);
  for (const [name, tensor] of weights) {
    if (inputs.has(name) && !held.has(name)) graph.initializer.push(tensor);
  }
  graph.input = graph.input.filter(({ name }) => !weights.has(name));
  return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
}

function protoOf(name: string, { data, shape }: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: (data as ArrayBufferView) instanceof Float64Array ? DataType.DOUBLE : DataType.FLOAT,
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}
