/** Operators that are written out in others: by law, and beside what ONNX Runtime computes itself. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assertThrows } from "../../assert.ts";
import { type Drawn, type Fixed, holds, isSame, modelOf, trained } from "./law.ts";

const small = (value: number) => value / 3;
const sizes = (...ranges: [number, number][]) =>
  fc.tuple(...ranges.map(([min, max]) => fc.integer({ min, max })));
const whole = (shape: readonly number[], values: readonly number[]): Fixed => ({
  type: DataType.INT64,
  shape,
  values,
});
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A mask of scores that shows every query its first key. */
const masks = fc.constantFrom("none", "bool", "float");

function maskOf(kind: string, rows: number, columns: number, type: DataType): Fixed | null {
  if (kind === "none") return null;
  const isSeen = (i: number) => i % columns === 0 || i % 3 !== 0;
  const all = Array.from({ length: rows * columns }, (_, i) => i);
  return kind === "bool"
    ? { type: DataType.BOOL, shape: [rows, columns], values: all.map((i) => Number(isSeen(i))) }
    : { type, shape: [rows, columns], values: all.map((i) => isSeen(i) ? 0.3 * (i % 4) : -2) };
}

const attention = (type: DataType) =>
  fc.tuple(
    sizes([1, 2], [1, 3], [1, 4], [1, 4], [1, 3], [1, 3], [1, 2]),
    fc.boolean(),
    fc.boolean(),
    masks,
  )
    .map(([[batch, heads, q, k, width, wide, share], isFlat, isCausal, mask]): Drawn => {
      const of = (length: number, width: number, count = heads) =>
        trained(isFlat ? [batch, length, count * width] : [batch, count, length, width], small);
      return {
        opset: 23,
        type,
        inputs: [of(q, width, heads * share), of(k, width), of(k, wide), maskOf(mask, q, k, type)],
        attributes: {
          is_causal: Number(isCausal),
          ...(isFlat ? { q_num_heads: heads * share, kv_num_heads: heads } : {}),
        },
        floats: batch === 1 ? { scale: 0.7 } : { softcap: 1.5 },
      };
    });

const EQUATIONS: readonly [string, ...number[][]][] = [
  ["ij,jk->ik", [2, 3], [3, 2]],
  ["bhid,bhjd->bhij", [2, 1, 2, 3], [2, 1, 3, 3]],
  ["ij,j", [2, 3], [3]],
  ["ij->", [2, 3]],
  ["ij->j", [2, 3]],
  ["i,j,k->kij", [2], [3], [2]],
  ["bij , bjk -> bki", [2, 2, 3], [2, 3, 2]],
];

const LOSSES = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  classes: fc.integer({ min: 2, max: 4 }),
  rest: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
  reduction: fc.constantFrom("mean", "sum", "none"),
  isWeighted: fc.boolean(),
  isIgnoring: fc.boolean(),
});

const loss = (type: DataType) =>
  LOSSES.map(({ batch, classes, rest, reduction, isWeighted, isIgnoring }): Drawn => {
    const of = [batch, ...rest];
    const labels = Array.from({ length: count(of) }, (_, i) => (i + 1) % classes);
    const weights = Array.from({ length: classes }, (_, i) => 0.5 + i);
    return {
      type,
      inputs: [
        trained([batch, classes, ...rest]),
        whole(of, labels),
        isWeighted ? { type, shape: [classes], values: weights } : null,
      ],
      attributes: { reduction, ...(isIgnoring ? { ignore_index: 0 } : {}) },
    };
  });

const rms = (type: DataType) =>
  sizes([1, 2], [1, 3], [2, 4], [1, 2]).map(([a, b, c, axis]): Drawn => ({
    opset: 23,
    type,
    inputs: [trained([a, b, c]), trained([a, b, c].slice(axis))],
    attributes: { axis },
    floats: { epsilon: 0.01 },
  }));

/** By operator what it is given; those of float32 alone have no float64 at ONNX Runtime. */
const CASES: Readonly<Record<string, (type: DataType) => fc.Arbitrary<Drawn>>> = {
  Attention: attention,
  SoftmaxCrossEntropyLoss: loss,
  NegativeLogLikelihoodLoss: loss,
  RMSNormalization: rms,
};

for (const [op, drawn] of Object.entries(CASES)) {
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
      fc.asyncProperty(drawn(DataType.FLOAT), fc.nat(), (each, seed) => isSame(op, each, seed)),
      { seed: 2, numRuns: 20, endOnFailure: false },
    );
  });
}

Deno.test("gradients of Einsum are what central differences are", async () => {
  for (const [equation, ...shapes] of EQUATIONS) {
    const drawn = { inputs: shapes.map((shape) => trained(shape)), attributes: { equation } };
    for (const isOpen of [false, true]) await holds("Einsum", drawn, isOpen, 3);
  }
});

Deno.test("gradients of what is put at places are what central differences are", async () => {
  for (const reduction of ["none", "add"]) {
    await holds(
      "ScatterElements",
      {
        inputs: [trained([3, 3]), whole([2, 2], [2, -3, 1, 0]), trained([2, 2])],
        attributes: { axis: 1, reduction },
      },
      false,
      4,
    );
    await holds(
      "ScatterND",
      {
        inputs: [trained([3, 2]), whole([2, 1], [2, 0]), trained([2, 2])],
        attributes: { reduction },
      },
      false,
      5,
    );
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
    { inputs: [matrix], attributes: { equation: "ii->i" } },
    "a diagonal",
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
