/** The one list of cases, which every backend runs. */
import {
  adamw,
  applyIfFinite,
  averageSteps,
  chain,
  clipByGlobalNorm,
  cosineDecaySchedule,
  dynamicLossScale,
  lion,
  lookahead,
  multiSteps,
  partition,
  schedule,
  scheduleFreeAdamw,
  sgd,
} from "../../mod.ts";
import { catalogue } from "../export/catalogue.ts";
import type { Case } from "./case.ts";
import { ofOps, on, onInfinite, onStreams, onWild, withMissing } from "./making.ts";
import { STORAGES } from "../runtime/storages.ts";
import * as programs from "./programs.ts";
import * as trees from "./trees.ts";

const COMPUTED_WITH = "a graph computes with a 0 that stays an input: 0 times infinity is NaN";
const NO_SUBNORMALS = "WGSL may take a subnormal operand for 0";
const NO_ANGLE = "WGSL promises nothing of the sine, cosine and tangent of large angles";
const NO_ARC = "WGSL's arcsine and arccosine may be off by 1e-4 and more";

/** What targets leave open of operations at the edges of float32. */
const AT_EDGES: Readonly<Record<string, Partial<Case>>> = {
  exponentials: { open: { "WebGPU": NO_SUBNORMALS, "ONNX on WebGPU": NO_SUBNORMALS } },
  hyperbolics: {
    differs: { "ONNX on WebAssembly": "next to the subnormals its tanh is off by up to 2^-142" },
  },
  waves: { open: { "WebGPU": NO_ANGLE, "ONNX on WebGPU": NO_ANGLE } },
  angles: { open: { "WebGPU": NO_ANGLE, "ONNX on WebGPU": NO_ANGLE } },
};

/** What they leave open of operations on normal numbers, infinities and NaN. */
const OF_NORMALS: Readonly<Record<string, Partial<Case>>> = {
  exponentials: { open: { "ONNX on WebGPU": "its powers of 0 by negative numbers are 0" } },
  angles: { open: { "ONNX on WebGPU": "its arctangent of NaN is 0" } },
};

/** What they leave open of operations on any numbers. */
const OF_ALL: Readonly<Record<string, Partial<Case>>> = {
  arcs: { open: { "ONNX on WebGPU": NO_ARC } },
};

const { forms, plain } = trees;
const descent = () => lion({ learningRate: 0.1, weightDecay: 0.01 });
const clipped = () => chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 0.1 }));
const cosine = cosineDecaySchedule({ initValue: 0.1, decaySteps: 5 });
/** Every way to store a state. */
const ways = [...new Set(STORAGES)].flatMap((stored) =>
  stored === undefined
    ? []
    : [{ stored, way: typeof stored === "string" ? stored : `${stored.dtype}, rounded by chance` }]
);
const rounded = lion({
  learningRate: 0.1,
  muDtype: { dtype: "bfloat16+8", rounding: "stochastic", seed: 3 },
});
const inverse = (count: number) => 0.1 / (1 + count);

