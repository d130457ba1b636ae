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

/**
 * What is wrong with a graph as a graph: a name defined twice or never, a value never used, a
 * constant held twice, a result that is computed and then copied.
 */
export function faultsOf(bytes: Uint8Array): string[] {
  const { graph, opsetImport, functions } = decodeModel(bytes);
  const { input, initializer, node, output } = graph!;
  const faults: string[] = [];
  const defined = new Set<string>();
  const used = new Set<string>(output.map(({ name }) => name));
  const results = new Set(used);
  const given = new Set(input.map(({ name }) => name));
  const define = (name: string) => {
    if (name === "" || defined.has(name)) faults.push(`\`${name}\` is defined twice`);
    defined.add(name);
  };
  [...input, ...initializer].forEach(({ name }) => define(name));
  for (const each of node) {
    for (const name of each.input) {
      if (!defined.has(name)) faults.push(`\`${name}\` is used before it is defined`);
      if (each.opType === "Identity" && !given.has(name) && !results.has(name)) {
        faults.push(`\`${name}\` is computed, then copied`);
      }
      used.add(name);
    }
    each.output.forEach(define);
    if (each.domain !== "") faults.push(`${each.opType} is of domain ${each.domain}`);
  }
  for (const name of results) {
    if (!node.some((each) => each.output.includes(name))) {
      faults.push(`\`${name}\` is not computed`);
    }
  }
  for (const name of defined) {
    if (!used.has(name) && !given.has(name)) faults.push(`\`${name}\` is never used`);
  }
  const constants = new Map<string, string>();
  for (const { name, dataType, dims, rawData } of initializer) {
    const bits = `${dataType} [${dims}] ${rawData}`;
    const other = constants.get(bits);
    if (other !== undefined) faults.push(`\`${name}\` is \`${other}\` again`);
    constants.set(bits, name);
  }
  if (opsetImport.some(({ domain }) => domain !== "")) faults.push("a domain is imported");
  if (functions.length > 0) faults.push("a function is defined");
  return faults;
}
