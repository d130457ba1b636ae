/** Models made by PyTorch with its own training of them, and graphs run by ONNX Runtime with nothing between. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { initializersOf } from "../../../export/onnx/mod.ts";
import * as ort from "onnxruntime-web/wasm";

/** A tensor as a reference file has it. */
export type Listed = readonly [type: "float32" | "int64", shape: number[], values: number[]];

/** What PyTorch made of a model. */
export interface Reference {
  readonly x: Listed;
  readonly y: Listed;
  readonly loss: number;
  readonly params: Readonly<Record<string, Listed>>;
  readonly grads: Readonly<Record<string, Listed>>;
  readonly sgd: { readonly losses: number[]; readonly after: Readonly<Record<string, Listed>> };
  readonly adamw: { readonly losses: number[] };
  readonly mse: { readonly target: Listed; readonly losses: number[] };
}

const folder = new URL("./models/", import.meta.url);

/** The bytes of a model, such as `mlp.tsplain`. */
export function modelNamed(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`${name}.onnx`, folder));
}

/** What PyTorch made of a model, such as `mlp`. */
export function referenceOf(name: string): Reference {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}.ref.json`, folder)));
}

/** A listed tensor as ONNX Runtime takes it. */
export function tensorOf([type, shape, values]: Listed): ort.Tensor {
  return type === "int64"
    ? new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape)
    : new ort.Tensor("float32", Float32Array.from(values), shape);
}

/** A model loaded by ONNX Runtime, with no rewriting of its own. */
export function opened(bytes: Uint8Array): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "disabled",
    logSeverityLevel: 3,
  });
}

/** The inputs that carry over, with the values that training begins with, and the others of `batch`. */
export function feedsOf(bytes: Uint8Array, batch: Record<string, ort.Tensor>) {
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  const feeds: Record<string, ort.Tensor> = { ...batch };
  const first = new Set(graph!.initializer.map(({ name }) => name));
  for (const { name, type } of graph!.input) {
    if (name in feeds) continue;
    if (name === "count") {
      feeds.count = new ort.Tensor("int64", BigInt64Array.of(0n), []);
      continue;
    }
    const shape = type!.value.case === "tensorType" ? type!.value.value.shape!.dim : [];
    const dims = shape.map(({ value }) => Number(value.value));
    const own = `first/${name}`;
    const data = first.has(own)
      ? initializersOf(bytes, [own])[own].data as Float32Array
      : new Float32Array(dims.reduce((count, size) => count * size, 1));
    feeds[name] = new ort.Tensor("float32", data, dims);
  }
  return feeds;
}

/** The losses of some steps of a training step, each of the whole batch. */
export async function lossesOf(
  bytes: Uint8Array,
  batch: Record<string, ort.Tensor>,
  steps: number,
): Promise<number[]> {
  const session = await opened(bytes);
  const feeds = feedsOf(bytes, batch);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const results = await session.run(feeds);
    losses.push(Number(results.loss.data[0]));
    for (const [name, value] of Object.entries(results)) {
      if (name.startsWith("next/")) feeds[name.slice(5)] = value as ort.Tensor;
    }
  }
  await session.release();
  return losses;
}

/** `listed` twice, one behind the other. */
export function doubled([type, shape, values]: Listed): Listed {
  return [type, shape.with(0, 2 * shape[0]), [...values, ...values]];
}

/** A listed matrix on its side. */
export function turned([type, [rows, columns], values]: Listed): Listed {
  const at = (i: number) => values[(i % rows) * columns + Math.floor(i / rows)];
  return [type, [columns, rows], values.map((_, i) => at(i))];
}
