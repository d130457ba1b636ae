/** Borders that repeat what is inside: their gradients are added where they were taken from. */
import type { Value } from "../value.ts";
import type { At } from "./row.ts";

/** More than any axis has. */
const END = 2 ** 31 - 1;

/** The gradient `g` of an image that was padded `around`, before and after each axis, in ONNX's `mode`. */
export function foldedBack(g: Value, mode: string, around: readonly number[], at: At): Value {
  const fold = Object.hasOwn(FOLDS, mode)
    ? FOLDS[mode]
    : at.refuse(`its \`mode\` must be one of ONNX's: given "${mode}"`);
  return at.shape(0).reduce<Value>((inner, size, axis) => {
    const [before, after] = [around[2 * axis], around[2 * axis + 1]];
    if (before === 0 && after === 0) return inner;
    if (before < 0 || after < 0) at.refuse(`its pads must not be negative in mode "${mode}"`);
    const most = typeof size === "number" ? size - (mode === "reflect" ? 1 : 0) : END;
    if (mode !== "edge" && Math.max(before, after) > most) {
      at.refuse(`its pads must be at most ${most} on axis ${axis}, of which it repeats each once`);
    }
    const { build } = at;
    return fold(inner, before, after, {
      part: (value, start, end = END) =>
        build.emit("Slice", [value, ...[start, end, axis].map((each) => build.ints([each]))]),
      flipped: (value) =>
        build.emit("Slice", [
          value,
          ...[-1, -(2 ** 31), axis, -1].map((each) => build.ints([each])),
        ]),
      sum: (value) => build.sum(value, [axis]),
      add: (a, b) => build.emit("Add", [a, b]),
      join: (...parts) => build.emit("Concat", parts, { axis }),
    });
  }, g);
}

/** What is done along an axis; parts begin and end where they do in a slice. */
interface Along {
  part(value: Value, start: number, end?: number): Value;
  flipped(value: Value): Value;
  sum(value: Value): Value;
  add(a: Value, b: Value): Value;
  join(...parts: readonly Value[]): Value;
}

type Fold = (g: Value, before: number, after: number, along: Along) => Value;

/** How each mode's border is folded in: first that in front, then that behind. */
const FOLDS: Readonly<Record<string, Fold>> = {
  reflect: (g, before, after, { part, flipped, add, join }) => {
    const front = before === 0 ? g : join(
      part(g, before, before + 1),
      add(part(g, before + 1, 2 * before + 1), flipped(part(g, 0, before))),
      part(g, 2 * before + 1),
    );
    return after === 0 ? front : join(
      part(front, 0, -2 * after - 1),
      add(part(front, -2 * after - 1, -after - 1), flipped(part(front, -after))),
      part(front, -after - 1, -after),
    );
  },
  edge: (g, before, after, { part, sum, join }) => {
    const front = before === 0 ? g : join(sum(part(g, 0, before + 1)), part(g, before + 1));
    return after === 0 ? front : join(part(front, 0, -after - 1), sum(part(front, -after - 1)));
  },
  wrap: (g, before, after, { part, add, join }) => {
    const behind = (value: Value) => after === 0 ? [] : [part(value, -after)];
    const rest = before === 0 ? g : part(g, before);
    const front = before === 0 ? g : join(
      part(rest, 0, -before - after),
      add(part(rest, -before - after, after === 0 ? END : -after), part(g, 0, before)),
      ...behind(rest),
    );
    return after === 0
      ? front
      : join(add(part(front, 0, after), part(front, -after)), part(front, after, -after));
  },
};
