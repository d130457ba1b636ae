/** Operators that move elements: what they do is undone to their gradients. */
import {
  broadcast,
  DataType,
  isFloat,
  type Kind,
  numbersOf,
  product,
  quotient,
  type Shape,
  unknownSize,
  type Value,
} from "../value.ts";
import type { At, Gradient, Rows } from "./row.ts";

/** The gradient has the elements of the operand in its shape. */
const reshaped: Gradient = ([g], { build, inputs: [a] }) => [build.reshapeLike(g!, a!)];
/** The type of the first input and a shape. */
const like = (at: At, shape: Shape | undefined): Kind[] => [{ type: at.input(0).type, shape }];

/** The operators that move elements. */
export const moves: Rows = {
  Reshape: { shape: (at) => like(at, reshapedShape(at)), gradient: reshaped },
  Flatten: {
    shape: (at) => {
      const { shape } = at.input(0);
      if (shape === undefined) return like(at, [unknownSize(), unknownSize()]);
      const given = at.int("axis", 1);
      const axis = given < 0 ? given + shape.length : given;
      return like(at, [product(shape.slice(0, axis)), product(shape.slice(axis))]);
    },
    gradient: reshaped,
  },
  Squeeze: { shape: (at) => like(at, squeezedShape(at)), gradient: reshaped },
  Unsqueeze: {
    shape: (at) => {
      const { shape } = at.input(0);
      const axes = at.inputs[1]?.known;
      if (shape === undefined || axes === undefined) return like(at, undefined);
      const rank = shape.length + axes.length;
      const added = new Set(axes.map((axis) => at.axis(axis as number, rank)));
      const rest = [...shape];
      return like(at, Array.from({ length: rank }, (_, i) => added.has(i) ? 1 : rest.shift()!));
    },
    gradient: reshaped,
  },
  Transpose: {
    shape: (at) => {
      const { shape } = at.input(0);
      const perm = at.ints("perm");
      if (perm === undefined) return like(at, shape?.toReversed());
      return like(at, perm.map((axis) => shape?.[axis] ?? unknownSize()));
    },
    gradient: ([g], at) => {
      const axes = at.shape(0).map((_, axis) => axis);
      const perm = at.ints("perm") ?? axes.toReversed();
      return [at.build.transpose(g!, axes.map((axis) => perm.indexOf(axis)))];
    },
  },
  Expand: {
    shape: (at) => {
      const [{ shape }, to] = [at.input(0), at.input(1)];
      if (shape === undefined) return like(at, undefined);
      const known = to.known ?? listOfUnknown(to);
      return like(
        at,
        known && (broadcast(shape, known) ?? at.refuse("the shapes do not fit together")),
      );
    },
    gradient: ([g], { build, inputs: [a] }) => [build.sumTo(g!, a!)],
  },
  Tile: {
    shape: (at) => {
      const [{ shape }, repeats] = [at.input(0), at.input(1).known];
      return like(
        at,
        shape?.map((size, axis) => {
          const times = repeats?.[axis];
          return times === undefined ? unknownSize() : times === 1 ? size : product([size, times]);
        }),
      );
    },
    gradient: ([g], at) => {
      const repeats = at.numbers(1, "how often it repeats")!;
      const sizes = at.shape(0).flatMap((size, axis) => [repeats[axis], size]);
      const apart = at.build.reshape(g!, sizes);
      return [at.build.sum(apart, repeats.map((_, axis) => 2 * axis), 0)];
    },
  },
  CumSum: {
    shape: (at) => like(at, at.input(0).shape),
    gradient: ([g], at) => {
      const attributes = { exclusive: at.int("exclusive", 0), reverse: 1 - at.int("reverse", 0) };
      return [at.build.emit("CumSum", [g, at.input(1)], attributes)];
    },
  },
  Cast: {
    shape: (at) => [{ type: at.int("to", 0), shape: at.input(0).shape }],
    gradient: ([g], at) => {
      const { type } = at.input(0);
      if (!isFloat(type)) at.refuse("only what is of floats has a gradient");
      return g!.type === type ? [g] : [at.build.emit("Cast", [g], { to: type })];
    },
  },
  CastLike: {
    shape: (at) => [{ type: at.input(1).type, shape: at.input(0).shape }],
    // Of the second input only the type matters: no gradient goes there, and it need not be kept.
    always: true,
    lower: (at) => {
      const { type } = at.input(1);
      return type === DataType.UNDEFINED
        ? undefined
        : [at.build.emit("Cast", [at.input(0)], { to: type })];
    },
  },
  Trilu: {
    shape: (at) => like(at, at.input(0).shape),
    gradient: ([g], at) => [
      at.build.emit("Trilu", [g, at.inputs[1]], { upper: at.int("upper", 1) }),
    ],
  },
};

/** A list of which at least the length is known. */
function listOfUnknown({ shape }: Value): Shape | undefined {
  const length = shape?.[0];
  return typeof length === "number" && length <= 32
    ? Array.from({ length }, unknownSize)
    : undefined;
}

function reshapedShape(at: At): Shape | undefined {
  const [{ shape }, to] = [at.input(0), at.input(1)];
  if (to.known === undefined) return listOfUnknown(to);
  const keepsZero = at.int("allowzero", 0) === 1;
  const sizes = to.known.map((size, axis) =>
    size === 0 && !keepsZero ? shape?.[axis] ?? unknownSize() : size
  );
  const open = sizes.indexOf(-1);
  if (open < 0) return sizes;
  const others = sizes.filter((_, axis) => axis !== open);
  return sizes.with(open, shape === undefined ? unknownSize() : quotient(shape, others));
}

function squeezedShape(at: At): Shape | undefined {
  const { shape } = at.input(0);
  if (shape === undefined) return undefined;
  if (at.inputs[1] === undefined) {
    return numbersOf(shape) === undefined ? undefined : shape.filter((size) => size !== 1);
  }
  const axes = at.inputs[1].known;
  if (axes === undefined) return undefined;
  const gone = new Set(axes.map((axis) => at.axis(axis as number, shape.length)));
  return shape.filter((_, axis) => !gone.has(axis));
}
