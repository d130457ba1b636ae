/** What a trainer is given for one step: a batch, checked against the inputs of the model. */
import { TensorProto_DataType as DataType, type ValueInfoProto } from "onnx-buf";
import type * as ort from "onnxruntime-web/wasm";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { isShape, sizeOf } from "../../runtime/trees/leaf.ts";
import type { Value } from "./engine.ts";
import { converted, typeOf } from "./numbers.ts";

/** An array of numbers that is an input or output of a model. */
export type BatchArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** An input or output of a model with its extents, row-major. */
export interface BatchTensor {
  /** The elements; of float16, their bits in a `Uint16Array`. */
  readonly data: BatchArray;
  /** The extents. */
  readonly shape: readonly number[];
}

/**
 * The inputs of a model by their names, labels among them. An array alone has the shape that the model
 * declares, of which one extent may be open. What is whole numbers in the model is given in any array of
 * whole numbers, such as an `Int32Array` or a `BigInt64Array`.
 */
export type Batch = Readonly<Record<string, BatchArray | BatchTensor>>;

/** An input that a batch has, as the model declares it. */
export interface BatchInput {
  readonly name: string;
  readonly type: ort.Tensor.Type;
  /** Its extents: numbers, names, or undefined for those that have none; undefined if not even their number is known. */
  readonly shape: readonly (number | string | undefined)[] | undefined;
}

/** A batch as it is fed. */
export interface Fed {
  readonly feeds: Map<string, Value>;
  /** The extents that have names. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** An input of a model, for batches. */
export function batchInput({ name, type }: ValueInfoProto, doing: string): BatchInput {
  const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
  const own = typeOf(tensor?.elemType);
  if (own === undefined) {
    const given = tensor === undefined ? "no tensor" : DataType[tensor.elemType] ?? "another type";
    throw new GradusError(
      `${doing}: input ${quoted(name)} must be a tensor of numbers: given ${given.toLowerCase()}`,
    );
  }
  const shape = tensor!.shape?.dim.map(({ value }) =>
    value.case === "dimValue"
      ? Number(value.value)
      : value.case === "dimParam"
      ? value.value
      : undefined
  );
  return { name, type: own, shape };
}

/** A batch as a graph takes it; what is known and not needed is left out. */
export function feedsOf(
  batch: Batch,
  needed: readonly BatchInput[],
  known: Iterable<string>,
  doing: string,
): Fed {
  if (typeof batch !== "object" || batch === null) {
    throw new GradusError(
      `${doing}: the batch must be an object of the model's inputs by their names: given ${
        shown(batch)
      }`,
    );
  }
  const all = new Set([...needed.map(({ name }) => name), ...known]);
  for (const name of Object.keys(batch)) {
    if (all.has(name)) continue;
    throw new GradusError(
      `${doing}: the model has no input ${quoted(name)} that a batch gives${suggestion(name, all)}`,
    );
  }
  const sizes = new Map<string, number>();
  const feeds = new Map<string, Value>();
  // What comes with its shape tells the extents that have names.
  const isTensor = ({ name }: BatchInput) => !ArrayBuffer.isView(batch[name]);
  const ordered = [...needed.filter(isTensor), ...needed.filter((each) => !isTensor(each))];
  for (const input of ordered) {
    const { name } = input;
    if (!Object.hasOwn(batch, name) || batch[name] === undefined) {
      throw new GradusError(
        `${doing}: the batch must have the input ${quoted(name)}: it is missing`,
      );
    }
    const value = batch[name];
    const data = ArrayBuffer.isView(value) ? value : value?.data;
    const shape = ArrayBuffer.isView(value)
      ? inferred(input, value.length, sizes, doing)
      : declared(input, value, sizes, doing);
    if ((data as BatchArray).length !== sizeOf(shape)) {
      throw new GradusError(
        `${doing}: input ${quoted(name)} must have ${sizeOf(shape)} elements for its shape ` +
          `[${shape.join(", ")}]: given ${(data as BatchArray).length}`,
      );
    }
    feeds.set(name, { type: input.type, data: converted(data, input, doing), shape });
  }
  return { feeds, sizes };
}

/** The shape of an array that has none of its own. */
function inferred(
  { name, shape }: BatchInput,
  length: number,
  sizes: Map<string, number>,
  doing: string,
): number[] {
  const given = shape?.map((size) => typeof size === "string" ? sizes.get(size) ?? size : size);
  const open = given?.flatMap((size, axis) => typeof size === "number" ? [] : [axis]) ?? [];
  if (given === undefined || open.length > 1) {
    throw new GradusError(
      `${doing}: input ${
        quoted(name)
      } must be given as \`{ data, shape }\`, since the model leaves ` +
        `its shape open: ${spell(shape)}`,
    );
  }
  const known = given.reduce<number>(
    (total, size) => typeof size === "number" ? total * size : total,
    1,
  );
  if (open.length === 1 && !Number.isInteger(length / known)) {
    throw new GradusError(
      `${doing}: input ${quoted(name)} must fit the shape ${
        spell(given)
      }: given ${length} elements`,
    );
  }
  const whole = given.map((size) => typeof size === "number" ? size : length / known);
  bindSizes(shape!, whole, sizes);
  return whole;
}

/** The shape that an input was given with. */
function declared(
  { name, shape }: BatchInput,
  value: BatchTensor,
  sizes: Map<string, number>,
  doing: string,
): readonly number[] {
  const { data, shape: given } = (value ?? {}) as Partial<BatchTensor>;
  if (!ArrayBuffer.isView(data) || !isShape(given)) {
    throw new GradusError(
      `${doing}: input ${quoted(name)} must be an array or \`{ data, shape }\`: given ${
        shown(value)
      }`,
    );
  }
  const isFitting = shape === undefined || shape.length === given.length &&
      shape.every((size, axis) => {
        const known = typeof size === "string" ? sizes.get(size) : size;
        return known === undefined || known === given[axis];
      });
  if (!isFitting) {
    const known = shape.map((size) => typeof size === "string" ? sizes.get(size) ?? size : size);
    throw new GradusError(
      `${doing}: input ${quoted(name)} must have the shape ${spell(known)}: given [${
        given.join(", ")
      }]`,
    );
  }
  if (shape !== undefined) bindSizes(shape, given, sizes);
  return [...given];
}

function bindSizes(
  shape: NonNullable<BatchInput["shape"]>,
  given: readonly number[],
  sizes: Map<string, number>,
): void {
  shape.forEach((size, axis) => {
    if (typeof size === "string") sizes.set(size, given[axis]);
  });
}

/** A result of a graph as whoever asked for it gets it. */
export function batchTensor({ type, data, shape }: Value): BatchTensor {
  // Newer engines have an array of their own for float16.
  const array = type === "float16" && ArrayBuffer.isView(data)
    ? new Uint16Array(data.buffer, data.byteOffset, data.length)
    : data;
  return { data: array as BatchArray, shape: [...shape] };
}

function spell(shape: BatchInput["shape"]): string {
  return shape === undefined ? "of any rank" : `[${shape.map((size) => size ?? "?").join(", ")}]`;
}
