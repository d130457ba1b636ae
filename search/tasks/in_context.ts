/**
 * A transformer of linear attention that learns to learn a regression from examples before it: a shallow one
 * has the gap between Adam and descent, the heavy-tailed noise and the conditioning of deep ones (Ahn et al.
 * 2024, Linear Attention Is (Maybe) All You Need (to Understand Transformer Optimization)).
 */
import { linearAttention, type LinearAttentionSizes } from "../kernels/linear_attention.ts";
import { shared } from "../kernels/shared.ts";
import { exp2 } from "../programs/exact_math.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { TrainedProblem } from "./problem_pack.ts";

/** Sequences that are trained on, and measured with. */
const TRAINED = 512;
const MEASURED = 64;
/** How far weights are from 0 at the start. */
const SPREAD = 0.2;
/** The standard deviation of the last feature over that of the first, as a power of 2. */
const NARROWEST = -2;

const attentionOf = shared(linearAttention);

/** The problem of a seed. */
export function inContextProblem(seed: number, sizes: LinearAttentionSizes): TrainedProblem {
  const { width, context, batch } = sizes;
  const { tensors, loss } = attentionOf(sizes);
  const { examples, right } = drawn(seed, sizes, TRAINED + MEASURED);
  const sequence = context * width;
  const chosen = new Float32Array(batch * sequence);
  const told = new Float32Array(batch);
  const choose = (rowOf: (k: number) => number): void => {
    for (let k = 0; k < batch; k++) {
      const row = rowOf(k);
      told[k] = right[row];
      chosen.set(examples.subarray(row * sequence, (row + 1) * sequence), k * sequence);
    }
  };
  return {
    tensors,
    start(w) {
      const random = new Random(seed, DRAWS.weights, 0);
      for (let i = 0; i < w.length; i++) w[i] = SPREAD * random.normal();
    },
    gradient(w, step, g) {
      const random = new Random(seed, DRAWS.batch, step);
      choose(() => random.below(TRAINED));
      return loss(w, chosen, told, g);
    },
    loss(w) {
      let sum = 0;
      for (let row = 0; row < MEASURED; row += batch) {
        choose((k) => TRAINED + row + k);
        sum += loss(w, chosen, told);
      }
      return sum / (MEASURED / batch);
    },
  };
}

/** Sequences of examples of a line each, and what is right of their last. */
function drawn(seed: number, { width, context }: LinearAttentionSizes, count: number) {
  const random = new Random(seed, DRAWS.data, 0);
  const features = width - 1;
  const scales = Array.from({ length: features }, (_, i) => exp2(NARROWEST * i / (features - 1)));
  const examples = new Float32Array(count * context * width);
  const right = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    const line = Array.from({ length: features }, () => random.normal() / Math.sqrt(features));
    for (let token = 0; token < context; token++) {
      const at = (row * context + token) * width;
      let value = 0;
      line.forEach((slope, i) => {
        examples[at + i] = scales[i] * random.normal();
        value += slope * examples[at + i];
      });
      if (token < context - 1) examples[at + features] = value;
      else right[row] = value;
    }
  }
  return { examples, right };
}
