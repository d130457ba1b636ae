/** Operators that are written out in others: by law, and beside what ONNX Runtime computes itself. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assertThrows } from "../../assert.ts";
import { type Drawn, type Fixed, holds, isSame, modelOf, trained } from "./law.ts";
import { EQUATIONS, whole, WRITTEN } from "./written_cases.ts";

for (const [op, drawn] of Object.entries(WRITTEN)) {
  Deno.test(`gradients of ${op} are what central differences are`, async () => {
    await fc.assert(
      fc.asyncProperty(drawn(DataType.DOUBLE), fc.nat(), async (each, seed) => {
        await holds(op, each, false, seed);
        await holds(op, each, true, seed);
      }),
      { seed: 1, numRuns: 20, endOnFailure: false },
    );
  });

  Deno.test(`${op} written out computes what the operator computes`, async () => {
    await fc.assert(
      fc.asyncProperty(drawn(DataType.FLOAT), fc.nat(), async (each, seed) => {
        // ONNX Runtime has no recurrence with the batch first.
        if (each.attributes?.layout !== 1) await isSame(op, each, seed);
      }),
      { seed: 2, numRuns: 20, endOnFailure: false },
    );
  });
}

Deno.test("gradients of Einsum are what central differences are", async () => {
  for (const [equation, ...shapes] of EQUATIONS) {
    const drawn = { inputs: shapes.map((shape) => trained(shape)), attributes: { equation } };
    for (const isOpen of [false, true]) await holds("Einsum", drawn, isOpen, 3);
    await isSame("Einsum", drawn, 3);
  }
});

Deno.test("gradients of RotaryEmbedding are what central differences are", async () => {
  const angles = Array.from({ length: 3 * 2 }, (_, i) => 0.4 * i + 0.1);
  const cache = (of: (angle: number) => number): Fixed => ({
    type: DataType.FLOAT,
    shape: [3, 2],
    values: angles.map(of),
  });
  for (const interleaved of [0, 1]) {
    await holds(
      "RotaryEmbedding",
      {
        opset: 23,
        type: DataType.FLOAT,
        inputs: [
          trained([1, 2, 3, 4]),
          cache(Math.cos),
          cache(Math.sin),
          whole([1, 3], [2, 0, 1]),
        ],
        attributes: { interleaved },
      },
      false,
      6,
    );
  }
});

Deno.test("what such an operator does not know is refused by name", () => {
  const refused = (op: string, drawn: Drawn, message: string) =>
    assertThrows(
      () => withGradients(modelOf(op, drawn, false, 1), { loss: lossOutput("total") }),
      GradusError,
      message,
    );
  const matrix = trained([2, 2]);
  refused(
    "Einsum",
    { inputs: [trained([2, 3])], attributes: { equation: "ii->i" } },
    '"i" must be of one size in "ii": given [2, 3]',
  );
  refused("ScatterND", {
    inputs: [matrix, whole([1, 1], [0]), trained([1, 2])],
    attributes: { reduction: "max" },
  }, 'must be "none" or "add"');
  const heads = (count: number) => trained([1, count, 2, 2]);
  refused(
    "Attention",
    { opset: 23, inputs: [heads(3), heads(2), heads(2)] },
    "must be shared alike by those of keys and values: given 3, 2 and 2",
  );
});

Deno.test("what of a recurrent operator is not known is refused by name", () => {
  const plain: Drawn = {
    inputs: [trained([2, 1, 2]), trained([1, 4, 2]), trained([1, 4, 1])],
    attributes: { hidden_size: 1 },
    outputs: 1,
  };
  const refused = (changes: Partial<Drawn>, message: string) =>
    assertThrows(
      () =>
        withGradients(modelOf("LSTM", { ...plain, ...changes }, false, 1), {
          loss: lossOutput("total"),
        }),
      GradusError,
      message,
    );
  const attributes = (more: Drawn["attributes"]) => ({
    attributes: { ...plain.attributes, ...more },
  });
  refused({ floats: { clip: 3 } }, "`clip` has no gradient here");
  refused(attributes({ input_forget: 1 }), "`input_forget` has no gradient here");
  refused(
    attributes({ activations: ["Sigmoid", "Tanh", "HardSigmoid"] }),
    "its activation HardSigmoid has no gradient here",
  );
  const lengths = { type: DataType.INT32, shape: [1], values: [1] };
  refused(
    { inputs: [...plain.inputs, null, lengths] },
    "export the model without packed sequences",
  );
});
