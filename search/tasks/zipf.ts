/**
 * Softmax regression on classes of which a few are frequent and many are rare, as words are: what sets sign-like
 * rules apart from descent in language models is there in this linear one (Kunstner et al. 2024, Heavy-Tailed
 * Class Imbalance and Why Adam Outperforms Gradient Descent on Language Models).
 */
import { shared } from "../kernels/shared.ts";
import { type RegressionSizes, softmaxRegression } from "../kernels/softmax_regression.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { TrainedProblem } from "./problem_pack.ts";

/** Examples that are trained on, and measured with. */
const TRAINED = 4096;
const MEASURED = 128;
/** How far examples are from the middle of their class, which is at about 1 an element from 0. */
const SPREAD = 1;

const regressionOf = shared(softmaxRegression);

/** The problem of a seed. The kth class comes 1/k times as often as the first. */
export function zipfProblem(seed: number, sizes: RegressionSizes): TrainedProblem {
  const { features, classes, batch } = sizes;
  const { loss } = regressionOf(sizes);
  const { examples, labels } = drawn(seed, sizes, TRAINED + MEASURED);
  const chosen = new Float32Array(batch * features);
  const right = new Uint16Array(batch);
  const choose = (rowOf: (k: number) => number): void => {
    for (let k = 0; k < batch; k++) {
      const row = rowOf(k);
      right[k] = labels[row];
      chosen.set(examples.subarray(row * features, (row + 1) * features), k * features);
    }
  };
  return {
    tensors: [features * classes],
    start: (w) => void w.fill(0),
    gradient(w, step, g) {
      const random = new Random(seed, DRAWS.batch, step);
      choose(() => random.below(TRAINED));
      return loss(w, chosen, right, g);
    },
    loss(w) {
      let sum = 0;
      for (let row = 0; row < MEASURED; row += batch) {
        choose((k) => TRAINED + row + k);
        sum += loss(w, chosen, right);
      }
      return sum / (MEASURED / batch);
    },
  };
}

/** Examples around the middles of their classes. */
function drawn(seed: number, { features, classes }: RegressionSizes, count: number) {
  const random = new Random(seed, DRAWS.data, 0);
  const middles = Float32Array.from({ length: classes * features }, () => random.normal());
  let sum = 0;
  const sums = Array.from({ length: classes }, (_, k) => sum += 1 / (k + 1));
  const labels = Uint16Array.from({ length: count }, () => {
    const at = random.uniform() * sum;
    return sums.findIndex((each) => each > at);
  });
  const examples = new Float32Array(count * features);
  for (let i = 0; i < examples.length; i++) {
    const label = labels[Math.floor(i / features)];
    examples[i] = middles[label * features + i % features] + SPREAD * random.normal();
  }
  return { examples, labels };
}
