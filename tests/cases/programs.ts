/** Programs written for the cases: each kind of operation, in groups small enough to see what failed. */
import { type ElementOp, type ElementOpName, elementOps, reduceOps, treeName } from "../../dsl/ops.ts";
import { optimizer, type OptimizerFactory, type StateDocument } from "../../mod.ts";

type Free = OptimizerFactory<Record<string, never>>;

function program(
  name: string,
  state: Readonly<Record<string, StateDocument>>,
  step: string,
): Free {
  return optimizer({ name, state, step }) as unknown as Free;
}

const GROUPS: Readonly<Record<string, readonly ElementOpName[]>> = {
  arithmetic: ["Add", "Sub", "Mul", "Div", "Neg"],
  roots: ["Abs", "Sign", "Sqrt", "Floor", "Ceil"],
  choices: ["Min", "Max", "Clip", "Where"],
  conditions: ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"],
  truths: ["IsNaN", "And", "Or", "Not"],
  growth: ["Exp", "Log", "Tanh", "Pow", "Cbrt"],
  waves: ["Sin", "Cos"],
  angles: ["Tan", "Asin", "Acos", "Atan"],
  hyperbolas: ["Sinh", "Cosh"],
};

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
 * Every element-wise op once: each program has a state `r0`, `r1`, … for every op of its group, and
 * inputs `x` and `y` for the operands after the first.
 */
export const ofOps: Readonly<Record<string, Free>> = Object.fromEntries(
  Object.entries(GROUPS).map(([name, ops]) => {
    const rows = ops.map((op) => elementOps[op]);
    const lines = rows.map((row, i) => `r${i} = ${spelled(row)}`);
    const made = optimizer({
      name,
      inputs: { x: "element", y: "element" },
      state: Object.fromEntries(rows.map((_, i) => [`r${i}`, 0])),
      step: [...lines, "u = where(x > 1, 1, y)"].join("\n"),
    });
    return [name, made as unknown as Free];
  }),
);

/** The ops that no group has. */
export const opsLeftOut: readonly string[] = Object.keys(elementOps).filter((op) =>
  !Object.values(GROUPS).flat().includes(op as ElementOpName)
);

const calls = Object.values(reduceOps).map(({ call }) => call);

/** Every reduction, over each extent. */
export const ofReductions: Readonly<Record<string, Free>> = {
  "of each tensor": program(
    "ofTensor",
    Object.fromEntries(calls.map((call) => [call + 1, { over: "tensor" }])),
    calls.map((call) => `${call}1 = ${call}(g)`).join("\n") + "\nu = -0.01*g*min(1, norm(w))",
  ),
  "of the tree": program(
    "ofTree",
    Object.fromEntries(calls.map((call) => [call + 1, { over: "tree" }])),
    calls.map((call) => `${call}1 = ${treeName(call)}(g)`).join("\n") +
      "\nu = -0.01*g/(1 + globalNorm(w))",
  ),
  "of a reduction": program(
    "twice",
    { m: 0 },
    "m = 0.5*m + (g - mean(g))/(1 + norm(g - mean(g)))\nu = -0.1*m/(1 + globalMax(abs(m)))",
  ),
};

/** Reductions over some axes, which parameters of two axes and more have. */
export const ofAxes: Readonly<Record<string, Free>> = {
  "over rows and columns": program(
    "rowsAndColumns",
    { r: { over: -1 }, c: { over: 0 } },
    "r = 0.5*r + mean(g^2, axis=-1)\nc = 0.5*c + mean(g^2, axis=0)\n" +
      "u = -0.01*g/(1e-3 + sqrt(r*c/max(r, axis=0)))",
  ),
  "over axes by their extents": program(
    "byExtent",
    { r: { over: "largest" }, s: { over: [0, -1] } },
    "r = max(0.5*r, max(abs(g), axis=largest))\ns = s + sum(g, axis=(0, -1))\n" +
      "u = -0.01*(g/(1e-3 + r) + s - min(g, axis=secondLargest))",
  ),
};

/** What a step computes for a leaf depends on its shape. */
export const ofShapes: Free = program(
  "ofShapes",
  { m: 0, v: { over: "tensor" } },
  `m = 0.5*m + g
v = v + mean(g^2)
d = where(rank > 1, sqrt(rows/columns)*m, g/(1e-3 + sqrt(v)))
u = -0.1*where(size == 1, 0, d)`,
);

/** A trust ratio: reductions that the step itself waits for. */
export const trustRatio: Free = program(
  "trustRatio",
  { m: 0, largest: { over: "tensor" } },
  `m = 0.9*m + g
largest = max(0.5*largest, max(abs(m)))
u = -0.1*norm(w)/(norm(m) + 1e-6)*m*min(1, mean(m^2)/(largest + 1e-6))`,
);

/** Products of matrices, as they are and transposed; what is no matrix has a step of its own. */
export const ofMatrices: Free = program(
  "products",
  { m: "0.5*w" },
  `d = (g@transpose(w))@m
e = transpose(transpose(w)@(g@transpose(g)))
m = where(rank == 2, 0.5*m + d/(1 + norm(d)), m + g)
u = -0.1*where(rank == 2, e/(1 + norm(e)), g)`,
);

/** Numbers of both distributions, by the count and by a counter of the program's own. */
export const ofDraws: Free = program(
  "draws",
  { n: 0, c: { over: "tree" } },
  `c = c + where(globalNorm(g) > 1, 2, 1)
n = 0.5*n + normal(7)
u = 0.01*(n + uniform(3, c) - 0.5)`,
);

/** Numbers of the tree that gradients decide. */
export const ofTree: Free = program(
  "patience",
  { best: { init: "inf", over: "tree" }, bad: { over: "tree" }, rate: { init: 1, over: "tree" } },
  `now = globalNorm(g)
isBetter = now < best
bad = where(isBetter, 0, bad + 1)
best = min(best, now)
rate = where(bad > 1, 0.5*rate, rate)
u = -0.1*rate*g`,
);

/** Numbers of the tree that only the count decides. */
export const ofCount: Free = program(
  "turns",
  { phase: { over: "tree" }, m: 0 },
  `phase = where(phase == 2, 0, phase + 1)
m = where(phase == 0, 0, m + g)
u = where(phase == 2, -0.1*m, 0)`,
);

/** States that begin at a number or as the parameter. */
export const anchored: Free = program(
  "anchored",
  { anchor: "w", two: 2, low: { init: -1, over: "tensor" } },
  "low = max(low, min(w))\nu = 0.1*(anchor - w) - 0.01*two*g + 0*low",
);

/** States that begin as something made of the parameter. */
export const begun: Free = program(
  "begun",
  { scaled: "0.5*w*abs(w)", big: "norm(w)", share: "w/(1 + max(abs(w)))" },
  "scaled = 0.5*scaled + g\nu = -0.1*scaled - 0.01*share*big",
);
