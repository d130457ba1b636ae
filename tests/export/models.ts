/** Exported models as an independent reader sees them, and run by ONNX Runtime with nothing between. */
import { fromBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, TensorProto_DataType as DataType } from "onnx-buf";
import * as ort from "onnxruntime-web/wasm";
import { leavesOf } from "./trees.ts";

/** Decodes a model. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes);
}

type ValueProto = NonNullable<ModelProto["graph"]>["input"][number];

/** The inputs and outputs of a model, such as `w/b float [64]`. */
export function signatureOf(bytes: Uint8Array): { inputs: string[]; outputs: string[] } {
  const { graph } = decodeModel(bytes);
  return { inputs: graph!.input.map(spellValue), outputs: graph!.output.map(spellValue) };
}

/** The names of the inputs of a model. */
export function inputNames(bytes: Uint8Array): string[] {
  return decodeModel(bytes).graph!.input.map(({ name }) => name);
}

function spellValue({ name, type }: ValueProto): string {
  if (type?.value.case !== "tensorType") return `${name} of no tensor`;
  const { elemType, shape } = type.value.value;
  const sizes = shape?.dim.map(({ value }) => String(value.value)) ?? ["no shape"];
  return `${name} ${DataType[elemType].toLowerCase()} [${sizes.join(", ")}]`;
}

/** The operators of a model in order. */
export function operatorsOf(bytes: Uint8Array): string[] {
  return decodeModel(bytes).graph!.node.map(({ opType }) => opType);
}

/** The types of the inputs, outputs and constants of a model, and those that nodes convert to. */
export function typesIn(bytes: Uint8Array): string[] {
  const { graph, functions } = decodeModel(bytes);
  const values = [...graph!.input, ...graph!.output].map(({ type }) =>
    type!.value.case === "tensorType" ? type!.value.value.elemType : DataType.UNDEFINED
  );
  const casts = [...graph!.node, ...functions.flatMap(({ node }) => node)]
    .filter(({ opType }) => opType === "Cast")
    .map(({ attribute }) => Number(attribute.find(({ name }) => name === "to")!.i));
  const all = [...values, ...graph!.initializer.map(({ dataType }) => dataType), ...casts];
  return [...new Set(all)].map((type) => DataType[type]);
}

/** The metadata of a model. */
export function metadataOf(bytes: Uint8Array): Record<string, string> {
  return Object.fromEntries(decodeModel(bytes).metadataProps.map(({ key, value }) => [key, value]));
}

/** What a graph takes and gives, by name. */
export type Values = Record<string, ort.Tensor>;

/** A model loaded by ONNX Runtime, with no rewriting of its own. */
export function loadModel(bytes: Uint8Array): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "disabled",
  });
}

/** The arrays of a tree as inputs `<name>/<path>`, or `<name>` for a tree that is one array. */
export function valuesOf(name: string, tree: unknown): Values {
  return Object.fromEntries(
    leavesOf(tree).map(({ path, data, shape }) => {
      const copy = data.slice() as typeof data;
      const tensor = copy instanceof Float32Array
        ? new ort.Tensor("float32", copy, shape)
        : copy instanceof Float64Array
        ? new ort.Tensor("float64", copy, shape)
        : new ort.Tensor("float16", copy, shape);
      return [path === "" ? name : `${name}/${path}`, tensor];
    }),
  );
}

/** A step count as an input. */
export function countOf(count: number): ort.Tensor {
  return new ort.Tensor("int64", BigInt64Array.of(BigInt(count)), []);
}

/** A float64 scalar as an input. */
export function scalarOf(value: number): ort.Tensor {
  return new ort.Tensor("float64", Float64Array.of(value), []);
}

/** The numbers of a result: those of the short type as their values. */
export function resultOf(tensor: ort.Tensor): number[] {
  const { data } = tensor;
  if (typeof data === "string" || Array.isArray(data)) throw new Error("a result of text");
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

type NodeProto = NonNullable<ModelProto["graph"]>["node"][number];

/** The nodes that a leaf takes, by the function of the model that it calls. */
export function functionsOf(bytes: Uint8Array): Map<string, readonly NodeProto[]> {
  return new Map(decodeModel(bytes).functions.map(({ name, node }) => [name, node]));
}

/**
 * What is wrong with a model as a graph and its functions: a name defined twice or never, a value never
 * used, a constant held twice, a result that is computed and then copied, a function that is not called
 * as it is defined.
 */
export function faultsOf(bytes: Uint8Array): string[] {
  const { graph, opsetImport, functions } = decodeModel(bytes);
  const { input, initializer, node, output } = graph!;
  const faults = faultsIn({
    inputs: input.map(({ name }) => name),
    constants: initializer.map(({ name }) => name),
    outputs: output.map(({ name }) => name),
    nodes: node,
  });
  const called = new Set<string>();
  for (const { name, domain, input, output, node: nodes } of functions) {
    const within = { inputs: [], constants: input, outputs: output, nodes };
    faults.push(...faultsIn(within).map((fault) => `${name}: ${fault}`));
    if (domain !== "gradus") faults.push(`${name} is of domain ${domain}`);
    for (const each of nodes) if (each.domain !== "") faults.push(`${name} calls ${each.opType}`);
  }
  for (const { opType, domain, input, output } of node) {
    if (domain === "") continue;
    const own = functions.find(({ name }) => name === opType);
    if (own === undefined) faults.push(`${opType} is of domain ${domain}`);
    else if (own.input.length !== input.length || own.output.length !== output.length) {
      faults.push(`${opType} is not called as it is defined`);
    }
    called.add(opType);
  }
  for (const { name } of functions) if (!called.has(name)) faults.push(`${name} is not called`);
  const constants = new Map<string, string>();
  for (const { name, dataType, dims, rawData } of initializer) {
    const bits = `${dataType} [${dims}] ${rawData}`;
    const other = constants.get(bits);
    if (other !== undefined) faults.push(`\`${name}\` is \`${other}\` again`);
    constants.set(bits, name);
  }
  const domains = opsetImport.map(({ domain }) => domain).join();
  const wanted = functions.length === 0 ? "" : ",gradus";
  if (domains !== wanted) faults.push(`the domains imported are ${domains}`);
  return faults;
}

interface Scope {
  /** Values that need not be used. */
  readonly inputs: readonly string[];
  readonly constants: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly NodeProto[];
}

function faultsIn({ inputs, constants, outputs, nodes }: Scope): string[] {
  const faults: string[] = [];
  const defined = new Set<string>();
  const results = new Set(outputs);
  const used = new Set(outputs);
  const given = new Set(inputs);
  const define = (name: string) => {
    if (name === "" || defined.has(name)) faults.push(`\`${name}\` is defined twice`);
    defined.add(name);
  };
  [...inputs, ...constants].forEach(define);
  for (const each of nodes) {
    for (const name of each.input) {
      if (!defined.has(name)) faults.push(`\`${name}\` is used before it is defined`);
      if (each.opType === "Identity" && !given.has(name) && !results.has(name)) {
        faults.push(`\`${name}\` is computed, then copied`);
      }
      used.add(name);
    }
    each.output.forEach(define);
  }
  for (const name of results) {
    if (!nodes.some((each) => each.output.includes(name))) {
      faults.push(`\`${name}\` is not computed`);
    }
  }
  for (const name of defined) {
    if (!used.has(name) && !given.has(name)) faults.push(`\`${name}\` is never used`);
  }
  return faults;
}
