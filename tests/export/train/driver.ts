/** Models made by PyTorch with its own training of them, and graphs run by ONNX Runtime with nothing between. */
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

/** The largest difference of two arrays, by the scale of the second. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [most, scale] = [a.length === b.length ? 0 : Infinity, 1e-30];
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    most = Number.isNaN(difference) ? Infinity : Math.max(most, difference);
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return most / Math.max(scale, 1);
}
