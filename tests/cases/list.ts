/** The one list of cases, which every backend runs. */
import {
  adamw,
  applyIfFinite,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  lion,
  type Optimizer,
  schedule,
  sgd,
} from "../../mod.ts";
import { catalogue } from "../export/catalogue.ts";
import { wrapped, zooOptimizers } from "../export/everything.ts";
import { isKnown, optax32, optimizerOf, titleOf } from "../golden/cases.ts";
import { type Precision, streamGradients, streamParams, streamValue } from "../golden/replay.ts";
import type { Case, Tree } from "./case.ts";
import * as programs from "./programs.ts";
import * as t from "./trees.ts";

/** A case on trees of one form: other numbers at each step. */
function on(name: string, make: t.Make, opt: Optimizer, more: Partial<Case> = {}): Case {
  return { name, opt, params: () => make(1), gradients: (t) => make(1_000 * (t + 1)), ...more };
}

/** A case on the parameters, gradients and losses of the goldens. */
function onStream(precision: Precision, name: string, opt: Optimizer, steps: number): Case {
  const gradients = (t: number) => streamGradients(precision, t) as unknown as Tree;
  const inputs = (t: number) =>
    Object.fromEntries(
      [...opt.program.inputs].map(([input, kind]) => [
        input,
        kind === "scalar" ? streamValue(t) : gradients(t + 1),
      ]),
    );
  const params = () => streamParams(precision) as unknown as Tree;
  return { name, opt, params, gradients, inputs, steps };
}

/** The goldens, what the library has besides them, wrappers around some, and options of every kind. */
function onStreams(precision: Precision): Case[] {
  const goldens = optax32.cases.filter(isKnown).map((spec) =>
    [`golden ${titleOf(spec)}`, optimizerOf(spec)] as const
  );
  const known = new Set(goldens.map(([, { program }]) => program));
  const others = Object.entries(zooOptimizers).map(([name, make]) => [name, make()] as const)
    .filter(([, { program }]) => !known.has(program));
  const made = Object.entries({ ...wrapped, ...catalogue }).map(([name, make]) =>
    [name, make()] as const
  );
  return [
    ...[...goldens, ...others].map(([name, opt]) => onStream(precision, name, opt, 3)),
    ...made.map(([name, opt]) => onStream(precision, name, opt, 5)),
  ];
}

/** A case of one op a state, on operands that are all given. */
function ofOps(
  name: string,
  opt: Optimizer,
  operands: readonly Tree[],
  more: Partial<Case> = {},
): Case {
  const [g, x, y] = operands;
  const params = () => (g as Float32Array).slice().fill(0) as Tree;
  const inputs = () => ({ x, y });
  return { name, opt, params, gradients: () => g, inputs, steps: 1, isDirect: true, ...more };
}

/** A case of gradients among which, at some steps or at all, are some that no step should meet. */
function onWild(name: string, opt: Optimizer, at?: readonly number[]): Case {
  const tame = (numbers: Float32Array) => numbers.map((x) => Math.abs(x) < 1e3 ? x : 1);
  return {
    name,
    opt,
    params: () => tame(t.wild(1)),
    gradients: (t_) =>
      at === undefined || at.includes(t_) ? t.wild(10 + t_) : tame(t.wild(10 + t_)),
    steps: 4,
  };
}

const NO_SUBNORMALS = "WGSL may take a subnormal operand for 0";
const NO_ANGLE = "WGSL promises nothing of the sine, cosine and tangent of large angles";
const NO_ARC = "WGSL's arcsine and arccosine may be off by 1e-4 and more";

/** What an op's target leaves open at the edges of float32. */
const AT_EDGES: Readonly<Record<string, Partial<Case>>> = {
  exponentials: { open: { "WebGPU": NO_SUBNORMALS, "ONNX on WebGPU": NO_SUBNORMALS } },
  hyperbolics: {
    differs: { "ONNX on WebAssembly": "next to the subnormals its tanh is off by up to 2^-142" },
  },
  waves: { open: { "WebGPU": NO_ANGLE, "ONNX on WebGPU": NO_ANGLE } },
  angles: { open: { "WebGPU": NO_ANGLE, "ONNX on WebGPU": NO_ANGLE } },
  arcs: { open: { "ONNX on WebGPU": NO_ARC } },
};

const plain = t.plain;
const descent = () => lion({ learningRate: 0.1, weightDecay: 0.01 });
const clipped = () => chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));
const cosine = cosineDecaySchedule({ initValue: 0.1, decaySteps: 5 });
const inverse = (count: number) => 0.1 / (1 + count);

