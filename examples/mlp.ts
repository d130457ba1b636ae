import { init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { type Batch, type Digits, generator, PIXELS } from "./digits.ts";

const HIDDEN = 128;
const CLASSES = 10;

/** A matrix in row-major order, shaped [inputs, outputs]. */
export type Tensor = { data: Float32Array; shape: number[] };

/** What one fully connected layer learns: its weights and its biases. */
export type Layer = { w: Tensor; b: Float32Array };

/** The network 784 → 128 → 10 as a plain tree; its gradients are a tree of the same shape. */
export type Parameters = { hidden: Layer; output: Layer };

/** Starting values for training, the same for the same seed. */
export function initialParameters(seed: number): Parameters {
  const random = generator(seed);
  const layer = (inputs: number, outputs: number): Layer => {
    // LeCun's scaling: with a variance of 1 / inputs, no sum is so large that tanh is flat there.
    const bound = Math.sqrt(3 / inputs);
    const data = Float32Array.from(
      { length: inputs * outputs },
      () => (2 * random() - 1) * bound,
    );
    return { w: { data, shape: [inputs, outputs] }, b: new Float32Array(outputs) };
  };
  return { hidden: layer(PIXELS, HIDDEN), output: layer(HIDDEN, CLASSES) };
}

/** The mean cross-entropy over a batch, with its exact gradients in fresh arrays. */
export async function lossAndGradients(
  parameters: Parameters,
  batch: Batch,
): Promise<{ loss: number; gradients: Parameters }> {
  await ready;
  const [loss, gradients] = lossAndGradientArrays(
    toDevice(parameters),
    toImageArray(batch),
    toLabelArray(batch),
  );
  return { loss: loss.item(), gradients: fromDevice(gradients) };
}

/** The fraction of the digits that the network names correctly. */
export async function accuracy(parameters: Parameters, digits: Digits): Promise<number> {
  await ready;
  const correct = countCorrect(toDevice(parameters), toImageArray(digits), toLabelArray(digits));
  return correct.item() / digits.count;
}

const ready = init("wasm");

// In jax-js a call takes over the arrays passed to it and frees them. Everything below uses each
// array exactly once, which is why no memory is left behind and no `.ref` is needed.
type LayerArrays = { w: np.Array; b: np.Array };
type ParameterArrays = { hidden: LayerArrays; output: LayerArrays };

function logits({ hidden, output }: ParameterArrays, images: np.Array): np.Array {
  const features = np.tanh(np.matmul(images, hidden.w).add(hidden.b));
  return np.matmul(features, output.w).add(output.b);
}

function crossEntropy(parameters: ParameterArrays, images: np.Array, labels: np.Array): np.Array {
  const logProbabilities = nn.logSoftmax(logits(parameters, images));
  return nn.oneHot(labels, CLASSES).mul(logProbabilities).sum(-1).mean().neg();
}

const lossAndGradientArrays = jit(valueAndGrad(crossEntropy));

const countCorrect = jit(
  (parameters: ParameterArrays, images: np.Array, labels: np.Array): np.Array =>
    np.equal(np.argmax(logits(parameters, images), -1), labels).astype(np.int32).sum(),
);

function toDevice({ hidden, output }: Parameters): ParameterArrays {
  const layer = ({ w, b }: Layer): LayerArrays => ({
    w: np.array(new Float32Array(w.data), { shape: w.shape }),
    b: np.array(new Float32Array(b)),
  });
  return { hidden: layer(hidden), output: layer(output) };
}

function fromDevice({ hidden, output }: ParameterArrays): Parameters {
  // The asynchronous `data()` would start worker threads, which cost more than they gain on
  // matrices this small and which keep the process from ending.
  const read = (array: np.Array): Float32Array => array.dataSync() as Float32Array;
  const layer = ({ w, b }: LayerArrays): Layer => ({
    w: { shape: w.shape, data: read(w) },
    b: read(b),
  });
  return { hidden: layer(hidden), output: layer(output) };
}

function toImageArray({ images }: Batch): np.Array {
  return np.array(new Float32Array(images), { shape: [images.length / PIXELS, PIXELS] });
}

function toLabelArray({ labels }: Batch): np.Array {
  return np.array(Int32Array.from(labels));
}
