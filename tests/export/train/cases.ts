/** What operators may be given, by families: drawn at random, with stretched operands. */
import fc from "fast-check";
import { TensorProto_DataType as DataType } from "onnx-buf";
import { type Drawn, type Fixed, ints, trained, weights } from "./law.ts";

const FLOAT = DataType.FLOAT;
const shapes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
/** A shape that is stretched to another. */
const stretching = (shape: readonly number[]) =>
  fc.tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })).map(
    ([drop, ones]) => shape.slice(drop).map((size, i) => ones[i] ? 1 : size),
  );
const pairs = shapes.chain((shape) => fc.tuple(stretching(shape), stretching(shape)));
const alone = (map?: (value: number) => number, more: Partial<Drawn> = {}) =>
  shapes.map((shape): Drawn => ({ inputs: [trained(shape, map)], ...more }));
const single = { type: FLOAT };
const positive = (value: number) => Math.abs(value) + 0.3;
const small = (value: number) => value / 3;

const axed = (most: number = 4) =>
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: most }).chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.integer({ min: -shape.length, max: shape.length - 1 }),
      fc.boolean(),
    )
  );

/** A reduction over some axes, which are an attribute before opset 18 in all but ReduceSum. */
const reduction = (op: string, map?: (value: number) => number) =>
  fc.tuple(axed(), fc.boolean(), fc.boolean()).map(
    ([[shape, axis, keeps], isAll, isOld]): Drawn => {
      const asInput = op === "ReduceSum" || !isOld;
      const attributes = { keepdims: Number(keeps) };
      return {
        opset: isOld ? 17 : 21,
        inputs: [trained(shape, map), ...(!isAll && asInput ? [ints(axis)] : [])],
        attributes: !isAll && !asInput ? { ...attributes, axes: [axis] } : attributes,
      };
    },
  );

const sizes = (...ranges: [number, number][]) =>
  fc.tuple(...ranges.map(([min, max]) => fc.integer({ min, max })));

const truth = (shape: readonly number[]): Fixed => ({
  type: DataType.BOOL,
  shape,
  values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 2),
});

