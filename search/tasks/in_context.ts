/**
 * A transformer of linear attention that learns to learn a regression from examples before it: a shallow one
 * has the gap between Adam and descent, the heavy-tailed noise and the conditioning of deep ones (Ahn et al.
 * 2024, Linear Attention Is (Maybe) All You Need (to Understand Transformer Optimization)).
 */
import { Kernel } from "../kernels/kernel.ts";
import { linearFunctions, linearLayers } from "../kernels/linear.ts";
import { product } from "../kernels/product.ts";
import { exp2 } from "../programs/exact_math.ts";
import { DRAWS, Random } from "../programs/random.ts";
import type { TrainedProblem } from "./problem_pack.ts";

/** The sizes of the problem, all but `layers` multiples of 4. */
export interface InContextSizes {
  /** Numbers of a token: the features of an example, then what is to be told of them. */
  readonly width: number;
  /** Tokens of a sequence; of the last only the features are shown. */
  readonly context: number;
  readonly batch: number;
  readonly layers: number;
}

/** Sequences that are trained on, and measured with. */
const TRAINED = 512;
const MEASURED = 64;
/** How far weights are from 0 at the start. */
const SPREAD = 0.2;
/** The standard deviation of the last feature over that of the first, as a power of 2. */
const NARROWEST = -2;

/**
 * The problem of a seed. A layer adds X A (Xᵀ M X / n) B to the tokens X of a sequence, a row each, where M
 * leaves out the last, and n are the others.
 */
export function inContextProblem(seed: number, sizes: InContextSizes): TrainedProblem {
  const { width, context, batch, layers } = sizes;
  const [rows, square, sequence] = [batch * context, width * width, context * width];
  const own = { rows, inputs: width, outputs: width };
  const linear = [
    { name: "before", ...own, added: "back" },
    { name: "behind", ...own, added: "results" },
  ] as const;
  const mix = { rows: context, depth: width, columns: width, left: [width, 1] } as const;
  const gram = { rows: width, depth: context, columns: width, left: [1, width] } as const;
  const kernel = new Kernel(() => [
    ...linear.flatMap(linearFunctions),
    product("mix", mix),
    product("gram", gram),
  ]);
  const { run } = kernel;
  const { before, behind } = linearLayers(kernel, linear);
  const taken = () => kernel.take(rows * width);
  const [weights, slopes] = [0, 1].map(() => kernel.take(2 * layers * square));
  const stream = Array.from({ length: layers + 1 }, taken);
  const kept = Array.from({ length: layers }, (_, layer) => ({
    at: [weights.at + 8 * layer * square, weights.at + 4 * (2 * layer + 1) * square],
    slopeAt: [slopes.at + 8 * layer * square, slopes.at + 4 * (2 * layer + 1) * square],
    /** The tokens but the last of each sequence, over √n. */
    shown: taken(),
    asked: taken(),
    grams: kernel.take(batch * square),
    mixed: taken(),
  }));
  const [slope, mixedSlope, askedSlope, shownSlope] = Array.from({ length: 4 }, taken);
  const gramSlope = kernel.take(square);
  const share = 1 / Math.sqrt(context - 1);
  const isLast = (i: number) => i % sequence >= sequence - width;

  const { examples, right } = drawn(seed, sizes, TRAINED + MEASURED);
  const told = new Float32Array(batch);

  /** The mean loss of a batch of the sequences of these rows; `errors` gets its gradient by what was told. */
  const lossOf = (rowOf: (k: number) => number): number => {
    for (let k = 0; k < batch; k++) {
      const row = rowOf(k);
      told[k] = right[row];
      stream[0].data.set(examples.subarray(row * sequence, (row + 1) * sequence), k * sequence);
    }
    kept.forEach(({ at, shown, asked, grams, mixed }, layer) => {
      const from = stream[layer];
      const [to, all] = [shown.data, from.data];
      for (let i = 0; i < all.length; i++) to[i] = isLast(i) ? 0 : share * all[i];
      before.forward(asked.at, from.at, at[0]);
      for (let k = 0; k < batch; k++) {
        const [tokens, matrix] = [4 * k * sequence, grams.at + 4 * k * square];
        run.gram(matrix, shown.at + tokens, shown.at + tokens);
        run.mix(mixed.at + tokens, asked.at + tokens, matrix);
      }
      stream[layer + 1].data.set(all);
      behind.forward(stream[layer + 1].at, mixed.at, at[1]);
    });
    let sum = 0;
    const [to, last] = [slope.data.fill(0), stream[layers].data];
    for (let k = 0; k < batch; k++) {
      const at = (k + 1) * sequence - 1;
      const error = last[at] - told[k];
      to[at] = 2 * error / batch;
      sum += error * error;
    }
    return sum / batch;
  };

  /** From the gradient of what was told, in `slope`, back to that of all weights. */
  const backward = (): void => {
    for (let layer = layers - 1; layer >= 0; layer--) {
      const { at, slopeAt, shown, asked, grams, mixed } = kept[layer];
      behind.gradient(slopeAt[1], mixed.at, slope.at);
      behind.back(mixedSlope.at, slope.at, at[1]);
      for (let k = 0; k < batch; k++) {
        const tokens = 4 * k * sequence;
        run.mix(askedSlope.at + tokens, mixedSlope.at + tokens, grams.at + 4 * k * square);
        run.gram(gramSlope.at, asked.at + tokens, mixedSlope.at + tokens);
        addTransposed(gramSlope.data, width);
        run.mix(shownSlope.at + tokens, shown.at + tokens, gramSlope.at);
      }
      before.gradient(slopeAt[0], stream[layer].at, askedSlope.at);
      before.back(slope.at, askedSlope.at, at[0]);
      const [to, from] = [slope.data, shownSlope.data];
      for (let i = 0; i < to.length; i++) if (!isLast(i)) to[i] += share * from[i];
    }
  };

  return {
    tensors: Array.from({ length: 2 * layers }, () => square),
    start(w) {
      const random = new Random(seed, DRAWS.weights, 0);
      for (let i = 0; i < w.length; i++) w[i] = SPREAD * random.normal();
    },
    gradient(w, step, g) {
      weights.data.set(w);
      const random = new Random(seed, DRAWS.batch, step);
      const loss = lossOf(() => random.below(TRAINED));
      backward();
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

/** Adds to a square matrix what it is transposed. */
function addTransposed(matrix: Float32Array, width: number): void {
  for (let row = 0; row < width; row++) {
    for (let column = 0; column <= row; column++) {
      const [here, there] = [row * width + column, column * width + row];
      matrix[here] = matrix[there] = matrix[here] + matrix[there];
    }
  }
}

/** Sequences of examples of a line each, and what is right of their last. */
function drawn(seed: number, { width, context }: InContextSizes, count: number) {
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
