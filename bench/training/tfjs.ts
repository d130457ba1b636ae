/** TensorFlow.js on WebAssembly and on WebGPU: its gradients and its Adam, with the decay of AdamW. */
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
// It brings the gradients of the operations along.
import "@tensorflow/tfjs-layers";
import { Absent } from "../contestant.ts";
import { hasTfjsWebGpu } from "../tfjs_webgpu.ts";
import { ADAMW, type Trainer, type Training } from "./contestant.ts";
import type { Numbers } from "../../examples/models/writer.ts";
import { maskOf } from "../../examples/models/gpt.ts";
import { type BatchedGptSizes, type Network, transposed } from "./networks.ts";

type Tree = Record<string, tf.Variable>;

/** tfjs on one of its backends. */
export function tfjsOn(backend: "wasm" | "webgpu"): Trainer {
  return {
    name: `tfjs-${backend}`,
    open: async (network): Promise<Training | Absent> => {
      if (backend === "webgpu" && !await hasTfjsWebGpu()) return new Absent("there is no GPU");
      await tf.setBackend(backend);
      const variables: Tree = {};
      for (const [name, numbers] of Object.entries(network.params)) {
        const { data, shape } = await laidOut(name, numbers, network);
        variables[name] = tf.variable(tf.tensor(data, [...shape]));
      }
      const { x, y } = network.batch;
      const given = x.data instanceof BigInt64Array
        ? tf.tensor(Int32Array.from(x.data, Number), [...x.shape], "int32")
        : tf.tensor(x.data, network.kind === "cnn" ? [x.shape[0], 28, 28, 1] : [...x.shape]);
      const labels = tf.tensor1d(Int32Array.from(y.data, Number), "int32");
      const chosen = tf.cast(tf.oneHot(labels, network.classes), "float32");
      const { learningRate, b1, b2, eps, weightDecay } = ADAMW;
      const adam = tf.train.adam(learningRate, b1, b2, eps);
      const loss = () => {
        const logits = forward[network.kind](variables, given, network);
        const rows = tf.logSoftmax(tf.reshape(logits, [-1, network.classes]));
        return tf.mul<tf.Scalar>(tf.sum(tf.mul(rows, chosen)), -1 / labels.size);
      };
      return {
        async step() {
          // Others compute on other backends in between.
          if (tf.getBackend() !== backend) tf.setBackend(backend);
          const value = tf.tidy(() => {
            const { value, grads } = tf.variableGrads(loss);
            for (const w of Object.values(variables)) {
              w.assign(tf.mul(w, 1 - learningRate * weightDecay));
            }
            adam.applyGradients(grads as Record<string, tf.Variable>);
            return value;
          });
          const [number] = await value.data();
          value.dispose();
          return number;
        },
        async close() {
          await tf.setBackend(backend);
          tf.dispose([...Object.values(variables), given, labels, chosen]);
          adam.dispose();
        },
      };
    },
  };
}

/** A weight as tfjs has it: matrices as [in, out], and images with their channels last. */
async function laidOut(name: string, numbers: Numbers, network: Network): Promise<Numbers> {
  const { data, shape } = numbers;
  if (shape.length === 4) {
    const [made, read, rows, columns] = shape;
    return await turned(data, [made, read, rows, columns], [rows, columns, read, made]);
  }
  if (shape.length !== 2 || name.startsWith("wte") || name.startsWith("wpe")) return numbers;
  if (network.kind !== "cnn") return transposed(numbers);
  // What was [out, channels, 7, 7] becomes [7, 7, channels, out].
  const [made, read] = shape;
  return await turned(data, [made, read / 49, 7, 7], [read, made]);
}

/** Numbers of four axes with these in the order 2, 3, 1, 0, as an array of `shape`. */
async function turned(
  data: Float32Array,
  from: tf.Tensor4D["shape"],
  shape: readonly number[],
): Promise<Numbers> {
  const moved = tf.tidy(() => tf.transpose(tf.tensor(data, from), [2, 3, 1, 0]));
  // Without waiting, tfjs would read the GPU through a canvas to paint on, which Deno has not.
  const numbers = { data: await moved.data() as Float32Array<ArrayBuffer>, shape };
  moved.dispose();
  return numbers;
}

