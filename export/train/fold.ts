/** The arithmetic of axes, shapes and sizes: what is known of small results before the graph runs. */
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from "../../runtime/trees/dtype.ts";
import type { At } from "./rows/row.ts";
import { placed } from "./rows/slice.ts";
import {
  DataType,
  isWhole,
  type Kind,
  MOST_KNOWN,
  numbersOf,
  product,
  quotient,
  type Size,
  sizeNamed,
} from "./value.ts";

type Fold = (known: readonly (readonly Size[])[], at: At) => readonly Size[] | undefined;

/** What is known of the first output of an operator, of what is known of its inputs. */
export function folded(at: At, { type, shape }: Kind): readonly Size[] | undefined {
  if (shape === undefined || shape.length > 2) return undefined;
  const fold = Object.hasOwn(FOLDS, at.place.op) ? FOLDS[at.place.op] : undefined;
  const inputs = at.inputs.flatMap((value) => value === undefined ? [] : [value.known]);
  if (fold === undefined || !inputs.every((known) => known !== undefined)) return undefined;
  const isTable = [shape, at.input(0).shape].some((each) => each?.length === 2);
  if (isTable && !(TABLES.has(at.place.op) && numbersOf(shape))) return undefined;
  // Arithmetic of floats is rounded by whoever runs the graph.
  if (!isWhole(type) && type !== DataType.BOOL && !MOVES.has(at.place.op)) return undefined;
  const known = fold(inputs, at);
  if (known === undefined || known.length > MOST_KNOWN) return undefined;
  const isSafe = known.every((size) =>
    typeof size === "string" || Number.isSafeInteger(size) || MOVES.has(at.place.op)
  );
  // A list as long as its shape says, which tells what it is if the shape was not known.
  const length = product(shape);
  return isSafe && (typeof length === "string" || length === known.length) ? known : undefined;
}

const MOVES = new Set([
  ...["Identity", "Cast", "Gather", "Concat", "Slice", "Squeeze", "Unsqueeze"],
  ...["Reshape", "Expand", "ConstantOfShape", "Flatten", "Transpose", "Floor", "Ceil"],
]);

/** What is known of two dimensions too: pads come from exporters as tables that are turned. */
const TABLES = new Set([
  ...["Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Transpose"],
]);

/** `f` on two lists, of which one may be of one number for all. */
function pairwise(f: (a: Size, b: Size) => Size | undefined): Fold {
  return ([a, b]) => {
    const length = a.length === 1 ? b.length : a.length;
    if (b.length !== length && b.length !== 1) return undefined;
    const all = Array.from(
      { length },
      (_, i) => f(a[a.length === 1 ? 0 : i], b[b.length === 1 ? 0 : i]),
    );
    return all.every((size) => size !== undefined) ? all : undefined;
  };
}

/** `f` on as many lists as there are, one after the other. */
function all(f: (a: Size, b: Size) => Size | undefined): Fold {
  const both = pairwise(f);
  return ([first, ...rest], at) =>
    rest.reduce<readonly Size[] | undefined>((made, each) => made && both([made, each], at), first);
}

/** `f` on numbers; with names, a size that is called by what is computed. */
function arithmetic(sign: string, f: (a: number, b: number) => number): Fold {
  return pairwise((a, b) =>
    typeof a === "number" && typeof b === "number" ? f(a, b) : sizeNamed(a, sign, b)
  );
}

/** `f` on numbers; names alone may be equal, and are not negative. */
function comparison(f: (a: number, b: number) => boolean): Fold {
  return pairwise((a, b) => {
    if (typeof a === "number" && typeof b === "number") return Number(f(a, b));
    if (a === b) return Number(f(0, 0));
    const isApart = typeof a === "number" ? a < 0 && isSize(b) : b as number < 0 && isSize(a);
    if (!isApart || (typeof a === "string" && typeof b === "string")) return undefined;
    return Number(typeof a === "number" ? f(-1, 0) : f(0, -1));
  });
}

/** Whether a name stands for what is not negative, as a difference may be. */
function isSize(size: Size): boolean {
  return typeof size === "string" && !size.includes("-");
}

/** Whole numbers of floats; sizes are whole. */
function wholeBy(round: (value: number) => number): Fold {
  return ([a]) => a.map((size) => typeof size === "number" ? round(size) : size);
}

const same: Fold = ([a]) => a;

/** Numbers as they are in a type that is cast to; undefined where that is for whoever runs the graph to say. */
function cast(known: readonly Size[], type: DataType): readonly Size[] | undefined {
  const to = CASTS[type];
  if (to === undefined) return undefined;
  // A size that is open is one in every type but that of truths.
  const made = known.map((size) =>
    typeof size === "number" ? to(size) : type === DataType.BOOL ? undefined : size
  );
  return made.every((size) => size !== undefined) ? made : undefined;
}

