/** jax-js on WebAssembly: loss, gradients and AdamW under one `jit`, on one thread. */
import { init, jit, lax, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { ADAMW, type Trainer, type Training } from "./contestant.ts";
import type { Numbers } from "../../examples/models/writer.ts";
import { maskOf } from "../../examples/models/gpt.ts";
import { type BatchedGptSizes, type Network, transposed } from "./networks.ts";

type Tree = Record<string, np.Array>;
type State = [w: Tree, m: Tree, v: Tree];

/** jax-js, whose synchronous reads keep it off its worker pool. */
export const jax: Trainer = {
  name: "jax-js wasm, jit",
  open: async (network): Promise<Training> => {
    await init("wasm");
    const arrayOf = ({ data, shape }: Numbers) => np.array(data, { shape: [...shape] });
    const weights: Tree = {};
    for (const [name, numbers] of Object.entries(network.params)) {
      weights[name] = arrayOf(isMatrix(name, numbers) ? transposed(numbers) : numbers);
    }
    const zeros = () => tree.map((w: np.Array) => np.zeros(w.shape), weights) as Tree;
    const [m, v] = [zeros(), zeros()];
    const { x, y } = network.batch;
    const isText = x.data instanceof BigInt64Array;
    const given = isText
      ? np.array(Int32Array.from(x.data, Number), { shape: [...x.shape] })
      : arrayOf(x as Numbers);
    const labels = np.array(Int32Array.from(y.data, Number), { shape: [...y.shape] });
    const lossAndGradients = valueAndGrad((w: Tree, x: np.Array, y: np.Array) => {
      const logits = forward[network.kind](w, x, network);
      const chosen = nn.oneHot(y, network.classes);
      const count = network.batch.y.data.length;
      return nn.logSoftmax(logits, -1).mul(chosen).sum().mul(-1 / count);
    });
    const step = jit((w: Tree, m: Tree, v: Tree, x: np.Array, y: np.Array, c: np.Array) => {
      const [loss, g] = lossAndGradients(tree.ref(w), x, y);
      const state: State = [{}, {}, {}];
      const [c1, c2] = [c.ref.slice(0), c.slice(1)];
      for (const name of Object.keys(w)) {
        const all = adamw(w[name], m[name], v[name], g[name], c1.ref, c2.ref);
        state.forEach((tree, i) => tree[name] = all[i]);
      }
      tree.dispose([c1, c2]);
      return [loss, ...state] as [np.Array, Tree, Tree, Tree];
    });
    let state: State = [weights, m, v];
    let t = 0;
    return {
      step() {
        t++;
        // In jax-js a call takes over its arrays; the corrections change, so they are arguments.
        const c = np.array([1 / (1 - ADAMW.b1 ** t), 1 / (1 - ADAMW.b2 ** t)]);
        const [loss, ...next] = step(...state, given.ref, labels.ref, c);
        state = next;
        return Promise.resolve(loss.dataSync()[0]);
      },
      close: () => tree.dispose([...state, given, labels]),
    };
  },
};

/** Whether a weight is PyTorch's [out, in], which is multiplied from the right as [in, out]. */
function isMatrix(name: string, { shape }: Numbers): boolean {
  return shape.length === 2 && !name.startsWith("wte") && !name.startsWith("wpe");
}

function adamw(
  w: np.Array,
  m: np.Array,
  v: np.Array,
  g: np.Array,
  c1: np.Array,
  c2: np.Array,
): [np.Array, np.Array, np.Array] {
  const { learningRate, b1, b2, eps, weightDecay } = ADAMW;
  const nextM = m.mul(b1).add(g.ref.mul(1 - b1));
  const nextV = v.mul(b2).add(np.square(g).mul(1 - b2));
  const direction = nextM.ref.mul(c1).div(np.sqrt(nextV.ref.mul(c2)).add(eps));
  const u = direction.add(w.ref.mul(weightDecay)).mul(learningRate);
  return [w.sub(u), nextM, nextV];
}

const forward: Record<Network["kind"], (w: Tree, x: np.Array, network: Network) => np.Array> = {
  mlp: (w, x) => dense(nn.relu(dense(x, w, "fc1")), w, "fc2"),
  cnn(w, x) {
    const block = (x: np.Array, layer: string) => {
      const made = lax.conv(x, w[`${layer}.weight`], [1, 1], "SAME");
      const bias = w[`${layer}.bias`];
      const relu = nn.relu(made.add(bias.reshape([1, bias.shape[0], 1, 1])));
      return lax.reduceWindow(relu, np.max as (x: np.Array) => np.Array, [2, 2], [2, 2]);
    };
    const features = block(block(x, "conv1"), "conv2");
    return dense(features.reshape([features.shape[0], -1]), w, "fc");
  },
  gpt: (w, x, { sizes }) => gpt(w, x, sizes!),
};

function dense(x: np.Array, w: Tree, layer: string): np.Array {
  const product = np.matmul(x, w[`${layer}.weight`]);
  return `${layer}.bias` in w ? product.add(w[`${layer}.bias`]) : product;
}

function layerNorm(x: np.Array, w: Tree, layer: string): np.Array {
  const scaled = nn.standardize(x, -1, { epsilon: 1e-5 });
  return scaled.mul(w[`${layer}.weight`]).add(w[`${layer}.bias`]);
}

function gpt(w: Tree, tokens: np.Array, sizes: BatchedGptSizes): np.Array {
  const { batch, length, vocabulary, width, heads, layers } = sizes;
  const mask = np.array(maskOf(length), { shape: [length, length] });
  // It has no gradient of a gather: a product with ones and zeros stands in.
  let x = np.matmul(nn.oneHot(tokens, vocabulary), w["wte.weight"]).add(w["wpe.weight"]);
  for (let i = 0; i < layers; i++) {
    const qkv = dense(layerNorm(x.ref, w, `h.${i}.ln_1`), w, `h.${i}.qkv`);
    const apart = qkv.reshape([batch, length, 3, heads, width / heads]).transpose([2, 0, 3, 1, 4]);
    const [q, k, v] = [apart.ref.slice(0), apart.ref.slice(1), apart.slice(2)];
    const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(Math.sqrt(heads / width));
    const read = np.matmul(nn.softmax(scores.add(mask.ref), -1), v);
    const joined = read.transpose([0, 2, 1, 3]).reshape([batch, length, width]);
    x = x.add(dense(joined, w, `h.${i}.proj`));
    const up = dense(layerNorm(x.ref, w, `h.${i}.ln_2`), w, `h.${i}.up`);
    x = x.add(dense(nn.gelu(up, { approximate: true }), w, `h.${i}.down`));
  }
  mask.dispose();
  return dense(layerNorm(x, w, "ln_f"), w, "head");
}
