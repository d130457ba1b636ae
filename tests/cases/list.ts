/** The one list of cases, which every backend runs. */
import {
  adamw,
  addNoise,
  applyIfFinite,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  muon,
  noisySgd,
  type Optimizer,
  schedule,
  sgd,
} from "../../mod.ts";
import { isKnown, optax32, optimizerOf, titleOf } from "../golden/cases.ts";
import { streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import { catalogue } from "../export/catalogue.ts";
import { wrapped, zooOptimizers } from "../export/everything.ts";
import type { Case, Tree } from "./case.ts";
import * as programs from "./programs.ts";
import {
  crowd,
  everyType,
  large,
  type Make,
  mixed,
  plain,
  plainOf,
  special,
  trees,
  wild,
} from "./trees.ts";

/** A case on trees of one form, of which gradients are numbers of their own. */
function on(name: string, make: Make, opt: Optimizer, more: Partial<Case> = {}): Case {
  return { name, opt, params: () => make(1), gradients: (t) => make(1_000 * (t + 1)), ...more };
}

/** A case on the parameters and gradients of the goldens. */
function onStream(name: string, opt: Optimizer, precision: "float32" | "float64" = "float32"): Case {
  const gradients = (t: number) => streamGradients(precision, t) as unknown as Tree;
  return {
    name,
    opt,
    params: () => streamParams(precision) as unknown as Tree,
    gradients,
    inputs: (t) =>
      Object.fromEntries(
        [...opt.program.inputs].map(([input, kind]) => [
          input,
          kind === "scalar" ? streamValue(t) : gradients(t + 1),
        ]),
      ),
    steps: 5,
  };
}

const clipped = (): Optimizer =>
  chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));

