/** What operators may be given that are written out in others: recurrent ones, those of transformers, and losses. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { type Drawn, type Fixed, trained } from "./law.ts";

const sizes = (...ranges: [number, number][]) =>
  fc.tuple(...ranges.map(([min, max]) => fc.integer({ min, max })));
/** A constant of whole numbers. */
export const whole = (shape: readonly number[], values: readonly number[]): Fixed => ({
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

/** Equations of Einsum, and the shapes of its operands. */
export const EQUATIONS: readonly [string, ...number[][]][] = [
  ["ij,jk->ik", [2, 3], [3, 2]],
  ["bhid,bhjd->bhij", [2, 1, 2, 3], [2, 1, 3, 3]],
  ["ij,j", [2, 3], [3]],
  ["ij->", [2, 3]],
  ["ij->j", [2, 3]],
  ["i,j,k->kij", [2], [3], [2]],
  ["bij , bjk -> bki", [2, 2, 3], [2, 3, 2]],
  ["...ij,jk->...ik", [2, 2, 3], [3, 2]],
  ["...i,...i->...", [1, 3], [2, 3]],
  ["...i,i", [2, 2, 3], [3]],
  ["ii->i", [3, 3]],
  ["ii", [3, 3]],
  ["jiij,j->i", [2, 3, 3, 2], [2]],
  ["...ii->...i", [2, 3, 3]],
  ["bii,bij->bj", [2, 3, 3], [2, 3, 2]],
  ["iii", [2, 2, 2]],
  ["i...,j...->ij...", [2, 3, 2], [4, 3, 2]],
  ["...ij,...jk->...ik", [2, 1, 2, 3], [1, 3, 3, 2]],
  ["bhqd,bhkd->bhqk", [2, 2, 3, 2], [1, 1, 2, 2]],
  ["ij,jk,kl->il", [2, 3], [3, 2], [2, 2]],
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

/** By operator what it is given, in float64 or float32. */
export const WRITTEN: Readonly<Record<string, (type: DataType) => fc.Arbitrary<Drawn>>> = {
  ...Object.fromEntries(
    (["LSTM", "GRU", "RNN"] as const).map((op) => [
      op,
      (type: DataType) => ways.map((way) => ({ ...drawnOf(op, way), type })),
    ]),
  ),
  Attention: attention,
  SoftmaxCrossEntropyLoss: loss,
  NegativeLogLikelihoodLoss: loss,
  RMSNormalization: rms,
};
