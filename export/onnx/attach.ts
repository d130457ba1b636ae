/** Joins an optimizer to a model that computes gradients: one graph, one run a training step. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { ANY, type Kinds, requireOptions } from "../../dsl/options.ts";
import { carriedSettings } from "../../runtime/carried.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { maskTree } from "../../runtime/trees/hyperparameters.ts";
import { Layout } from "../../runtime/trees/layout.ts";
import { asShape, sizeOf, type Tensor } from "../../runtime/trees/leaf.ts";
import { seal, setMetadata } from "./digest.ts";
import {
  gradientsOf,
  type Graph,
  opsetOf,
  parameterOf,
  readOnnx,
  requireGradient,
  requireShape,
  spellShape,
  typeName,
} from "./joinable.ts";
import { JOINED, METADATA } from "./metadata.ts";
import type { OnnxOptions } from "./options.ts";
import { asVector } from "./vector.ts";
import { toOnnx } from "./write.ts";

/** Options of {@linkcode attachOptimizer}. */
export interface AttachOptions
  extends Pick<OnnxOptions, "inputs" | "precision" | "inlineFunctions"> {
  /** The initializers or inputs of the model that are trained, by name. */
  readonly params: readonly string[];
  /** The output that is the gradient of each, by the parameter's name, or in the order of `params`. */
  readonly grads: Readonly<Record<string, string>> | readonly string[];
  /** The output that is the loss, for whoever runs the step. Default: not told. */
  readonly loss?: string;
  /**
   * `"flat"` makes of all parameters one vector `w`, and so of states, as in {@linkcode toOnnx}: far fewer nodes
   * where parameters are many, and an input and output for all. The metadata say which parameter is where. Such a
   * model is run by hand: `OrtTrainer` takes trees. Default `"tree"`.
   */
  readonly layout?: "tree" | "flat";
}

const OPTIONS: Kinds<AttachOptions> = {
  params: ANY,
  grads: ANY,
  loss: ANY,
  // These are as in the optimizer's own graph, which checks them.
  inputs: ANY,
  precision: ANY,
  inlineFunctions: ANY,
  layout: ANY,
};

/** The newest version that an optimizer is written in; its operators are the same ever since. */
const NEWEST_STEP = 21;

/**
 * A model whose run is a whole training step: `model`, which computes gradients of some of its
 * initializers as outputs, followed by a step of `optimizer` on them.
 *
 * The parameters become inputs of their own names and outputs `next/<parameter>`
 * ({@linkcode initializersOf} gives their first values); the inputs `count`, `<state>/<parameter>` and `hyper/…` and their outputs
 * `next/…` are those of {@linkcode toOnnx}, whose metadata the model carries. Gradients are no longer
 * outputs; all other inputs and outputs stay. An input of the model that is one number and called as a state that the
 * optimizer keeps for the tree, such as `lossScale` of `dynamicLossScale`, is that state. `OrtTrainer` of `@gradus/gradus/ort` runs it.
 *
 * @example
 * ```ts
 * import { attachOptimizer } from "@gradus/gradus/onnx";
 * import { GradusError, lion } from "@gradus/gradus";
 * import { assertThrows } from "@std/assert";
 *
 * const trains = (model: Uint8Array) =>
 *   attachOptimizer(model, lion({ learningRate: 1e-3 }), { params: ["w"], grads: { w: "dw" } });
 * assertThrows(() => trains(new Uint8Array(3)), GradusError, "Cannot attach");
 * ```
 *
 * @throws {GradusError} if the bytes are no model, a parameter or gradient is not there or has another
 * shape or type than the other, a shape is open, the opset is not from 17 to 23, or names clash.
 */
export function attachOptimizer(
  model: Uint8Array,
  optimizer: Optimizer,
  options: AttachOptions,
): Uint8Array<ArrayBuffer> {
  const doing = `Cannot attach "${optimizer?.program?.name ?? "an optimizer"}" to the model`;
  const joined = readOnnx(model, doing);
  attach(joined, optimizer, options, doing);
  seal(joined);
  return toBinary(ModelProtoSchema, joined) as Uint8Array<ArrayBuffer>;
}