/** Cases by what they are about. */
export const groups: Readonly<Record<string, readonly Case[]>> = {
  "operations": Object.entries(programs.ofOps).flatMap(([name, opt]) => [
    ofOps(`${name} at the edges of float32`, opt, trees.edges, {
      ...OF_ALL[name],
      ...AT_EDGES[name],
    }),
    ofOps(`${name} at the edges of float64`, opt, trees.edgesWide),
    ofOps(
      `${name} of normal numbers`,
      opt,
      ["waves", "angles"].includes(name) ? trees.angles : trees.normals,
      { ...OF_ALL[name], ...OF_NORMALS[name] },
    ),
    ofOps(`${name} of moderate numbers`, opt, trees.moderate, OF_ALL[name]),
  ]),

  "programs": [
    on("reductions of each tensor", plain, programs.ofTensors),
    on("reductions of the tree", plain, programs.ofTrees),
    on("reductions of reductions", plain, programs.inTurn),
    on("rows and columns", trees.matrices, programs.ofRowsAndColumns),
    on("axes by their extents", trees.matrices, programs.ofExtents),
    on("shapes", forms["many axes"], programs.ofShapes),
    on("products of matrices", forms["matrices of every form"], programs.ofMatrices),
    on("products of large matrices", trees.largeMatrices, programs.ofMatrices, { steps: 1 }),
    on("states of their own shapes", forms["matrices of every form"], programs.ofSides({})),
    on("states of ranks", trees.matrixTrees, programs.ofRanks({})),
    on("states of a rank of one", trees.matrixTrees, programs.ofRanks({ r: 1 })),
    on("states of a rank of each leaf", trees.matrixTrees, programs.ofRanks({ r: [1, 2, 3, 4] })),
    on("rows and columns that are turned", trees.twoAxes, programs.ofTurned),
    on("orthonormal factors", forms["matrices of every form"], programs.ofFactors({})),
    on("orthonormal factors of many rows", trees.largeMatrices, programs.ofFactors({ f: 2 }), {
      steps: 2,
    }),
    on("places along axes", forms["many axes"], programs.ofPlaces),
    on("places along the axes of matrices", trees.matrices, programs.ofPlaces),
    on(
      "states of their own shapes, every so often by a schedule",
      trees.plain,
      programs.ofSides({
        f: schedule("1 + floor(count/2)"),
        learningRate: cosine,
      }),
      { steps: 6 },
    ),
    on("random numbers", forms["sizes around a vector's width"], programs.ofDraws({})),
    ...ways.map(({ way, stored }) =>
      on(
        `random numbers kept as ${way}`,
        forms["sizes around a vector's width"],
        programs.ofDraws({ muDtype: stored }),
      )
    ),
    on("values of tensors and axes", trees.withoutElements, programs.narrow),
    on("sums by hyperparameters of each leaf", plain, programs.ofGains({ gain: { b: 1, w: 2 } })),
    on("random numbers of many", forms["sizes around a reduction's block"], programs.ofDraws({})),
    on("numbers of the tree that gradients decide", plain, programs.ofPatience, { steps: 6 }),
    on("numbers of the tree that the count decides", plain, programs.ofTurns, { steps: 6 }),
    ...programs.asNumbers.map((make, i) =>
      on(
        `states that begin as numbers, ${i + 1}`,
        trees.tame(trees.wild("float32")),
        make({ a: 0.7 }),
      )
    ),
    on(
      "states that begin as numbers of each leaf",
      plain,
      programs.asNumbers[3]({ a: { b: 2, w: 3 } }),
    ),
    ...programs.asExpressions.flatMap((make, i) => [
      on(
        `states that begin as expressions, ${i + 1}`,
        trees.tame(trees.wild("float32")),
        make({ a: 0.7 }),
      ),
      on(
        `states that begin as expressions of each leaf, ${i + 1}`,
        plain,
        make({ a: { b: 2, w: 3 } }),
      ),
    ]),
    on("a condition that holds, known beforehand", plain, programs.joined({ p: true })),
    on("a condition that does not, known beforehand", plain, programs.joined({ p: false })),
  ],

  "trees": [
    ...Object.entries(forms).flatMap(([name, make]) => [
      on(`lion on ${name}`, make, descent()),
      on(`clip and adamw on ${name}`, make, clipped()),
      on(`a trust ratio on ${name}`, make, programs.trustRatio),
    ]),
    on("clip and adamw on many elements", trees.large, clipped(), { steps: 1 }),
    on("a trust ratio on many elements", trees.large, programs.trustRatio, { steps: 1 }),
    on("random numbers on many elements", trees.large, programs.ofDraws({}), { steps: 1 }),
  ],

  "reductions": [
    ...trees.lengths.flatMap((length) => [
      on(`each tensor of ${length}`, trees.scattered(length), programs.ofTensors, { steps: 1 }),
      on(`a tree of ${length}`, trees.scattered(length), programs.ofTrees, { steps: 1 }),
    ]),
    ...["0", "1", "-1", "(0, -1)", "(0, 1)", ":", "1:"].map((axes) =>
      on(`axes ${axes}`, trees.scatteredMatrices, programs.ofAxes(axes), { steps: 1 })
    ),
  ],

  "types": [
    on("lion in two types", trees.mixed, descent()),
    on("clip and adamw in two types", trees.mixed, clipped()),
    on("lion in every type", trees.everyType, descent()),
    on("clip and adamw in every type", trees.everyType, clipped()),
    on("a trust ratio in every type", trees.everyType, programs.trustRatio),
    on("lion in bfloat16, of float32 gradients", trees.plainOf("bfloat16"), descent(), {
      gradients: (t) => plain(1_000 * (t + 1)),
    }),
    on("adamw in float16", trees.plainOf("float16"), adamw({ learningRate: 0.1 })),
    on("products of matrices in bfloat16", trees.plainOf("bfloat16"), programs.ofMatrices),
    on("products of matrices in float64", trees.plainOf("float64"), programs.ofMatrices),
    on("states of their own shapes in bfloat16", trees.plainOf("bfloat16"), programs.ofSides({})),
    on("states of their own shapes in float64", trees.plainOf("float64"), programs.ofSides({})),
    on("orthonormal factors in float64", trees.plainOf("float64"), programs.ofFactors({})),
    on("orthonormal factors in bfloat16", trees.plainOf("bfloat16"), programs.ofFactors({})),
    on("states of ranks in float64", trees.plainOf("float64"), programs.ofRanks({})),
    on("states of their own shapes, stored short", plain, programs.ofSides({ b: 0.5 }), {
      init: {
        storage: {
          L: "bfloat16",
          R: { dtype: "bfloat16", rounding: "stochastic" },
          P: "bfloat16+8",
        },
      },
    }),
    on("random numbers in every type", trees.everyType, programs.ofDraws({})),
    ...programs.asExpressions.map((make, i) =>
      on(
        `states in float64 that begin as expressions, ${i + 1}`,
        trees.plainOf("float64"),
        make({}),
      )
    ),
    ...(["float32", "float64"] as const).flatMap((dtype) => [
      on(
        `orthonormal factors at the edges of ${dtype}`,
        trees.edgeMatrices(dtype),
        programs.ofFactor,
        {
          steps: 1,
        },
      ),
      on(`products at the edges of ${dtype}`, trees.edgeMatrices(dtype), programs.ofProducts, {
        steps: 1,
      }),
      ...(["bfloat16", "float16"] as const).map((muDtype) =>
        on(
          `numbers of ${dtype} beside those of ${muDtype}`,
          trees.halfway(dtype),
          programs.copying({ muDtype }),
        )
      ),
    ]),
    on(
      "lion, its momentum in float16, of odd lengths",
      trees.odd,
      lion({ learningRate: 0.1, muDtype: "float16" }),
    ),
    ...ways.flatMap(({ way, stored: muDtype }) => [
      on(`lion, its momentum as ${way}`, plain, lion({ learningRate: 0.1, muDtype })),
      on(
        `lion in float64, its momentum as ${way}`,
        trees.plainOf("float64"),
        lion({ learningRate: 0.1, muDtype }),
      ),
      on(
        `lion in every type, its momentum as ${way}`,
        trees.everyType,
        lion({ learningRate: 0.1, muDtype }),
      ),
      on(
        `a state of float64 as ${way} that is never read`,
        trees.plainOf("float64"),
        programs.written({ muDtype }),
      ),
    ]),
    on("adamw, its states stored short from the beginning", plain, adamw({ learningRate: 0.1 }), {
      init: { storage: { m: "bfloat16", v: { dtype: "bfloat16", rounding: "stochastic" } } },
    }),
    on(
      "lion, its momentum in blocks",
      forms["sizes around a reduction's block"],
      lion({ learningRate: 0.1, muDtype: "block8" }),
    ),
    on("lion, its momentum rounded by chance, on many elements", trees.large, rounded, {
      steps: 1,
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
      write: (hyper, t) => {
        if (t === 1) Object.assign(hyper, { learningRate: 0.5, b1: 0.25, weightDecay: 0 });
        if (t === 2) delete hyper.b1;
      },
      written: ["learningRate", "b1", "weightDecay"],
    }),
    on("a schedule that is written over", plain, sgd({ learningRate: cosine, momentum: 0.9 }), {
      write: (hyper, t) => {
        if (t === 1) hyper.learningRate = 0.5;
        if (t === 3) delete hyper.learningRate;
      },
      written: ["learningRate"],
      functions: { learningRate: cosine },
      steps: 5,
    }),
  ],

  "missing gradients": [
    withMissing("lion", descent()),
    withMissing("clip and adamw", clipped()),
    withMissing("a trust ratio", programs.trustRatio),
    withMissing("reductions of reductions", programs.inTurn),
    withMissing("products of matrices", programs.ofMatrices),
    withMissing("states of their own shapes", programs.ofSides({})),
    withMissing("orthonormal factors", programs.ofFactors({ f: 2 })),
    withMissing("random numbers", programs.ofDraws({})),
    withMissing("numbers of the tree that gradients decide", programs.ofPatience),
    withMissing("numbers of the tree that the count decides", programs.ofTurns),
    withMissing("a schedule", sgd({ learningRate: cosine, momentum: 0.9 })),
    withMissing(
      "adamw if finite",
      applyIfFinite(adamw({ learningRate: 0.1 }), { maxConsecutiveErrors: 1 }),
    ),
    withMissing("adamw of a scaled loss", dynamicLossScale(adamw({ learningRate: 0.1 }))),
    withMissing("workers", averageSteps(adamw({ learningRate: 0.1 }), { workers: 2 }), {
      inputs: (t) => ({ examples: 3 + t % 2 }),
    }),
    withMissing(
      "micro-batches of states of their own shapes",
      multiSteps(programs.ofSides({}), { everyKSchedule: 2 }),
    ),
    withMissing("micro-batches", multiSteps(adamw({ learningRate: 0.1 }), { everyKSchedule: 3 })),
    withMissing(
      "slow weights",
      lookahead(sgd({ learningRate: 0.1 }), { syncPeriod: 2, slowStepSize: 0.5 }),
    ),
    withMissing("an average", scheduleFreeAdamw({ learningRate: 0.1 })),
    withMissing(
      "parts",
      partition(
        { body: clipped(), head: sgd({ learningRate: 0.1, momentum: 0.5 }) },
        { b: "head", layers: ["body", "body"], w: "head" },
      ),
    ),
    withMissing(
      "a mask, and numbers of each leaf that are written",
      lion({
        learningRate: 0.1,
        weightDecay: 0.1,
        mask: { b: false, layers: true, w: true },
      }),
      {
        write: (hyper, t) => {
          if (t === 2) hyper.learningRate = { b: 1, layers: [{ scale: 2, w: 3 }, 4], w: 5 };
        },
        written: ["learningRate"],
      },
    ),
    ...ways.map(({ way, stored: muDtype }) =>
      withMissing(`lion, its momentum as ${way}`, lion({ learningRate: 0.1, muDtype }))
    ),
    ...(["bfloat16", "float16", "float64"] as const).map((dtype) =>
      withMissing(`clip and adamw in ${dtype}`, clipped(), {}, trees.branchesOf(dtype))
    ),
  ],

  "special numbers": [
    ...(["float32", "float64"] as const).flatMap((precision) =>
      Object.entries(catalogue).map(([name, make]) =>
        onWild(precision, `${name} in ${precision}`, make())
      )
    ),
    onWild("float32", "clip and adamw, at one step", clipped(), (t) => t === 2),
    onWild(
      "float32",
      "adamw if finite, at two steps",
      applyIfFinite(adamw({ learningRate: 0.1 }), { maxConsecutiveErrors: 1 }),
      (t) => t === 1 || t === 2,
    ),
    onWild(
      "float32",
      "adamw of a scaled loss, at two steps",
      dynamicLossScale(adamw({ learningRate: 0.1 }), { growthInterval: 1 }),
      (t) => t === 1 || t === 2,
    ),
  ],

  "infinite parameters": [
    onInfinite("no weight decay", { weightDecay: 0 }),
    onInfinite("a weight decay of -0", { weightDecay: -0 }),
    onInfinite("a weight decay of 0 for each", { weightDecay: { b: 0, w: 0 } }),
    onInfinite("a mask that leaves out one", { weightDecay: 0.5, mask: { b: false, w: true } }),
    onInfinite("a mask that leaves out all", { weightDecay: 0.5, mask: false }),
    onInfinite("a schedule of 0", { weightDecay: schedule("0*count") }),
    onInfinite("a schedule of 0 for one", { weightDecay: { b: schedule("0*count"), w: 0 } }),
    onInfinite("a 0 that is written", { weightDecay: 0.5 }, (hyper, t) => {
      if (t === 1) hyper.weightDecay = 0;
    }),
    {
      ...onInfinite("a weight decay that is written over 0", { weightDecay: 0 }, (hyper, t) => {
        if (t === 1) hyper.weightDecay = 0.25;
      }),
      differs: {
        "ONNX on WebAssembly": COMPUTED_WITH,
        "ONNX without float64 or functions on WebAssembly": COMPUTED_WITH,
        "ONNX on WebGPU": COMPUTED_WITH,
      },
    },
  ],

  "the library in float32": onStreams("float32"),

  "the library in float64": onStreams("float64"),
};