/** Operators by family; what follows a blank in a name tells cases apart. */
export const FAMILIES: Readonly<Record<string, Readonly<Record<string, fc.Arbitrary<Drawn>>>>> = {
  "element-wise": {
    ...Object.fromEntries(
      ["Neg", "Abs", "Exp", "Sin", "Cos", "Tanh", "Sigmoid", "Identity", "Relu"]
        .map((op) => [op, alone()]),
    ),
    ...Object.fromEntries(["Sqrt", "Log", "Reciprocal"].map((op) => [op, alone(positive)])),
    ...Object.fromEntries(
      ["Softplus", "Softsign", "Erf", "Sinh", "Cosh", "Asinh", "Atan", "HardSwish", "Mish"]
        .map((op) => [op, alone(undefined, single)]),
    ),
    ...Object.fromEntries(["Asin", "Acos", "Atanh", "Tan"].map((op) => [op, alone(small, single)])),
    Acosh: alone((value) => positive(value) + 1, single),
    LeakyRelu: alone(undefined, { ...single, floats: { alpha: 0.3 } }),
    ThresholdedRelu: alone(undefined, { ...single, floats: { alpha: 0.48 } }),
    Shrink: alone(undefined, { ...single, floats: { lambd: 0.48, bias: 0.2 } }),
    Elu: alone(undefined, { ...single, floats: { alpha: 0.7 } }),
    Celu: alone(undefined, { ...single, floats: { alpha: 0.7 } }),
    Selu: alone(undefined, single),
    HardSigmoid: alone(undefined, { ...single, floats: { alpha: 0.9, beta: 0.48 } }),
    Gelu: fc.tuple(shapes, fc.constantFrom("none", "tanh")).map(([shape, approximate]) => ({
      inputs: [trained(shape)],
      attributes: { approximate },
      type: FLOAT,
    })),
    ...Object.fromEntries(["Add", "Sub", "Mul", "Min", "Max"].map((op) => [
      op,
      pairs.map(([a, b]) => ({ inputs: [trained(a), trained(b)] })),
    ])),
    Div: pairs.map(([a, b]) => ({ inputs: [trained(a), trained(b, positive)] })),
    Pow: pairs.map(([a, b]) => ({ inputs: [trained(a, positive), trained(b)] })),
    "Pow of a constant": fc.tuple(shapes, fc.constantFrom(1, 2, 3, 0.5, -1)).map((
      [shape, exponent],
    ) => ({
      inputs: [trained(shape, positive), { type: DataType.DOUBLE, shape: [], values: [exponent] }],
    })),
    Mod: pairs.map(([a, b]) => ({
      inputs: [trained(a), trained(b, (value) => positive(value) / 3)],
      attributes: { fmod: 1 },
    })),
    PRelu: shapes.chain((shape) => fc.tuple(fc.constant(shape), stretching(shape)))
      .map(([a, b]) => ({ inputs: [trained(a), trained(b)], type: FLOAT })),
    Where: shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), stretching(shape), stretching(shape))
    )
      .map(([c, a, b]) => ({ inputs: [truth(c), trained(a), trained(b)] })),
    ...Object.fromEntries(["Sum", "Mean", "Max of many"].map((op) => [
      op,
      pairs.map(([a, b]) => ({ inputs: [trained(a), trained(b), trained(a)] })),
    ])),
    Clip: fc.tuple(shapes, fc.boolean(), fc.boolean()).map(([shape, lo, hi]) => ({
      inputs: [
        trained(shape),
        lo ? trained([], () => -0.63) : null,
        hi ? trained([], () => 0.71) : null,
      ],
    })),
    Cast: alone(undefined, { attributes: { to: DataType.DOUBLE } }),
  },
  products: {
    MatMul: fc.tuple(
      fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
      sizes([1, 3], [1, 3], [1, 3]),
      fc.nat(3),
      fc.nat(4),
    ).chain(([batch, [m, k, n], cutA, cutB]) =>
      fc.tuple(stretching(batch), stretching(batch)).map(([a, b]): Drawn => ({
        inputs: [
          trained(cutA === 3 ? [k] : [...a, m, k]),
          trained(cutB === 4 ? [k] : cutB > 1 ? [k, n] : [...b, k, n]),
        ],
      }))
    ),
    Einsum: fc.tuple(
      sizes([1, 3], [1, 3], [1, 3], [1, 3]),
      fc.constantFrom(
        "bij,bjk->bik",
        "bij,bkj",
        "bij,jk->b",
        "bij,bik->ijk",
        "bij->ji",
        "bij,b->bij",
      ),
    ).map(([[b, i, j, k], equation]): Drawn => {
      const size: Record<string, number> = { b, i, j, k };
      return {
        inputs: equation.split("->")[0].split(",").map((all) =>
          trained([...all].map((each) => size[each]))
        ),
        attributes: { equation },
      };
    }),
    Gemm: fc.tuple(sizes([1, 3], [1, 3], [1, 3], [0, 1], [0, 1]), fc.nat(4)).map(
      ([[m, k, n, transA, transB], bias]): Drawn => ({
        inputs: [
          trained(transA ? [k, m] : [m, k]),
          trained(transB ? [n, k] : [k, n]),
          [null, trained([n]), trained([m, n]), trained([1, n]), trained([])][bias],
        ],
        attributes: { transA, transB },
        floats: { alpha: 1.5, beta: bias === 1 ? 1 : 0.5 },
      }),
    ),
  },
  reductions: {
    ...Object.fromEntries(
      ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2"]
        .map((op) => [op, reduction(op)]),
    ),
    ReduceSumSquare: reduction("ReduceSumSquare"),
    ReduceLogSumExp: reduction("ReduceLogSumExp"),
    ReduceLogSum: reduction("ReduceLogSum", positive),
    ReduceProd: reduction("ReduceProd"),
    "ReduceProd with zeros": reduction("ReduceProd", (value) => value < -0.5 ? 0 : value),
  },
  normalisations: {
    Softmax: axed().map(([shape, axis]) => ({ inputs: [trained(shape)], attributes: { axis } })),
    LogSoftmax: axed().map(([shape, axis]) => ({ inputs: [trained(shape)], attributes: { axis } })),
    LayerNormalization: fc.tuple(axed(), fc.boolean()).map(([[shape, axis], isBiased]) => {
      const wide = shape.map((size, i) => i === shape.length - 1 ? size + 2 : size);
      const rows = wide.slice(axis < 0 ? axis + wide.length : axis);
      return {
        inputs: [trained(wide), trained(rows), isBiased ? trained(rows) : null],
        attributes: { axis },
        floats: { epsilon: 1e-2 },
        type: FLOAT,
      };
    }),
  },
  movement: {
    Reshape: sizes([1, 3], [1, 3], [1, 3]).map(([a, b, c]) => ({
      inputs: [trained([a, b, c]), ints(-1, c)],
    })),
    "Reshape with 0": sizes([1, 3], [1, 3], [1, 3]).map(([a, b, c]) => ({
      inputs: [trained([a, b, c]), ints(0, -1)],
    })),
    Flatten: axed().map(([shape, axis]) => ({ inputs: [trained(shape)], attributes: { axis } })),
    Squeeze: sizes([1, 3], [1, 3]).map(([a, b]) => ({ inputs: [trained([a, 1, b]), ints(-2)] })),
    Unsqueeze: sizes([1, 3], [1, 3]).map(([a, b]) => ({ inputs: [trained([a, b]), ints(0, -1)] })),
    Transpose: fc.tuple(
      sizes([1, 3], [1, 3], [1, 3]),
      fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
    )
      .map(([shape, perm]) => ({ inputs: [trained(shape)], attributes: { perm } })),
    Expand: shapes.chain((shape) => fc.tuple(stretching(shape), fc.constant(shape)))
      .map(([a, shape]) => ({ inputs: [trained(a), ints(...shape)] })),
    Concat: fc.tuple(axed(), fc.integer({ min: 1, max: 3 })).map(([[shape, axis], size]) => ({
      inputs: [
        trained(shape),
        trained(shape.with(axis < 0 ? axis + shape.length : axis, size)),
        trained(shape),
      ],
      attributes: { axis },
    })),
    Split: fc.tuple(axed(3), sizes([1, 2], [1, 2], [0, 2])).map(([[shape, axis], parts]) => ({
      inputs: [
        trained(shape.with(axis < 0 ? axis + shape.length : axis, parts[0] + parts[1] + parts[2])),
        ints(...parts),
      ],
      attributes: { axis },
      outputs: 3,
    })),
    Slice: fc.tuple(sizes([2, 4], [3, 5]), fc.integer({ min: -4, max: 3 }), sizes([-2, 6], [0, 1]))
      .map(([[a, b], start, [end, axis]]) => ({
        inputs: [trained([a, b]), ints(start), ints(end), ints(axis)],
      })),
    "Slice backwards": sizes([1, 4], [1, 4]).map(([a, b]) => ({
      inputs: [trained([a, b]), ints(-1), ints(-(2 ** 31)), ints(1), ints(-1)],
    })),
    "Slice with steps": sizes([1, 7], [1, 2], [-8, 7], [-9, 9], [-3, 3]).map(
      ([a, b, start, end, step]) => ({
        inputs: [trained([a, b]), ints(start), ints(end), ints(0), ints(step || 2)],
      }),
    ),
    Pad: fc.tuple(sizes([2, 3], [2, 3]), sizes([-1, 2], [-1, 2], [0, 2], [0, 2])).map((
      [shape, pads],
    ) => ({ inputs: [trained(shape), ints(...pads)] })),
    ...Object.fromEntries(["reflect", "edge", "wrap"].map((mode) => [
      `Pad ${mode}`,
      fc.tuple(sizes([3, 4], [3, 5]), sizes([0, 2], [0, 2], [0, 2], [0, 2])).map((
        [shape, pads],
      ): Drawn => ({ inputs: [trained(shape), ints(...pads)], attributes: { mode } })),
    ])),
    DepthToSpace: fc.tuple(sizes([1, 2], [1, 2], [1, 2], [1, 3]), fc.constantFrom("DCR", "CRD"))
      .map(([[n, c, h, w], mode]) => ({
        inputs: [trained([n, 4 * c, h, w])],
        attributes: { blocksize: 2, mode },
      })),
    SpaceToDepth: sizes([1, 2], [1, 2], [1, 2], [1, 3]).map(([n, c, h, w]) => ({
      inputs: [trained([n, c, 2 * h, 2 * w])],
      attributes: { blocksize: 2 },
    })),
    Tile: fc.tuple(sizes([1, 3], [1, 3]), sizes([1, 3], [1, 2])).map(([shape, repeats]) => ({
      inputs: [trained(shape), ints(...repeats)],
    })),
    CumSum: fc.tuple(axed(), sizes([0, 1], [0, 1])).map((
      [[shape, axis], [exclusive, reverse]],
    ) => ({
      inputs: [trained(shape), { type: DataType.INT64, shape: [], values: [axis] }],
      attributes: { exclusive, reverse },
    })),
    Trilu: fc.tuple(sizes([1, 3], [1, 4]), sizes([0, 1], [-1, 1])).map(([shape, [upper, k]]) => ({
      inputs: [trained(shape), { type: DataType.INT64, shape: [], values: [k] }],
      attributes: { upper },
    })),
  },
  picking: {
    TopK: fc.tuple(axed(3), fc.boolean()).map(([[shape, axis], largest]) => ({
      inputs: [trained(shape.with(axis < 0 ? axis + shape.length : axis, 3)), ints(2)],
      attributes: { axis, largest: Number(largest) },
      outputs: 1,
    })),
    GatherElements: fc.tuple(sizes([1, 3], [2, 3]), sizes([-2, 1], [-2, 1])).map(
      ([[a, b], places]) => ({
        inputs: [
          trained([a, b]),
          { type: DataType.INT64, shape: [1, 2], values: places },
        ],
        attributes: { axis: 1 },
      }),
    ),
    GatherND: fc.tuple(
      sizes([2, 3], [2, 3], [1, 3]),
      fc.array(fc.integer({ min: -2, max: 1 }), {
        minLength: 6,
        maxLength: 6,
      }),
      fc.integer({ min: 1, max: 3 }),
    ).map(([shape, places, depth]) => ({
      inputs: [
        trained(shape.with(2, shape[2] + 1)),
        { type: DataType.INT64, shape: [6 / depth, depth], values: places },
      ],
    })),
    "GatherND in batches": fc.tuple(
      sizes([2, 3], [1, 2], [2, 3], [1, 3]),
      fc.array(fc.integer({ min: -2, max: 1 }), { minLength: 12, maxLength: 12 }),
      fc.integer({ min: 1, max: 2 }),
    ).map(([[a, b, c, d], places, batch]) => ({
      inputs: [
        trained(batch === 1 ? [a, c, d + 1] : [a, b, c, d]),
        {
          type: DataType.INT64,
          shape: batch === 1 ? [a, 2, 1] : [a, b, 1],
          values: places.slice(0, batch === 1 ? 2 * a : a * b),
        },
      ],
      attributes: { batch_dims: batch },
    })),
    ...Object.fromEntries(["none", "add"].flatMap((reduction) => [
      [
        `ScatterND ${reduction}`,
        sizes([1, 3], [-1, 0], [0, 1]).map(([width, first, second]) => ({
          inputs: [
            trained([3, width]),
            { type: DataType.INT64, shape: [2, 1], values: [first || 2, second] },
            trained([2, width]),
          ],
          attributes: { reduction },
        })),
      ],
      [
        `ScatterElements ${reduction}`,
        sizes([1, 3], [0, 2], [0, 1]).map(([rows, place, axis]) => ({
          inputs: [
            trained(axis === 0 ? [4, rows] : [rows, 4]),
            {
              type: DataType.INT64,
              shape: axis === 0 ? [2, rows] : [rows, 2],
              values: Array.from(
                { length: 2 * rows },
                (_, i) => (axis === 0 ? i >= rows : i % 2 === 1) ? -1 : place,
              ),
            },
            trained(axis === 0 ? [2, rows] : [rows, 2]),
          ],
          attributes: { axis, reduction },
        })),
      ],
    ])),
    Gather: fc.tuple(
      axed(3),
      fc.array(fc.integer({ min: -2, max: 1 }), { maxLength: 4 }),
      fc.nat(2),
    )
      .map(([[shape, axis], places, rank]): Drawn => {
        const all = places.length === 0 ? [1] : places;
        const at = axis < 0 ? axis + shape.length : axis;
        const dims = rank === 0 ? [] : rank === 1 ? [all.length] : [1, all.length];
        return {
          inputs: [
            trained(shape.with(at, 2)),
            { type: DataType.INT64, shape: dims, values: rank === 0 ? all.slice(0, 1) : all },
          ],
          attributes: { axis },
        };
      }),
  },
  quantized: {
    DequantizeLinear: fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(-1, 0, 1, 2),
      fc.constantFrom(DataType.INT8, DataType.UINT8),
      fc.boolean(),
    ).map(([rows, columns, axis, type, hasZeros]): Drawn => {
      const count = axis === 2 ? 1 : axis === 0 ? rows : columns;
      const dims = axis === 2 ? [] : [count];
      const bytes = (shape: readonly number[], from: number): Fixed => {
        const length = shape.reduce((a, b) => a * b, 1);
        return { type, shape, values: Array.from({ length }, (_, i) => (from + i * 89) % 256) };
      };
      return {
        inputs: [
          bytes([rows, columns], 7),
          weights(dims, (value) => positive(value) / 50),
          ...(hasZeros ? [bytes(dims, 3)] : []),
        ],
        ...(axis === 2 ? {} : { attributes: { axis } }),
        ...single,
      };
    }),
    "com.microsoft.MatMulNBits": fc.tuple(
      fc.constantFrom(4, 8),
      fc.constantFrom(16, 20, 40),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      shapes.filter(({ length }) => length < 3),
    ).map(([bits, k, n, hasZeros, batch]): Drawn => {
      // Blocks of 16 numbers, the last of a row filled up, as rows of zero points are to whole bytes.
      const blocks = Math.ceil(k / 16);
      const bytes = (...shape: number[]): Fixed => {
        const length = shape.reduce((a, b) => a * b);
        const values = Array.from({ length }, (_, i) => (i * 89 + 7) % 256);
        return { type: DataType.UINT8, shape, values };
      };
      const scales = Array.from({ length: n * blocks }, (_, i) => 0.01 + i / 1000);
      const zeros = bytes(n * Math.ceil(blocks * bits / 8));
      return {
        inputs: [
          trained([...batch, k], small),
          bytes(n, blocks, 2 * bits),
          { type: FLOAT, shape: [n * blocks], values: scales },
          ...(hasZeros ? [zeros] : []),
        ],
        attributes: { K: k, N: n, bits, block_size: 16 },
        ...single,
      };
    }),
  },
};
