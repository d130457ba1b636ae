/** Reads the bytes of a model, and refuses what is no whole one. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation as Location,
} from "onnx-buf";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { adaptersIn } from "../onnx/adapters.ts";
import { inlined } from "./inline.ts";
import { separate } from "./merged.ts";
import { bytesOf } from "./value.ts";

/** A model: its bytes, or with them those of the files beside it, by the names that it calls them. */
export type ModelSource =
  | Uint8Array
  | { readonly model: Uint8Array; readonly data: Readonly<Record<string, Uint8Array>> };

/** The graph of a model. */
export type GraphProto = NonNullable<ModelProto["graph"]>;

const OLDEST = 13;
const NEWEST = 23;
/** The oldest version that gradients are written in, and the version of files that have it. */
const OLDEST_WRITTEN = 17;
const ITS_FILES = 8n;

/** A model with all that it needs: weights inside, nodes in order, its own functions written out. */
export interface WholeSource {
  readonly model: ModelProto;
  /** The initializers that are factors of low rank beside weights. */
  readonly factors: ReadonlySet<string>;
}

/** Reads a model with all that it needs. */
export function readSource(source: ModelSource, doing: string): WholeSource {
  const model = readWhole(source, doing);
  const graph = model.graph!;
  const factors = new Set(
    adaptersIn(model).flatMap(({ factors }) => factors.map(({ name }) => name)),
  );
  graph.node = inlined(model, doing);
  model.functions = [];
  graph.node = ordered(graph, doing);
  raise(model, doing);
  return { model, factors };
}

/** Since when operators are others than before, of those that differ between the oldest version and that which is written. */
const CHANGED: Readonly<Record<string, number>> = { BatchNormalization: 14, RoiAlign: 16 };

/** Takes a model of an older version for one of the oldest that is written: but two operators differ. */
function raise(model: ModelProto, doing: string): void {
  const version = opsetOf(model);
  if (version >= OLDEST_WRITTEN) return;
  const other = model.graph!.node.find(({ domain, opType, output }) =>
    (domain === "" || domain === "ai.onnx") && version < (CHANGED[opType] ?? 0) &&
    (opType !== "BatchNormalization" || output.length > 1)
  );
  if (other !== undefined) {
    throw new GradusError(
      `${doing}: operator ${other.opType} at ${quoted(nameOf(other))} is another one since opset ` +
        `${
          CHANGED[other.opType]
        }: export the model with \`opset_version\` ${OLDEST_WRITTEN} or later`,
    );
  }
  for (const each of model.opsetImport) {
    if (each.domain === "" || each.domain === "ai.onnx") each.version = BigInt(OLDEST_WRITTEN);
  }
  if (model.irVersion < ITS_FILES) model.irVersion = ITS_FILES;
}

/** A model as it is in the file, with its weights inside. */
export function readWhole(source: ModelSource, doing: string): ModelProto {
  const { model: bytes, data } = partsOf(source, doing);
  const model = modelOf(bytes, doing);
  const { graph } = model;
  if (graph === undefined || graph.node.length === 0) {
    throw new GradusError(`${doing}: its bytes must be an ONNX model with a graph: given none`);
  }
  requireVersion(model, doing);
  if (graph.sparseInitializer.length > 0) {
    throw new GradusError(`${doing}: its initializers must not be sparse`);
  }
  for (const each of graphsIn(graph)) {
    for (const tensor of each.initializer) bringIn(tensor, data, doing);
  }
  separate(model);
  return model;
}

function modelOf(bytes: Uint8Array, doing: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch {
    throw new GradusError(
      `${doing}: its bytes must be an ONNX model: given ${bytes.length} bytes that are none, or cut off`,
    );
  }
}

/** The names of the files beside a model that have weights of it, as it calls them. */
export function locationsOf(bytes: Uint8Array, doing: string): string[] {
  const { graph } = modelOf(bytes, doing);
  const tensors = graph === undefined ? [] : graphsIn(graph).flatMap((each) => each.initializer);
  const outside = tensors.filter(({ dataLocation }) => dataLocation === Location.EXTERNAL);
  const found = outside.flatMap(({ externalData }) =>
    externalData.flatMap(({ key, value }) => key === "location" ? [value] : [])
  );
  return [...new Set(found)];
}

/** A graph and those inside its nodes. */
function graphsIn(graph: GraphProto): GraphProto[] {
  const found = [graph];
  for (const each of found) {
    for (const { g, graphs } of each.node.flatMap(({ attribute }) => attribute)) {
      found.push(...(g === undefined ? graphs : [g]));
    }
  }
  return found;
}

/** The version of the default operators. */
export function opsetOf({ opsetImport }: ModelProto): number {
  const found = opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  return Number(found?.version ?? 0);
}

/** The names of what the graphs inside a node read. */
export function capturedBy(node: NodeProto): string[] {
  const found: string[] = [];
  const graphs = node.attribute.flatMap(({ g, graphs }) => g === undefined ? graphs : [g]);
  for (const graph of graphs) {
    for (const inner of graph.node) found.push(...inner.input, ...capturedBy(inner));
    found.push(...graph.output.map(({ name }) => name));
  }
  return found;
}

function partsOf(source: ModelSource, doing: string): {
  readonly model: Uint8Array;
  readonly data: ReadonlyMap<string, Uint8Array>;
} {
  if (source instanceof Uint8Array) return { model: source, data: new Map() };
  const { model, data } = source ?? {};
  if (!(model instanceof Uint8Array) || typeof data !== "object" || data === null) {
    throw new GradusError(
      `${doing}: its bytes are required, or \`{ model, data }\` with those of the files beside it: ` +
        `given ${shown(source)}`,
    );
  }
  return { model, data: new Map(Object.entries(data)) };
}

