/** A model of tfjs that is trained and evaluated with an optimizer of Gradus, the same wherever it runs. */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { layers, sequential } from "@tensorflow/tfjs-layers";
import { toTfjs } from "../../adapters/tfjs/mod.ts";
import { adamw, averageParams } from "../../mod.ts";

/** What came of a training. */
export interface Trained {
  readonly backend: string;
  /** Of each epoch. */
  readonly losses: readonly number[];
  readonly weights: readonly number[];
  /** The loss that the averages have. */
  readonly averaged: number;
  /** Tensors that are left when all was given back. */
  readonly left: number;
}

function numbers(size: number, seed: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i * i + 13 * seed + 1));
}

/** Trains on a backend: 8 epochs of 4 batches. */
export async function train(backend: string): Promise<Trained> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const optimizer = toTfjs(averageParams(adamw({ learningRate: 0.03 }), { decay: 0.9 }), tf);
  const model = sequential({
    layers: [
      layers.dense({ units: 12, inputShape: [5], activation: "relu" }),
      layers.dense({ units: 2 }),
    ],
  });
  const begun = model.getWeights().map(({ shape, size }, k) =>
    tf.tensor(numbers(size, k).map((x) => x / 2), shape)
  );
  model.setWeights(begun);
  model.compile({ optimizer, loss: "meanSquaredError" });
  const [x, y] = [tf.tensor(numbers(160, 7), [32, 5]), tf.tensor(numbers(64, 9), [32, 2])];
  const { history } = await model.fit(x, y, { epochs: 8, batchSize: 8, shuffle: false });
  const averaged = optimizer.withEvaluationParams(() => model.evaluate(x, y) as tf.Scalar);
  const weights = await Promise.all(model.getWeights().map((each) => each.data()));
  const trained = {
    backend: tf.getBackend(),
    losses: history.loss as number[],
    weights: weights.flatMap((each) => [...each]),
    averaged: (await averaged.data())[0],
  };
  [...begun, x, y, averaged].forEach((tensor) => tensor.dispose());
  model.dispose();
  optimizer.dispose();
  return { ...trained, left: tf.memory().numTensors - before };
}
