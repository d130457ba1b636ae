/**
 * The one op table. A row tells all there is to know of an operation: how it is written, what it
 * means, what it can return, how each target spells it. A target that cannot spell an op gets the
 * row's `lower`ing to simpler ops; where that is missing too, the target refuses the op by name.
 */
import {
  apply,
  constant,
  type ElementOpName,
  type MatrixOpName,
  type Node,
  type RandomOpName,
  type ReduceOpName,
} from "./node.ts";
import { orthonormal } from "./householder.ts";
import type { Matrix, Sizes } from "./matrix.ts";
import { numbers } from "./random/doubles.ts";
import { normalQuantile } from "./random/normal.ts";

/** What a value is: a number, or the truth of a condition. */
export type Type = "number" | "truth";

/** All values from `lo` to `hi`, both included; NaN is always possible and never listed. */
export type Interval = readonly [lo: number, hi: number];

/** Binding strengths of the notation, weakest first. */
export const LEVEL = {
  or: 1,
  and: 2,
  compare: 3,
  sum: 4,
  product: 5,
  unary: 6,
  power: 7,
  atom: 8,
} as const;

/** How the language writes an operation. */
export type Syntax =
  | { readonly infix: string; readonly level: number; readonly operands: readonly [number, number] }
  | { readonly prefix: string }
  | { readonly call: string };

/** How LaTeX writes an operation; `operands` are the levels below which an operand needs parentheses. */
export interface Latex {
  readonly level: number;
  readonly operands: readonly number[];
  write(...operands: string[]): string;
}

/** One element-wise operation. */
export interface ElementOp {
  readonly syntax: Syntax;
  readonly takes: readonly Type[];
  readonly gives: Type;
  /** The meaning, on float64 numbers (truth is 1 or 0); rounded to float32 afterwards if `rounds`. */
  eval(...operands: number[]): number;
  /** Whether a result on float32 operands may be no float32 number. */
  readonly rounds: boolean;
  /** How far from `eval` a backend may be, in units in the last place; 0 demands the same bits. */
  readonly ulp: number;
  range(...operands: Interval[]): Interval;
  /**
   * For each operand `a`, `b`, `c`, what a result `y` whose gradient is `g` adds to its gradient, in the
   * language; null for operands that are truth, and where the result is. Where two operands are the same
   * extreme, each has half.
   */
  readonly gradient: readonly (string | null)[];
  readonly latex: Latex;
  /** JavaScript on operands that are identifiers. */
  readonly js: ((...operands: string[]) => string) | null;
  /**
   * The SIMD instruction, `*` standing for the lane type, and the order it takes operands in; or several
   * in turn, each on what the one before gave and a constant; or a routine of the op's own on vectors of
   * float32.
   */
  readonly wasm:
    | { readonly instruction: string; readonly order?: readonly number[] }
    | { readonly chain: readonly (readonly [instruction: string, constant: LaneConstant])[] }
    | "routine"
    | null;
  /**
   * WGSL on operands that are identifiers, of vectors as of numbers. It may assume that there is no NaN,
   * so that what NaN decides is told by bits, in functions that every kernel begins with.
   */
  readonly wgsl: ((...operands: string[]) => string) | null;
  /** The operator of ONNX's default domain. */
  readonly onnx: string | null;
  readonly lower: ((...operands: Node[]) => Node) | null;
}

/** A constant by the lane type it fills. */
export type LaneConstant = { readonly f32x4: number; readonly f64x2: number };

/** One reduction: `finish(accumulate(… accumulate(start, x₀) …, xₙ), n)`, in float64. */
export interface ReduceOp {
  /** Its name in the language; over the whole tree, `global` and the name. */
  readonly call: string;
  readonly start: number;
  accumulate(accumulator: number, x: number): number;
  /** Joins the accumulators of two parts. */
  combine(a: number, b: number): number;
  finish(accumulator: number, count: number): number;
  range(operand: Interval): Interval;
  /**
   * What the result `y` of elements `a`, `n` in number, whose gradient is `g` adds to theirs, in the language;
   * `k` is how many of them are equal to `y`.
   */
  readonly gradient: string;
  readonly latex: Latex;
  /** JavaScript of `accumulate` and of `combine`, on identifiers. */
  readonly js: { accumulate(accumulator: string, x: string): string; combine: ReduceText };
  /** The instruction that combines pairs of float64, and whether elements are squared first. */
  readonly wasm: { readonly combine: string; readonly squares: boolean };
  /**
   * WGSL of what an element comes to, a `Part` that no number of elements takes beyond float32, of
   * `combine` and of `finish`, on identifiers.
   */
  readonly wgsl: {
    part(x: string): string;
    readonly combine: ReduceText;
    finish(part: string, count: string): string;
  };
  readonly onnx: string;
}
type ReduceText = (a: string, b: string) => string;