const forward: Record<Network["kind"], (w: Tree, x: tf.Tensor, network: Network) => tf.Tensor> = {
  mlp: (w, x) => dense(tf.relu(dense(x, w, "fc1")), w, "fc2"),
  cnn(w, x) {
    const block = (x: tf.Tensor4D, layer: string) => {
      const made = tf.conv2d(x, w[`${layer}.weight`] as unknown as tf.Tensor4D, 1, "same");
      const relu = tf.relu<tf.Tensor4D>(tf.add(made, w[`${layer}.bias`]));
      return tf.maxPool(relu, 2, 2, "valid");
    };
    const features = block(block(x as tf.Tensor4D, "conv1"), "conv2");
    return dense(tf.reshape(features, [features.shape[0], -1]), w, "fc");
  },
  gpt: (w, x, { sizes }) => gpt(w, x, sizes!),
};

function dense(x: tf.Tensor, w: Tree, layer: string): tf.Tensor {
  const weight = w[`${layer}.weight`] as unknown as tf.Tensor2D;
  const product = tf.matMul(tf.reshape(x, [-1, weight.shape[0]]) as tf.Tensor2D, weight);
  const whole = `${layer}.bias` in w ? tf.add(product, w[`${layer}.bias`]) : product;
  return tf.reshape(whole, [...x.shape.slice(0, -1), weight.shape[1]]);
}

function layerNorm(x: tf.Tensor, w: Tree, layer: string): tf.Tensor {
  const less = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(less), -1, true);
  const scaled = tf.div(less, tf.sqrt(tf.add(variance, 1e-5)));
  return tf.add(tf.mul(scaled, w[`${layer}.weight`]), w[`${layer}.bias`]);
}

/** tanh's Gelu. */
function gelu(x: tf.Tensor): tf.Tensor {
  const cube = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
  const inner = tf.mul(tf.add(x, cube), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

function gpt(w: Tree, tokens: tf.Tensor, sizes: BatchedGptSizes): tf.Tensor {
  const { batch, length, vocabulary, width, heads, layers } = sizes;
  const mask = tf.tensor(maskOf(length), [length, length]);
  // On WebAssembly it has no gradient of a gather: a product with ones and zeros stands in.
  const flat = tf.reshape(tokens, [-1]) as tf.Tensor1D;
  const ones = tf.cast(tf.oneHot(flat, vocabulary), "float32") as tf.Tensor2D;
  const embedded = tf.matMul(ones, w["wte.weight"] as unknown as tf.Tensor2D);
  let x: tf.Tensor = tf.add(tf.reshape(embedded, [batch, length, width]), w["wpe.weight"]);
  for (let i = 0; i < layers; i++) {
    const qkv = dense(layerNorm(x, w, `h.${i}.ln_1`), w, `h.${i}.qkv`);
    const [q, k, v] = tf.split(qkv, 3, 2).map((each) =>
      tf.transpose(tf.reshape(each, [batch, length, heads, width / heads]), [0, 2, 1, 3])
    );
    const product = tf.mul(tf.matMul(q, k, false, true), Math.sqrt(heads / width));
    const read = tf.matMul(tf.softmax(tf.add(product, mask)), v);
    const joined = tf.reshape(tf.transpose(read, [0, 2, 1, 3]), [batch, length, width]);
    x = tf.add(x, dense(joined, w, `h.${i}.proj`));
    const up = dense(layerNorm(x, w, `h.${i}.ln_2`), w, `h.${i}.up`);
    x = tf.add(x, dense(gelu(up), w, `h.${i}.down`));
  }
  return dense(layerNorm(x, w, "ln_f"), w, "head");
}

/** On WebAssembly tfjs lacks the gradient of a convolution's weights; that of one over volumes stands in. */
tf.registerKernel({
  kernelName: "Conv2DBackpropFilter",
  backendName: "wasm",
  kernelFunc({ inputs, backend, attrs }) {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
    const { strides, pad, filterShape } = attrs as unknown as {
      strides: number | number[];
      pad: string;
      filterShape: number[];
    };
    const volume = ({ dataId, dtype, shape: [n, ...image] }: tf.TensorInfo): tf.TensorInfo => ({
      dataId,
      dtype,
      shape: [n, 1, ...image],
    });
    const steps = typeof strides === "number" ? [strides, strides] : strides;
    const kernel = tf.getKernel("Conv3DBackpropFilterV2", "wasm")!;
    const made = kernel.kernelFunc({
      inputs: { x: volume(x), dy: volume(dy) },
      backend,
      attrs: { strides: [1, ...steps], pad, filterShape: [1, ...filterShape] },
    }) as tf.TensorInfo;
    return { ...made, shape: filterShape };
  },
});
