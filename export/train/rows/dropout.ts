/** Dropout: in training, the product with a mask that whoever runs the graph draws. */
import { DataType, isFloat, type Size, type Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

/** What drops elements. */
export const dropouts: Rows = {
  // Written out everywhere, since no run of the operator can be repeated, and a GPU has none in training.
  Dropout: {
    shape: (at) => {
      const { type, shape } = at.input(0);
      return [{ type, shape }, { type: DataType.BOOL, shape }];
    },
    lower: dropout,
    always: true,
  },
};

/** What a size is the product of. */
function factors(size: Size): readonly Size[] {
  if (typeof size === "number") return [size];
  const parts = /^\((\w+(?:\*\w+)+)\)$/.exec(size)?.[1].split("*") ?? [size];
  return parts.map((part) => /^\d+$/.test(part) ? Number(part) : part);
}

function dropout(at: At): Value[] {
  const { build } = at;
  const x = at.input(0);
  const [ratio = 0.5] = at.numbers(1, "how much it drops") ?? [];
  const [isTraining = 0] = at.numbers(2, "whether it is in training") ?? [];
  if (!(ratio >= 0 && ratio < 1)) at.refuse(`it must drop from 0 to less than 1: given ${ratio}`);
  if (isTraining === 0 || ratio === 0) {
    const isKept = build.constant([1], DataType.BOOL, []);
    return at.count > 1 ? [x, build.expandLike(isKept, x)] : [x];
  }
  if (!isFloat(x.type)) at.refuse("what it drops must be floats of a known type");
  // Whoever draws it knows the sizes of inputs, and not what they multiply to.
  const mask = build.reshapeLike(build.mask(at.shape(0).flatMap(factors), ratio), x);
  const m = x.type === mask.type ? mask : build.emit("Cast", [mask], { to: x.type });
  const y = build.write("x*m", { x, m });
  return at.count > 1 ? [y, build.emit("Greater", [m, build.number(0, m)])] : [y];
}
