/** What a training would be, told without making a step: what trains, what stands still, what is not known, and its size. */
import { toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { GradusError } from "../dsl/errors.ts";
import { readJoined } from "../export/ort/joined.ts";
import { differentiated } from "../export/train/gradients.ts";
import { type ModelSource, nameOf, readSource, readWhole } from "../export/train/read.ts";
import { rows } from "../export/train/rows/mod.ts";
import { bytesOf, numbersOf, spellType } from "../export/train/value.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import { sizeOf } from "../runtime/trees/leaf.ts";
import { prepare, type Prepared, type PrepareOptions } from "./prepare.ts";

/** An array of a model. */
export interface Weight {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

/** An operator that no row of the table knows. */
export interface UnknownOperator {
  readonly op: string;
  readonly node: string;
}

/** What a training would be. */
export interface Description {
  /** The step, unless it is refused. */
  readonly prepared?: Prepared;
  /** Why the model cannot be trained so; undefined if it can. */
  readonly refusal?: string;
  /** What may not be meant, such as a weight that the exporter has renamed. */
  readonly warnings: readonly string[];
  readonly trained: readonly Weight[];
  /** Arrays of floats that stay as they are, single numbers left out; running statistics among them, which may move. */
  readonly frozen: readonly Weight[];
  /** Operators without a rule: no gradient goes through them. */
  readonly unknown: readonly UnknownOperator[];
  /** How many nodes the model has, and its step. */
  readonly nodes: { readonly model: number; readonly step?: number };
  /** Undefined if it is refused. */
  readonly memory?: Memory;
}

/** How many bytes arrays take, each once. */
export interface Memory {
  readonly parameters: number;
  readonly gradients: number;
  readonly states: number;
  /** What the way back reads of the way to the loss, for one batch. */
  readonly activations: number;
  /** How many activations have an open size, and are not counted. */
  readonly open: number;
}

/**
 * Describes a training with batches of `batch` examples.
 *
 * @throws {GradusError} if the bytes are no model; a model that cannot be trained is described too.
 */
export function describe(
  model: ModelSource,
  optimizer: Optimizer,
  { batch, ...options }: PrepareOptions & { readonly batch: number },
): Description {
  const doing = "Cannot describe a training";
  const graph = readSource(model, doing).model.graph!;
  const warnings: string[] = [];
  let prepared: Prepared | undefined;
  let refusal: string | undefined;
  try {
    const onWarning = (warning: string) => warnings.push(warning);
    prepared = prepare(model, optimizer, { ...options, onWarning });
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    refusal = error.message;
  }
  const joined = prepared && readJoined(prepared.step, undefined, doing);
  const trained = joined?.gradients ?? new Map();
  const weights = graph.initializer.map(({ name, dataType, dims }) => ({
    name,
    type: spellType(dataType),
    shape: dims.map(Number),
  })).filter(({ type, shape }) => /float/.test(type) && shape.length > 0);
  return {
    prepared,
    refusal,
    warnings,
    trained: weights.filter(({ name }) => trained.has(name)),
    frozen: weights.filter(({ name }) => !trained.has(name)),
    unknown: graph.node.filter(({ domain, opType }) =>
      !(domain === "" || domain === "ai.onnx") || !Object.hasOwn(rows, opType)
    ).map((node) => ({ op: node.opType, node: nameOf(node) })),
    nodes: { model: graph.node.length, step: joined?.step.graph?.node.length },
    memory: joined && {
      ...held(joined.read.model.inputs),
      ...activations(model, batch, options, doing),
    },
  };
}

/** The bytes of the arrays that a step is given, by what they are. */
function held(
  inputs: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly number[];
  }[],
): Pick<Memory, "parameters" | "gradients" | "states"> {
  let [parameters, gradients, states] = [0, 0, 0];
  for (const { name, type, shape } of inputs) {
    const bytes = sizeOf(shape) *
      (type === "float64" || type === "int64" ? 8 : type === "float16" ? 2 : 4);
    if (name.startsWith("w/")) parameters += bytes;
    else if (name.startsWith("g/")) gradients += bytes;
    else states += bytes;
  }
  return { parameters, gradients, states };
}

/** The bytes that are kept from the way to the loss for the way back. */
function activations(
  model: ModelSource,
  batch: number,
  { objective: { loss }, params }: PrepareOptions,
  doing: string,
): Pick<Memory, "activations" | "open"> {
  const whole = readWhole(model, doing);
  closeBatch(whole, batch);
  const bytes = toBinary(ModelProtoSchema, whole);
  const { kept } = differentiated(bytes, { loss, params, onWarning: () => {} }, doing);
  let [activations, open] = [0, 0];
  for (const { type, shape } of kept) {
    const sizes = numbersOf(shape);
    if (sizes === undefined) open++;
    else activations += sizeOf(sizes) * (bytesOf(type) ?? 0);
  }
  return { activations, open };
}

/** Makes the open first extent of each input that of a batch, wherever its name stands. */
function closeBatch({ graph }: ModelProto, batch: number): void {
  const given = new Set(graph!.initializer.map(({ name }) => name));
  const dimsOf = (values: NonNullable<ModelProto["graph"]>["input"]) =>
    values.map(({ type }) =>
      type?.value.case === "tensorType" ? type.value.value.shape?.dim ?? [] : []
    );
  const inputs = dimsOf(graph!.input.filter(({ name }) => !given.has(name)));
  const first = inputs.flatMap(([dim]) => dim?.value.case === "dimParam" ? [dim.value.value] : []);
  const close = (dim: (typeof inputs)[number][number]) => {
    dim.value = { case: "dimValue", value: BigInt(batch) };
  };
  for (const [dim] of inputs) if (dim !== undefined && dim.value.case !== "dimValue") close(dim);
  for (const dim of dimsOf([...graph!.input, ...graph!.output, ...graph!.valueInfo]).flat()) {
    if (dim.value.case === "dimParam" && first.includes(dim.value.value)) close(dim);
  }
}