/**
 * One distribution: independent numbers, one an element, made of 64 random bits each. The bits are a
 * pure function of two numbers of the step, the seed and a counter of steps, of the leaf's number in the
 * tree and of the element's number in the leaf.
 */
export interface RandomOp {
  /** Its name in the language: of a seed, counted by `count`, or of a seed and another counter. */
  readonly call: string;
  /** Distributions of different streams are independent of one another. */
  readonly stream: 0 | 1;
  /** The number of random bits, an upper and a lower word, in float64. */
  float64(high: number, low: number): number;
  /** The same in float32. */
  float32(high: number, low: number): number;
  readonly range: Interval;
  readonly latex: Latex;
}

/** One operation on matrices. */
export interface MatrixOp {
  readonly syntax: Syntax;
  readonly takes: readonly Type[];
  readonly gives: "number";
  /** The sizes of the result; undefined if the operands do not fit together. */
  sizes<T>(...operands: Sizes<T>[]): Sizes<T> | undefined;
  /** The meaning, in float64 on operands that fit; each element is rounded to float32 afterwards. */
  eval(...operands: Matrix[]): Matrix;
  range(...operands: Interval[]): Interval;
  readonly latex: Latex;
  /** The operator of ONNX's default domain. */
  readonly onnx: string | null;
}

const EVERYTHING: Interval = [-Infinity, Infinity];

const ONE: LaneConstant = { f32x4: 1, f64x2: 1 };
const MINUS_ONE: LaneConstant = { f32x4: -1, f64x2: -1 };
/** The greatest power of 2: twice, it lifts every number that is not 0 to 1 or beyond. */
const LIFT: LaneConstant = { f32x4: 2 ** 127, f64x2: 2 ** 1023 };

/** The hull of some corner values; an indeterminate corner (0·∞) adds only the 0 it can come to. */
function hull(...values: number[]): Interval {
  const known = values.map((value) => Number.isNaN(value) ? 0 : value);
  return [Math.min(...known), Math.max(...known)];
}

// A rising function evaluated at both ends, widened by the last bits a library may be off by.
const rising = (f: (x: number) => number) => ([lo, hi]: Interval): Interval => {
  const [a, b] = [f(lo), f(hi)];
  const slack = 2 ** -50;
  return [
    Number.isNaN(a) ? -Infinity : a - Math.abs(Number.isFinite(a) ? a : 0) * slack,
    Number.isNaN(b) ? Infinity : b + Math.abs(Number.isFinite(b) ? b : 0) * slack,
  ];
};

const within = (...bounds: [number, number]) => (): Interval => bounds;

const named = (name: string): Latex => ({
  level: LEVEL.atom,
  operands: [0],
  write: (x) => `${name} \\left( ${x} \\right)`,
});

const call = (name: string): Syntax => ({ call: name });

/** A function of the mathematical library: never exact, so each backend may differ by `ulp`. */
function library(
  row: Pick<ElementOp, "range"> & {
    name: string;
    gradient: string;
    latex?: Latex;
    eval: (x: number) => number;
    onnx?: string;
    wgsl?: ElementOp["wgsl"];
    lower?: (x: Node) => Node;
  },
): ElementOp {
  return {
    syntax: call(row.name),
    takes: ["number"],
    gives: "number",
    eval: row.eval,
    rounds: true,
    ulp: 4,
    range: row.range,
    gradient: [row.gradient],
    latex: row.latex ?? named(`\\${row.name}`),
    js: (x) => `Math.${row.name}(${x})`,
    wasm: "routine",
    wgsl: row.wgsl === undefined ? (x) => `carried(${row.name}(${x}), ${x})` : row.wgsl,
    onnx: row.onnx ?? null,
    lower: row.lower ?? null,
  };
}

// Sinh and Cosh of ONNX have no float64 in ONNX Runtime, and overflow early on its WebGPU, as e^|x| does;
// half of that does not, and |x| - 1 is exact from 1 on.
const halfExponential = (x: Node): Node =>
  apply("Mul", apply("Exp", apply("Sub", apply("Abs", x), constant(1))), constant(Math.E / 2));
const quarterOver = (x: Node): Node => apply("Div", constant(0.25), x);

/** 1/17!, 1/15!, … 1/1!: enough for float64 below 1. */
const SINH_SERIES = Array.from({ length: 9 }, (_, i) => {
  let factorial = 1;
  for (let k = 2; k <= 17 - 2 * i; k++) factorial *= k;
  return 1 / factorial;
});

