/**
 * Options for `gradus search examples/search_digits.ts`: programs are scored by how well they train
 * logistic regression and a small network on handwritten digits, and held out are longer runs of other
 * seeds, and a wider network.
 */
import type { ClassifierData, ClassifierTask, SearchOptions } from "@gradus/gradus/search";
import { type Batch, loadDigits } from "./digits.ts";

const SIDE = 28;
/** Images are searched on in 7 rows of 7 means, so that a training takes milliseconds. */
const SMALL = 7;
const POOL = SIDE / SMALL;

function pooled({ images, labels }: Batch, count: number): ClassifierData["train"] {
  const inputs = new Float32Array(count * SMALL * SMALL);
  for (let image = 0; image < count; image++) {
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const [row, column] = [Math.floor(pixel / SIDE / POOL), Math.floor(pixel % SIDE / POOL)];
      inputs[(image * SMALL + row) * SMALL + column] += images[image * SIDE * SIDE + pixel] /
        POOL ** 2;
    }
  }
  return { inputs, labels: labels.slice(0, count) };
}

const { train, test } = loadDigits();
const data: ClassifierData = {
  features: SMALL * SMALL,
  classes: 10,
  train: pooled(train, 1000),
  test: pooled(test, 300),
};

const classifier = (
  name: string,
  hidden: readonly number[],
  steps: number,
  seed: number,
): ClassifierTask => ({ kind: "classifier", name, hidden, steps, seeds: [seed], batch: 16, data });

const options: SearchOptions = {
  tasks: [
    classifier("logistic regression", [], 120, 1),
    classifier("network of 16", [16], 120, 1),
  ],
  heldOut: [
    classifier("logistic regression, 5 times longer", [], 600, 2),
    classifier("network of 16, 5 times longer", [16], 600, 2),
    classifier("network of 64, 5 times longer", [64], 600, 2),
  ],
  budget: { trained: 1000 },
  population: 100,
};

export default options;
