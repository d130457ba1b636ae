/** A transformer of linear attention, as a kernel: layers without a softmax. */
import { Kernel } from "./kernel.ts";
import { linearFunctions, linearLayers } from "./linear.ts";
import { product } from "./product.ts";

/** The sizes, all but `layers` multiples of 4. */
export interface LinearAttentionSizes {
  /** Numbers of a token: the features of an example, then what is to be told of them. */
  readonly width: number;
  /** Tokens of a sequence; of the last only the features are shown. */
  readonly context: number;
  readonly batch: number;
  readonly layers: number;
}

/** A transformer: the mean squared error of what it tells, and the gradient of that if there is room for it. */
export interface LinearAttention {
  /** The lengths of its tensors, of a layer A and B, each `width` × `width`. */
  readonly tensors: readonly number[];
  loss(
    w: Float32Array,
    examples: Float32Array,
    right: ArrayLike<number>,
    gradient?: Float32Array,
  ): number;
}

/**
 * Makes a transformer. A layer adds X A (Xᵀ M X / n) B to the tokens X of a sequence, a row each, where M
 * leaves out the last, and n are the others. What is told is the last number of the last token.
 */
export function linearAttention(sizes: LinearAttentionSizes): LinearAttention {
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

  /** The loss; what is told gets its gradient in `slope`. */
  const forward = (right: ArrayLike<number>): number => {
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
      const error = last[at] - right[k];
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
    loss(w, examples, right, gradient) {
      weights.data.set(w);
      stream[0].data.set(examples);
      const loss = forward(right);
      if (gradient !== undefined) {
        backward();
        gradient.set(slopes.data);
      }
      return loss;
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
