/** Element-wise operators: each gradient is a text of the language, of operands `a`, `b`, `c`, result `y` and gradient `g`. */
import { elementOps } from "../../../dsl/ops.ts";
import type { Node } from "../../../dsl/node.ts";
import { broadcast, DataType, type Kind, spellShape, type Value } from "../value.ts";
import { type At, type Gradient, NONE, type Row, type Rows } from "./row.ts";

const NAMES = ["a", "b", "c"];

/** The texts of an operator, one an operand, and its attributes with what they are by default. */
function elementwise(
  texts: readonly (string | null)[],
  attributes: Readonly<Record<string, number>> = {},
): Row {
  const gradient: Gradient = ([g], at) => {
    const values: Record<string, Value> = { y: at.outputs[0], g: g! };
    at.inputs.forEach((value, i) => {
      if (value !== undefined) values[NAMES[i]] = operand(value, at);
    });
    return written(texts, values, attributes, at);
  };
  return { shape: (at) => [stretched(at)], gradient };
}

/** An operand in the type of the result, which whole exponents are not. */
function operand(value: Value, { build, outputs: [{ type }] }: At): Value {
  const isOther = value.type !== type && value.type !== DataType.BOOL;
  const isNumber = value.shape?.length === 0 && typeof value.known?.[0] === "number";
  return isOther && !isNumber ? build.emit("Cast", [value], { to: type }) : value;
}

/** What `texts` say, summed to the operands. */
function written(
  texts: readonly (string | null)[],
  values: Readonly<Record<string, Value>>,
  attributes: Readonly<Record<string, number>>,
  at: At,
): (Value | undefined)[] {
  const numbers: Record<string, number> = {};
  for (const [name, otherwise] of Object.entries(attributes)) {
    numbers[name] = at.float(name, otherwise);
  }
  const { build, outputs: [y] } = at;
  const done = new Map<Node, Value>();
  return texts.map((text, i) => {
    if (text === null || !at.needs(i)) return undefined;
    const part = build.writeWith(text, values, numbers, y, done);
    if (part === 0) return undefined;
    const value = typeof part === "number" ? build.number(part, y) : part;
    // Nothing was stretched, whatever the shape is.
    const isAlone = at.inputs.length === 1;
    return isAlone ? value : build.sumTo(build.expandLike(value, y), at.input(i));
  });
}

/** The shape of operands that are stretched to one another. */
function stretched(at: At, type: DataType = typeOf(at)): Kind {
  const shapes = at.inputs.flatMap((value) => value === undefined ? [] : [value.shape]);
  if (!shapes.every((shape) => shape !== undefined)) return { type, shape: undefined };
  const shape = broadcast(...shapes) ??
    at.refuse(`its operands do not fit together: given ${shapes.map(spellShape).join(" and ")}`);
  return { type, shape };
}

/** The type of the first operand that is no condition. */
function typeOf({ inputs, place: { op } }: At): DataType {
  return (op === "Where" ? inputs[1] : inputs[0])?.type ?? DataType.UNDEFINED;
}

const truth: Row = { shape: (at) => [stretched(at, DataType.BOOL)], gradient: NONE };
const stepwise: Row = { shape: (at) => [stretched(at)], gradient: NONE };

/** Min, Max, Sum and Mean of any number of operands, two at a time. */
function variadic(op: string, pair: string): Row {
  const two = op === pair ? elementwise(elementOps[op as "Min" | "Max"].gradient) : undefined;
  return {
    shape: (at) => [stretched(at)],
    gradient: two?.gradient,
    lower: (at) => {
      const { build, inputs } = at;
      if (op === pair && inputs.length === 2) return undefined;
      const all = inputs.map((_, i) => at.input(i));
      const joined = all.length === 1
        ? build.emit("Identity", all)
        : all.reduce((a, b) => build.emit(pair, [a, b]));
      return [op === "Mean" ? build.write("a/n", { a: joined }, { n: all.length }) : joined];
    },
  };
}

const [LESS_OPS, TRUTH_OPS] = [
  ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "IsNaN", "IsInf"],
  ["And", "Or", "Xor", "Not"],
];

/** max(a, 0) + log(1 + e^-|a|): the softplus without overflow. */
const SOFTPLUS = "(max(a, 0) + log(1 + exp(-abs(a))))";
const SIGMOID = "(1/(1 + exp(-a)))";

/** The rows of the op table that ONNX has as well, with their gradients. */
function shared(): Rows {
  const rows: Record<string, Row> = {};
  for (const { onnx, gives, gradient } of Object.values(elementOps)) {
    if (onnx !== null && gives === "number") rows[onnx] = elementwise(gradient);
  }
  return rows;
}