/** Joins an optimizer to a model in place; whoever has changed it last seals it. */
export function attach(
  joined: ModelProto,
  optimizer: Optimizer,
  options: AttachOptions,
  doing: string,
): void {
  requireOptions(doing, options, OPTIONS);
  const graph = joined.graph!;
  const opset = opsetOf(joined, doing);
  const grads = gradientsOf(options, doing);
  const params: Record<string, Tensor | readonly number[]> = {};
  for (const name of options.params) {
    const { type, shape } = parameterOf(graph, name, doing);
    params[name] = type === DataType.FLOAT ? shape : zeros(shape, name, doing);
    requireGradient(graph, name, grads.get(name)!, type, shape, doing);
  }
  const { inputs, precision, layout } = options;
  // A function of another version than its model's is taken by no runtime.
  const inlineFunctions = options.inlineFunctions || opset > NEWEST_STEP;
  const written = Math.min(opset, NEWEST_STEP);
  const step = fromBinary(
    ModelProtoSchema,
    toOnnx(optimizer, params, { inputs, precision, layout, inlineFunctions, opset: written }),
  );
  const loss = lossOf(graph, options.loss, grads, doing);
  const shared = statesIn(graph, step.graph!, optimizer);
  const isOptimizers = new Set([...options.params, ...shared]);
  const isGradient = new Set(grads.values());
  const parts = {
    inputs: graph.input.map(({ name }) => name).filter((name) => !isOptimizers.has(name)),
    outputs: graph.output.map(({ name }) => name).filter((name) => !isGradient.has(name)),
    gradients: Object.fromEntries(grads),
    ...(loss === undefined ? {} : { loss }),
  };
  if (layout === "flat") joinVector(joined, step, grads, shared, doing);
  else join(joined, step, options.params, grads, shared, doing);
  const tree = Layout.of(params, doing, asShape);
  setMetadata(joined, {
    [JOINED.model]: JSON.stringify(parts),
    [JOINED.settings]: JSON.stringify(
      carriedSettings(optimizer.settings, (mask) => maskTree(mask, tree, params, doing), doing),
    ),
    [JOINED.storage]: JSON.stringify(Object.fromEntries(optimizer.storage)),
  });
}

/**
 * Initializers of a model as a tree of parameters: where training begins.
 *
 * @example
 * ```ts
 * import { initializersOf, toOnnx } from "@gradus/gradus/onnx";
 * import { GradusError, lion } from "@gradus/gradus";
 * import { assertThrows } from "@std/assert";
 *
 * const model = toOnnx(lion({ learningRate: 1e-3 }), { w: [2] });
 * assertThrows(() => initializersOf(model, ["w"]), GradusError, "it has no initializer `w`");
 * ```
 *
 * @throws {GradusError} if the bytes are no model, or it has no such initializer of floats of its own.
 */
export function initializersOf(
  model: Uint8Array,
  names: readonly string[],
): Record<string, Tensor> {
  const doing = "Cannot read initializers";
  const { initializer } = readOnnx(model, doing).graph!;
  return Object.fromEntries(names.map((name) => {
    const tensor = initializer.find((each) => each.name === name);
    if (tensor === undefined) {
      const near = suggestion(name, initializer.map((each) => each.name));
      throw new GradusError(`${doing}: it has no initializer ${quoted(name)}${near}`);
    }
    const what = `initializer ${quoted(name)}`;
    const { dataType, dims, rawData, floatData, doubleData } = tensor;
    const shape = requireShape(dims.map(Number), what, doing);
    const refuse = (given: string): never => {
      throw new GradusError(
        `${doing}: ${what} must hold float32 or float64 numbers in the model itself, ` +
          `${sizeOf(shape)} for its shape ${spellShape(shape)}: given ${typeName(dataType)} and ` +
          given,
      );
    };
    if (dataType !== DataType.FLOAT && dataType !== DataType.DOUBLE) return refuse("0 numbers");
    const [ArrayOf, own] = dataType === DataType.FLOAT
      ? [Float32Array, floatData] as const
      : [Float64Array, doubleData] as const;
    if (rawData.length === 0) {
      if (own.length !== sizeOf(shape)) return refuse(`${own.length} numbers`);
      return [name, { data: ArrayOf.from(own), shape }];
    }
    const wanted = ArrayOf.BYTES_PER_ELEMENT * sizeOf(shape);
    if (rawData.length !== wanted) return refuse(`${rawData.length} bytes, not ${wanted}`);
    return [name, { data: new ArrayOf(rawData.slice().buffer), shape }];
  }));
}

function zeros(shape: readonly number[], name: string, doing: string): Tensor {
  try {
    return { data: new Float64Array(sizeOf(shape)), shape };
  } catch {
    throw new GradusError(
      `${doing}: parameter ${quoted(name)} must fit into an array: given one of shape ` +
        spellShape(shape),
    );
  }
}

