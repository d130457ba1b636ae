/** A model joined with an optimizer, as its bytes tell it: its step, and what it was joined to. */
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema } from "onnx-buf";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import { readSettings } from "../../runtime/carried.ts";
import { bind, type Optimizer } from "../../runtime/optimizer.ts";
import { type InitOptions, storageWith } from "../../runtime/trees/state_storage.ts";
import { trainingNotesOf } from "../onnx/inference.ts";
import { JOINED } from "../onnx/metadata.ts";
import { type ReadModel, readModel, type ReadValue } from "../onnx/proto.ts";
import { attempt, parseRecord, requireWritten } from "../onnx/read.ts";
import { type BatchInput, batchInput } from "./batch.ts";
import { cutModel } from "./cut.ts";
import { type DrawnMask, parseMasks } from "./masks.ts";
import { optimizerOf, type ReadOptimizer } from "./read.ts";

/** A joined model that was read. */
export interface Joined {
  /** Its step, as if it had been exported alone. */
  readonly read: ReadOptimizer;
  /** The value that is the gradient of each parameter, in the order of the parameters. */
  readonly gradients: ReadonlyMap<string, string>;
  /** What else is carried from step to step, such as running statistics, by name. */
  readonly carried: readonly string[];
  /** What the optimizer keeps for the tree and the model may take, such as the scale of the loss. */
  readonly kept: readonly Pick<ReadValue, "name" | "type">[];
  /** What a batch has. */
  readonly inputs: readonly BatchInput[];
  /** What it may have: all inputs of the model. */
  readonly known: readonly string[];
  readonly masks: readonly DrawnMask[];
  /** The outputs of the model itself. */
  readonly outputs: readonly string[];
  /** The output that is the loss. */
  readonly loss: string;
}

/**
 * Reads the bytes of a joined `model`, and cuts from it the `step` that is run; `loss` is the output that is
 * the loss, if the file does not tell.
 */
export function readJoined(
  bytes: Uint8Array,
  loss: string | undefined,
  doing: string,
): Joined & { readonly model: ModelProto; readonly step: ModelProto } {
  if (!(bytes instanceof Uint8Array)) {
    throw new GradusError(`${doing}: its bytes are required: given ${shown(bytes)}`);
  }
  const model = attempt(undefined, () => readModel(bytes), doing);
  const text = model.metadata[JOINED.model];
  if (text === undefined) {
    throw new GradusError(
      `${doing}: the bytes must be a model that \`attachOptimizer\` or \`trainingStep\` joined with an ` +
        `optimizer: given one without \`${JOINED.model}\` in its metadata`,
    );
  }
  requireWritten(model, doing);
  const parts = attempt("model", () => partsOf(text), doing);
  const read = optimizerOf(asAlone(model, parts), doing);
  const proto = fromBinary(ModelProtoSchema, bytes);
  const graph = proto.graph!;
  const notes = trainingNotesOf(proto, doing);
  const own = new Set(parts.inputs);
  const made = new Set(parts.outputs);
  const isCarried = (name: string) => own.has(name) && made.has(`next/${name}`);
  const carried = parts.inputs.filter(isCarried);
  const held = new Set([...parts.gradients.keys(), ...carried]);
  const cut = cutModel(proto, graph.output, held);
  const inputOf = (name: string): BatchInput | undefined => {
    const found = graph.input.find((each) => each.name === name);
    return found && batchInput(found, doing);
  };
  const drawn = model.metadata[JOINED.masks] ?? "{}";
  const masks = attempt("masks", () => parseMasks(drawn, inputOf), doing);
  const isDrawn = new Set(masks.map(({ input }) => input.name));
  const inputs = cut.graph.input
    .filter(({ name }) => own.has(name) && !held.has(name) && !isDrawn.has(name))
    .map((each) => batchInput(each, doing));
  const outputs = parts.outputs.filter((name) => !carried.some((each) => name === `next/${each}`));
  return {
    read,
    gradients: parts.gradients,
    carried,
    kept: read.model.inputs.filter(({ name, type }) =>
      read.program.state.get(name)?.over === "tree" && type.startsWith("float")
    ),
    inputs,
    known: parts.inputs,
    masks,
    outputs,
    loss: lossOf(model, outputs, loss ?? parts.loss ?? notes?.loss, doing),
    model: proto,
    step: cut,
  };
}