function comparison(
  infix: string,
  latex: string,
  instruction: string,
  onnx: string,
  holds: (a: number, b: number) => boolean,
): ElementOp {
  return {
    syntax: { infix, level: LEVEL.compare, operands: [LEVEL.sum, LEVEL.sum] },
    takes: ["number", "number"],
    gives: "truth",
    eval: (a, b) => Number(holds(a, b)),
    rounds: false,
    ulp: 0,
    range: within(0, 1),
    gradient: [null, null],
    latex: {
      level: LEVEL.compare,
      operands: [LEVEL.sum, LEVEL.sum],
      write: (a, b) => `${a} ${latex} ${b}`,
    },
    js: (a, b) => `${a} ${infix === "==" ? "===" : infix} ${b}`,
    wasm: { instruction },
    wgsl: (a, b) => `ordered(${a}, ${b}) & (${a} ${infix} ${b})`,
    onnx,
    lower: null,
  };
}

const truthRow = {
  gives: "truth",
  rounds: false,
  ulp: 0,
  range: within(0, 1),
  lower: null,
} as const;
const numberRow = { gives: "number", ulp: 0, lower: null } as const;

/** The element-wise rows. */
export const elementOps: Readonly<Record<ElementOpName, ElementOp>> = {
  Add: {
    ...numberRow,
    syntax: { infix: "+", level: LEVEL.sum, operands: [LEVEL.sum, LEVEL.product] },
    takes: ["number", "number"],
    eval: (a, b) => a + b,
    rounds: true,
    range: (a, b) => [
      Number.isNaN(a[0] + b[0]) ? -Infinity : a[0] + b[0],
      Number.isNaN(a[1] + b[1]) ? Infinity : a[1] + b[1],
    ],
    gradient: ["g", "g"],
    latex: {
      level: LEVEL.sum,
      operands: [LEVEL.sum, LEVEL.product],
      write: (a, b) => `${a} + ${b}`,
    },
    js: (a, b) => `${a} + ${b}`,
    wasm: { instruction: "*.add" },
    wgsl: (a, b) => `${a} + ${b}`,
    onnx: "Add",
  },
  Sub: {
    ...numberRow,
    syntax: { infix: "-", level: LEVEL.sum, operands: [LEVEL.sum, LEVEL.product] },
    takes: ["number", "number"],
    eval: (a, b) => a - b,
    rounds: true,
    range: (a, b) => [
      Number.isNaN(a[0] - b[1]) ? -Infinity : a[0] - b[1],
      Number.isNaN(a[1] - b[0]) ? Infinity : a[1] - b[0],
    ],
    gradient: ["g", "-g"],
    latex: {
      level: LEVEL.sum,
      operands: [LEVEL.sum, LEVEL.product],
      write: (a, b) => `${a} - ${b}`,
    },
    js: (a, b) => `${a} - ${b}`,
    wasm: { instruction: "*.sub" },
    wgsl: (a, b) => `${a} - ${b}`,
    onnx: "Sub",
  },
  Mul: {
    ...numberRow,
    syntax: { infix: "*", level: LEVEL.product, operands: [LEVEL.product, LEVEL.unary] },
    takes: ["number", "number"],
    eval: (a, b) => a * b,
    rounds: true,
    range: (a, b) => hull(a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]),
    gradient: ["g*b", "g*a"],
    latex: {
      level: LEVEL.product,
      operands: [LEVEL.product, LEVEL.power],
      write: (a, b) => `${a} \\cdot ${b}`,
    },
    js: (a, b) => `${a} * ${b}`,
    wasm: { instruction: "*.mul" },
    wgsl: (a, b) => `${a} * ${b}`,
    onnx: "Mul",
  },
  Div: {
    ...numberRow,
    syntax: { infix: "/", level: LEVEL.product, operands: [LEVEL.product, LEVEL.unary] },
    takes: ["number", "number"],
    eval: (a, b) => a / b,
    rounds: true,
    range: (a, b) =>
      b[0] <= 0 && b[1] >= 0
        ? EVERYTHING
        : hull(a[0] / b[0], a[0] / b[1], a[1] / b[0], a[1] / b[1]),
    gradient: ["g/b", "-g*y/b"],
    latex: { level: LEVEL.product, operands: [0, 0], write: (a, b) => `\\frac{${a}}{${b}}` },
    js: (a, b) => `${a} / ${b}`,
    wasm: { instruction: "*.div" },
    wgsl: (a, b) => `quotient(${a}, ${b})`,
    onnx: "Div",
  },
  Pow: {
    ...numberRow,
    syntax: { infix: "^", level: LEVEL.power, operands: [LEVEL.atom, LEVEL.unary] },
    takes: ["number", "number"],
    // As in C and in ONNX, and unlike Math.pow: 1 to any power is 1, and so is -1 to an infinite one.
    eval: (a, b) => a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b),
    rounds: true,
    ulp: 8,
    // A base of -0 has results of both signs where the exponent may be negative.
    range: (a, b) =>
      a[0] > 0 || (a[0] === 0 && b[0] >= 0) || (b[0] === b[1] && b[0] % 2 === 0)
        ? [0, Infinity]
        : EVERYTHING,
    gradient: ["where(b == 0, 0, g*b*a^(b - 1))", "where(a == 0, 0, g*y*log(a))"],
    latex: { level: LEVEL.power, operands: [LEVEL.atom, 0], write: (a, b) => `${a}^{${b}}` },
    js: (a, b) =>
      `${a} === 1 || (${a} === -1 && Math.abs(${b}) === Infinity) ? 1 : Math.pow(${a}, ${b})`,
    wasm: "routine",
    wgsl: (a, b) => `power(${a}, ${b})`,
    onnx: "Pow",
  },
  Neg: {
    ...numberRow,
    syntax: { prefix: "-" },
    takes: ["number"],
    eval: (x) => -x,
    rounds: false,
    range: ([lo, hi]) => [-hi, -lo],
    gradient: ["-g"],
    latex: { level: LEVEL.unary, operands: [LEVEL.product], write: (x) => `-${x}` },
    js: (x) => `-${x}`,
    wasm: { instruction: "*.neg" },
    wgsl: (x) => `-${x}`,
    onnx: "Neg",
  },
  Abs: {
    ...numberRow,
    syntax: call("abs"),
    takes: ["number"],
    eval: Math.abs,
    rounds: false,
    range: ([lo, hi]) =>
      lo <= 0 && hi >= 0 ? [0, Math.max(-lo, hi)] : hull(Math.abs(lo), Math.abs(hi)),
    gradient: ["g*sign(a)"],
    latex: { level: LEVEL.atom, operands: [0], write: (x) => `\\left| ${x} \\right|` },
    js: (x) => `Math.abs(${x})`,
    wasm: { instruction: "*.abs" },
    wgsl: (x) => `abs(${x})`,
    onnx: "Abs",
  },
  Sign: {
    ...numberRow,
    syntax: call("sign"),
    takes: ["number"],
    // Zeros and NaN are returned as they are.
    eval: (x) => x > 0 ? 1 : x < 0 ? -1 : x,
    rounds: false,
    range: rising(Math.sign),
    gradient: ["0"],
    latex: named("\\operatorname{sign}"),
    // Without a branch on the sign, which no processor can predict.
    js: (x) => `${x} === 0 || ${x} !== ${x} ? ${x} : +(${x} > 0) - +(${x} < 0)`,
    // Half of what comparing and selecting would take.
    wasm: { chain: [["*.mul", LIFT], ["*.mul", LIFT], ["*.pmin", ONE], ["*.pmax", MINUS_ONE]] },
    wgsl: (x) => `signOf(${x})`,
    // ONNX's own Sign is not exact (NaN gives 0 in ONNX Runtime) and has no WebGPU kernel.
    onnx: null,
    lower: (x) =>
      apply(
        "Where",
        apply("Greater", x, constant(0)),
        constant(1),
        apply("Where", apply("Less", x, constant(0)), constant(-1), x),
      ),
  },
  Sqrt: {
    ...numberRow,
    syntax: call("sqrt"),
    takes: ["number"],
    eval: Math.sqrt,
    rounds: true,
    range: ([lo, hi]) => [Math.sqrt(Math.max(lo, 0)), Math.sqrt(Math.max(hi, 0))],
    gradient: ["0.5*g/y"],
    latex: { level: LEVEL.atom, operands: [0], write: (x) => `\\sqrt{${x}}` },
    js: (x) => `Math.sqrt(${x})`,
    wasm: { instruction: "*.sqrt" },
    wgsl: (x) => `root(${x})`,
    onnx: "Sqrt",
  },
  Cbrt: library({
    name: "cbrt",
    gradient: "g/(3*y^2)",
    wgsl: null,
    eval: Math.cbrt,
    range: rising(Math.cbrt),
    latex: { level: LEVEL.atom, operands: [0], write: (x) => `\\sqrt[3]{${x}}` },
    lower: (x) => {
      // A power by a rounded 1/3 is a little off: one step of Newton's mends it, save for 0 and ∞.
      const y = apply("Pow", apply("Abs", x), constant(1 / 3));
      const error = apply("Sub", y, apply("Div", apply("Abs", x), apply("Mul", y, y)));
      const root = apply("Sub", y, apply("Div", error, constant(3)));
      const isFixed = apply("Equal", y, apply("Add", y, y));
      return apply("Where", isFixed, x, apply("Mul", apply("Sign", x), root));
    },
  }),
  Exp: library({
    name: "exp",
    gradient: "g*y",
    eval: Math.exp,
    range: rising(Math.exp),
    onnx: "Exp",
  }),
  Log: library({
    name: "log",
    gradient: "g/a",
    eval: Math.log,
    range: ([lo, hi]) => rising(Math.log)([Math.max(lo, 0), Math.max(hi, 0)]),
    wgsl: (x) => `logarithm(${x})`,
    onnx: "Log",
  }),
  Sin: library({
    name: "sin",
    gradient: "g*cos(a)",
    eval: Math.sin,
    range: within(-1, 1),
    onnx: "Sin",
    wgsl: (x) => `sine(${x})`,
  }),
  Cos: library({
    name: "cos",
    gradient: "-g*sin(a)",
    eval: Math.cos,
    range: within(-1, 1),
    onnx: "Cos",
    wgsl: (x) => `cosine(${x})`,
  }),
  Tan: library({
    name: "tan",
    gradient: "g*(1 + y^2)",
    eval: Math.tan,
    range: () => EVERYTHING,
    onnx: "Tan",
    wgsl: (x) => `tangent(${x})`,
  }),
  Asin: library({
    name: "asin",
    gradient: "g/sqrt(1 - a^2)",
    latex: named("\\arcsin"),
    eval: Math.asin,
    range: within(-Math.PI / 2, Math.PI / 2),
    wgsl: (x) => `arcsine(${x})`,
    onnx: "Asin",
  }),
  Acos: library({
    name: "acos",
    gradient: "-g/sqrt(1 - a^2)",
    latex: named("\\arccos"),
    eval: Math.acos,
    range: within(0, Math.PI),
    wgsl: (x) => `arccosine(${x})`,
    onnx: "Acos",
  }),
  Atan: library({
    name: "atan",
    gradient: "g/(1 + a^2)",
    latex: named("\\arctan"),
    eval: Math.atan,
    range: rising(Math.atan),
    onnx: "Atan",
  }),
  Sinh: library({
    name: "sinh",
    gradient: "g*cosh(a)",
    eval: Math.sinh,
    range: rising(Math.sinh),
    wgsl: (x) => `hyperbolicSine(${x})`,
    lower: (x) => {
      // Near 0 the difference would lose what it is of.
      const large = apply("Sub", halfExponential(x), quarterOver(halfExponential(x)));
      const square = apply("Mul", x, x);
      const series = SINH_SERIES.map(constant).reduce((sum, term) =>
        apply("Add", apply("Mul", sum, square), term)
      );
      return apply(
        "Where",
        apply("Less", apply("Abs", x), constant(1)),
        apply("Mul", x, series),
        apply("Where", apply("Less", x, constant(0)), apply("Neg", large), large),
      );
    },
  }),
  Cosh: library({
    name: "cosh",
    gradient: "g*sinh(a)",
    eval: Math.cosh,
    range: within(1, Infinity),
    wgsl: (x) => `hyperbolicCosine(${x})`,
    lower: (x) => apply("Add", halfExponential(x), quarterOver(halfExponential(x))),
  }),
  Tanh: library({
    name: "tanh",
    gradient: "g*(1 - y^2)",
    eval: Math.tanh,
    range: rising(Math.tanh),
    onnx: "Tanh",
    wgsl: (x) => `hyperbolicTangent(${x})`,
  }),
  Floor: {
    ...numberRow,
    syntax: call("floor"),
    takes: ["number"],
    eval: Math.floor,
    rounds: false,
    range: ([lo, hi]) => [Math.floor(lo), Math.floor(hi)],
    gradient: ["0"],
    latex: {
      level: LEVEL.atom,
      operands: [0],
      write: (x) => `\\left\\lfloor ${x} \\right\\rfloor`,
    },
    js: (x) => `Math.floor(${x})`,
    wasm: { instruction: "*.floor" },
    wgsl: (x) => `floor(${x})`,
    onnx: "Floor",
  },
  Ceil: {
    ...numberRow,
    syntax: call("ceil"),
    takes: ["number"],
    eval: Math.ceil,
    rounds: false,
    range: ([lo, hi]) => [Math.ceil(lo), Math.ceil(hi)],
    gradient: ["0"],
    latex: { level: LEVEL.atom, operands: [0], write: (x) => `\\left\\lceil ${x} \\right\\rceil` },
    js: (x) => `Math.ceil(${x})`,
    wasm: { instruction: "*.ceil" },
    wgsl: (x) => `ceil(${x})`,
    onnx: "Ceil",
  },
  Min: {
    ...numberRow,
    syntax: call("min"),
    takes: ["number", "number"],
    eval: (a, b) => Math.min(a, b),
    rounds: false,
    range: (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1])],
    gradient: ["where(a < b, g, where(a == b, g/2, 0))", "where(b < a, g, where(a == b, g/2, 0))"],
    latex: {
      level: LEVEL.atom,
      operands: [0, 0],
      write: (a, b) => `\\min \\left( ${a}, ${b} \\right)`,
    },
    js: (a, b) => `Math.min(${a}, ${b})`,
    wasm: { instruction: "*.min" },
    wgsl: (a, b) => `least(${a}, ${b})`,
    onnx: "Min",
  },
  Max: {
    ...numberRow,
    syntax: call("max"),
    takes: ["number", "number"],
    eval: (a, b) => Math.max(a, b),
    rounds: false,
    range: (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1])],
    gradient: ["where(a > b, g, where(a == b, g/2, 0))", "where(b > a, g, where(a == b, g/2, 0))"],
    latex: {
      level: LEVEL.atom,
      operands: [0, 0],
      write: (a, b) => `\\max \\left( ${a}, ${b} \\right)`,
    },
    js: (a, b) => `Math.max(${a}, ${b})`,
    wasm: { instruction: "*.max" },
    wgsl: (a, b) => `greatest(${a}, ${b})`,
    onnx: "Max",
  },
  Clip: {
    ...numberRow,
    syntax: call("clip"),
    takes: ["number", "number", "number"],
    eval: (x, lo, hi) => Math.min(Math.max(x, lo), hi),
    rounds: false,
    range: (x, lo, hi) => [
      Math.min(Math.max(x[0], lo[0]), hi[0]),
      Math.min(Math.max(x[1], lo[1]), hi[1]),
    ],
    gradient: [
      "where((a >= b) & (a <= c), g, 0)",
      "where((a < b) & (b <= c), g, 0)",
      "where(max(a, b) > c, g, 0)",
    ],
    latex: {
      level: LEVEL.atom,
      operands: [0, 0, 0],
      write: (x, lo, hi) => `\\operatorname{clip} \\left( ${x}, ${lo}, ${hi} \\right)`,
    },
    js: null,
    wasm: null,
    wgsl: null,
    onnx: null,
    lower: (x, lo, hi) => apply("Min", apply("Max", x, lo), hi),
  },
  Where: {
    ...numberRow,
    syntax: call("where"),
    takes: ["truth", "number", "number"],
    eval: (condition, a, b) => condition ? a : b,
    rounds: false,
    range: (condition, a, b) =>
      condition[0] > 0 ? a : condition[1] < 1 ? b : [Math.min(a[0], b[0]), Math.max(a[1], b[1])],
    gradient: [null, "where(a, g, 0)", "where(a, 0, g)"],
    latex: {
      level: LEVEL.atom,
      operands: [0, 0, 0],
      write: (condition, a, b) =>
        `\\begin{cases} ${a} & \\text{if } ${condition} \\\\ ${b} & \\text{otherwise} \\end{cases}`,
    },
    js: (condition, a, b) => `${condition} ? ${a} : ${b}`,
    wasm: { instruction: "v128.bitselect", order: [1, 2, 0] },
    wgsl: (condition, a, b) => `select(${b}, ${a}, ${condition})`,
    onnx: "Where",
  },
  Less: comparison("<", "<", "*.lt", "Less", (a, b) => a < b),
  LessOrEqual: comparison("<=", "\\le", "*.le", "LessOrEqual", (a, b) => a <= b),
  Greater: comparison(">", ">", "*.gt", "Greater", (a, b) => a > b),
  GreaterOrEqual: comparison(">=", "\\ge", "*.ge", "GreaterOrEqual", (a, b) => a >= b),
  Equal: comparison("==", "=", "*.eq", "Equal", (a, b) => a === b),
  IsNaN: {
    ...truthRow,
    syntax: call("isnan"),
    takes: ["number"],
    eval: (x) => Number(Number.isNaN(x)),
    gradient: [null],
    latex: named("\\operatorname{isnan}"),
    js: (x) => `${x} !== ${x}`,
    wasm: null,
    wgsl: (x) => `isNan(${x})`,
    onnx: null, // ONNX's IsNaN has no WebGPU kernel; a number that is not itself has.
    lower: (x) => apply("Not", apply("Equal", x, x)),
  },
  And: {
    ...truthRow,
    syntax: { infix: "&", level: LEVEL.and, operands: [LEVEL.and, LEVEL.compare] },
    takes: ["truth", "truth"],
    eval: (a, b) => a && b,
    gradient: [null, null],
    latex: {
      level: LEVEL.and,
      operands: [LEVEL.and, LEVEL.compare],
      write: (a, b) => `${a} \\land ${b}`,
    },
    js: (a, b) => `${a} && ${b}`,
    wasm: { instruction: "v128.and" },
    wgsl: (a, b) => `${a} & ${b}`,
    onnx: "And",
  },
  Or: {
    ...truthRow,
    syntax: { infix: "|", level: LEVEL.or, operands: [LEVEL.or, LEVEL.and] },
    takes: ["truth", "truth"],
    eval: (a, b) => a || b,
    gradient: [null, null],
    latex: {
      level: LEVEL.or,
      operands: [LEVEL.or, LEVEL.and],
      write: (a, b) => `${a} \\lor ${b}`,
    },
    js: (a, b) => `${a} || ${b}`,
    wasm: { instruction: "v128.or" },
    wgsl: (a, b) => `${a} | ${b}`,
    onnx: null, // ONNX's Or has no WebGPU kernel.
    lower: (a, b) => apply("Not", apply("And", apply("Not", a), apply("Not", b))),
  },
  Not: {
    ...truthRow,
    syntax: { prefix: "!" },
    takes: ["truth"],
    eval: (x) => 1 - x,
    gradient: [null],
    latex: { level: LEVEL.unary, operands: [LEVEL.atom], write: (x) => `\\lnot ${x}` },
    js: (x) => `!${x}`,
    wasm: { instruction: "v128.not" },
    wgsl: (x) => `!${x}`,
    onnx: "Not",
  },
};

