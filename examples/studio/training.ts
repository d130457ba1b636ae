import { adamw, cosineDecaySchedule, lion, type Optimizer, sgd } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { moons, type Points } from "./moons.ts";
import { initialParameters, lossAndGradients, type Parameters } from "./network.ts";

/** How many steps a training takes. */
export const STEPS = 200;

const decayed = (initValue: number) =>
  cosineDecaySchedule({ initValue, decaySteps: STEPS, alpha: 0.05 });

/** What a page can train with. */
export const optimizers: Readonly<Record<string, () => Optimizer>> = {
  Lion: () => lion({ learningRate: decayed(0.02) }),
  AdamW: () => adamw({ learningRate: decayed(0.06) }),
  Momentum: () => sgd({ learningRate: decayed(1), momentum: 0.9 }),
};

/** What is trained on. */
export const points: Points = moons(400, 1);

/** A training after some steps. */
export type Progress = {
  /** How many steps it has taken. */
  step: number;
  /** The loss after them. */
  loss: number;
  parameters: Parameters;
  /** How long a step took on the GPU, in milliseconds: the way there and back included. */
  milliseconds: number;
};

/**
 * Trains with the exported graph of an optimizer on WebGPU, and yields after every step. The slopes are
 * computed here, so the parameters are asked for at each step; the optimizer's states never leave the GPU.
 */
export async function* train(make: () => Optimizer): AsyncGenerator<Progress> {
  const parameters = initialParameters(7);
  const bytes = toOnnx(make(), parameters);
  const optimizer = await OrtOptimizer.load(bytes, { executionProvider: "webgpu" });
  try {
    const state = optimizer.init(parameters);
    let { loss, gradients } = lossAndGradients(parameters, points);
    yield { step: 0, loss, parameters, milliseconds: 0 };
    for (let step = 1; step <= STEPS; step++) {
      const start = performance.now();
      await optimizer.step(parameters, gradients, state);
      await optimizer.download(parameters);
      const milliseconds = performance.now() - start;
      ({ loss, gradients } = lossAndGradients(parameters, points));
      yield { step, loss, parameters, milliseconds };
    }
  } finally {
    await optimizer.dispose();
  }
}

/** The loss that the library itself reaches, without a GPU. */
export function expectedLoss(make: () => Optimizer): number {
  const optimizer = make();
  const parameters = initialParameters(7);
  const state = optimizer.init(parameters);
  for (let step = 0; step < STEPS; step++) {
    optimizer.step(parameters, lossAndGradients(parameters, points).gradients, state);
  }
  return lossAndGradients(parameters, points).loss;
}
