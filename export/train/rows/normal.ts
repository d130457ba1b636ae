/** Softmax and the normalisations by layer. */
import { DataType, type Kind, type Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

const same = (at: At): Kind[] => [{ type: at.input(0).type, shape: at.input(0).shape }];
const axisOf = (at: At) => at.axis(at.int("axis", -1), at.shape(0).length);

/** What makes of each row another that is well scaled. */
export const normals: Rows = {
  Softmax: {
    shape: same,
    gradient: ([g], at) => {
      const { build, outputs: [y] } = at;
      const s = build.sum(build.write("g*y", { g: g!, y }), [axisOf(at)]);
      return [build.write("y*(g - s)", { y, g: g!, s })];
    },
  },
  Hardmax: { shape: same },
  // Written out, since the operator runs on the processor where the rest is on a GPU.
  LogSoftmax: { shape: same, lower: (at) => [logSoftmax(at.input(0), axisOf(at), at)] },
  LayerNormalization: {
    shape: (at) => {
      const { type, shape } = at.input(0);
      const from = shape && at.axis(at.int("axis", -1), shape.length);
      const rows = shape?.map((size, axis) => axis >= from! ? 1 : size);
      const stash = at.int("stash_type", DataType.FLOAT);
      return [{ type, shape }, { type: stash, shape: rows }, { type: stash, shape: rows }];
    },
    gradient: layerNorm,
  },
};

/** a - log Σ eᵃ, with the largest taken out first. */
export function logSoftmax(a: Value, axis: number, { build }: Pick<At, "build">): Value {
  const most = build.stop(build.reduce("ReduceMax", a, [axis]));
  const less = build.write("a - m", { a, m: most });
  const sum = build.sum(build.write("exp(x)", { x: less }), [axis]);
  return build.write("x - log(s)", { x: less, s: sum });
}

/** Of h = (x - mean)·inv: the gradient of x is inv·(u - mean(u) - h·mean(u·h)), where u is g·scale. */
function layerNorm(
  [g]: readonly (Value | undefined)[],
  at: At,
): (Value | undefined)[] {
  const { build } = at;
  const [x, scale] = [at.input(0), at.input(1)];
  const rank = at.shape(0).length;
  const from = at.axis(at.int("axis", -1), rank);
  const axes = Array.from({ length: rank - from }, (_, i) => from + i);
  const asX = (value: Value) =>
    value.type === x.type ? value : build.emit("Cast", [value], { to: x.type });
  const [mean, inv] = [
    asX(build.outputOf(at.outputs[0], 1)),
    asX(build.outputOf(at.outputs[0], 2)),
  ];
  const h = build.write("(x - m)*i", { x, m: mean, i: inv });
  const dx = () => {
    const u = build.write("g*s", { g: g!, s: scale });
    const m = build.reduce("ReduceMean", u, axes);
    const k = build.reduce("ReduceMean", build.write("u*h", { u, h }), axes);
    return build.write("i*(u - m - h*k)", { i: inv, u, m, h, k });
  };
  return [
    at.needs(0) ? dx() : undefined,
    at.needs(1) ? build.sumTo(build.write("g*h", { g: g!, h }), scale) : undefined,
    at.needs(2) ? build.sumTo(g!, at.input(2)) : undefined,
  ];
}