/** The optimizer of a joined model, with what its hyperparameters were `given` when it was loaded. */
export function joinedOptimizer(
  metadata: ReadModel["metadata"],
  program: ReadOptimizer["program"],
  given: Readonly<Record<string, number | Schedule>>,
  doing: string,
): Optimizer {
  const recordOf = (key: "settings" | "storage") =>
    attempt(key, () => Object.fromEntries(parseRecord(metadata[JOINED[key]])), doing);
  const carried = recordOf("settings") as Record<string, Record<string, unknown>>;
  // What was given holds in the place of what the file has, which may be none.
  const own = Object.keys(carried).filter((name) => Object.hasOwn(given, name));
  const filled = own.map((name) => [name, { ...carried[name], value: 0 }]);
  const read = readSettings({ ...carried, ...Object.fromEntries(filled) }, program, doing);
  const settings = new Map(read);
  for (const name of own) settings.set(name, { ...read.get(name)!, value: given[name] });
  const stored = { storage: recordOf("storage") } as InitOptions;
  return bind({ program, settings, storage: storageWith(program, new Map(), stored, doing) });
}

interface Parts {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly gradients: ReadonlyMap<string, string>;
  readonly loss: string | undefined;
}

function partsOf(text: string): Parts {
  const { inputs, outputs, gradients, loss } = Object.fromEntries(parseRecord(text));
  const isText = (value: unknown) => typeof value === "string";
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every(isText);
  const isRecord = typeof gradients === "object" && gradients !== null;
  if (
    isTexts(inputs) && isTexts(outputs) && isRecord && isTexts(Object.values(gradients)) &&
    (loss === undefined || isText(loss))
  ) {
    const named = new Map(Object.entries(gradients as Record<string, string>));
    return { inputs, outputs, gradients: named, loss: loss as string | undefined };
  }
  throw new GradusError(`\`${JOINED.model}\` must tell inputs, outputs and gradients`);
}

/** The step of a joined model as `toOnnx` would have written it: what is the model's own is left out. */
function asAlone(model: ReadModel, { inputs, outputs, gradients }: Parts): ReadModel {
  const [own, made] = [new Set(inputs), new Set(outputs)];
  const params = new Map([...gradients.keys()].map((name) => [`next/${name}`, name]));
  const given = model.inputs.filter(({ name }) => !own.has(name));
  return {
    ...model,
    inputs: given.flatMap((value) =>
      gradients.has(value.name)
        ? ["w", "g"].map((tree) => ({ ...value, name: `${tree}/${value.name}` }))
        : [value]
    ),
    outputs: model.outputs.filter(({ name }) => !made.has(name)).map((value) => {
      const param = params.get(value.name);
      return param === undefined ? value : { ...value, name: `next/w/${param}` };
    }),
  };
}

function lossOf(
  { outputs }: ReadModel,
  own: readonly string[],
  loss: unknown,
  doing: string,
): string {
  const name = loss ?? (own.length === 1 ? own[0] : undefined);
  if (typeof name !== "string" || !own.includes(name)) {
    const near = typeof name === "string" ? suggestion(name, own) : "";
    throw new GradusError(
      `${doing}: \`loss\` must name the output that is the loss, one of ${
        own.map(quoted).join(", ")
      }: given ${shown(name)}${near}`,
    );
  }
  const { type, shape } = outputs.find((each) => each.name === name)!;
  const isNumber = type === "float32" || type === "float64";
  if (isNumber && shape.every((size) => size === 1 || Number.isNaN(size))) return name;
  throw new GradusError(
    `${doing}: the loss ${
      quoted(name)
    } must be one number of float32 or float64: given ${type} of shape ` +
      `[${shape.join(", ")}]`,
  );
}
