/** Programs written for the cases: each kind of operation, in groups small enough to see what failed. */
import {
  type ElementOp,
  type ElementOpName,
  elementOps,
  reduceOps,
  treeName,
} from "../../dsl/ops.ts";
import { factory, type Optimizer, parseProgram, type StateDocument } from "../../mod.ts";

/** An optimizer of a program without hyperparameters. */
function program(
  name: string,
  state: Readonly<Record<string, StateDocument>>,
  step: string,
): Optimizer {
  return factory(parseProgram({ name, state, step }))();
}

const GROUPS: Readonly<Record<string, readonly ElementOpName[]>> = {
  arithmetic: ["Add", "Sub", "Mul", "Div", "Neg"],
  signs: ["Abs", "Sign", "Sqrt", "Floor", "Ceil"],
  choices: ["Min", "Max", "Clip", "Where"],
  comparisons: ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"],
  truths: ["IsNaN", "And", "Or", "Not"],
  exponentials: ["Exp", "Log", "Pow", "Cbrt"],
  hyperbolics: ["Tanh"],
  waves: ["Sin", "Cos"],
  angles: ["Tan", "Atan", "Sinh", "Cosh"],
  arcs: ["Asin", "Acos"],
};

/** The ops that no group has. */
export const opsLeftOut: readonly string[] = Object.keys(elementOps).filter((op) =>
  !Object.values(GROUPS).flat().includes(op as ElementOpName)
);

/** An op on `g`, `x` and `y`; where it takes truth, on the operand's being above 1. */
function spelled({ syntax, takes, gives }: ElementOp): string {
  const operands = takes.map((type, i) => type === "truth" ? `(${"gxy"[i]} > 1)` : "gxy"[i]);
  const text = "infix" in syntax
    ? operands.join(` ${syntax.infix} `)
    : "prefix" in syntax
    ? `${syntax.prefix}${operands[0]}`
    : `${syntax.call}(${operands.join(", ")})`;
  return gives === "truth" ? `where(${text}, 1, 2)` : text;
}

/**
 * Every element-wise op once. Each program has a state `r0`, `r1`, … for every op of its group, and inputs
 * `x` and `y` for the operands after the first.
 */
export const ofOps: Readonly<Record<string, Optimizer>> = Object.fromEntries(
  Object.entries(GROUPS).map(([name, ops]) => {
    const lines = ops.map((op, i) => `r${i} = ${spelled(elementOps[op])}`);
    const document = {
      name,
      inputs: { x: "element", y: "element" },
      state: Object.fromEntries(lines.map((_, i) => [`r${i}`, 0])),
      step: [...lines, "u = where(x > 1, 1, y)"].join("\n"),
    } as const;
    return [name, factory(parseProgram(document))()];
  }),
);

const calls = Object.values(reduceOps).map(({ call }) => call);
const kept = (over: "tensor" | "tree") =>
  Object.fromEntries(calls.map((call) => [call + 1, { over }]));

/** Every reduction of each tensor. */
export const ofTensors: Optimizer = program(
  "ofTensors",
  kept("tensor"),
  [...calls.map((call) => `${call}1 = ${call}(g)`), "u = -0.01*g*min(1, norm(w))"].join("\n"),
);

/** Every reduction of the tree. */
export const ofTrees: Optimizer = program(
  "ofTrees",
  kept("tree"),
  [
    ...calls.map((call) => `${call}1 = ${treeName(call)}(g)`),
    "u = -0.01*g/(1 + globalNorm(w))",
  ].join("\n"),
);

/** Reductions of what other reductions have made. */
export const inTurn: Optimizer = program(
  "inTurn",
  { m: 0 },
  `c = g - mean(g)
m = 0.5*m + c/(1 + norm(c))
u = -0.1*m/(1 + globalMax(abs(m)))*min(1, globalNorm(m - mean(m)))`,
);

/** Reductions over rows and over columns, kept as rows and columns. */
export const ofRowsAndColumns: Optimizer = program(
  "ofRowsAndColumns",
  { r: { over: -1 }, c: { over: 0 } },
  `r = 0.5*r + mean(g^2, axis=-1)
c = 0.5*c + mean(g^2, axis=0)
u = -0.01*g/(1e-3 + sqrt(r*c/max(r, axis=0)))`,
);

