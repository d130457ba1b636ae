/** Quantized weights: whole numbers that stand for others. They are frozen, and gradients of activations go through products with them. */
import type { Builder } from "../emit.ts";
import { DataType, type Kind, product, type Value } from "../value.ts";
import type { At, Row, Rows } from "./row.ts";

/** Whole numbers of which a gradient cannot be: what makes them is refused where one would have to go through it. */
const rounding = (shape: (at: At) => Kind[]): Row => ({
  shape,
  lower: (at) =>
    at.refuse(
      "it rounds activations to whole numbers, and no gradient goes through that: quantize weights alone, or " +
        "train the model before it is quantized",
    ),
});

/** The operators of quantized numbers. */
export const quantized: Rows = {
  DequantizeLinear: {
    shape: (at) => {
      const type = at.int("output_dtype", 0) || at.input(1).type;
      return [{ type, shape: at.input(0).shape }];
    },
    always: true,
    lower: dequantized,
  },
  QuantizeLinear: rounding((at) => {
    const type = at.int("output_dtype", 0) || (at.inputs[2]?.type ?? DataType.UINT8);
    return [{ type, shape: at.input(0).shape }];
  }),
  DynamicQuantizeLinear: rounding((at) => [
    { type: DataType.UINT8, shape: at.input(0).shape },
    { type: DataType.FLOAT, shape: [] },
    { type: DataType.UINT8, shape: [] },
  ]),
  "com.microsoft.MatMulNBits": {
    shape: (at) => {
      const { type, shape } = at.input(0);
      return [{ type, shape: shape && [...shape.slice(0, -1), at.int("N")] }];
    },
    gradient: ([g], at) => {
      const bias = at.inputs[5];
      return [
        at.needs(0) ? at.build.emit("MatMul", [g, weightsOf(at)]) : undefined,
        ...[undefined, undefined, undefined, undefined],
        bias && at.needs(5) ? at.build.sumTo(g!, bias) : undefined,
      ];
    },
  },
};

/** The weights of a MatMulNBits, [N, K]: each block of a row has its own scale, and what stands for 0. */
function weightsOf(at: At): Value {
  const { build } = at;
  const [n, k, block, bits] = [at.int("N"), at.int("K"), at.int("block_size"), at.int("bits", 4)];
  if (block < 1) at.refuse(`its attribute \`block_size\` must be above 0: given ${block}`);
  if (bits !== 4 && bits !== 8) at.refuse(`its attribute \`bits\` must be 4 or 8: given ${bits}`);
  if (at.inputs[4] !== undefined) at.refuse("no gradient is known where it has `g_idx`");
  const blocks = Math.ceil(k / block);
  const { type } = at.input(0);
  const shaped = (value: Value, last: number) => build.reshape(value, [n, blocks, last]);
  const q = shaped(unpacked(at.input(1), bits, type, at), block);
  const s = shaped(at.input(2), 1);
  const zero = at.inputs[3];
  if (zero === undefined) return cut(build.write("(q - z)*s", { q, s }, { z: 2 ** (bits - 1) }));
  const z = shaped(zero.type === DataType.UINT8 ? wholeRows(zero) : zero, 1);
  return cut(build.write("(q - z)*s", { q, s, z }));

  /** Rows that were filled up to a whole byte. */
  function wholeRows(value: Value): Value {
    const all = unpacked(value, bits, type, at);
    if (bits === 8 || blocks % 2 === 0) return all;
    return columns(build.reshape(all, [n, blocks + 1]), blocks);
  }

  /** Rows that were filled up to a whole block. */
  function cut(value: Value): Value {
    const rows = build.reshape(value, [n, blocks * block]);
    return k === blocks * block ? rows : columns(rows, k);
  }

  function columns(value: Value, count: number): Value {
    const [start, end, axis] = [0, count, 1].map((each) => build.ints([each]));
    return build.emit("Slice", [value, start, end, axis]);
  }
}

/** Numbers of bytes that DequantizeLinear gets wrong on WebGPU: it takes four at a time, and forgets the rest. */
function isForgotten({ type, shape }: Value): boolean {
  const isByte = type === DataType.UINT8 || type === DataType.INT8;
  const count = product(shape ?? ["?"]);
  return isByte && typeof count === "number" && count % 4 !== 0;
}

/** What DequantizeLinear says, in arithmetic, where it is not to be trusted or its scale is trained. */
function dequantized(at: At): Value[] | undefined {
  const [x, scale, zero] = at.inputs;
  const isWritten = isForgotten(at.input(0)) || at.needs(1);
  if (!isWritten || at.int("block_size", 0) !== 0) return undefined;
  const { build } = at;
  const shape = at.shape(0);
  const axis = at.axis(at.int("axis", 1), Math.max(shape.length, 2));
  const along = (value: Value) =>
    value.shape?.length === 1
      ? build.reshape(value, shape.map((_, i) => i === axis ? value.shape![0] : 1))
      : value;
  const [q, s] = [build.emit("Cast", [x], { to: scale!.type }), along(scale!)];
  if (zero === undefined) return [build.write("q*s", { q, s })];
  const z = along(build.emit("Cast", [zero], { to: scale!.type }));
  return [build.write("(q - z)*s", { q, s, z })];
}

/** Bytes as floats; a conversion of them would leave the GPU. */
function floats(bytes: Value, type: DataType, build: Builder): Value {
  if (isForgotten(bytes)) return build.emit("Cast", [bytes], { to: type });
  const whole = build.emit("DequantizeLinear", [bytes, build.constant([1], DataType.FLOAT, [])]);
  return type === DataType.FLOAT ? whole : build.emit("Cast", [whole], { to: type });
}

/** Bytes as floats, those of 4 bits twice as many, the lower first. */
function unpacked(bytes: Value, bits: number, type: DataType, { build }: At): Value {
  const b = floats(bytes, type, build);
  if (bits === 8) return b;
  const high = build.write("floor(b/16)", { b });
  const low = build.write("b - 16*h", { b, h: high });
  const last = build.ints([-1]);
  const pair = [low, high].map((each) =>
    build.emit("Unsqueeze", [build.reshape(each, [-1]), last])
  );
  return build.emit("Concat", pair, { axis: 1 });
}