/** Cases by what they are about. */
export const groups: Readonly<Record<string, readonly Case[]>> = {
  "operations": Object.entries(programs.ofOps).flatMap(([name, opt]) => [
    ofOps(`${name} at the edges of float32`, opt, t.edges, AT_EDGES[name]),
    ofOps(`${name} at the edges of float64`, opt, t.edgesWide),
    ofOps(`${name} of moderate numbers`, opt, t.moderate, name === "arcs" ? AT_EDGES.arcs : {}),
  ]),

  "programs": [
    on("reductions of each tensor", plain, programs.ofTensors),
    on("reductions of the tree", plain, programs.ofTrees),
    on("reductions of reductions", plain, programs.inTurn),
    on("rows and columns", t.matrices, programs.ofRowsAndColumns),
    on("axes by their extents", t.matrices, programs.ofExtents),
    on("shapes", t.trees["many axes"], programs.ofShapes),
    on("products of matrices", t.trees["matrices of every form"], programs.ofMatrices),
    on("products of large matrices", t.largeMatrices, programs.ofMatrices, { steps: 1 }),
    on("random numbers", t.trees["sizes around a vector's width"], programs.ofDraws),
    on("random numbers of many", t.trees["sizes around a reduction's block"], programs.ofDraws),
    on("numbers of the tree that gradients decide", plain, programs.ofPatience, { steps: 6 }),
    on("numbers of the tree that the count decides", plain, programs.ofTurns, { steps: 6 }),
    on("states that begin as numbers and as the parameter", plain, programs.anchored),
    on("states that begin as something of the parameter", plain, programs.begun),
    on("a condition that holds, known beforehand", plain, programs.joined({ p: true })),
    on("a condition that does not, known beforehand", plain, programs.joined({ p: false })),
  ],

  "trees": [
    ...Object.entries(t.trees).flatMap(([name, make]) => [
      on(`lion on ${name}`, make, descent()),
      on(`clip and adamw on ${name}`, make, clipped()),
      on(`a trust ratio on ${name}`, make, programs.trustRatio),
    ]),
    on("clip and adamw on many elements", t.large, clipped(), { steps: 2 }),
    on("a trust ratio on many elements", t.large, programs.trustRatio, { steps: 2 }),
  ],

  "reductions": t.lengths.flatMap((length) => [
    on(`each tensor of ${length}`, t.scattered(length), programs.ofTensors, { steps: 1 }),
    on(`a tree of ${length}`, t.scattered(length), programs.ofTrees, { steps: 1 }),
  ]),

  "types": [
    on("lion in two types", t.mixed, descent()),
    on("clip and adamw in two types", t.mixed, clipped()),
    on("lion in every type", t.everyType, descent()),
    on("clip and adamw in every type", t.everyType, clipped()),
    on("a trust ratio in every type", t.everyType, programs.trustRatio),
    on("lion in bfloat16, of float32 gradients", t.plainOf("bfloat16"), descent(), {
      gradients: (t_) => plain(1_000 * (t_ + 1)),
    }),
    on("adamw in float16", t.plainOf("float16"), adamw({ learningRate: 0.1 })),
    on("products of matrices in bfloat16", t.plainOf("bfloat16"), programs.ofMatrices),
    on("products of matrices in float64", t.plainOf("float64"), programs.ofMatrices),
    on("random numbers in every type", t.everyType, programs.ofDraws),
    on("states in float64", t.plainOf("float64"), programs.begun),
    ...(["float32", "bfloat16", "float16"] as const).flatMap((muDtype) => [
      on(`lion, its momentum in ${muDtype}`, plain, lion({ learningRate: 0.1, muDtype })),
      on(
        `lion in float64, its momentum in ${muDtype}`,
        t.plainOf("float64"),
        lion({ learningRate: 0.1, muDtype }),
      ),
      on(
        `a state of float64 in ${muDtype} that is never read`,
        t.plainOf("float64"),
        programs.written({ muDtype }),
      ),
    ]),
    on("adamw, its states stored short from the beginning", plain, adamw({ learningRate: 0.1 }), {
      init: { storage: { m: "bfloat16", v: "float16" } },
    }),
  ],

  "hyperparameters": [
    on("a function", plain, sgd({ learningRate: inverse }), {
      functions: { learningRate: inverse },
    }),
    on("a tree of a number and a function", plain, lion({ learningRate: { b: 0.1, w: inverse } }), {
      functions: { "learningRate/w": inverse },
    }),
    on(
      "a tree of a number and a schedule, and a mask",
      plain,
      lion({
        learningRate: { b: 0.1, w: schedule("0.1*0.5^count") },
        weightDecay: 0.1,
        mask: { b: false, w: true },
      }),
    ),
    on(
      "one that is 0, and one that a schedule makes 0",
      plain,
      lion({
        learningRate: schedule("where(count == 1, 0, 0.1)"),
        weightDecay: 0,
      }),
    ),
    on("numbers that are written, and deleted", plain, lion({ learningRate: 0.1 }), {
      write: (hyper, t_) => {
        if (t_ === 1) Object.assign(hyper, { learningRate: 0.5, b1: 0.25, weightDecay: 0 });
        if (t_ === 2) delete hyper.b1;
      },
      written: ["learningRate", "b1", "weightDecay"],
    }),
    on("a schedule that is written over", plain, sgd({ learningRate: cosine, momentum: 0.9 }), {
      write: (hyper, t_) => {
        if (t_ === 1) hyper.learningRate = 0.5;
        if (t_ === 3) delete hyper.learningRate;
      },
      written: ["learningRate"],
      functions: { learningRate: cosine },
      steps: 5,
    }),
  ],

  "special numbers": [
    onWild("lion", descent()),
    onWild("sgd with momentum", sgd({ learningRate: 0.1, momentum: 0.9 })),
    onWild("adamw", adamw({ learningRate: 0.1 })),
    onWild("clip and adamw, at one step", clipped(), [2]),
    onWild(
      "adamw if finite, at two steps",
      applyIfFinite(adamw({ learningRate: 0.1 }), { maxConsecutiveErrors: 1 }),
      [1, 2],
    ),
  ],

  "the library in float32": onStreams("float32"),

  "the library in float64": onStreams("float64"),
};