/** Reductions over axes by their extents, and over several at once. */
export const ofExtents: Optimizer = program(
  "ofExtents",
  { r: { over: "largest" }, s: { over: [0, -1] } },
  `r = max(0.5*r, max(abs(g), axis=largest))
s = s + sum(g, axis=(0, -1))
u = -0.01*(g/(1e-3 + r) + s - min(g, axis=secondLargest))`,
);

/** What a step computes for a leaf depends on its shape. */
export const ofShapes: Optimizer = program(
  "ofShapes",
  { m: 0, v: { over: "tensor" } },
  `m = 0.5*m + g
v = v + mean(g^2)
d = where(rank > 1, sqrt(rows/columns)*m, g/(1e-3 + sqrt(v)))
u = -0.1*where(size == 1, 0, d)`,
);

/** A trust ratio: reductions that the rest of the step waits for. */
export const trustRatio: Optimizer = program(
  "trustRatio",
  { m: 0, largest: { over: "tensor" } },
  `m = 0.9*m + g
largest = max(0.5*largest, max(abs(m)))
u = -0.1*norm(w)/(norm(m) + 1e-6)*m*min(1, mean(m^2)/(largest + 1e-6))`,
);

/** Products of matrices, as they are and transposed; what is no matrix has a step of its own. */
export const ofMatrices: Optimizer = program(
  "ofMatrices",
  { m: 0 },
  `m = 0.5*m + g
d = (m@transpose(w))@m + transpose(transpose(w)@(m@transpose(g)))
u = -0.1*where(rank == 2, d/(1 + norm(d)), m)`,
);

/** Numbers of both distributions, by the count and by a counter that gradients decide. */
export const ofDraws: Optimizer = program(
  "ofDraws",
  { n: 0, c: { over: "tree" } },
  `c = c + where(globalNorm(g) > 1, 2, 1)
n = 0.5*n + normal(7)
u = 0.01*(n + uniform(3, c) - 0.5)`,
);

/** Numbers of the tree that gradients decide. */
export const ofPatience: Optimizer = program(
  "ofPatience",
  { best: { init: "inf", over: "tree" }, bad: { over: "tree" }, rate: { init: 1, over: "tree" } },
  `now = globalNorm(g)
isBetter = now < best
bad = where(isBetter, 0, bad + 1)
best = min(best, now)
rate = where(bad > 1, 0.5*rate, rate)
u = -0.1*rate*g`,
);

/** Numbers of the tree that the count decides, and what a step computes only in its turn. */
export const ofTurns: Optimizer = program(
  "ofTurns",
  { phase: { over: "tree" }, m: 0 },
  `phase = where(phase == 2, 0, phase + 1)
m = where(phase == 0, 0, m + g)
u = where(phase == 2, -0.1*m/(1 + norm(m)), 0)`,
);

/** States that begin as numbers of every kind, and as the parameter. */
export const anchored: Optimizer = program(
  "anchored",
  { anchor: "w", two: 2, tiny: 1e-50, none: -0, low: { init: "-1/3", over: "tensor" } },
  "low = max(low, min(w))\nu = 0.1*(anchor - w) - 0.01*two*g + tiny*w + none*low",
);

/** States that begin as something made of the parameter. */
export const begun: Optimizer = program(
  "begun",
  {
    scaled: "0.1*w*w + 0.3",
    whole: "norm(w)",
    share: "w/(1 + max(abs(w)))",
    side: "where(w > 0.1, w, -1)",
  },
  "scaled = 0.5*scaled + g\nu = -0.1*scaled - 0.01*share*whole + 0.001*side",
);

/** Conditions that are known before a step, joined with ones that are not. */
export const joined: (options: { p: boolean }) => Optimizer = factory(parseProgram({
  name: "joined",
  hyper: { p: true },
  step: "u = where(p & (g > 0), 1, 0) + where(!p | (g > 1), 4, 2) + where(p | (g > 9), 8, 0)",
}));

/** A state that a step writes and never reads. */
export const written: (options: { muDtype?: "float32" | "bfloat16" | "float16" }) => Optimizer =
  factory(parseProgram({ name: "written", state: { m: 0 }, step: "m = 2*g\nu = g" }));
