/** Element-wise optimizers of every kind, on trees of every kind, over the golden stream. */
import {
  adadelta,
  adagrad,
  adamw,
  chain,
  cocob,
  cosineDecaySchedule,
  exponentialDecay,
  joinSchedules,
  linearSchedule,
  lion,
  optimisticGradientDescent,
  type Optimizer,
  optimizer,
  piecewiseConstantSchedule,
  polynomialSchedule,
  powerSign,
  refinedLion,
  rmsprop,
  rprop,
  schedule,
  sgd,
  warmupCosineDecaySchedule,
} from "../../mod.ts";

const signed = optimizer({
  name: "signed",
  hyper: { scale: 2 },
  step: "u = scale*sign(g)*min(abs(g), 0.5)",
});

/** Clips by a bound of the parameter, with the loss as a further input. */
const bounded = optimizer({
  name: "bounded",
  hyper: { learningRate: 0.1, least: 1e-3 },
  inputs: { value: "scalar" },
  state: { peak: { init: "abs(w)" }, last: 0 },
  step: `
    bound = least*max(abs(w), least)
    c = clip(g, -bound, bound)
    peak = max(0.5*peak, abs(c))
    u = where(value < 1 & !isnan(c), -learningRate*c/(peak + least), -c)
    last = g
  `,
});

/** Each optimizer by what is special about it. */
export const catalogue: Readonly<Record<string, () => Optimizer>> = {
  "Lion": () => lion({ learningRate: 3e-3 }),
  "Lion of other decays": () => lion({ learningRate: 0.01, b1: 0.95, b2: 0.98, weightDecay: 1e-4 }),
  "Lion without weight decay": () => lion({ learningRate: 0.01, weightDecay: 0 }),
  "Lion at a cosine": () =>
    lion({ learningRate: cosineDecaySchedule({ initValue: 0.02, decaySteps: 4 }) }),
  "Lion at a warm-up and a cosine": () =>
    lion({
      learningRate: warmupCosineDecaySchedule({
        initValue: 0,
        peakValue: 0.02,
        warmupSteps: 2,
        decaySteps: 5,
        endValue: 1e-3,
      }),
    }),
  "Lion at a line, with a weight decay in stairs": () =>
    lion({
      learningRate: linearSchedule({ initValue: 0.1, endValue: 0.01, transitionSteps: 3 }),
      weightDecay: piecewiseConstantSchedule({
        initValue: 0.5,
        boundariesAndScales: { 2: 0.1, 4: 3 },
      }),
    }),
  "Lion with a mask": () =>
    lion({ learningRate: 0.01, weightDecay: 0.1, mask: { b: false, w: true } }),
  "Lion with a learning rate for each parameter": () =>
    lion({
      learningRate: {
        b: 0.1,
        w: linearSchedule({ initValue: 1, endValue: 0, transitionSteps: 4 }),
      },
    }),
  "Lion with its momentum in float16": () => lion({ learningRate: 3e-3, muDtype: "float16" }),
  "AdamW": () => adamw({ learningRate: 0.1 }),
  "AdamW after Nesterov": () => adamw({ learningRate: 0.1, nesterov: true }),
  "AdamW with its epsilon inside the root": () =>
    adamw({ learningRate: 0.1, eps: 0, epsRoot: 1e-6 }),
  "AdamW with its first moment in float16, at a cosine": () =>
    adamw({
      learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 6 }),
      muDtype: "float16",
    }),
  "SGD": () => sgd({ learningRate: 0.1 }),
  "SGD with momentum": () => sgd({ learningRate: 0.1, momentum: 0.9 }),
  "SGD after Nesterov": () => sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }),
  "SGD at a power of the step": () => sgd({ learningRate: schedule("0.1 / sqrt(t)") }),
  "SGD at a polynomial": () =>
    sgd({
      learningRate: polynomialSchedule({
        initValue: 0.1,
        endValue: 0.01,
        power: 3,
        transitionSteps: 5,
      }),
    }),
  "SGD at an exponential": () =>
    sgd({
      learningRate: exponentialDecay({
        initValue: 0.1,
        transitionSteps: 2,
        decayRate: 0.7,
        endValue: 0.03,
      }),
    }),
  "SGD at one schedule after another": () =>
    sgd({
      learningRate: joinSchedules({
        schedules: [
          linearSchedule({ initValue: 0, endValue: 0.5, transitionSteps: 2 }),
          exponentialDecay({
            initValue: 0.5,
            transitionSteps: 1,
            decayRate: 0.25,
            staircase: true,
          }),
        ],
        boundaries: [2],
      }),
    }),
  "AdaGrad": () => adagrad({ learningRate: 0.1 }),
  "AdaDelta with weight decay": () => adadelta({ learningRate: 10, weightDecay: 0.01 }),
  "RMSProp, centered and corrected, after Nesterov": () =>
    rmsprop({
      learningRate: 0.1,
      decay: 0.5,
      eps: 1e-2,
      centered: true,
      momentum: 0.9,
      nesterov: true,
      biasCorrection: true,
    }),
  "Rprop": () => rprop({ learningRate: 0.1 }),
  "optimistic descent": () => optimisticGradientDescent({ learningRate: 0.1 }),
  "COCOB": () => cocob({ alpha: 2 }),
  "PowerSign": () => powerSign({ learningRate: 0.1 }),
  "refined Lion": () => refinedLion({ learningRate: 0.1 }),
  "a chain of three": () =>
    chain(signed(), sgd({ learningRate: -0.5, momentum: 0.5 }), lion({ learningRate: 0.01 })),
  "one with conditions, clips and a further input": () => bounded(),
};