/** Cases by what they are about. */
export const groups: Readonly<Record<string, readonly Case[]>> = {
  "operations": Object.entries(programs.ofOps).map(([name, make]): Case => ({
    name,
    opt: make(),
    isDirect: true,
    params: () => special(0),
    gradients: () => special(0),
    inputs: () => ({ x: special(1), y: special(0).toReversed() }),
    steps: 1,
  })),

  "programs": [
    ...Object.entries({ ...programs.ofReductions, ...programs.ofAxes }).map(([name, make]) =>
      on(name, (seed) => ({ v: trees["one tensor"](seed), w: plainMatrix(seed) }), make())
    ),
    on("shapes", plain, programs.ofShapes()),
    on("a trust ratio", plain, programs.trustRatio()),
    on("products of matrices", plain, programs.ofMatrices()),
    on("random numbers", plain, programs.ofDraws()),
    on("numbers of the tree that gradients decide", plain, programs.ofTree(), { steps: 6 }),
    on("numbers of the tree that the count decides", plain, programs.ofCount(), { steps: 6 }),
    on("states that begin as the parameter", plain, programs.anchored()),
    on("states that begin as something of the parameter", plain, programs.begun()),
  ],

  "trees": Object.entries(trees).flatMap(([name, make]) => [
    on(`lion on ${name}`, make, lion({ learningRate: 0.1, weightDecay: 0.01 })),
    on(`clip and adamw on ${name}`, make, clipped()),
    on(`a trust ratio on ${name}`, make, programs.trustRatio()),
  ]),

  "large trees": [
    on("lion on many elements", large, lion({ learningRate: 0.1 }), { steps: 2 }),
    on("clip and adamw on many elements", large, clipped(), { steps: 2 }),
    on("clip and lion on many leaves", crowd, chain(clipByGlobalNorm({ maxNorm: 1 }), lion({ learningRate: 0.1 })), { steps: 2 }),
  ],

  "matrices": [
    on("products", trees["matrices of every form"], programs.ofMatrices()),
    on("muon", plain, muon({ learningRate: 0.1 })),
    on("rows and columns", trees["matrices of every form"], programs.ofAxes["over rows and columns"]()),
  ],

  "random numbers": [
    on("draws on many sizes", trees["sizes around a reduction's block"], programs.ofDraws()),
    on("noisySgd", plain, noisySgd({ learningRate: 0.1 })),
    on("addNoise", plain, addNoise({ eta: 0.1, gamma: 0.5, seed: 3 })),
  ],

  "types": [
    on("lion in float64", plainOf("float64"), lion({ learningRate: 0.1 })),
    on("clip and adamw in float64", plainOf("float64"), clipped()),
    on("a trust ratio in float64", plainOf("float64"), programs.trustRatio()),
    on("lion in two types", mixed, lion({ learningRate: 0.1 })),
    on("clip and adamw in two types", mixed, clipped()),
    on("lion in every type", everyType, lion({ learningRate: 0.1 })),
    on("clip and adamw in every type", everyType, clipped()),
    on("lion in bfloat16", plainOf("bfloat16"), lion({ learningRate: 0.1 })),
    on("adamw in float16", plainOf("float16"), adamw({ learningRate: 0.1 })),
    on("lion with its momentum in bfloat16", plain, lion({ learningRate: 0.1, muDtype: "bfloat16" })),
    on("lion with its momentum in float16", plain, lion({ learningRate: 0.1, muDtype: "float16" })),
    on("adamw in float64 with its first moment in float32", plainOf("float64"), adamw({ learningRate: 0.1, muDtype: "float32" })),
    on("adamw with states stored short from the beginning", plain, adamw({ learningRate: 0.1 }), {
      init: { storage: { m: "bfloat16", v: "float16" } },
    }),
  ],

  "hyperparameters": [
    on("a function", plain, sgd({ learningRate: (count) => 0.1 / (1 + count) }), {
      functions: { learningRate: (count) => 0.1 / (1 + count) },
    }),
    on("a tree of numbers and schedules", plain, lion({
      learningRate: { b: 0.1, w: schedule("0.1*0.5^count") },
      weightDecay: 0.1,
      mask: { b: false, w: true },
    })),
    on("numbers that are written", plain, lion({ learningRate: 0.1 }), {
      write: (hyper, t) => {
        if (t === 1) [hyper.learningRate, hyper.b1] = [0.5, 0.25];
        if (t === 2) delete hyper.b1;
      },
      written: ["learningRate", "b1"],
    }),
    on("a schedule that is written over", plain, sgd({ learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 5 }), momentum: 0.9 }), {
      write: (hyper, t) => {
        if (t === 1) hyper.learningRate = 0.5;
        if (t === 3) delete hyper.learningRate;
      },
      written: ["learningRate"],
      functions: { learningRate: cosineDecaySchedule({ initValue: 0.1, decaySteps: 5 }) },
      steps: 5,
    }),
  ],

  "special numbers": [
    onWild("lion", lion({ learningRate: 0.1 })),
    onWild("sgd with momentum", sgd({ learningRate: 0.1, momentum: 0.9 })),
    onWild("adamw", adamw({ learningRate: 0.1 })),
    onWild("adamw if finite", applyIfFinite(adamw({ learningRate: 0.1 }), { maxConsecutiveErrors: 2 }), [1, 2]),
    onWild("clip and adamw", clipped(), [2]),
  ],

  "the library's optimizers": Object.entries({ ...zooOptimizers, ...wrapped, ...catalogue }).map(
    ([name, make]) => onStream(name, make()),
  ),
};

function plainMatrix(seed: number): Tree {
  return (plain(seed) as { w: Tree }).w;
}

/** A case whose gradients are wild at some steps, or at all. */
function onWild(name: string, opt: Optimizer, at?: readonly number[]): Case {
  const tame = trees["one bare array"];
  void tame;
  return {
    name,
    opt,
    params: () => wild(1).map((x) => Math.abs(x) < 1e3 ? x : 1),
    gradients: (t) =>
      at === undefined || at.includes(t) ? wild(10 + t) : wild(10 + t).map((x) => Math.abs(x) < 1e3 ? x : 1),
    steps: 4,
  };
}

void [isKnown, optax32, optimizerOf, titleOf];
