/** Recurrent operators, written out step by step: by law, and beside ONNX Runtime's own. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assert, assertThrows } from "../../assert.ts";
import { type Drawn, holds, isSame, modelOf, trained } from "./law.ts";

const GATES = { LSTM: 4, GRU: 3, RNN: 1 };
type Op = keyof typeof GATES;
const small = (value: number) => value / 3;

/** What of an operator is left out, and how it goes. */
const ways = fc.record({
  length: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 3 }),
  width: fc.integer({ min: 1, max: 3 }),
  hidden: fc.integer({ min: 1, max: 3 }),
  direction: fc.constantFrom("forward", "reverse", "bidirectional"),
  isBiased: fc.boolean(),
  hasFirst: fc.boolean(),
  hasPeepholes: fc.boolean(),
  resetsAfter: fc.boolean(),
  isRelu: fc.boolean(),
  layout: fc.nat(1),
});

type Way = typeof ways extends fc.Arbitrary<infer T> ? T : never;

function drawnOf(op: Op, way: Way): Drawn {
  const { length, batch, width, hidden, direction, isBiased, hasFirst, hasPeepholes } = way;
  const [count, gates] = [direction === "bidirectional" ? 2 : 1, GATES[op]];
  const isTurned = way.layout === 1;
  const first = trained(isTurned ? [batch, count, hidden] : [count, batch, hidden], small);
  const activations = Array(count).fill(way.isRelu ? "Relu" : "Tanh");
  return {
    inputs: [
      trained(isTurned ? [batch, length, width] : [length, batch, width], small),
      trained([count, gates * hidden, width], small),
      trained([count, gates * hidden, hidden], small),
      isBiased ? trained([count, 2 * gates * hidden], small) : null,
      null,
      hasFirst ? first : null,
      ...(op === "LSTM" ? [hasFirst ? first : null] : []),
      ...(op === "LSTM" && hasPeepholes ? [trained([count, 3 * hidden], small)] : []),
    ],
    attributes: {
      hidden_size: hidden,
      direction,
      layout: way.layout,
      ...(op === "GRU" ? { linear_before_reset: Number(way.resetsAfter) } : {}),
      ...(op === "RNN" ? { activations } : {}),
    },
    outputs: op === "LSTM" ? 3 : 2,
  };
}

for (const op of ["LSTM", "GRU", "RNN"] as const) {
  Deno.test(`gradients of ${op} are what central differences are`, async () => {
    await fc.assert(
      fc.asyncProperty(ways, fc.nat(), async (way, seed) => {
        assert(await holds(op, drawnOf(op, way), false, seed));
      }),
      { seed: 1, numRuns: 25, endOnFailure: false },
    );
  });

  Deno.test(`${op} written out computes what the operator computes`, async () => {
    await fc.assert(
      fc.asyncProperty(ways, fc.nat(), async (way, seed) => {
        // ONNX Runtime has neither float64 nor the batch first.
        await isSame(op, { ...drawnOf(op, { ...way, layout: 0 }), type: DataType.FLOAT }, seed);
      }),
      { seed: 2, numRuns: 25, endOnFailure: false },
    );
  });
}

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
