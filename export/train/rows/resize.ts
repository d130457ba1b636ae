/** Images of other sizes: each axis is a product with a matrix of weights, and its gradient one with that on its side. */
import {
  isSameShape,
  numbersOf,
  type Shape,
  type Size,
  unknownSize,
  type Value,
} from "../value.ts";
import type { At, Rows } from "./row.ts";

/** The operators that change sizes. */
export const resizes: Rows = {
  Resize: {
    shape: (at) => [{ type: at.input(0).type, shape: resizedShape(at) }],
    gradient: ([g], at) => {
      requirePlain(at);
      const [from, to] = [at.shape(0), at.outputs[0].shape!];
      const scales = at.inputs[2]?.known;
      const isOther = scales?.some((scale, axis) => scale !== 1 && from[axis] === to[axis]);
      if (isOther && isSameShape(from, to)) {
        at.refuse("its `scales` must be 1 where no size changes, on which runtimes do not agree");
      }
      return [
        from.reduce<Value>((gradient, size, axis) => {
          const isLeft = scales === undefined || scales.length === 0 || scales[axis] === 1;
          if (isLeft && size === to[axis]) return gradient;
          const [few, many] = numbersOf([size, to[axis]]) ??
            at.refuse(`the sizes of axis ${axis} must be known, from and to which it is resized`);
          const scale = scales?.[axis] ?? many / few;
          return narrowed(gradient, weightsOf(few, many, scale as number, at), few, axis, at);
        }, g!),
      ];
    },
  },
};

function resizedShape(at: At): Shape | undefined {
  const { shape } = at.input(0);
  const [scales, sizes] = [at.inputs[2]?.known, at.inputs[3]?.known];
  if (shape === undefined || at.has("axes")) return shape?.map(unknownSize);
  if (sizes?.length === shape.length) return sizes;
  return shape.map((size, axis): Size => {
    const scale = scales?.[axis];
    if (scale === 1) return size;
    const isKnown = typeof size === "number" && typeof scale === "number";
    return isKnown ? Math.floor(size * scale) : unknownSize();
  });
}

function requirePlain(at: At): void {
  if (at.has("axes")) at.refuse("its attribute `axes` must not be there");
  if (at.int("antialias", 0) !== 0) at.refuse("its attribute `antialias` must be 0");
  if (at.text("keep_aspect_ratio_policy", "stretch") !== "stretch") {
    at.refuse('its attribute `keep_aspect_ratio_policy` must be "stretch"');
  }
}

/** The sum of what each element of an axis was weighted into. */
function narrowed(
  g: Value,
  weights: readonly (readonly number[])[],
  few: number,
  axis: number,
  { build }: At,
): Value {
  const [shape, many] = [g.shape!, weights.length];
  const times = many / few;
  const isRepeated = Number.isInteger(times) &&
    weights.every((row, o) =>
      row.every((weight, i) => weight === Number(Math.floor(o / times) === i))
    );
  if (isRepeated) {
    const apart = build.reshape(g, shape.toSpliced(axis, 1, few, times));
    return build.sum(apart, [axis + 1], 0);
  }
  const matrix = build.constant(weights.flat(), g.type, [many, few]);
  const last = shape.length - 1;
  const perm = shape.map((_, i) => i === axis ? last : i === last ? axis : i);
  const turned = (value: Value) => axis === last ? value : build.transpose(value, perm);
  return turned(build.emit("MatMul", [turned(g), matrix]));
}

/** How much of each of `few` elements is in each of `many`. */
function weightsOf(few: number, many: number, scale: number, at: At): number[][] {
  const place = placing(few, many, scale, at);
  const mode = at.text("mode", "nearest");
  const within = (i: number) => Math.min(Math.max(i, 0), few - 1);
  const nearest = mode === "nearest" ? rounding(at) : undefined;
  const isOutside = at.int("exclude_outside", 0) === 1;
  if (mode === "cubic" && isOutside) at.refuse("its attribute `exclude_outside` must be 0");
  return Array.from({ length: many }, (_, o) => {
    const [row, x] = [Array<number>(few).fill(0), place(o)];
    if (nearest !== undefined) row[within(nearest(x))] = 1;
    else {
      const parts = mode === "linear"
        ? linear(x, few)
        : mode === "cubic"
        ? cubic(x, at.float("cubic_coeff_a", -0.75))
        : at.refuse('its attribute `mode` must be "nearest", "linear" or "cubic"');
      for (const [i, weight] of parts) row[within(i)] += weight;
    }
    return row;
  });
}

/** Where an element of the result lies among those that it is made of, rounded as runtimes do: it chooses the nearest. */
function placing(few: number, many: number, scale: number, at: At): (o: number) => number {
  const how = at.text("coordinate_transformation_mode", "half_pixel");
  const by = Math.fround(scale);
  const half = (o: number) => Math.fround(Math.fround((o + 0.5) / by) - 0.5);
  switch (how) {
    case "half_pixel":
      return half;
    case "pytorch_half_pixel":
      return many > 1 ? half : () => 0;
    case "asymmetric":
      return (o) => Math.fround(o / by);
    case "align_corners":
      return (o) => many === 1 ? 0 : Math.fround(o * (few - 1) / (many - 1));
    default:
      return at.refuse(`its \`coordinate_transformation_mode\` "${how}" has no gradient here`);
  }
}

function rounding(at: At): (x: number) => number {
  const how = at.text("nearest_mode", "round_prefer_floor");
  switch (how) {
    case "round_prefer_floor":
      return (x) => Math.ceil(x - 0.5);
    case "round_prefer_ceil":
      return (x) => Math.floor(x + 0.5);
    case "floor":
      return Math.floor;
    case "ceil":
      return Math.ceil;
    default:
      return at.refuse(`its \`nearest_mode\` must be one of ONNX's: given "${how}"`);
  }
}

function linear(x: number, few: number): [number, number][] {
  const at = Math.min(Math.max(x, 0), few - 1);
  const i = Math.floor(at);
  return [[i, 1 - (at - i)], [i + 1, at - i]];
}

function cubic(x: number, a: number): [number, number][] {
  const i = Math.floor(x);
  return [-1, 0, 1, 2].map((step) => {
    const d = Math.abs(x - (i + step));
    const weight = d <= 1
      ? ((a + 2) * d - (a + 3)) * d * d + 1
      : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    return [i + step, weight];
  });
}
