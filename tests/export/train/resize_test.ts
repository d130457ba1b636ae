/** Images of other sizes, by law: gradients are what central differences of ONNX Runtime's own operator are. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assertThrows } from "../../assert.ts";
import { type Drawn, holds, ints, modelOf, trained } from "./law.ts";

const size = fc.integer({ min: 2, max: 4 });
const scale = fc.constantFrom(0.5, 0.75, 1, 1.2, 1.5, 2, 3);
const PLACES = ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"];
const ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"];

const resizes = (mode: string) =>
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

for (const mode of ["nearest", "linear", "cubic"]) {
  Deno.test(`the gradient of a ${mode} image of another size is what central differences are`, async () => {
    await fc.assert(
      fc.asyncProperty(resizes(mode), fc.nat(), async (drawn, seed) => {
        await holds("Resize", drawn, false, seed);
      }),
      { seed: 1, numRuns: 25, endOnFailure: true },
    );
  });
}

Deno.test("a resized image whose places are cropped from it is refused by name", () => {
  const drawn: Drawn = {
    type: DataType.FLOAT,
    inputs: [trained([1, 1, 2, 2]), null, null, ints(1, 1, 4, 4)],
    attributes: { coordinate_transformation_mode: "tf_crop_and_resize" },
  };
  assertThrows(
    () => withGradients(modelOf("Resize", drawn, false, 0), { loss: lossOutput("total") }),
    GradusError,
    '"tf_crop_and_resize" has no gradient here',
  );
});

Deno.test("an image that is scaled and keeps its size is refused, which runtimes copy", () => {
  const drawn: Drawn = {
    type: DataType.FLOAT,
    inputs: [
      trained([1, 1, 2, 2]),
      null,
      { type: DataType.FLOAT, shape: [4], values: [1, 1, 1.2, 1.2] },
    ],
    attributes: { mode: "linear" },
  };
  assertThrows(
    () => withGradients(modelOf("Resize", drawn, false, 0), { loss: lossOutput("total") }),
    GradusError,
    "on which runtimes do not agree",
  );
});