/** The output that is the loss, which must be one. */
function lossOf(
  { output }: Graph,
  loss: unknown,
  grads: ReadonlyMap<string, string>,
  doing: string,
): string | undefined {
  if (loss === undefined) return undefined;
  const isGradient = new Set(grads.values());
  const names = output.map(({ name }) => name).filter((name) => !isGradient.has(name));
  if (typeof loss === "string" && names.includes(loss)) return loss;
  const near = typeof loss === "string" ? suggestion(loss, names) : "";
  throw new GradusError(
    `${doing}: \`loss\` must be an output that is no gradient: given ${shown(loss)}${near}`,
  );
}

/** The inputs of a model that are numbers which the optimizer keeps for the tree, such as the scale of the loss. */
function statesIn({ input }: Graph, step: Graph, { program }: Optimizer): Set<string> {
  const isNumber = ({ type }: Graph["input"][number], elemType: DataType | undefined) =>
    type?.value.case === "tensorType" && type.value.value.elemType === elemType &&
    type.value.value.shape?.dim.length === 0;
  const types = new Map(
    step.input.flatMap(({ name, type }) =>
      type?.value.case === "tensorType" ? [[name, type.value.value.elemType as DataType]] : []
    ),
  );
  return new Set(
    input.filter((own) =>
      program.state.get(own.name)?.over === "tree" && isNumber(own, types.get(own.name))
    ).map(({ name }) => name),
  );
}

function clash(name: string, doing: string): GradusError {
  return new GradusError(
    `${doing}: the optimizer's graph has a value ${
      quoted(name)
    }, and so has the model: rename it there`,
  );
}

/** Adds the graph of a step of one vector to a model. */
function joinVector(
  model: ModelProto,
  step: ModelProto,
  grads: ReadonlyMap<string, string>,
  shared: ReadonlySet<string>,
  doing: string,
): void {
  const graph = model.graph!;
  const layout = step.metadataProps.find(({ key }) => key === METADATA.layout)!.value;
  const { leaves } = JSON.parse(layout) as { leaves: { path: string; shape: number[] }[] };
  const isGradient = new Set(grads.values());
  graph.output = graph.output.filter(({ name }) => !isGradient.has(name));
  const pieces = leaves.map(({ path, shape }) => ({
    name: path,
    shape,
    gradient: grads.get(path)!,
  }));
  const isTaken = namesOf(graph).includes("g") && !grads.has("g");
  if (isTaken) throw clash("g", doing);
  const taken = new Set(namesOf(step.graph!));
  asVector(graph, pieces, { vector: "w", gradient: "g", taken });
  join(model, step, [], new Map([["", "g"]]), new Set([...shared, "g"]), doing);
}

/** Adds the graph of a step to a model. */
function join(
  model: ModelProto,
  step: ModelProto,
  params: readonly string[],
  grads: ReadonlyMap<string, string>,
  shared: ReadonlySet<string>,
  doing: string,
): void {
  const [graph, added] = [model.graph!, step.graph!];
  const theirs = new Map<string, string>([
    ...params.map((name) => [`w/${name}`, name] as const),
    ...params.map((name) => [`g/${name}`, grads.get(name)!] as const),
    ...params.map((name) => [`next/w/${name}`, `next/${name}`] as const),
  ]);
  const own = (name: string) => theirs.get(name) ?? name;
  const taken = new Set(namesOf(graph));
  for (const name of namesOf(added)) {
    const isShared = shared.has(name) || own(name) !== name && !name.startsWith("next/");
    if (isShared || !taken.has(own(name))) continue;
    throw clash(own(name), doing);
  }
  for (const node of added.node) {
    node.input = node.input.map(own);
    node.output = node.output.map(own);
  }
  const isInput = new Set(graph.input.map(({ name }) => name));
  for (const value of added.input) {
    value.name = own(value.name);
    // A gradient is a value of the model; a parameter may be an input already.
    if (![...grads.values()].includes(value.name) && !isInput.has(value.name)) {
      graph.input.push(value);
    }
  }
  for (const value of added.output) value.name = own(value.name);
  const isGradient = new Set(grads.values());
  graph.output = [...graph.output.filter(({ name }) => !isGradient.has(name)), ...added.output];
  graph.initializer = graph.initializer.filter(({ name }) => !params.includes(name));
  graph.initializer.push(...added.initializer);
  graph.node.push(...added.node);
  model.functions.push(...step.functions);
  model.metadataProps.push(...step.metadataProps);
  model.irVersion = model.irVersion > step.irVersion ? model.irVersion : step.irVersion;
  for (const each of step.opsetImport) {
    if (!model.opsetImport.some(({ domain }) => domain === each.domain)) {
      model.opsetImport.push(each);
    }
  }
}

function namesOf(graph: Graph): string[] {
  return [
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ].filter((name) => name !== "");
}
