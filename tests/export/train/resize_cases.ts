/** How images may be given other sizes. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { type Drawn, ints, trained } from "./law.ts";

const size = fc.integer({ min: 2, max: 4 });
const scale = fc.constantFrom(0.5, 0.75, 1, 1.2, 1.5, 2, 3);
const PLACES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"];
const ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];

/** By a mode, to sizes or by scales. */
export const resizes = (mode: string): fc.Arbitrary<Drawn> =>
  fc.record({
    from: fc.tuple(size, size),
    scales: fc.tuple(scale, scale),
    to: fc.option(fc.tuple(size, size)),
    place: fc.constantFrom(...PLACES),
    nearest: fc.constantFrom(...ROUNDINGS),
  })
    // Where no size changes, scales are not looked at by all runtimes.
    .filter(({ from, scales, to }) =>
      to !== null || from.some((size, i) => Math.floor(size * scales[i]) !== size)
    ).map(({ from, scales, to, place, nearest }): Drawn => ({
      type: DataType.FLOAT,
      inputs: [
        trained([1, 1, ...from]),
        null,
        to === null ? { type: DataType.FLOAT, shape: [4], values: [1, 1, ...scales] } : null,
        to === null ? null : ints(1, 1, ...to),
      ],
      attributes: {
        mode,
        coordinate_transformation_mode: place,
        ...(mode === "nearest" ? { nearest_mode: nearest } : {}),
      },
    }));
