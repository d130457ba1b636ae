/** tfjs on each kind of backend that an optimizer meets, and models to train there. */
import { MathBackendCPU } from "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";
import { assertEquals } from "../../assert.ts";

// Mesa looks for it, and says so where it is not set.
if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");

// Arrays that Gradus does not know how to look into, as WebGL's are.
tf.registerBackend("other", () => new MathBackendCPU());
tf.copyRegisteredKernels("cpu", "other");

/** Backends that run everywhere. */
export const BACKENDS = ["cpu", "wasm", "other"] as const;

/** Each of them, and the one on WebGPU where there is an adapter; says so where there is none. */
export async function allBackends(): Promise<string[]> {
  if (await hasWebGpu()) return [...BACKENDS, "webgpu"];
  console.log(
    "Not tested on webgpu: there is no WebGPU adapter (Debian's mesa-vulkan-drivers is one)",
  );
  return [...BACKENDS];
}

/** Makes the backend on WebGPU known, if there is an adapter. */
export async function hasWebGpu(): Promise<boolean> {
  if (!await navigator.gpu?.requestAdapter()) return false;
  // tfjs looks for a page or a worker before it looks for WebGPU.
  Object.assign(globalThis, { WorkerGlobalScope: class {} });
  await import("@tensorflow/tfjs-backend-webgpu");
  return true;
}

/** Computes on a backend; nothing of what is made may be left in the end. */
export async function on<T>(backend: string, run: () => Promise<T> | T): Promise<T> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  tf.engine().startScope();
  let result: T;
  try {
    result = await run();
  } finally {
    tf.engine().endScope();
  }
  assertEquals(tf.memory().numTensors - before, 0, `tensors left on ${backend}`);
  return result;
}

/** Numbers that are like no others, the same each time. */
export function numbers(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i * i + 13 * seed + 1));
}

/** The model of two layers, with the same weights each time. */
export function sequential(): tfl.Sequential {
  const model = tfl.sequential();
  model.add(tfl.layers.dense({ units: 6, inputShape: [5], activation: "relu" }));
  model.add(tfl.layers.dense({ units: 2 }));
  return begun(model);
}

/** A model whose input is used twice. */
export function functional(): tfl.LayersModel {
  const input = tfl.input({ shape: [5] });
  const hidden = tfl.layers.dense({ units: 5, activation: "tanh" }).apply(
    input,
  ) as tfl.SymbolicTensor;
  const sum = tfl.layers.add().apply([input, hidden]) as tfl.SymbolicTensor;
  const output = tfl.layers.dense({ units: 2 }).apply(sum) as tfl.SymbolicTensor;
  return begun(tfl.model({ inputs: input, outputs: output }));
}

function begun<M extends tfl.LayersModel>(model: M): M {
  const weights = model.getWeights().map(({ shape, size }, k) =>
    tf.tensor(numbers(size, k), shape)
  );
  model.setWeights(weights);
  weights.forEach((weight) => weight.dispose());
  return model;
}

/** What models are trained on: 32 rows. */
export function data(): { x: tf.Tensor; y: tf.Tensor } {
  return { x: tf.tensor(numbers(160, 7), [32, 5]), y: tf.tensor(numbers(64, 9), [32, 2]) };
}

/** Trains a model in 4 batches an epoch; the losses of the epochs. */
export async function fit(
  model: tfl.LayersModel,
  epochs: number,
  callbacks: tfl.CustomCallbackArgs = {},
): Promise<number[]> {
  const { x, y } = data();
  const { history } = await model.fit(x, y, { epochs, batchSize: 8, shuffle: false, callbacks });
  [x, y].forEach((tensor) => tensor.dispose());
  return history.loss as number[];
}

/** Every weight of a model, as numbers. */
export async function weightsOf(model: tfl.LayersModel): Promise<number[][]> {
  return await Promise.all(model.getWeights().map(async (weight) => [...await weight.data()]));
}

/** The greatest difference of two lists of numbers. */
export function apart(a: readonly number[], b: readonly number[]): number {
  assertEquals(a.length, b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
}