/** The element-wise operators. */
export const elements: Rows = {
  ...shared(),
  ...Object.fromEntries([...LESS_OPS, ...TRUTH_OPS].map((op) => [op, truth])),
  ...Object.fromEntries(["Sign", "Round", "Floor", "Ceil"].map((op) => [op, stepwise])),
  Mod: elementwise(["g", "g*(y - a)/b"]),
  Min: variadic("Min", "Min"),
  Max: variadic("Max", "Max"),
  Sum: variadic("Sum", "Add"),
  Mean: variadic("Mean", "Add"),
  Identity: { ...elementwise(["g"]), shape: (at) => [{ ...at.input(0) }] },
  Sigmoid: elementwise(["g*y*(1 - y)"]),
  Softplus: elementwise([`g*${SIGMOID}`]),
  Softsign: elementwise(["g/((1 + abs(a))*(1 + abs(a)))"]),
  Erf: elementwise([`g*${2 / Math.sqrt(Math.PI)}*exp(-a^2)`]),
  Reciprocal: elementwise(["-g*y*y"]),
  Sinh: elementwise(["g*cosh(a)"]),
  Cosh: elementwise(["g*sinh(a)"]),
  Asinh: elementwise(["g/sqrt(a^2 + 1)"]),
  Acosh: elementwise(["g/sqrt(a^2 - 1)"]),
  Atanh: elementwise(["g/(1 - a^2)"]),
  // In place, which is where most stand, ONNX Runtime's is eight times as slow on WebAssembly.
  Relu: {
    ...elementwise(["where(y > 0, g, 0)"]),
    always: true,
    lower: (at) => {
      const text = at.needs(0) ? "where(a <= 0, 0, a)" : "max(a, 0)";
      return [at.build.write(text, { a: at.input(0) })];
    },
  },
  LeakyRelu: elementwise(["where(a > 0, g, alpha*g)"], { alpha: 0.01 }),
  PRelu: elementwise(["where(a > 0, g, b*g)", "where(a > 0, 0, a*g)"]),
  ThresholdedRelu: elementwise(["where(a > alpha, g, 0)"], { alpha: 1 }),
  Shrink: elementwise(["where(abs(a) > lambd, g, 0)"], { lambd: 0.5 }),
  Elu: elementwise(["where(a > 0, g, g*alpha*exp(min(a, 0)))"], { alpha: 1 }),
  Celu: elementwise(["where(a > 0, g, g*exp(min(a, 0)/alpha))"], { alpha: 1 }),
  Selu: elementwise(["where(a > 0, gamma*g, g*gamma*alpha*exp(min(a, 0)))"], {
    alpha: 1.67326319217681884765625,
    gamma: 1.05070102214813232421875,
  }),
  HardSigmoid: elementwise(["where((y > 0) & (y < 1), alpha*g, 0)"], { alpha: 0.2 }),
  HardSwish: elementwise(["where(a <= -3, 0, where(a < 3, g*(a/3 + 0.5), g))"]),
  Mish: elementwise([`g*(tanh${SOFTPLUS} + a*(1 - tanh${SOFTPLUS}^2)*${SIGMOID})`]),
  Swish: elementwise(["g*(1 + alpha*(a - y))/(1 + exp(-alpha*a))"], { alpha: 1 }),
  Gelu: { shape: (at) => [stretched(at)], gradient: gelu },
  Clip: { shape: (at) => [{ ...at.input(0), known: undefined }], gradient: clip },
};

/** x·Φ(x), of which Φ is made anew: it costs less than to keep it. */
function gelu([g]: readonly (Value | undefined)[], at: At): Value[] {
  const { build } = at;
  const [a, how] = [at.input(0), at.text("approximate", "none")];
  if (how === "tanh") {
    const inner = `${Math.sqrt(2 / Math.PI)}*(a + 0.044715*a^3)`;
    const slope = `${Math.sqrt(2 / Math.PI)}*(1 + ${3 * 0.044715}*a^2)`;
    const text = `g*(0.5 + 0.5*tanh(${inner}) + 0.5*a*(1 - tanh(${inner})^2)*${slope})`;
    return [build.write(text, { g: g!, a })];
  }
  if (how !== "none") at.refuse(`its attribute \`approximate\` must be "none" or "tanh"`);
  const e = build.emit("Erf", [build.write(`a*${Math.SQRT1_2}`, { a })]);
  const density = 1 / Math.sqrt(2 * Math.PI);
  return [build.write(`g*(0.5 + 0.5*e + ${density}*a*exp(-0.5*a^2))`, { g: g!, a, e })];
}

/** A bound that is left out is none. */
function clip([g]: readonly (Value | undefined)[], at: At): (Value | undefined)[] {
  const [a, b, c] = at.inputs;
  const given = { a: a!, g: g!, y: at.outputs[0], ...(b && { b }), ...(c && { c }) };
  if (b !== undefined && c !== undefined) return written(elementOps.Clip.gradient, given, {}, at);
  if (b !== undefined) return written(["where(a >= b, g, 0)", "where(a < b, g, 0)"], given, {}, at);
  if (c === undefined) return [g];
  return written(["where(a <= c, g, 0)", null, "where(a > c, g, 0)"], given, {}, at);
}