/** The reductions. */
export const reduceOps: Readonly<Record<ReduceOpName, ReduceOp>> = {
  ReduceSum: {
    call: "sum",
    start: 0,
    accumulate: (a, x) => a + x,
    combine: (a, b) => a + b,
    finish: (a) => a,
    range: ([lo, hi]) => [lo >= 0 ? 0 : -Infinity, hi <= 0 ? 0 : Infinity],
    gradient: "g",
    latex: named("\\operatorname{sum}"),
    js: { accumulate: (a, x) => `${a} + ${x}`, combine: (a, b) => `${a} + ${b}` },
    wasm: { combine: "f64x2.add", squares: false },
    wgsl: {
      part: (x) => `termOf(${x})`,
      combine: (a, b) => `sumOf(${a}, ${b})`,
      finish: (a) => `${a}.value * ${a}.scale`,
    },
    onnx: "ReduceSum",
  },
  ReduceMean: {
    call: "mean",
    start: 0,
    accumulate: (a, x) => a + x,
    combine: (a, b) => a + b,
    finish: (a, count) => a / count,
    // Its sum may overflow, and is rounded as often as there are elements.
    range: ([lo, hi]) => [
      lo < -1e290 ? -Infinity : Math.abs(lo) === Infinity ? lo : lo - Math.abs(lo) * 2 ** -20,
      hi > 1e290 ? Infinity : Math.abs(hi) === Infinity ? hi : hi + Math.abs(hi) * 2 ** -20,
    ],
    gradient: "g/n",
    latex: named("\\operatorname{mean}"),
    js: { accumulate: (a, x) => `${a} + ${x}`, combine: (a, b) => `${a} + ${b}` },
    wasm: { combine: "f64x2.add", squares: false },
    wgsl: {
      part: (x) => `termOf(${x})`,
      combine: (a, b) => `sumOf(${a}, ${b})`,
      finish: (a, count) => `${a}.value / ${count} * ${a}.scale`,
    },
    onnx: "ReduceMean",
  },
  ReduceMax: {
    call: "max",
    start: -Infinity,
    accumulate: (a, x) => Math.max(a, x),
    combine: (a, b) => Math.max(a, b),
    finish: (a) => a,
    range: ([, hi]) => [-Infinity, hi], // of nothing, -∞
    gradient: "where(a == y, g/k, 0)",
    latex: named("\\max"),
    js: { accumulate: (a, x) => `Math.max(${a}, ${x})`, combine: (a, b) => `Math.max(${a}, ${b})` },
    wasm: { combine: "f64x2.max", squares: false },
    wgsl: {
      part: (x) => `Part(V(1f), ${x})`,
      combine: (a, b) => `Part(V(1f), greatest(${a}.value, ${b}.value))`,
      finish: (a) => `${a}.value`,
    },
    onnx: "ReduceMax",
  },
  ReduceMin: {
    call: "min",
    start: Infinity,
    accumulate: (a, x) => Math.min(a, x),
    combine: (a, b) => Math.min(a, b),
    finish: (a) => a,
    range: ([lo]) => [lo, Infinity], // of nothing, ∞
    gradient: "where(a == y, g/k, 0)",
    latex: named("\\min"),
    js: { accumulate: (a, x) => `Math.min(${a}, ${x})`, combine: (a, b) => `Math.min(${a}, ${b})` },
    wasm: { combine: "f64x2.min", squares: false },
    wgsl: {
      part: (x) => `Part(V(1f), ${x})`,
      combine: (a, b) => `Part(V(1f), least(${a}.value, ${b}.value))`,
      finish: (a) => `${a}.value`,
    },
    onnx: "ReduceMin",
  },
  ReduceL2: {
    call: "norm",
    start: 0,
    accumulate: (a, x) => a + x * x,
    combine: (a, b) => a + b,
    finish: (a) => Math.sqrt(a),
    range: () => [0, Infinity],
    gradient: "where(y == 0, 0, g*(a/y))",
    latex: {
      level: LEVEL.atom,
      operands: [0],
      write: (x) => `\\left\\lVert ${x} \\right\\rVert`,
    },
    js: { accumulate: (a, x) => `${a} + ${x} * ${x}`, combine: (a, b) => `${a} + ${b}` },
    wasm: { combine: "f64x2.add", squares: true },
    wgsl: {
      part: (x) => `squareOf(${x})`,
      combine: (a, b) => `sumOfSquares(${a}, ${b})`,
      finish: (a) => `root(${a}.value) * ${a}.scale`,
    },
    onnx: "ReduceL2",
  },
};

