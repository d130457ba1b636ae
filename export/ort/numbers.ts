/** The types of elements that a model takes, and the arrays that stand for them. */
import { TensorProto_DataType as DataType } from "onnx-buf";
import type * as ort from "onnxruntime-web/wasm";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";

interface Kind {
  readonly name: ort.Tensor.Type;
  readonly isArray: (array: unknown) => boolean;
  readonly arrays: string;
  /** What whole numbers are converted to, and the least and the greatest. */
  readonly whole?: {
    readonly ArrayOf: { from(values: readonly (number | bigint)[]): ort.Tensor.DataType };
    readonly range: readonly [least: bigint, greatest: bigint];
  };
}

const WHOLE = [
  ...[Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[BigInt64Array, BigUint64Array],
];
const isWhole = (array: unknown) => WHOLE.some((ArrayOf) => array instanceof ArrayOf);

function wholeKind(name: ort.Tensor.Type, ArrayOf: unknown, bits: bigint, isSigned: boolean): Kind {
  const range = isSigned
    ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] as const
    : [0n, 2n ** bits - 1n] as const;
  const whole = { ArrayOf, range } as Kind["whole"];
  return { name, isArray: isWhole, arrays: "an array of whole numbers", whole };
}

const KINDS: ReadonlyMap<DataType, Kind> = new Map([
  [DataType.FLOAT, {
    name: "float32",
    isArray: (array) => array instanceof Float32Array,
    arrays: "a Float32Array",
  }],
  [DataType.DOUBLE, {
    name: "float64",
    isArray: (array) => array instanceof Float64Array,
    arrays: "a Float64Array",
  }],
  [DataType.FLOAT16, {
    name: "float16",
    isArray: (array) => array instanceof Uint16Array,
    arrays: "a Uint16Array of bits",
  }],
  [DataType.BOOL, {
    name: "bool",
    isArray: (array) => array instanceof Uint8Array,
    arrays: "a Uint8Array",
  }],
  [DataType.INT64, wholeKind("int64", BigInt64Array, 64n, true)],
  [DataType.UINT64, wholeKind("uint64", BigUint64Array, 64n, false)],
  [DataType.INT32, wholeKind("int32", Int32Array, 32n, true)],
  [DataType.UINT32, wholeKind("uint32", Uint32Array, 32n, false)],
  [DataType.INT16, wholeKind("int16", Int16Array, 16n, true)],
  [DataType.UINT16, wholeKind("uint16", Uint16Array, 16n, false)],
  [DataType.INT8, wholeKind("int8", Int8Array, 8n, true)],
  [DataType.UINT8, wholeKind("uint8", Uint8Array, 8n, false)],
]);
const KIND_NAMED = new Map([...KINDS.values()].map((kind) => [kind.name, kind]));

/** The type of elements by what files call it; undefined for what are no numbers. */
export function typeOf(elemType: DataType | undefined): ort.Tensor.Type | undefined {
  return KINDS.get(elemType as DataType)?.name;
}

/** The elements as the graph wants them. */
export function converted(
  data: unknown,
  { name, type }: { readonly name: string; readonly type: ort.Tensor.Type },
  doing: string,
): ort.Tensor.DataType {
  const kind = KIND_NAMED.get(type)!;
  if (!kind.isArray(data)) {
    const given = ArrayBuffer.isView(data) ? `a ${data.constructor.name}` : shown(data);
    throw new GradusError(
      `${doing}: input ${quoted(name)} is ${type} and must be ${kind.arrays}: given ${given}`,
    );
  }
  const { whole } = kind;
  if (whole === undefined || data instanceof (whole.ArrayOf as unknown as typeof Int32Array)) {
    return data as ort.Tensor.DataType;
  }
  const { ArrayOf, range: [least, greatest] } = whole;
  const isBig = type === "int64" || type === "uint64";
  const numbers = Array.from<number | bigint>(data as Int32Array);
  const wrong = numbers.find((number) => number < least || number > greatest);
  if (wrong !== undefined) {
    throw new GradusError(
      `${doing}: input ${quoted(name)} is ${type} and must be from ${least} to ${greatest}: ` +
        `given ${wrong}`,
    );
  }
  return ArrayOf.from(isBig ? numbers.map(BigInt) : numbers.map(Number));
}
