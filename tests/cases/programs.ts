/** Programs written for the cases: each kind of operation, in groups small enough to see what failed. */
import { type ElementOp, elementOps, reduceOps, treeName } from "../../dsl/ops.ts";
import type { ElementOpName } from "../../dsl/node.ts";
import {
  factory,
  type HyperValue,
  type Optimizer,
  parseProgram,
  type StateDocument,
} from "../../mod.ts";
import type { Storing } from "../runtime/storages.ts";

/** An optimizer of a program without hyperparameters. */
function program(
  name: string,
  state: Readonly<Record<string, StateDocument>>,
  step: string,
): Optimizer {
  return factory(parseProgram({ name, state, step }))();
}

const GROUPS: Readonly<Record<string, readonly ElementOpName[]>> = {
  arithmetic: ["Add", "Sub", "Mul", "Div", "Sqrt"],
  signs: ["Neg", "Abs", "Sign", "Floor", "Ceil"],
  choices: ["Min", "Max", "Clip", "Where"],
  comparisons: ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"],
  truths: ["IsNaN", "And", "Or", "Not"],
  exponentials: ["Exp", "Log", "Pow", "Cbrt"],
  hyperbolics: ["Sinh", "Cosh", "Tanh"],
  waves: ["Sin", "Cos"],
  angles: ["Tan", "Atan"],
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

/** Every reduction over the same axes. */
export const ofAxes = (axes: string): Optimizer =>
  program(
    "ofAxes",
    Object.fromEntries(calls.map((call) => [call + 1, 0])),
    [...calls.map((call) => `${call}1 = ${call}(g, axis=${axes})`), "u = 0*w"].join("\n"),
  );

/** Values of tensors and axes, kept over others and read by every element. */
export const narrow: Optimizer = program(
  "narrow",
  { n: { over: "tensor" }, s: { init: 1, over: "tensor" }, first: { over: 0 }, last: { over: -1 } },
  `n = n + t
first = sum(w)
last = sum(w, axis=(0, -1))
u = 0.1*globalSum(s + w)*g + 0.01*(first + last)`,
);

/** A number of the tree, made of sums to which leaves add by hyperparameters of their own. */
export const ofGains: (options: { gain?: HyperValue }) => Optimizer = factory(parseProgram({
  name: "ofGains",
  hyper: { rate: 0.5, gain: 1 },
  state: { total: { over: "tree", init: 1 } },
  step: "total = rate*total + globalSum(gain*g)\nu = -0.1*g/(1 + abs(total))",
}));

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

const IDENTITY = "where(index(axis=0) == index(axis=1), 1, 0)";

/** States of their own shapes, one anew every second step, and identities of two sizes. */
export const ofSides: (
  options: { f?: HyperValue; b?: HyperValue; learningRate?: HyperValue },
) => Optimizer = factory(
  parseProgram({
    name: "ofSides",
    hyper: { learningRate: 0.1, f: 2, b: 0.75 },
    state: {
      m: 0,
      L: { shape: "rows x rows" },
      R: { shape: "columns x columns", init: IDENTITY },
      P: { shape: "rows x rows", init: IDENTITY },
    },
    step: `L = b*L + (1 - b)*g@transpose(g)
R = b*R + (1 - b)*transpose(g)@g
P = every(f, P@(L + 0.5*${IDENTITY})/norm(P), P)
m = 0.9*m + where(rank == 2, P@g@(R + 0.25*${IDENTITY}), g)
u = -learningRate*where(rank == 2, m/(1 + norm(L, axis=1) + max(R, axis=0)), m)`,
  }),
);

/** Projections of a rank of one's own: random ones that last some steps, and one that is learnt. */
export const ofRanks: (options: { r?: HyperValue }) => Optimizer = factory(parseProgram({
  name: "ofRanks",
  hyper: { learningRate: 0.1, r: { default: 2, domain: "integer [1, inf)" } },
  state: {
    m: { shape: "rows x r" },
    v: { shape: "rows x r" },
    Q: { shape: "columns x min(r, rows, columns)" },
  },
  step: `P = normal(7, floor(count/2))/sqrt(r)
R = g@transpose(P)
m = 0.9*m + 0.1*R
v = 0.99*v + 0.01*R^2
s = norm(m/(sqrt(v) + 1e-3), axis=1)/(norm(R, axis=1) + 1e-3)
Q = where(count == 0, normal(3, 0), Q)
d = g@Q
Q = transpose(g)@d/(1e-3 + norm(d))
u = -learningRate*where(rank == 2, s*g + d@transpose(Q), g)`,
}));

/** The rows with the largest sums, found by turning these into a row; and a state a row, turned. */
export const ofTurned: Optimizer = program(
  "ofTurned",
  { m: 0, r: { over: 1 } },
  `m = m + g
s = sum(abs(m), axis=1)
r = 0.5*r + s
before = transpose(s) > s | (transpose(s) == s & index(axis=1) < index(axis=0))
place = sum(where(before, 1, 0), axis=1)
u = where(place < 2, -0.1*m, 0) + 0.01*g*mean(transpose(r)*(g@transpose(g)), axis=1)`,
);

/** Orthonormal factors: of square, tall and wide matrices, and of ones that depend. */
export const ofFactors: (options: { f?: HyperValue }) => Optimizer = factory(parseProgram({
  name: "ofFactors",
  hyper: { f: 1 },
  state: { Q: { shape: "rows x rows", init: IDENTITY }, V: { shape: "columns x 2" } },
  step: `Q = every(f, qr(g@transpose(g)@Q + 0.5*Q), Q)
V = where(count == 0, normal(3), V)
P = qr(g@V)
V = transpose(g)@P
u = -0.1*where(rank == 2, Q@qr(transpose(Q)@g) + P@transpose(V) + transpose(qr(transpose(0*g))), g)`,
}));

/** The first factor of the parameter. */
export const ofFactor: Optimizer = program("ofFactor", { m: 0 }, "m = qr(w)\nu = g - 0*w");

/** Places along axes of parameters of any rank, and what is chosen by them. */
export const ofPlaces: Optimizer = program(
  "ofPlaces",
  { m: { init: "where(index(axis=0) == 1, 2, w)" }, n: { init: "index(axis=-1)" } },
  `m = 0.5*m + where(index(axis=-1) > 0, g, 2*g)
n = n + sum(index(axis=0), axis=0)
u = -0.1*m*(1 + max(index(axis=0))) + 0.01*n + where(rank > 2, index(axis=-1), 0)`,
);

/** Numbers of both distributions, by the count and by a counter that gradients decide, and of their sums. */
export const ofDraws: (options: { muDtype?: Storing }) => Optimizer = factory(parseProgram({
  name: "ofDraws",
  state: { m: 0, c: { over: "tree" } },
  step: `c = c + where(globalNorm(g) > 1, 2, 1)
m = 0.5*m + normal(7)/norm(normal(8))
u = 0.01*(m + uniform(3, c) - 0.5)`,
}));

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

const NUMBERS = [
  [0, -0, 1.5, 1e-50],
  [Infinity, -Infinity, "inf", "-inf"],
  ["nan", "-0", "1/3", "pi"],
  ["a", "-a*a", "a*1e40", "w"],
];
const EXPRESSIONS = [
  ["-w", "abs(w)", "w*w - a", "0.1*w*w + 0.3"],
  ["where(w > a, w, -a)", "sqrt(abs(w))", "norm(w)", "w/max(abs(w))"],
];

/** States that begin as some numbers and expressions, and move. */
function begun(inits: readonly (number | string)[]): Begun {
  const names = inits.map((_, i) => `s${i}`);
  return factory(parseProgram({
    name: "begun",
    hyper: { a: 0.1 },
    state: Object.fromEntries(names.map((name, i) => [name, { init: inits[i] }])),
    step: `${names.map((name) => `${name} = 0.5*${name} + g`).join("\n")}\nu = ${
      names.join(" + ")
    }`,
  }));
}

type Begun = (
  options: { a?: HyperValue; muDtype?: Storing },
) => Optimizer;

/** States that begin as numbers of every kind, and as the parameter. */
export const asNumbers: readonly Begun[] = NUMBERS.map(begun);

/** States that begin as something made of the parameter. */
export const asExpressions: readonly Begun[] = EXPRESSIONS.map(begun);

/** A state that is the gradient, stored as it is asked for. */
export const copying: (options: { muDtype?: Storing }) => Optimizer = factory(
  parseProgram({ name: "copying", state: { m: 0 }, step: "m = g\nu = 0*g" }),
);

/** Products of every kind on operands that are given. */
export const ofProducts: Optimizer = program(
  "ofProducts",
  { m: 0 },
  "m = w@transpose(g)@w\nu = g - 0*w",
);

/** Conditions that are known before a step, joined with ones that are not. */
export const joined: (options: { p: boolean }) => Optimizer = factory(parseProgram({
  name: "joined",
  hyper: { p: true },
  step: "u = where(p & (g > 0), 1, 0) + where(!p | (g > 1), 4, 2) + where(p | (g > 9), 8, 0)",
}));

/** A state that a step writes and never reads. */
export const written: (options: { muDtype?: Storing }) => Optimizer = factory(
  parseProgram({ name: "written", state: { m: 0 }, step: "m = 2*g\nu = g" }),
);
