/** Each optimizer of the Adam family finds the minimum of a parabola, on the fastest backend. */
import {
  acprop,
  adabelief,
  adam,
  adamax,
  adamaxw,
  adamMini,
  adamw,
  adan,
  ademamix,
  adopt,
  amsgrad,
  cautiousAdamw,
  cosineDecaySchedule,
  grams,
  laprop,
  marsAdamw,
  nadam,
  nadamw,
  radam,
  simplifiedAdemamix,
  yogi,
} from "../../mod.ts";
import { assert } from "../assert.ts";

const STEPS = 2000;
const TARGET = [1, -1, 1];
const from = (initValue: number) => cosineDecaySchedule({ initValue, decaySteps: STEPS });
const learningRate = from(0.05);
const OPTIMIZERS = [
  acprop({ learningRate: from(0.01) }),
  adabelief({ learningRate }),
  adam({ learningRate }),
  adamMini({ learningRate }),
  adamax({ learningRate }),
  adamaxw({ learningRate }),
  adamw({ learningRate }),
  adan({ learningRate }),
  ademamix({ learningRate, alpha: 1, b3: 0.99 }),
  adopt({ learningRate: from(0.2) }),
  amsgrad({ learningRate: from(0.2) }),
  cautiousAdamw({ learningRate }),
  grams({ learningRate }),
  laprop({ learningRate }),
  marsAdamw({ learningRate }),
  nadam({ learningRate }),
  nadamw({ learningRate }),
  radam({ learningRate }),
  simplifiedAdemamix({ learningRate: from(0.005), b1: 0.9 }),
  yogi({ learningRate }),
];

for (const opt of OPTIMIZERS) {
  Deno.test(`${opt.program.name} finds the minimum of a parabola`, () => {
    const x = Float32Array.of(-1, 10, 1);
    const state = opt.init(x);
    for (let step = 0; step < STEPS; step++) {
      opt.step(x, x.map((value, i) => 2 * (value - TARGET[i])), state);
    }
    x.forEach((value, i) => assert(Math.abs(value - TARGET[i]) <= 3e-3, `it ends at ${x}`));
  });
}
