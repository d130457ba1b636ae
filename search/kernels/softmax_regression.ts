/** Softmax regression without biases, as a kernel. */
import { Kernel } from "./kernel.ts";
import { linearFunctions, linearLayers } from "./linear.ts";
import { prediction, predictionFunctions } from "./prediction.ts";

/** The sizes, all multiples of 4. */
export interface RegressionSizes {
  readonly features: number;
  readonly classes: number;
  readonly batch: number;
}

/** A regression: its loss, and the gradient of that if there is room for it; weights are features × classes. */
export interface Regression {
  loss(
    w: Float32Array,
    examples: Float32Array,
    right: ArrayLike<number>,
    gradient?: Float32Array,
  ): number;
}

/** Makes a regression. */
export function softmaxRegression({ features, classes, batch }: RegressionSizes): Regression {
  const sizes = [{ name: "scores", rows: batch, inputs: features, outputs: classes }] as const;
  const foretold = { places: batch, characters: classes };
  const kernel = new Kernel((module, added) => [
    ...sizes.flatMap(linearFunctions),
    ...predictionFunctions(module, added, foretold),
  ]);
  const layer = linearLayers(kernel, sizes).scores;
  const predict = prediction(kernel, foretold);
  const [weights, slopes] = [0, 1].map(() => kernel.take(features * classes));
  const inputs = kernel.take(batch * features);
  const scores = kernel.take(batch * classes);
  return {
    loss(w, examples, right, gradient) {
      weights.data.set(w);
      inputs.data.set(examples);
      layer.forward(scores.at, inputs.at, weights.at);
      const loss = predict(scores, (place) => right[place]);
      if (gradient !== undefined) {
        layer.gradient(slopes.at, inputs.at, scores.at);
        gradient.set(slopes.data);
      }
      return loss;
    },
  };
}
