/**
 * Softmax regression on classes of which a few are frequent and many are rare, as words are: what sets sign-like
 * rules apart from descent in language models is there in this linear one (Kunstner et al. 2024, Heavy-Tailed
 * Class Imbalance and Why Adam Outperforms Gradient Descent on Language Models).
 */
import { Kernel } from "../kernels/kernel.ts";
import { linearFunctions, linearLayers } from "../kernels/linear.ts";
import { prediction, predictionFunctions } from "../kernels/prediction.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { TrainedProblem } from "./problem_pack.ts";

/** The sizes of the problem, all multiples of 4. */
export interface ZipfSizes {
  readonly features: number;
  readonly classes: number;
  readonly batch: number;
}

/** Examples that are trained on, and measured with. */
const TRAINED = 4096;
const MEASURED = 128;
/** How far examples are from the middle of their class, which is at about 1 an element from 0. */
const SPREAD = 1;

/** The problem of a seed. The kth class comes 1/k times as often as the first. */
export function zipfProblem(seed: number, { features, classes, batch }: ZipfSizes): TrainedProblem {
  const sizes = [{ name: "scores", rows: batch, inputs: features, outputs: classes }] as const;
  const foretold = { places: batch, characters: classes };
  const kernel = new Kernel((module, added) => [
    ...sizes.flatMap(linearFunctions),
    ...predictionFunctions(module, added, foretold),
  ]);
  const layer = linearLayers(kernel, sizes).scores;
  const predict = prediction(kernel, foretold);
  const weights = kernel.take(features * classes);
  const slopes = kernel.take(features * classes);
  const inputs = kernel.take(batch * features);
  const scores = kernel.take(batch * classes);
  const right = new Uint16Array(batch);

  const random = new Random(seed, DRAWS.data, 0);
  const middles = Float32Array.from({ length: classes * features }, () => random.normal());
  let sum = 0;
  const sums = Array.from({ length: classes }, (_, k) => sum += 1 / (k + 1));
  const labels = Uint16Array.from({ length: TRAINED + MEASURED }, () => {
    const at = random.uniform() * sum;
    return sums.findIndex((each) => each > at);
  });
  const examples = new Float32Array(labels.length * features);
  for (let i = 0; i < examples.length; i++) {
    const label = labels[Math.floor(i / features)];
    examples[i] = middles[label * features + i % features] + SPREAD * random.normal();
  }

  /** The mean loss of a batch of the examples of these rows. */
  const lossOf = (rowOf: (k: number) => number): number => {
    const { data } = inputs;
    for (let k = 0; k < batch; k++) {
      const row = rowOf(k);
      right[k] = labels[row];
      data.set(examples.subarray(row * features, (row + 1) * features), k * features);
    }
    layer.forward(scores.at, inputs.at, weights.at);
    return predict(scores, (place) => right[place]);
  };
  return {
    tensors: [features * classes],
    start: (w) => void w.fill(0),
    gradient(w, step, g) {
      weights.data.set(w);
      const random = new Random(seed, DRAWS.batch, step);
      const loss = lossOf(() => random.below(TRAINED));
      layer.gradient(slopes.at, inputs.at, scores.at);
      g.set(slopes.data);
      return loss;
    },
    loss(w) {
      weights.data.set(w);
      let sum = 0;
      for (let row = 0; row < MEASURED; row += batch) sum += lossOf((k) => TRAINED + row + k);
      return sum / (MEASURED / batch);
    },
  };
}
