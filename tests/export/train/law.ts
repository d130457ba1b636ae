/** The law of every row: gradients are what central differences of the runtime itself are. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  type AttributeProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProtoSchema,
  TensorProto_DataType as DataType,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from "onnx-buf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import * as ort from "onnxruntime-web/wasm";
import { lossOutput, withGradients } from "../../../export/train/mod.ts";
import { GradusError } from "../../../mod.ts";
import { assert } from "../../assert.ts";
import { opened } from "./driver.ts";

/** An operand that a gradient is asked for: of a shape, its values moved by `map` to where the operator has a slope. */
export interface Trained {
  readonly shape: readonly number[];
  readonly map?: (value: number) => number;
  /** Whether its size is known before the graph runs, as that of weights is. */
  readonly isSized?: true;
}

/** A constant operand. */
export interface Fixed {
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** An operator with operands; null is one that is left out. */
export interface Drawn {
  readonly inputs: readonly (Trained | Fixed | null)[];
  readonly attributes?: Readonly<
    Record<string, number | readonly number[] | string | readonly string[]>
  >;
  /** Attributes that are floats. */
  readonly floats?: Readonly<Record<string, number>>;
  readonly outputs?: number;
  readonly opset?: number;
  /** Of an operator for which ONNX Runtime has no float64. Default float64. */
  readonly type?: DataType;
}

type NodeInit = MessageInitShape<typeof NodeProtoSchema>;
type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type ValueInit = MessageInitShape<typeof ValueInfoProtoSchema>;

/** A constant list of whole numbers. */
export const ints = (...values: number[]): Fixed => ({
  type: DataType.INT64,
  shape: [values.length],
  values,
});

/** A trained operand. */
export const trained = (shape: readonly number[], map?: (value: number) => number): Trained => ({
  shape,
  map,
});

/** A trained operand whose size is always known. */
export const weights = (shape: readonly number[], map?: (value: number) => number): Trained => ({
  shape,
  map,
  isSized: true,
});

/** Numbers that are never near 0, a half or one another across operands. */
function numbersOf({ shape, map }: Trained, operand: number, random: () => number): number[] {
  const size = shape.reduce((count, each) => count * each, 1);
  return Array.from({ length: size }, (_, i) => {
    // No two are equal, of which a small step would make the other the larger.
    const own = 0.1 + 0.037 * operand + 5e-3 * i / size;
    const value = 0.25 * Math.floor(12 * random() - 6) + own;
    return map === undefined ? value : map(value);
  });
}

/** A generator of numbers from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function tensor(name: string, { type, shape, values }: Fixed): TensorInit {
  const data = type === DataType.DOUBLE
    ? Float64Array.from(values)
    : type === DataType.FLOAT
    ? Float32Array.from(values)
    : type === DataType.INT64
    ? BigInt64Array.from(values, BigInt)
    : type === DataType.INT32
    ? Int32Array.from(values)
    : Uint8Array.from(values);
  return { name, dataType: type, dims: shape.map(BigInt), rawData: new Uint8Array(data.buffer) };
}

function attributesOf({ attributes = {}, floats = {} }: Drawn) {
  const all: MessageInitShape<typeof AttributeProtoSchema>[] = [];
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "number") all.push({ name, type: AttributeType.INT, i: BigInt(value) });
    else if (typeof value === "string") {
      all.push({ name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
    } else if (value.some((each) => typeof each === "string")) {
      const strings = value.map((each) => new TextEncoder().encode(String(each)));
      all.push({ name, type: AttributeType.STRINGS, strings });
    } else all.push({ name, type: AttributeType.INTS, ints: value.map(BigInt) });
  }
  for (const [name, f] of Object.entries(floats)) all.push({ name, type: AttributeType.FLOAT, f });
  return all;
}

/** A model whose output `loss` is the sum of the squares of what an operator gives. */
export function modelOf(op: string, drawn: Drawn, isOpen: boolean, seed: number): Uint8Array {
  const { opset = 21, type = DataType.DOUBLE, outputs = 1 } = drawn;
  const random = randomOf(seed);
  const initializer: TensorInit[] = [];
  const input: ValueInit[] = [];
  const node: NodeInit[] = [];
  const operands = drawn.inputs.map((each, i) => {
    if (each === null) return "";
    if ("values" in each) {
      initializer.push(tensor(`c${i}`, each));
      return `c${i}`;
    }
    initializer.push(tensor(`p${i}`, { ...each, type, values: numbersOf(each, i, random) }));
    if (!isOpen || each.shape.length === 0 || each.isSized) return `p${i}`;
    // Of this size when it runs; before that, of any.
    const dim = [{ value: { case: "dimValue" as const, value: BigInt(each.shape.length) } }];
    const kind = {
      case: "tensorType" as const,
      value: { elemType: DataType.INT64, shape: { dim } },
    };
    input.push({ name: `s${i}`, type: { value: kind } });
    node.push({ opType: "Expand", input: [`p${i}`, `s${i}`], output: [`e${i}`] });
    return `e${i}`;
  });
  while (operands.at(-1) === "") operands.pop();
  const made = Array.from({ length: outputs }, (_, i) => `y${i}`);
  // Those outside ONNX's default domain have it before their name.
  const domain = op.slice(0, Math.max(0, op.lastIndexOf(".")));
  node.push({
    opType: op.slice(domain === "" ? 0 : domain.length + 1),
    domain,
    name: "tried",
    input: operands,
    output: made,
    attribute: attributesOf(drawn),
  });
  for (const y of made) {
    node.push({ opType: "Mul", input: [y, y], output: [`${y}${y}`] });
    node.push({
      opType: "ReduceSum",
      input: [`${y}${y}`],
      output: [`sum ${y}`],
      attribute: [{ name: "keepdims", type: AttributeType.INT, i: 0n }],
    });
  }
  node.push({ opType: "Sum", input: made.map((y) => `sum ${y}`), output: ["total"] });
  const none = { case: "tensorType" as const, value: { elemType: type, shape: { dim: [] } } };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [
        { domain: "", version: BigInt(opset) },
        ...(domain === "" ? [] : [{ domain, version: 1n }]),
      ],
      graph: {
        name: op,
        input,
        initializer,
        node,
        output: [{ name: "total", type: { value: none } }],
      },
    }),
  );
}

