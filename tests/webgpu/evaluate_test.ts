import {
  adamw,
  averageParams,
  chain,
  GradusError,
  lookahead,
  multiSteps,
  type Optimizer,
  optimizer,
  partition,
  scaleByAdam,
  schedule,
  scheduleFreeSgd,
  sgd,
  type State,
} from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { streamGradients, streamParams } from "../golden/replay.ts";
import { gpuTest, numbersIn, onGpu } from "./gpu.ts";

const free = () => scheduleFreeSgd({ learningRate: 0.25, b1: { b: 0.9, w: 0.5 } });
const told = optimizer({
  name: "told",
  hyper: { rate: 1 },
  state: { n: { over: "tree" }, m: 0, largest: { over: "tensor" }, r: { over: 0 } },
  step: `
    n = n + globalNorm(g)
    m = m + n*g
    largest = max(largest, max(abs(g)))
    r = r + mean(g^2, axis=0)
    u = -rate*g/n
  `,
  evaluate: "w*globalNorm(m)/globalMax(abs(w)) + n*t + count + rate + largest*mean(w)",
});
const narrow = optimizer({
  name: "narrow",
  state: { r: { over: -1 }, count_: { over: "tree" } },
  step: "r = r + mean(g^2, axis=-1); count_ = count_ + 2; u = -0.1*g",
  evaluate: "w*sqrt(r) + count_",
});

const counted = optimizer({
  name: "counted",
  hyper: { decay: 0.99 },
  state: { k: { over: "tree" } },
  step: "k = where(globalNorm(g) > 1, k + 1, k + 2); u = -0.1*g",
  evaluate: "w*(1 - decay^k) + where(k > 2, k, decay)",
});

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = {
  "schedule-free descent after Adam": chain(scaleByAdam({ b1: 0.5 }), free()),
  "an average": averageParams(adamw({ learningRate: 0.1 }), { decay: 0.75 }),
  lookahead: lookahead(sgd({ learningRate: 0.1 }), { syncPeriod: 3, slowStepSize: 0.5 }),
  accumulation: multiSteps(free(), { everyKSchedule: 2 }),
  parts: partition({ a: free(), b: sgd({ learningRate: 0.1 }) }, { b: "a", w: "b" }),
  "parameters as they are": sgd({ learningRate: 0.1 }),
  reductions: told({ rate: schedule("1/(count + 1)") }),
  "narrow states": narrow(),
  "a count that gradients decide": counted(),
};

for (const [name, opt] of Object.entries(OPTIMIZERS)) {
  gpuTest(`${name}: a GPU evaluates what the library does, and changes nothing`, async () => {
    await onGpu(opt, async (gpu) => {
      const params = streamParams("float32");
      const state = opt.init(params);
      const theirs = gpu.upload(streamParams("float32"));
      const theirState: State = gpu.init(theirs);
      for (let t = 0; t < 4; t++) {
        opt.step(params, streamGradients("float32", t), state);
        gpu.step(theirs, gpu.upload(streamGradients("float32", t)), theirState);
        const held = async () =>
          structuredClone([await gpu.download(theirs), await gpu.download(theirState)]);
        const before = await held();
        const evaluated = gpu.evaluationParams(theirs, theirState);
        const found = await gpu.download(evaluated);
        assertEquals(await held(), before);
        const numbers = numbersIn(found);
        for (const [place, wanted] of numbersIn(opt.evaluationParams(params, state))) {
          const number = numbers.get(place)!;
          assert(Math.abs(number - wanted) <= 2e-5 * (1 + Math.abs(wanted)), `${place}: ${number}`);
        }
        assertEquals([...numbers.keys()], [...numbersIn(params).keys()]);
        gpu.release(evaluated);
      }
    });
  });
}

gpuTest("what a GPU cannot evaluate is refused as the library does", async () => {
  await onGpu(scheduleFreeSgd({ b1: 0 }), (gpu) => {
    const params = gpu.upload({ x: Float32Array.of(1) });
    const state = gpu.init(params);
    const evaluate = () => gpu.evaluationParams(params, state);
    assertThrows(evaluate, GradusError, "on WebGPU", "must not be divided by 0");
    return Promise.resolve();
  });
});
