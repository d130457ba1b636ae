import { generator } from "../digits.ts";
import type { Points } from "./moons.ts";

const HIDDEN = 32;

type Tensor = { data: Float32Array; shape: number[] };

/** The network 2 → 32 → 1 as a plain tree; its gradients are a tree of the same shape. */
export type Parameters = {
  hidden: { w: Tensor; b: Float32Array };
  output: { w: Tensor; b: Float32Array };
};

/** Starting values for training, the same for the same seed. */
export function initialParameters(seed: number): Parameters {
  const random = generator(seed);
  const uniform = (size: number, bound: number) =>
    Float32Array.from({ length: size }, () => bound * (2 * random() - 1));
  return {
    hidden: { w: { data: uniform(2 * HIDDEN, 1.5), shape: [2, HIDDEN] }, b: uniform(HIDDEN, 1) },
    output: {
      w: { data: uniform(HIDDEN, Math.sqrt(3 / HIDDEN)), shape: [HIDDEN, 1] },
      b: new Float32Array(1),
    },
  };
}

/** How sure the network is that a point is of kind 1, from 0 to 1. */
export function predict({ hidden, output }: Parameters, x: number, y: number): number {
  let logit = output.b[0];
  for (let j = 0; j < HIDDEN; j++) {
    logit += output.w.data[j] *
      Math.tanh(x * hidden.w.data[j] + y * hidden.w.data[HIDDEN + j] + hidden.b[j]);
  }
  return 1 / (1 + Math.exp(-logit));
}

/** The mean cross-entropy over the points, with its gradients by hand, in fresh arrays. */
export function lossAndGradients(
  { hidden, output }: Parameters,
  { at, kind }: Points,
): { loss: number; gradients: Parameters } {
  const zeros = ({ data, shape }: Tensor) => ({ data: new Float32Array(data.length), shape });
  const gradients: Parameters = {
    hidden: { w: zeros(hidden.w), b: new Float32Array(HIDDEN) },
    output: { w: zeros(output.w), b: new Float32Array(1) },
  };
  const features = new Float32Array(HIDDEN);
  let loss = 0;
  for (let i = 0; i < kind.length; i++) {
    const [x, y] = [at[2 * i], at[2 * i + 1]];
    let logit = output.b[0];
    for (let j = 0; j < HIDDEN; j++) {
      features[j] = Math.tanh(x * hidden.w.data[j] + y * hidden.w.data[HIDDEN + j] + hidden.b[j]);
      logit += output.w.data[j] * features[j];
    }
    const signed = kind[i] === 1 ? -logit : logit;
    // log(1 + eˢ), which must not overflow.
    loss += Math.max(signed, 0) + Math.log1p(Math.exp(-Math.abs(signed)));
    const slope = (1 / (1 + Math.exp(-logit)) - kind[i]) / kind.length;
    gradients.output.b[0] += slope;
    for (let j = 0; j < HIDDEN; j++) {
      gradients.output.w.data[j] += slope * features[j];
      const inner = slope * output.w.data[j] * (1 - features[j] * features[j]);
      gradients.hidden.w.data[j] += inner * x;
      gradients.hidden.w.data[HIDDEN + j] += inner * y;
      gradients.hidden.b[j] += inner;
    }
  }
  return { loss: loss / kind.length, gradients };
}