const CASTS: Readonly<Partial<Record<DataType, (value: number) => number | undefined>>> = {
  [DataType.DOUBLE]: (value) => value,
  [DataType.FLOAT]: Math.fround,
  [DataType.FLOAT16]: (value) => fromFloat16(toFloat16(Math.fround(value))),
  [DataType.BFLOAT16]: (value) => fromBfloat16(toBfloat16(Math.fround(value))),
  [DataType.INT64]: (value) => within(Math.trunc(value), 2 ** 63),
  [DataType.INT32]: (value) => within(Math.trunc(value), 2 ** 31 - 1),
  [DataType.BOOL]: (value) => Number(value !== 0),
};

function within(value: number, most: number): number | undefined {
  return Math.abs(value) <= most ? value : undefined;
}

/** What each operator makes of known inputs. */
const FOLDS: Readonly<Record<string, Fold>> = {
  Identity: same,
  Flatten: same,
  Squeeze: same,
  Unsqueeze: same,
  Reshape: same,
  Cast: ([a], at) => cast(a, at.int("to", 0)),
  Concat: (known) => known.flat(),
  Gather: ([from, at]) => {
    const picked = at.map((i) => typeof i === "number" ? from.at(i) : undefined);
    return picked.every((size) => size !== undefined) ? picked : undefined;
  },
  Slice: ([from, ...rest], at) => {
    const [start, end, axes = [0], step = [1]] = rest.map(numbersOf);
    const [rows, width = 1] = numbersOf(at.input(0).shape) ?? [from.length];
    const isFirst = axes[0] === 0 || axes[0] === -at.shape(0).length;
    if (start?.length !== 1 || end?.length !== 1 || !isFirst || step[0] === 0) return undefined;
    const { first, count } = placed(rows, start[0], end[0], step[0]);
    const places = Array.from({ length: count }, (_, i) => (first + i * step[0]) * width);
    return places.flatMap((place) => from.slice(place, place + width));
  },
  Transpose: ([from], at) => {
    const [rows, columns] = numbersOf(at.input(0).shape) ?? [];
    if (columns === undefined) return at.shape(0).length < 2 ? from : undefined;
    if (String(at.ints("perm") ?? "1,0") !== "1,0") return from;
    return from.map((_, i) => from[(i % rows) * columns + Math.floor(i / rows)]);
  },
  Add: arithmetic("+", (a, b) => a + b),
  Sub: pairwise((a, b) =>
    a === b ? 0 : typeof a === "number" && typeof b === "number" ? a - b : sizeNamed(a, "-", b)
  ),
  Mul: pairwise((a, b) => product([a, b])),
  Div: pairwise((a, b) =>
    typeof a === "number" && typeof b === "number"
      ? (b === 0 ? undefined : Math.trunc(a / b))
      : quotient([a], [b])
  ),
  // The remainder of C has the sign of what is divided.
  Mod: (known, at) =>
    arithmetic(
      "%",
      at.int("fmod", 0) === 1 ? (a, b) => a % b : (a, b) => a - b * Math.floor(a / b),
    )(known, at),
  Neg: ([a]) => a.map((size) => typeof size === "number" ? -size : sizeNamed("-", size)),
  // Nothing is rounded otherwise elsewhere.
  Floor: wholeBy(Math.floor),
  Ceil: wholeBy(Math.ceil),
  Abs: ([a]) => a.map((size) => typeof size === "number" ? Math.abs(size) : size),
  Min: all((a, b) =>
    typeof a === "number" && typeof b === "number" ? Math.min(a, b) : a === b ? a : undefined
  ),
  Max: all((a, b) =>
    typeof a === "number" && typeof b === "number" ? Math.max(a, b) : a === b ? a : undefined
  ),
  Equal: comparison((a, b) => a === b),
  Less: comparison((a, b) => a < b),
  Greater: comparison((a, b) => a > b),
  LessOrEqual: comparison((a, b) => a <= b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Not: ([a]) => a.map((size) => size === 0 ? 1 : 0),
  And: pairwise((a, b) => Number(a !== 0 && b !== 0)),
  Or: pairwise((a, b) => Number(a !== 0 || b !== 0)),
  Where: ([condition, a, b]) => {
    const length = Math.max(condition.length, a.length, b.length);
    const at = (list: readonly Size[], i: number) => list[list.length === 1 ? 0 : i];
    return Array.from({ length }, (_, i) => at(at(condition, i) !== 0 ? a : b, i));
  },
  Range: (known) => {
    const [start, limit, step] = known.map((each) => each[0]);
    if (typeof start !== "number" || typeof limit !== "number" || typeof step !== "number") {
      return undefined;
    }
    const length = Math.max(0, Math.ceil((limit - start) / step));
    if (!(length <= MOST_KNOWN)) return undefined;
    return Array.from({ length }, (_, i) => start + i * step);
  },
  ReduceProd: ([a]) => [product(a)],
  Expand: ([a], at) => {
    const [length] = at.inputs[1]!.known!.length === 0 ? [1] : at.inputs[1]!.known!;
    if (a.length !== 1) return a;
    return typeof length === "number" && length <= MOST_KNOWN
      ? Array(length).fill(a[0])
      : undefined;
  },
};
