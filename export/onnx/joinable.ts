/** What a model must be for an optimizer to be joined to it: read, and refused where something is missing. */
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { isShape, sizeOf } from "../../runtime/trees/leaf.ts";

/** The graph of a model. */
export type Graph = NonNullable<ModelProto["graph"]>;

/** What is trained, and the outputs that are its gradients. */
interface Trained {
  readonly params: readonly string[];
  readonly grads: Readonly<Record<string, string>> | readonly string[];
}

const OLDEST = 17;
const NEWEST = 23;

export function readOnnx(bytes: Uint8Array, doing: string): ModelProto {
  if (!(bytes instanceof Uint8Array)) {
    throw new GradusError(`${doing}: its bytes are required: given ${shown(bytes)}`);
  }
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch {
    throw new GradusError(
      `${doing}: its bytes must be an ONNX model: given ${bytes.length} bytes that are none, or cut off`,
    );
  }
  if (model.graph === undefined || model.graph.node.length === 0) {
    throw new GradusError(`${doing}: its bytes must be an ONNX model with a graph: given none`);
  }
  return model;
}

export function opsetOf({ opsetImport }: ModelProto, doing: string): number {
  const version = Number(
    opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")
      ?.version ?? 0,
  );
  if (version >= OLDEST && version <= NEWEST) return version;
  throw new GradusError(
    `${doing}: its opset must be from ${OLDEST} to ${NEWEST}: given ${version}; convert the model first`,
  );
}

/** The gradient of each parameter, by name. */
export function gradientsOf({ params, grads }: Trained, doing: string): Map<string, string> {
  if (!Array.isArray(params) || params.length === 0 || new Set(params).size !== params.length) {
    throw new GradusError(
      `${doing}: \`params\` must be a list of different names: given ${shown(params)}`,
    );
  }
  const isList = Array.isArray(grads);
  if (typeof grads !== "object" || grads === null || (isList && grads.length !== params.length)) {
    throw new GradusError(
      `${doing}: \`grads\` must name an output for each of ${params.length} parameters: ` +
        `given ${shown(grads)}`,
    );
  }
  const found = new Map(params.map((name, i) => {
    const given: unknown = isList
      ? grads[i]
      : Object.hasOwn(grads, name)
      ? (grads as Record<string, string>)[name]
      : undefined;
    if (typeof given === "string") return [name, given] as const;
    throw new GradusError(
      `${doing}: \`grads\` must name the gradient of ${quoted(name)}: given ${shown(given)}`,
    );
  }));
  for (const name of isList ? [] : Object.keys(grads)) {
    if (found.has(name)) continue;
    throw new GradusError(
      `${doing}: \`grads\` names the gradient of ${quoted(name)}, which is none of \`params\`` +
        suggestion(name, params),
    );
  }
  const outputs = [...found.values()];
  const twice = outputs.find((name, i) => outputs.indexOf(name) !== i);
  if (twice === undefined) return found;
  throw new GradusError(
    `${doing}: every parameter must have a gradient of its own: given ${quoted(twice)} for two`,
  );
}

interface Kind {
  readonly type: DataType;
  readonly shape: readonly number[];
}

export function parameterOf(graph: Graph, name: string, doing: string): Kind {
  const tensor = graph.initializer.find((each) => each.name === name);
  const input = graph.input.find((each) => each.name === name);
  if (tensor === undefined && input === undefined) {
    const names = [...graph.initializer, ...graph.input].map((each) => each.name);
    throw new GradusError(
      `${doing}: it has no initializer or input ${quoted(name)}${suggestion(name, names)}`,
    );
  }
  const what = `parameter ${quoted(name)}`;
  const kind = tensor === undefined
    ? kindOf(input!, what, doing)
    : { type: tensor.dataType as DataType, shape: tensor.dims.map(Number) };
  if (kind.type !== DataType.FLOAT && kind.type !== DataType.DOUBLE) {
    throw new GradusError(
      `${doing}: ${what} must be float32 or float64: given ${typeName(kind.type)}`,
    );
  }
  const known = kind.shape.flatMap((size) => size ?? []);
  if (known.length === kind.shape.length) {
    return { type: kind.type, shape: requireShape(known, what, doing) };
  }
  throw new GradusError(
    `${doing}: ${what} must have a shape that is known: given ${spellShape(kind.shape)}`,
  );
}

export function requireGradient(
  graph: Graph,
  param: string,
  name: string,
  type: DataType,
  shape: readonly number[],
  doing: string,
): void {
  const output = graph.output.find((each) => each.name === name);
  if (output === undefined) {
    const names = graph.output.map((each) => each.name);
    throw new GradusError(
      `${doing}: it has no output ${quoted(name)}, the gradient of ${quoted(param)}` +
        suggestion(name, names),
    );
  }
  const what = `the gradient ${quoted(name)}`;
  const kind = kindOf(output, what, doing);
  if (kind.type !== type) {
    throw new GradusError(
      `${doing}: ${what} must be ${typeName(type)} as ${quoted(param)} is: ` +
        `given ${typeName(kind.type)}`,
    );
  }
  // A size that is left open may still turn out right.
  const isFitting = kind.shape.length === shape.length &&
    kind.shape.every((size, axis) => size === undefined || size === shape[axis]);
  if (isFitting) return;
  throw new GradusError(
    `${doing}: ${what} must have the shape of ${quoted(param)}, ${spellShape(shape)}: ` +
      `given ${spellShape(kind.shape)}`,
  );
}

function kindOf(
  { type }: Graph["input"][number],
  what: string,
  doing: string,
): { readonly type: DataType; readonly shape: readonly (number | undefined)[] } {
  if (type?.value.case !== "tensorType" || type.value.value.shape === undefined) {
    throw new GradusError(`${doing}: ${what} must be a tensor whose shape the model states`);
  }
  const { elemType, shape } = type.value.value;
  return {
    type: elemType as DataType,
    shape: shape.dim.map(({ value }) =>
      value.case === "dimValue" ? Number(value.value) : undefined
    ),
  };
}

export function typeName(type: DataType): string {
  if (type === DataType.FLOAT) return "float32";
  if (type === DataType.DOUBLE) return "float64";
  return (DataType[type] ?? `type ${type}`).toLowerCase();
}

export function spellShape(shape: readonly (number | undefined)[]): string {
  return `[${shape.map((size) => size ?? "?").join(", ")}]`;
}

/** Sizes that a tensor can have. */
export function requireShape(
  shape: readonly number[],
  what: string,
  doing: string,
): readonly number[] {
  if (isShape(shape) && Number.isSafeInteger(sizeOf(shape))) return shape;
  throw new GradusError(
    `${doing}: ${what} must have a shape of whole numbers, and as many elements as an array can ` +
      `have: given ${spellShape(shape)}`,
  );
}

/** A float64 parameter, of which but the shape and type are asked for. */