/** The initializers of a model as inputs, and their values. */
export function asInputs(bytes: Uint8Array, type: DataType) {
  const model: ModelProto = fromBinary(ModelProtoSchema, bytes);
  const graph = model.graph!;
  const params = graph.initializer.filter(({ name }) => /^p\d+$/.test(name));
  graph.initializer = graph.initializer.filter((each) => !params.includes(each));
  for (const { name, dims } of params) {
    const dim = dims.map((value) => ({ value: { case: "dimValue" as const, value } }));
    const kind = { case: "tensorType" as const, value: { elemType: type, shape: { dim } } };
    graph.input.push(
      create(ModelProtoSchema, { graph: { input: [{ name, type: { value: kind } }] } }).graph!
        .input[0],
    );
  }
  const ArrayOf = type === DataType.DOUBLE ? Float64Array : Float32Array;
  return {
    bytes: toBinary(ModelProtoSchema, model),
    values: params.map(({ name, dims, rawData }) => ({
      name,
      dims: dims.map(Number),
      data: new ArrayOf(rawData.slice().buffer),
    })),
  };
}

/**
 * Whether the gradients of an operator are what central differences are along a random direction for each
 * operand; false if the row refuses it by name.
 */
export async function holds(
  op: string,
  drawn: Drawn,
  isOpen: boolean,
  seed: number,
): Promise<boolean> {
  const { type = DataType.DOUBLE } = drawn;
  let differentiated: Uint8Array;
  const model = modelOf(op, drawn, isOpen, seed);
  const params = drawn.inputs.flatMap((each, i) =>
    each !== null && !("values" in each) ? [`p${i}`] : []
  );
  try {
    differentiated = withGradients(model, { loss: lossOutput("total"), params, onWarning() {} });
  } catch (error) {
    if (isOpen && error instanceof GradusError) return false;
    throw error;
  }
  const { bytes, values } = asInputs(differentiated, type);
  const session = await opened(bytes);
  const name = type === DataType.DOUBLE ? "float64" : "float32";
  const sizes = Object.fromEntries(
    values.filter(({ name }) => session.inputNames.includes(`s${name.slice(1)}`)).map((
      { name, dims },
    ) => [
      `s${name.slice(1)}`,
      new ort.Tensor("int64", BigInt64Array.from(dims, BigInt), [dims.length]),
    ]),
  );
  const run = (moved: string, direction: readonly number[], h: number) => {
    const feeds = Object.fromEntries(values.map(({ name: each, dims, data }) => {
      const now = each === moved ? data.map((value, i) => value + h * direction[i]) : data;
      return [each, new ort.Tensor(name, now as Float64Array, dims)];
    }));
    return session.run({ ...sizes, ...feeds });
  };
  const random = randomOf(seed + 1);
  const [h, tolerance] = type === DataType.DOUBLE ? [1e-5, 1e-6] : [4e-3, 4e-3];
  const { loss: { data: [whole] }, ...at } = await run("", [], 0);
  for (const { name: each, data, dims } of values) {
    const gradient = at[`grad/${each}`];
    assert(
      gradient.dims.join() === dims.join(),
      `${op}: of shape [${gradient.dims}], not [${dims}]`,
    );
    const direction = Array.from(data, () => 2 * random() - 1);
    const lossAt = async (h: number) => Number((await run(each, direction, h)).loss.data[0]);
    const slope = (await lossAt(h) - await lossAt(-h)) / (2 * h);
    const given = direction.reduce((sum, d, i) => sum + d * Number(gradient.data[i]), 0);
    // Differences of a large sum are less exact.
    const scale = 1 + Math.abs(slope) +
      (type === DataType.DOUBLE ? 0 : 0.01 * Math.abs(Number(whole)));
    assert(
      Math.abs(given - slope) <= tolerance * scale,
      `${op} by ${each}${isOpen ? " of open size" : ""}: ${given} is not ${slope}: ${
        JSON.stringify(drawn)
      }`,
    );
  }
  await session.release();
  return true;
}

/** Whether a model with gradients computes what the operator itself does, where that is written out in others. */
export async function isSame(op: string, drawn: Drawn, seed: number): Promise<void> {
  const model = modelOf(op, drawn, false, seed);
  const params = drawn.inputs.flatMap((each, i) =>
    each !== null && !("values" in each) ? [`p${i}`] : []
  );
  const written = withGradients(model, { loss: lossOutput("total"), params });
  const [own, made] = await Promise.all([opened(model), opened(written)]);
  const { total: { data: [wanted] } } = await own.run({});
  const { loss: { data: [given] } } = await made.run({});
  await Promise.all([own.release(), made.release()]);
  const apart = Math.abs(Number(given) - Number(wanted));
  assert(apart <= 1e-5 * (1 + Math.abs(Number(wanted))), `${op}: ${given} is not ${wanted}`);
}
