/** Images of other sizes, by law: gradients are what central differences of ONNX Runtime's own operator are. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assertThrows } from "../../assert.ts";
import { type Drawn, holds, ints, modelOf, trained } from "./law.ts";
import { resizes } from "./resize_cases.ts";

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