const drawn = (letter: string): Latex => ({
  level: LEVEL.atom,
  operands: [0, 0],
  write: (seed, counter) =>
    counter === undefined
      ? `${letter}_t \\left( ${seed} \\right)`
      : `${letter} \\left( ${seed}, ${counter} \\right)`,
});

/** The distributions. */
export const randomOps: Readonly<Record<RandomOpName, RandomOp>> = {
  Normal: {
    call: "normal",
    stream: 0,
    // The quantile of the middle of one of 2^52 intervals.
    float64: (high, low) =>
      normalQuantile(numbers, (high * 2 ** 20 + (low >>> 12) + 0.5) * 2 ** -52 - 0.5),
    float32: (high, low) => Math.fround(randomOps.Normal.float64(high, low)),
    range: [-8.3, 8.3],
    latex: drawn("\\mathcal{N}"),
  },
  Uniform: {
    call: "uniform",
    stream: 1,
    float64: (high, low) => (high * 2 ** 21 + (low >>> 11)) * 2 ** -53,
    // Cut off and not rounded, which might give 1.
    float32: (high) => (high >>> 8) * 2 ** -24,
    range: [0, 1],
    latex: drawn("\\mathcal{U}"),
  },
};

/** The places along an axis: of the shape that they are used in. */
export const indexOp: {
  readonly call: string;
  readonly range: Interval;
  readonly latex: { readonly level: number; write(axis: string): string };
} = {
  call: "index",
  range: [0, Infinity],
  latex: { level: LEVEL.atom, write: (axis) => `\\operatorname{index}_{${axis}}` },
};

