/** Softmax classifiers, with hidden layers or without, as tasks. */
import { isRecord } from "../../dsl/record.ts";
import { ANY, type Kinds, needed, whole } from "../../dsl/options.ts";
import { exp, log } from "../programs/exact_math.ts";
import { DRAWS, Random } from "../programs/random.ts";
import { BASE, type TaskBase } from "./common.ts";
import type { TrainedProblem } from "./problem_pack.ts";
import { RESCALED, type Rescaling } from "./rescaling.ts";

/** Classification with a softmax loss, on data that the task brings along. */
export interface ClassifierTask extends TaskBase {
  /** Marks a classifier. */
  readonly kind: "classifier";
  /** Units of hidden layers with tanh; none is logistic regression. */
  readonly hidden: readonly number[];
  /** Examples a gradient is the mean of. */
  readonly batch: number;
  /** The examples. */
  readonly data: ClassifierData;
  /** Random units of the parameters. Default none. */
  readonly rescaling?: Rescaling;
}

/** Inputs of examples, row after row, and the class of each. */
export interface Examples {
  /** The inputs, so many numbers an example. */
  readonly inputs: Float32Array;
  /** A class an example. */
  readonly labels: Uint8Array;
}

/** What a classifier is trained and measured on. */
export interface ClassifierData {
  /** Inputs of an example. */
  readonly features: number;
  /** Classes, numbered from 0. */
  readonly classes: number;
  /** The examples that gradients are of. */
  readonly train: Examples;
  /** Those that the loss is measured on. */
  readonly test: Examples;
}

/** What a classifier must be. */
export const CLASSIFIER: Kinds<ClassifierTask> = {
  ...BASE,
  kind: ANY,
  hidden: needed({
    is: (value) => Array.isArray(value) && value.every(whole(1, 1e5).is),
    must: "a list of whole numbers, the units of each layer",
  }),
  batch: needed(whole(1, 1e6)),
  data: needed({
    is: (value) =>
      isRecord(value) && whole(1).is(value.features) && whole(1, 256).is(value.classes) &&
      [value.train, value.test].every((part) =>
        isExamples(part, value as { features: number; classes: number })
      ),
    must:
      "`features`, `classes`, and examples to `train` and `test` with, of which each has a class from 0 on",
  }),
  rescaling: RESCALED,
};

function isExamples(
  part: unknown,
  { features, classes }: { features: number; classes: number },
): boolean {
  if (!isRecord(part)) return false;
  const { inputs, labels } = part;
  return inputs instanceof Float32Array && labels instanceof Uint8Array && labels.length > 0 &&
    inputs.length === labels.length * features && labels.every((label) => label < classes);
}

/** The problem of a classifier. */
export interface ClassifierProblem extends TrainedProblem {
  /** The shapes of its tensors: of each layer outputs × inputs, then outputs. */
  readonly shapes: readonly (readonly number[])[];
  /** The mean loss of some examples, and the share of them that is named correctly. */
  measure(w: Float32Array, examples: Examples): { loss: number; accuracy: number };
}

/** The problem of a task under a seed; all sums are in a fixed order. */
export function classifierProblem(
  { data, hidden, batch }: Pick<ClassifierTask, "data" | "hidden" | "batch">,
  seed: number,
): ClassifierProblem {
  const widths = [data.features, ...hidden, data.classes];
  const layers = widths.slice(1).map((outputs, i) => ({ inputs: widths[i], outputs }));
  const shapes = layers.flatMap(({ inputs, outputs }) => [[outputs, inputs], [outputs]]);
  const tensors = shapes.map((shape) => shape.reduce((a, b) => a * b));
  const offsets = tensors.map((_, i) => tensors.slice(0, i).reduce((a, b) => a + b, 0));
  const activations = widths.map((width) => new Float64Array(width));
  const errors = widths.map((width) => new Float64Array(width));

  /** Leaves each layer's outputs in `activations`; returns the loss of one example. */
  const forward = (w: Float32Array, inputs: Float32Array, row: number, label: number): number => {
    const [first] = activations;
    for (let i = 0; i < data.features; i++) first[i] = inputs[row * data.features + i];
    layers.forEach((layer, l) => {
      const [from, to] = [activations[l], activations[l + 1]];
      const [weights, biases] = [offsets[2 * l], offsets[2 * l + 1]];
      for (let o = 0; o < layer.outputs; o++) {
        let sum = w[biases + o];
        for (let i = 0; i < layer.inputs; i++) sum += w[weights + o * layer.inputs + i] * from[i];
        to[o] = l === layers.length - 1 ? sum : hyperbolicTangent(sum);
      }
    });
    const logits = activations[layers.length];
    const most = Math.max(...logits);
    let total = 0;
    for (let o = 0; o < logits.length; o++) total += exp(logits[o] - most);
    const loss = log(total) + most - logits[label];
    for (let o = 0; o < logits.length; o++) logits[o] = exp(logits[o] - most) / total;
    return loss;
  };

  const backward = (w: Float32Array, g: Float32Array, label: number): void => {
    const last = layers.length;
    activations[last].forEach((p, o) => errors[last][o] = (p - (o === label ? 1 : 0)) / batch);
    for (let l = last - 1; l >= 0; l--) {
      const { inputs, outputs } = layers[l];
      const [weights, biases] = [offsets[2 * l], offsets[2 * l + 1]];
      const from = activations[l];
      for (let o = 0; o < outputs; o++) {
        const error = errors[l + 1][o];
        g[biases + o] += error;
        for (let i = 0; i < inputs; i++) g[weights + o * inputs + i] += error * from[i];
      }
      // Nothing is before the first layer.
      if (l === 0) return;
      errors[l].fill(0);
      for (let o = 0; o < outputs; o++) {
        const error = errors[l + 1][o];
        for (let i = 0; i < inputs; i++) errors[l][i] += error * w[weights + o * inputs + i];
      }
      for (let i = 0; i < inputs; i++) {
        errors[l][i] *= 1 - activations[l][i] * activations[l][i];
      }
    }
  };

  const measure = (w: Float32Array, { inputs, labels }: Examples) => {
    let [sum, correct] = [0, 0];
    for (let row = 0; row < labels.length; row++) {
      sum += forward(w, inputs, row, labels[row]);
      const chances = activations[layers.length];
      if (chances.every((chance) => chance <= chances[labels[row]])) correct++;
    }
    return { loss: sum / labels.length, accuracy: correct / labels.length };
  };

  return {
    tensors,
    shapes,
    measure,
    start(w) {
      const random = new Random(seed, DRAWS.weights, 0);
      layers.forEach(({ inputs, outputs }, l) => {
        const scale = 1 / Math.sqrt(inputs);
        for (let i = 0; i < inputs * outputs; i++) w[offsets[2 * l] + i] = scale * random.normal();
        w.fill(0, offsets[2 * l + 1], offsets[2 * l + 1] + outputs);
      });
    },
    gradient(w, step, g) {
      g.fill(0);
      const random = new Random(seed, DRAWS.batch, step);
      const { inputs, labels } = data.train;
      let sum = 0;
      for (let k = 0; k < batch; k++) {
        const row = random.below(labels.length);
        sum += forward(w, inputs, row, labels[row]);
        backward(w, g, labels[row]);
      }
      return sum / batch;
    },
    loss: (w) => measure(w, data.test).loss,
  };
}

function hyperbolicTangent(x: number): number {
  const decayed = exp(-2 * Math.abs(x));
  const size = (1 - decayed) / (1 + decayed);
  return x < 0 ? -size : size;
}
