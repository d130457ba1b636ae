/** Channels that become pixels, and back: written out as a change of order. */
import { product, quotient, type Shape, type Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

/** The operators between depth and space. */
export const depths: Rows = {
  DepthToSpace: {
    shape: (at) => {
      const { type, shape } = at.input(0);
      if (shape === undefined) return [{ type, shape }];
      const [[n, c, h, w], b] = [imageOf(at), at.int("blocksize")];
      return [{ type, shape: [n, quotient([c], [b, b]), product([h, b]), product([w, b])] }];
    },
    lower: (at) => {
      const [[n, c, h, w], b] = [imageOf(at), at.int("blocksize")];
      const mode = at.text("mode", "DCR");
      if (mode !== "DCR" && mode !== "CRD") {
        at.refuse('its attribute `mode` must be "DCR" or "CRD"');
      }
      const rest = quotient([c], [b, b]);
      return mode === "DCR"
        ? turned(at, [n, b, b, rest, h, w], [0, 3, 4, 1, 5, 2])
        : turned(at, [n, rest, b, b, h, w], [0, 1, 4, 2, 5, 3]);
    },
  },
  SpaceToDepth: {
    shape: (at) => {
      const { type, shape } = at.input(0);
      if (shape === undefined) return [{ type, shape }];
      const [[n, c, h, w], b] = [imageOf(at), at.int("blocksize")];
      return [{ type, shape: [n, product([c, b, b]), quotient([h], [b]), quotient([w], [b])] }];
    },
    lower: (at) => {
      const [[n, c, h, w], b] = [imageOf(at), at.int("blocksize")];
      return turned(at, [n, c, quotient([h], [b]), b, quotient([w], [b]), b], [0, 3, 5, 1, 2, 4]);
    },
  },
};

/** The sizes of an image, of which there must be four. */
function imageOf(at: At): Shape {
  const shape = at.shape(0);
  return shape.length === 4 ? shape : at.refuse("its input must have four dimensions");
}

/** The input with its axes split into `sizes`, in another order, in the shape of the output. */
function turned(at: At, sizes: Shape, perm: readonly number[]): Value[] {
  const { build } = at;
  const [result] = depths[at.place.op].shape(at);
  return [build.reshape(build.transpose(build.reshape(at.input(0), sizes), perm), result.shape!)];
}
