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
import { adaptersIn, mergeAdapters } from "../onnx/adapters.ts";
import { initializersOf } from "../onnx/attach.ts";
import { floatsOf } from "../onnx/floats.ts";
import { firstName, inferenceOf, TRAINING } from "../onnx/inference.ts";
import { moduleOf, writeAdapter } from "../safetensors/adapter.ts";
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
  const missing = wanted.find((name) => !inside.has(firstName(name)));
  if (missing !== undefined) {
    throw new GradusError(
      `${doing}: \`params\` must have the first value of ${
        quoted(missing)
      }, since the file does not: ` +
        `\`initializersOf\` reads it from the model that the optimizer was attached to`,
    );
  }
  const own = initializersOf(bytes, wanted.map(firstName));
  return new Map(
    names.map((name) => {
      const { data, shape } = Object.hasOwn(given, name) ? given[name] : own[firstName(name)];
      return [name, { data: data.slice(), shape: [...shape] }];
    }),
  );
}

/** The model for inference that a file keeps, as it was before it was trained; undefined where it has none. */
export function keptModel(
  bytes: Uint8Array,
  { read }: Joined,
  doing: string,
): ModelProto | undefined {
  if (read.model.metadata[TRAINING.model] === undefined) return undefined;
  return inferenceOf(fromBinary(ModelProtoSchema, bytes), new Map(), doing);
}

/**
 * The bytes of the model for inference with these weights, low-rank factors added to those that they are beside: the
 * one that the file keeps, or else what the model's own outputs need.
 */
export function inferenceModel(
  bytes: Uint8Array,
  { read, outputs, loss }: Joined,
  trained: Readonly<Record<string, Tensor>>,
  doing: string,
): Uint8Array<ArrayBuffer> {
  const joined = fromBinary(ModelProtoSchema, bytes);
  if (read.model.metadata[TRAINING.model] !== undefined) {
    const model = inferenceOf(joined, dataOf(trained), doing);
    mergeAdapters(model);
    return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
  }
  const others = outputs.filter((name) => name !== loss);
  const wanted = new Set(others.length === 0 ? [loss] : others);
  const own = joined.graph!.output.filter(({ name }) => wanted.has(name));
  const names = new Set(Object.keys(trained));
  const cut = cutModel(joined, own, names);
  cut.metadataProps = joined.metadataProps.filter(({ key }) => !key.startsWith("gradus."));
  for (const { name } of cut.graph.input) {
    if (names.has(name)) cut.graph.initializer.push(protoOf(name, trained[name]));
  }
  cut.graph.input = cut.graph.input.filter(({ name }) => !names.has(name));
  return toBinary(ModelProtoSchema, cut) as Uint8Array<ArrayBuffer>;
}

/** The arrays of tensors. */
function dataOf(
  tensors: Readonly<Record<string, Tensor>>,
): ReadonlyMap<string, Float32Array | Float64Array> {
  return new Map(Object.entries(tensors).map(([name, { data }]) => [name, data]));
}

/** The bytes of the adapter with these factors of low rank, and of what else was trained. */
export function adapterOf(
  bytes: Uint8Array,
  { gradients, read }: Joined,
  trained: Readonly<Record<string, Tensor>>,
  doing: string,
): Uint8Array<ArrayBuffer> {
  const joined = fromBinary(ModelProtoSchema, bytes);
  const isKept = read.model.metadata[TRAINING.model] !== undefined;
  const adapters = isKept ? adaptersIn(inferenceOf(joined, dataOf(trained), doing)) : [];
  if (adapters.length === 0) {
    throw new GradusError(
      `${doing}: its model must have low-rank factors: make them by \`lora\` before \`trainingStep\``,
    );
  }
  const factors = new Map(adapters.map(({ factors, scale }) => {
    const [a, b] = factors.map((tensor) => ({
      data: floatsOf(tensor),
      shape: tensor.dims.map(Number),
    }));
    // The graph has it divided, in float32.
    const alpha = Number((scale * a.shape[0]).toPrecision(7));
    return [moduleOf(factors[0].name.replace(/\.lora_A$/, "")), { a, b, alpha }];
  }));
  const isFactor = new Set(adapters.flatMap(({ factors }) => factors.map(({ name }) => name)));
  const others = [...gradients.keys()].filter((name) => !isFactor.has(name));
  return writeAdapter({ factors, others: new Map(others.map((name) => [name, trained[name]])) });
}

function protoOf(name: string, { data, shape }: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: (data as ArrayBufferView) instanceof Float64Array ? DataType.DOUBLE : DataType.FLOAT,
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}
