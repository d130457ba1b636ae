/** The model that a training step was made of, kept in the step: all but the numbers that stand there already. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataType as DataType,
} from "onnx-buf";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";

/** What a training step says of itself beside what its optimizer does. */
export const TRAINING = {
  /**
   * As JSON: the output that is the `loss`; the `params`, and what else is `carried` to outputs `next/<name>`,
   * such as running statistics. The first value of each of both is the initializer `first/<name>`.
   */
  step: "gradus.training",
  /** The model as base64; initializers without numbers have those of the step. */
  model: "gradus.model",
} as const;

/** The state, one number for the tree, by which an optimizer wants the loss multiplied. */
export const LOSS_SCALE = "lossScale";

/** What {@linkcode TRAINING} says of a step. */
export interface TrainingNotes {
  readonly loss: string;
  readonly params: readonly string[];
  readonly carried: readonly string[];
}

/** The initializer with the first value of an input that carries over; no node reads it. */
export function firstName(name: string): string {
  return `first/${name}`;
}

/** Writes into a step what it is and the model that it was made of, which is changed. */
export function keepInference(step: ModelProto, model: ModelProto, notes: TrainingNotes): void {
  const known = new Map(step.graph!.initializer.map((tensor) => [tensor.name, tensor]));
  for (const tensor of model.graph!.initializer) {
    const other = known.get(firstName(tensor.name)) ?? known.get(tensor.name);
    if (other !== undefined && isSame(tensor, other)) empty(tensor);
  }
  const entries = {
    [TRAINING.step]: JSON.stringify(notes),
    [TRAINING.model]: toBase64(toBinary(ModelProtoSchema, model)),
  };
  step.metadataProps = [
    ...step.metadataProps.filter(({ key }) => !(key in entries)),
    ...Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value })
    ),
  ];
}

/** What a training step says of itself, or undefined for other models. */
export function trainingNotesOf(step: ModelProto, doing: string): TrainingNotes | undefined {
  const text = step.metadataProps.find(({ key }) => key === TRAINING.step)?.value;
  if (text === undefined) return undefined;
  const refuse = (): never => {
    throw new GradusError(`${doing}: \`${TRAINING.step}\` of its metadata is not what was written`);
  };
  let notes: Partial<TrainingNotes> | null;
  try {
    notes = JSON.parse(text);
  } catch {
    return refuse();
  }
  const isNames = (list: unknown) =>
    Array.isArray(list) && list.every((name) => typeof name === "string");
  const isWhole = typeof notes?.loss === "string" && isNames(notes.params) &&
    isNames(notes.carried);
  return isWhole ? notes as TrainingNotes : refuse();
}

/** The model inside a step, with what `values` has of its initializers, and the step's own for the rest. */
export function inferenceOf(
  step: ModelProto,
  values: ReadonlyMap<string, Float32Array | Float64Array>,
  doing: string,
): ModelProto {
  const text = step.metadataProps.find(({ key }) => key === TRAINING.model)?.value;
  if (text === undefined) {
    throw new GradusError(
      `${doing}: it must be a training step that holds the model it was made of`,
    );
  }
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, fromBase64(text));
  } catch {
    throw new GradusError(`${doing}: \`${TRAINING.model}\` of its metadata is no model`);
  }
  const known = new Map(step.graph!.initializer.map((tensor) => [tensor.name, tensor]));
  for (const tensor of model.graph!.initializer) {
    const value = values.get(tensor.name);
    if (value !== undefined) put(tensor, value, doing);
    else if (isEmpty(tensor)) {
      fill(tensor, known.get(firstName(tensor.name)) ?? known.get(tensor.name));
    }
  }
  return model;
}

function put(tensor: TensorProto, value: Float32Array | Float64Array, doing: string): void {
  const isFitting = (tensor.dataType === DataType.FLOAT && value instanceof Float32Array) ||
    (tensor.dataType === DataType.DOUBLE && value instanceof Float64Array);
  const size = tensor.dims.reduce((count, dim) => count * Number(dim), 1);
  if (!isFitting || value.length !== size) {
    throw new GradusError(
      `${doing}: ${quoted(tensor.name)} must have ${size} numbers of the model's type: given ${
        shown(value)
      }`,
    );
  }
  empty(tensor);
  tensor.rawData = Uint8Array.from(
    new Uint8Array(value.buffer, value.byteOffset, value.byteLength),
  );
}

function fill(tensor: TensorProto, other: TensorProto | undefined): void {
  if (other === undefined) return;
  const { rawData, floatData, doubleData, int32Data, int64Data, uint64Data } = other;
  Object.assign(tensor, { rawData, floatData, doubleData, int32Data, int64Data, uint64Data });
}

function empty(tensor: TensorProto): void {
  tensor.rawData = new Uint8Array();
  [tensor.floatData, tensor.doubleData, tensor.int32Data] = [[], [], []];
  [tensor.int64Data, tensor.uint64Data] = [[], []];
}

function isEmpty(
  { rawData, floatData, doubleData, int32Data, int64Data, uint64Data }: TensorProto,
) {
  return [rawData, floatData, doubleData, int32Data, int64Data, uint64Data].every(({ length }) =>
    length === 0
  );
}

/** Whether two tensors hold the same numbers in the same way. */
function isSame(a: TensorProto, b: TensorProto): boolean {
  const isLike = a.dataType === b.dataType && a.dims.join() === b.dims.join();
  const lists = ["floatData", "doubleData", "int32Data", "int64Data", "uint64Data"] as const;
  return isLike && isSameBytes(a.rawData, b.rawData) && lists.every((key) => {
    const [x, y]: (readonly unknown[])[] = [a[key], b[key]];
    return x.length === y.length && x.every((each, i) => Object.is(each, y[i]));
  });
}

/** Of millions of bytes, what is called for each takes seconds. */
function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const CHUNK = 0x8000;

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  }
  return btoa(text);
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}