function requireVersion(model: ModelProto, doing: string): void {
  const version = opsetOf(model);
  if (version >= OLDEST && version <= NEWEST) return;
  throw new GradusError(
    `${doing}: its opset must be from ${OLDEST} to ${NEWEST}: given ${version}; ` +
      `export it with \`opset_version\` among them, or convert it`,
  );
}

/** Brings the numbers of an initializer into the model, and refuses one that has too few or many. */
function bringIn(
  tensor: TensorProto,
  data: ReadonlyMap<string, Uint8Array>,
  doing: string,
): void {
  const what = `initializer ${quoted(tensor.name)}`;
  const size = tensor.dims.reduce((count, dim) => count * Number(dim), 1);
  const isPossible = tensor.dims.every((dim) => dim >= 0n) && Number.isSafeInteger(8 * size);
  if (!isPossible) {
    throw new GradusError(
      `${doing}: ${what} must have as many elements as an array can have: given ` +
        `[${tensor.dims.join(", ")}]`,
    );
  }
  if (tensor.dataLocation === Location.EXTERNAL) {
    tensor.rawData = external(tensor, data, what, doing);
    tensor.externalData = [];
    tensor.dataLocation = Location.DEFAULT;
  }
  const width = bytesOf(tensor.dataType);
  if (width === undefined) return;
  if (tensor.rawData.length === 0) {
    const { floatData, doubleData, int64Data, int32Data, uint64Data } = tensor;
    const held = [floatData, doubleData, int64Data, int32Data, uint64Data].find(({ length }) =>
      length > 0
    )?.length ?? 0;
    if (held === size) return;
    throw new GradusError(
      `${doing}: ${what} of shape [${
        tensor.dims.join(", ")
      }] must have ${size} numbers: given ${held}`,
    );
  }
  if (tensor.rawData.length === width * size) return;
  throw new GradusError(
    `${doing}: ${what} of shape [${tensor.dims.join(", ")}] must have ${
      width * size
    } bytes: given ` +
      `${tensor.rawData.length}`,
  );
}

function external(
  { externalData }: TensorProto,
  data: ReadonlyMap<string, Uint8Array>,
  what: string,
  doing: string,
): Uint8Array<ArrayBuffer> {
  const said = new Map(externalData.map(({ key, value }) => [key, value]));
  const location = said.get("location") ?? "";
  const file = data.get(location);
  if (file === undefined) {
    throw new GradusError(
      `${doing}: ${what} lies outside the model, in ${quoted(location)}: give ` +
        `\`{ model, data: { ${shown(location)}: bytes } }\`${suggestion(location, data.keys())}`,
    );
  }
  const offset = Number(said.get("offset") ?? 0);
  const length = Number(said.get("length") ?? file.length - offset);
  const isInside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 &&
    length >= 0 && offset + length <= file.length;
  if (isInside) return Uint8Array.from(file.subarray(offset, offset + length));
  throw new GradusError(
    `${doing}: ${what} must lie within ${quoted(location)} of ${file.length} bytes: given ` +
      `${said.get("length") ?? "the rest"} from ${said.get("offset") ?? 0}`,
  );
}

/** The nodes, each after those that it reads; every value is made once. */
function ordered(graph: GraphProto, doing: string): NodeProto[] {
  const made = new Map<string, NodeProto>();
  const given = new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
  ]);
  const taken = new Set(given);
  for (const node of graph.node) {
    for (const name of node.output) {
      if (name === "") continue;
      if (taken.has(name)) {
        throw new GradusError(`${doing}: its graph makes ${quoted(name)} twice`);
      }
      taken.add(name);
      made.set(name, node);
    }
  }
  const order: NodeProto[] = [];
  const state = new Map<NodeProto, "open" | "done">();
  const readBy = (node: NodeProto) => [...node.input, ...capturedBy(node)];
  for (const root of graph.node) {
    const stack = [root];
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (state.get(node) === "done") {
        stack.pop();
        continue;
      }
      const needed = readBy(node).flatMap((name) => made.get(name) ?? []);
      const waiting = needed.filter((each) => state.get(each) !== "done");
      if (waiting.length === 0) {
        order.push(node);
        state.set(node, "done");
        stack.pop();
        continue;
      }
      const circular = waiting.find((each) => state.get(each) === "open" || each === node);
      if (circular !== undefined) {
        throw new GradusError(
          `${doing}: its graph must have no circle: ${quoted(nameOf(circular))} needs itself`,
        );
      }
      state.set(node, "open");
      stack.push(...waiting);
    }
  }
  for (const { name } of graph.output) {
    if (!taken.has(name)) {
      throw new GradusError(`${doing}: its output ${quoted(name)} is made nowhere`);
    }
  }
  const isInside = new Set(graph.node.flatMap((node) => innerNames(node)));
  for (const node of order) {
    for (const name of readBy(node)) {
      if (name === "" || taken.has(name) || isInside.has(name)) continue;
      throw new GradusError(
        `${doing}: ${quoted(name)}, which ${quoted(nameOf(node))} reads, is made nowhere`,
      );
    }
  }
  return order;
}

/** The names of what graphs inside a node make themselves. */
function innerNames(node: NodeProto): string[] {
  return node.attribute.flatMap(({ g, graphs }) => g === undefined ? graphs : [g]).flatMap((g) => [
    ...[...g.input, ...g.initializer].map(({ name }) => name),
    ...g.node.flatMap((each) => [...each.output, ...innerNames(each)]),
  ]);
}

/** What a node is called: by its own name, or by what it makes. */
export function nameOf(node: NodeProto): string {
  return node.name || node.output.find((name) => name !== "") || node.opType;
}