/** The operations on matrices. */
export const matrixOps: Readonly<Record<MatrixOpName, MatrixOp>> = {
  MatMul: {
    syntax: { infix: "@", level: LEVEL.product, operands: [LEVEL.product, LEVEL.unary] },
    takes: ["number", "number"],
    gives: "number",
    sizes: ([rows, inner], [depth, columns]) => inner === depth ? [rows, columns] : undefined,
    // An element is the sum of its products from the first to the last, starting from 0.
    eval: (a, b) => {
      const [[rows, depth], [, columns]] = [a.sizes, b.sizes];
      const data = new Float64Array(rows * columns);
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          for (let k = 0; k < depth; k++) sum += a.data[i * depth + k] * b.data[k * columns + j];
          data[i * columns + j] = sum;
        }
      }
      return { sizes: [rows, columns], data };
    },
    range: (a, b) => {
      const [lo, hi] = hull(a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]);
      return [lo >= 0 ? 0 : -Infinity, hi <= 0 ? 0 : Infinity];
    },
    latex: {
      level: LEVEL.product,
      operands: [LEVEL.product, LEVEL.power],
      write: (a, b) => `${a} ${b}`,
    },
    onnx: "MatMul",
  },
  Transpose: {
    syntax: call("transpose"),
    takes: ["number"],
    gives: "number",
    sizes: ([rows, columns]) => [columns, rows],
    eval: ({ sizes: [rows, columns], data }) => ({
      sizes: [columns, rows],
      data: data.map((_, at) => data[(at % rows) * columns + Math.floor(at / rows)]),
    }),
    range: (x) => x,
    latex: { level: LEVEL.power, operands: [LEVEL.atom], write: (x) => `${x}^{\\top}` },
    onnx: "Transpose",
  },
  QR: {
    syntax: call("qr"),
    takes: ["number"],
    gives: "number",
    sizes: (given) => given,
    eval: (a) => orthonormal(a),
    // Rounding may take a column beyond its length, by far less.
    range: (_) => [-1 - 2 ** -20, 1 + 2 ** -20],
    latex: named("\\operatorname{qr}"),
    onnx: null,
  },
};

/** The row of an element-wise op, or undefined for anything else. */
export function elementRow(op: Node["op"]): ElementOp | undefined {
  return (elementOps as Record<string, ElementOp>)[op];
}

/** The row of a distribution, or undefined for anything else. */
export function randomRow(op: Node["op"]): RandomOp | undefined {
  return (randomOps as Record<string, RandomOp>)[op];
}

/** The row of an op on matrices, or undefined for anything else. */
export function matrixRow(op: Node["op"]): MatrixOp | undefined {
  return (matrixOps as Record<string, MatrixOp>)[op];
}

/** The row of a reduction, or undefined for anything else. */
export function reduceRow(op: Node["op"]): ReduceOp | undefined {
  return (reduceOps as Record<string, ReduceOp>)[op];
}

/** The name of a reduction over the whole tree: `norm` becomes `globalNorm`. */
export function treeName(call: string): string {
  return `global${call[0].toUpperCase()}${call.slice(1)}`;
}
