/** Operators that no gradient goes through: constants, shapes, what is counted and compared. */
import { kindOf } from "../tensor.ts";
import {
  DataType,
  type Kind,
  MOST_KNOWN,
  product,
  type Shape,
  type Size,
  unknownSize,
} from "../value.ts";
import { type At, NONE, type Rows } from "./row.ts";

const whole = (shape: Shape | undefined, known?: readonly Size[]): Kind[] => [
  { type: DataType.INT64, shape, known },
];

/** The operators without gradients. */
export const constants: Rows = {
  Constant: { shape: constant, gradient: NONE },
  ConstantOfShape: {
    shape: (at) => {
      const { known, shape } = at.input(0);
      const tensor = at.proto("value")?.t;
      const { type, known: value } = tensor === undefined
        ? { type: DataType.FLOAT, known: [0] }
        : kindOf(tensor);
      const sizes = known ??
        (typeof shape?.[0] === "number"
          ? Array.from({ length: shape[0] }, unknownSize)
          : undefined);
      const count = sizes === undefined || sizes.length > 1 ? undefined : sizes[0] ?? 1;
      const isFew = typeof count === "number" && count <= MOST_KNOWN && value?.length === 1;
      return [{ type, shape: sizes, known: isFew ? Array(count).fill(value[0]) : undefined }];
    },
    gradient: NONE,
  },
  Shape: {
    shape: (at) => {
      const { shape } = at.input(0);
      if (shape === undefined) return whole([unknownSize()]);
      const within = (i: number) =>
        Math.min(Math.max(i < 0 ? i + shape.length : i, 0), shape.length);
      const sizes = shape.slice(within(at.int("start", 0)), within(at.int("end", shape.length)));
      return whole([sizes.length], sizes);
    },
    gradient: NONE,
  },
  Size: {
    shape: (at) => {
      const { shape } = at.input(0);
      return whole([], shape && [product(shape)]);
    },
    gradient: NONE,
  },
  Range: {
    shape: (at) => {
      const [start, limit, step] = at.inputs.map((value) => value?.known?.[0]);
      const { type } = at.input(0);
      const isKnown = [start, limit, step].every((each) => typeof each === "number");
      const length = isKnown
        ? Math.max(0, Math.ceil((limit as number - (start as number)) / (step as number)))
        : start === 0 && step === 1 && limit !== undefined
        ? limit
        : unknownSize();
      return [{ type, shape: [length] }];
    },
    gradient: NONE,
  },
  NonZero: {
    shape: (at) => whole([at.input(0).shape?.length ?? unknownSize(), unknownSize()]),
    gradient: NONE,
  },
  OneHot: {
    shape: (at) => {
      const [{ shape }, depth] = [at.input(0), at.input(1).known?.[0] ?? unknownSize()];
      const type = at.input(2).type;
      if (shape === undefined) return [{ type, shape }];
      const axis = at.axis(at.int("axis", -1), shape.length + 1);
      return [{ type, shape: shape.toSpliced(axis, 0, depth) }];
    },
    gradient: NONE,
  },
  EyeLike: {
    shape: (at) => [{ type: at.int("dtype", at.input(0).type), shape: at.input(0).shape }],
    gradient: NONE,
  },
};

function constant(at: At): Kind[] {
  const tensor = at.proto("value")?.t;
  if (tensor !== undefined) return [kindOf(tensor)];
  if (at.has("value_int")) return whole([], [at.int("value_int")]);
  const ints = at.ints("value_ints");
  if (ints !== undefined) return whole([ints.length], ints);
  if (at.has("value_float")) {
    return [{ type: DataType.FLOAT, shape: [], known: [at.float("value_float", 0)] }];
  }
  const floats = at.proto("value_floats")?.floats;
  if (floats === undefined) return [{ type: DataType.UNDEFINED, shape: undefined }];
  const known = floats.length <= MOST_KNOWN ? floats : undefined;
  return [{ type: DataType.FLOAT, shape: [floats.length], known }];
}
