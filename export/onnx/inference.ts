/** The model for inference, kept in the file of a training step without the weights that the step has too. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, type TensorProto, TensorProtoSchema } from "onnx-buf";
import { sizeOf } from "../../runtime/trees/leaf.ts";
import { seal, setMetadata } from "./digest.ts";
import { JOINED } from "./metadata.ts";

/**
 * The bytes of a training step with `inference`, the model that it was made of, kept in its metadata. The
 * initializers of that which have become inputs of the step are their default values there.
 */
export function keepInference(step: Uint8Array, inference: ModelProto): Uint8Array<ArrayBuffer> {
  const joined = fromBinary(ModelProtoSchema, step);
  const graph = joined.graph!;
  const inputs = new Set(graph.input.map(({ name }) => name));
  const held = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const tensor of inference.graph!.initializer) {
    if (!inputs.has(tensor.name) || held.has(tensor.name)) continue;
    graph.initializer.push(tensor);
    held.set(tensor.name, tensor);
  }
  const initializer = inference.graph!.initializer.map((tensor) => {
    const other = held.get(tensor.name);
    if (other === undefined || !isSame(tensor, other)) return tensor;
    const { name, dims, dataType } = tensor;
    return create(TensorProtoSchema, { name, dims, dataType });
  });
  const kept = { ...inference, graph: { ...inference.graph!, initializer } };
  setMetadata(joined, { [JOINED.inference]: toText(toBinary(ModelProtoSchema, kept)) });
  seal(joined);
  return toBinary(ModelProtoSchema, joined) as Uint8Array<ArrayBuffer>;
}

/** The model for inference that the metadata of a training step keep; `weightOf` has what was left out. */
export function keptInference(
  text: string,
  weightOf: (name: string) => TensorProto | undefined,
): ModelProto {
  const model = fromBinary(ModelProtoSchema, fromText(text));
  const { graph } = model;
  if (graph === undefined) throw new Error("it has no graph");
  graph.initializer = graph.initializer.map((tensor) => {
    if (!isEmpty(tensor)) return tensor;
    const found = weightOf(tensor.name);
    if (found === undefined) throw new Error(`it lacks the weight "${tensor.name.slice(0, 64)}"`);
    return found;
  });
  return model;
}

/** Whether a tensor has elements, and none of them is there. */
function isEmpty(tensor: TensorProto): boolean {
  const { rawData, floatData, doubleData, int32Data, int64Data, uint64Data, stringData } = tensor;
  const parts = [rawData, floatData, doubleData, int32Data, int64Data, uint64Data, stringData];
  return parts.every(({ length }) => length === 0) && sizeOf(tensor.dims.map(Number)) > 0;
}

function isSame(a: TensorProto, b: TensorProto): boolean {
  if (a === b) return true;
  const [ours, theirs] = [a, b].map((each) => toBinary(TensorProtoSchema, each));
  return ours.length === theirs.length && ours.every((byte, i) => byte === theirs[i]);
}

const CHUNK = 2 ** 14;

function toText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  }
  return btoa(text);
}

function fromText(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}
