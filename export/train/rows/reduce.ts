/** Reductions over axes: the gradient goes back to what was reduced. */
import { reduceOps } from "../../../dsl/ops.ts";
import { stageOf } from "../emit.ts";
import { DataType, type Kind, numbersOf, type Value } from "../value.ts";
import { type At, NONE, type Row, type Rows } from "./row.ts";

/** The axes from 0, undefined where they are not known. */
function axesOf(at: At): readonly number[] | undefined {
  const { shape } = at.input(0);
  if (shape === undefined) return undefined;
  const given = at.ints("axes") ?? numbersOf(at.inputs[1]?.known);
  if (given === undefined && at.inputs[1] !== undefined) return undefined;
  if (given === undefined || given.length === 0) {
    return at.int("noop_with_empty_axes", 0) === 1 ? [] : shape.map((_, axis) => axis);
  }
  return given.map((axis) => at.axis(axis, shape.length)).toSorted((a, b) => a - b);
}

function reducedShape(at: At): Kind[] {
  const { type, shape } = at.input(0);
  const axes = axesOf(at);
  if (shape === undefined) return [{ type, shape }];
  const keeps = at.int("keepdims", 1) !== 0;
  if (axes === undefined) return [{ type, shape: keeps ? unknownAlike(at) : undefined }];
  const gone = new Set(axes);
  const kept = keeps
    ? shape.map((size, axis) => gone.has(axis) ? 1 : size)
    : shape.filter((_, axis) => !gone.has(axis));
  return [{ type, shape: kept }];
}

function unknownAlike(at: At): Kind["shape"] {
  return at.input(0).shape!.map((_, axis) => `?${at.place.name}.${axis}`);
}

/** What may be too much to reduce to one number at once is reduced axis by axis. */
function inStages(at: At): Value[] | undefined {
  const { build, place: { op } } = at;
  const [a, axes] = [at.input(0), axesOf(at)];
  if (a.shape === undefined || axes === undefined) return undefined;
  if (stageOf(a, axes) === undefined) return undefined;
  // By stages, equals among the largest would not share alike: only what is known to be too much is worth that.
  const isExtreme = op === "ReduceMax" || op === "ReduceMin";
  if (isExtreme && numbersOf(a.shape) === undefined) return undefined;
  const keepdims = at.int("keepdims", 1) !== 0 ? 1 : 0;
  const sum = (value: Value) => build.reduce("ReduceSum", value, axes, keepdims);
  if (op === "ReduceSumSquare") return [sum(build.write("a*a", { a }))];
  if (op === "ReduceLogSum") return [build.write("log(s)", { s: sum(a) })];
  return [build.reduce(op, a, axes, keepdims)];
}

/** A reduction whose gradient is a text of elements `a`, result `y`, their number `n` and that of the extremes `k`. */
function reduction(text: string): Row {
  return {
    shape: reducedShape,
    always: true,
    lower: inStages,
    gradient: ([g], at) => {
      const { build } = at;
      const a = at.input(0);
      const axes = axesOf(at) ?? at.refuse("its axes must be constant");
      if (axes.length === 0 && text === "g") return [g];
      const kept = (value: Value) =>
        at.int("keepdims", 1) !== 0 || axes.length === 0
          ? value
          : build.emit("Unsqueeze", [value, build.ints(axes)]);
      const values: Record<string, Value> = { a, g: kept(g!) };
      const numbers: Record<string, number> = {};
      if (/\by\b/.test(text)) values.y = kept(at.outputs[0]);
      if (/\bk\b/.test(text)) {
        values.k = build.sum(build.write("where(a == y, 1, 0)", { a, y: values.y }), axes);
      }
      if (/\bn\b/.test(text)) {
        const sizes = numbersOf(axes.map((axis) => at.shape(0)[axis]));
        if (sizes !== undefined) numbers.n = sizes.reduce((count, size) => count * size, 1);
        else {
          const count = build.emit("Div", [
            build.emit("Size", [a]),
            build.emit("Size", [at.outputs[0]]),
          ]);
          values.n = build.emit("Cast", [count], { to: a.type });
        }
      }
      return [build.expandLike(build.write(text, values, numbers), a)];
    },
  };
}

const position: Row = {
  shape: (at) => {
    const { shape } = at.input(0);
    if (shape === undefined) return [{ type: DataType.INT64, shape }];
    const axis = at.axis(at.int("axis", 0), shape.length);
    const kept = at.int("keepdims", 1) !== 0 ? shape.with(axis, 1) : shape.toSpliced(axis, 1);
    return [{ type: DataType.INT64, shape: kept }];
  },
  gradient: NONE,
};

/** The reductions. */
export const reductions: Rows = {
  ...Object.fromEntries(
    Object.values(reduceOps).map(({ onnx, gradient }) => [onnx, reduction(gradient)]),
  ),
  ReduceL1: reduction("g*sign(a)"),
  ReduceSumSquare: reduction("2*g*a"),
  ReduceLogSum: reduction("g/exp(y)"),
  ReduceProd: { ...reduction(""), gradient: ofOthers },
  ReduceLogSumExp: { shape: reducedShape, lower: logSumExp, always: true },
  ArgMax: position,
  ArgMin: position,
};

/** The product of all others, which is not 0 where the only 0 stands. */
function ofOthers([g]: readonly (Value | undefined)[], at: At): Value[] {
  const { build } = at;
  const a = at.float32(0);
  const axes = axesOf(at) ?? at.refuse("its axes must be constant");
  if (axes.length === 0) return [g!];
  const wide = at.int("keepdims", 1) !== 0 ? g! : build.emit("Unsqueeze", [g, build.ints(axes)]);
  const isZero = build.write("where(a == 0, 1, 0)", { a });
  const other = build.write("where(a == 0, 1, a)", { a });
  const [p, z] = [build.reduce("ReduceProd", other, axes), build.sum(isZero, axes)];
  return [build.write("where(z == o, g*p/b, 0)", { z, o: isZero, g: wide, p, b: other })];
}

/** log Σ eᵃ with the largest taken out, without which e¹⁰⁰ is infinite. */
function logSumExp(at: At): Value[] {
  const { build } = at;
  const a = at.input(0);
  const axes = axesOf(at) ?? at.refuse("its axes must be constant");
  const most = build.stop(build.reduce("ReduceMax", a, axes));
  const finite = build.stop(build.write("where(abs(m) == inf, 0, m)", { m: most }));
  const sum = build.sum(build.write("exp(a - m)", { a, m: finite }), axes);
  const y = build.write("log(s) + m", { s: sum, m: finite });
  const keeps = at.int("keepdims", 1) !== 0 || axes.length === 0;
  return [keeps ? y : build.emit("Squeeze", [y, build.ints(axes)])];
}
