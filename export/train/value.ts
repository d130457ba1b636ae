/** What flows through a model's graph: values with a type, a shape, and, where they are few, known numbers. */
import { TensorProto_DataType as DataType } from "onnx-buf";
import { shown } from "../../dsl/errors.ts";

export { DataType };

/** The size of a dimension: a number, or the name of one that is only known when the graph runs. */
export type Size = number | string;

/** The sizes of a value; equal names are equal sizes. */
export type Shape = readonly Size[];

/** What is known of a value besides its name. */
export interface Kind {
  /** What its elements are; `DataType.UNDEFINED` where that is not known. */
  readonly type: DataType;
  /** Undefined where not even the number of dimensions is known. */
  readonly shape: Shape | undefined;
  /** Its elements, row by row, if it has at most two dimensions and they are known: of whole numbers they may be sizes. */
  readonly known?: readonly Size[];
  /** What a sequence consists of. */
  readonly items?: readonly Value[];
}

/** A value of the graph. */
export interface Value extends Kind {
  readonly name: string;
}

/** How many elements are kept as known at most. */
export const MOST_KNOWN = 1024;

/** How many bytes an element has. */
const BYTES: Readonly<Partial<Record<DataType, number>>> = {
  [DataType.FLOAT]: 4,
  [DataType.DOUBLE]: 8,
  [DataType.FLOAT16]: 2,
  [DataType.BFLOAT16]: 2,
  [DataType.INT64]: 8,
  [DataType.UINT64]: 8,
  [DataType.INT32]: 4,
  [DataType.UINT32]: 4,
  [DataType.INT16]: 2,
  [DataType.UINT16]: 2,
  [DataType.INT8]: 1,
  [DataType.UINT8]: 1,
  [DataType.BOOL]: 1,
};

/** How many bytes an element of a type has; undefined of what has no fixed number. */
export function bytesOf(type: DataType): number | undefined {
  return BYTES[type];
}

/** Whether gradients can be of this type. */
export function isFloat(type: DataType): boolean {
  return type === DataType.FLOAT || type === DataType.DOUBLE || type === DataType.FLOAT16 ||
    type === DataType.BFLOAT16;
}

/** Whether elements are whole numbers. */
export function isWhole(type: DataType): boolean {
  return type === DataType.INT64 || type === DataType.INT32;
}

/** A shape of numbers alone, or undefined. */
export function numbersOf(sizes: readonly Size[] | undefined): readonly number[] | undefined {
  return sizes?.every((size) => typeof size === "number") ? sizes as readonly number[] : undefined;
}

/** Whether two shapes are the same, as far as that is known. */
export function isSameShape(a: Shape | undefined, b: Shape | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length &&
    a.every((size, axis) => size === b[axis]);
}

/** The name of a size that is computed of others. */
export function sizeNamed(...parts: readonly (Size | string)[]): string {
  const name = `(${parts.join("")})`;
  return name.length <= 60 ? name : unknownSize();
}

let unknowns = 0;

/** A size of which nothing is known. */
export function unknownSize(): string {
  return `?${++unknowns}`;
}

/** Whether a size has a name that some input gave it. */
export function isNamed(size: Size): boolean {
  return typeof size === "string" && !size.includes("?");
}

/** The product of sizes. */
export function product(sizes: readonly Size[]): Size {
  const names = sizes.filter((size) => typeof size === "string").toSorted();
  const count = sizes.reduce<number>((a, b) => typeof b === "number" ? a * b : a, 1);
  if (count === 0 || names.length === 0) return count;
  if (names.length === 1 && count === 1) return names[0];
  return sizeNamed([...names, ...(count === 1 ? [] : [count])].join("*"));
}

/** `total / part` of the products of sizes; what is not known is a size of its own. */
export function quotient(total: readonly Size[], part: readonly Size[]): Size {
  const left = [...total];
  const rest: Size[] = [];
  let count = 1;
  for (const size of part) {
    const at = left.indexOf(size);
    if (at >= 0) left.splice(at, 1);
    else if (typeof size === "number") count *= size;
    else rest.push(size);
  }
  let numbers = 1;
  for (const size of left) if (typeof size === "number") numbers *= size;
  const names = left.filter((size) => typeof size === "string");
  if (rest.length > 0 || count === 0 || numbers % count !== 0) {
    return sizeNamed(product(total), "/", product(part));
  }
  return product([...names, numbers / count]);
}

/** The shape of values that are stretched to one another; undefined where they do not fit. */
export function broadcast(...shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const sizes: Size[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const all = new Set(
      shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1),
    );
    const numbers = [...all].filter((size) => typeof size === "number");
    if (numbers.length > 1) return undefined;
    if (all.size === 0) sizes.push(1);
    else if (numbers.length === 1) sizes.push(numbers[0]);
    else sizes.push(all.size === 1 ? [...all][0] : unknownSize());
  }
  return sizes;
}

/** A shape as a message shows it. */
export function spellShape(shape: Shape | undefined): string {
  return shape === undefined
    ? "unknown"
    : `[${
      shape.map((size) => typeof size === "string" && !isNamed(size) ? "?" : size).join(", ")
    }]`;
}

/** A type as a message shows it. */
export function spellType(type: DataType): string {
  if (type === DataType.UNDEFINED) return "of an unknown type";
  if (type === DataType.FLOAT) return "float32";
  if (type === DataType.DOUBLE) return "float64";
  return (DataType[type] ?? `type ${shown(type)}`).toLowerCase();
}
