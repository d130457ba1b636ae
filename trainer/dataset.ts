/** Examples to train on: arrays by the names of a model's inputs, of which each row is an example. */
import { GradusError, quoted, shown } from "../dsl/errors.ts";
import type { Batch, BatchArray, BatchTensor } from "../export/ort/mod.ts";
import { isShape, sizeOf } from "../runtime/trees/leaf.ts";

/** Examples. */
export interface Dataset {
  /** How many there are. */
  readonly count: number;
  /** What each input is given, by name; the first extent of each array is `count`. */
  readonly arrays: Readonly<Record<string, BatchTensor>>;
  /** What the labels 0, 1, … were called in the file, if they were words, folders or characters. */
  readonly classes?: readonly string[];
}

/** The arrays as a data set; refuses arrays that do not have as many examples as each other. */
export function datasetOf(
  arrays: Readonly<Record<string, BatchTensor>>,
  classes?: readonly string[],
): Dataset {
  const doing = "Cannot make a data set";
  const all = Object.entries(arrays);
  if (all.length === 0) throw new GradusError(`${doing}: it must have an array: given none`);
  const [first, { shape: [count] }] = all[0];
  for (const [name, { data, shape }] of all) {
    if (!ArrayBuffer.isView(data) || !isShape(shape) || shape.length === 0) {
      throw new GradusError(
        `${doing}: ${quoted(name)} must be an array with an extent for the examples: given ` +
          (isShape(shape) ? `the shape [${shape.join(", ")}]` : shown(shape)),
      );
    }
    if (data.length !== sizeOf(shape)) {
      throw new GradusError(
        `${doing}: ${quoted(name)} must have ${sizeOf(shape)} elements for its shape ` +
          `[${shape.join(", ")}]: given ${data.length}`,
      );
    }
    if (shape[0] !== count) {
      throw new GradusError(
        `${doing}: all arrays must have as many examples: given ${count} of ${quoted(first)} and ` +
          `${shape[0]} of ${quoted(name)}`,
      );
    }
  }
  if (count === 0) throw new GradusError(`${doing}: it must have an example: given none`);
  return { count, arrays, ...(classes === undefined ? {} : { classes }) };
}

/** The examples of these numbers as a batch. */
export function batchOf({ arrays }: Dataset, rows: ArrayLike<number>): Batch {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { data, shape: [, ...shape] }]) => {
      const size = sizeOf(shape);
      const own = new (data.constructor as new (length: number) => BatchArray)(rows.length * size);
      for (let i = 0; i < rows.length; i++) {
        const row = data.subarray(rows[i] * size, (rows[i] + 1) * size);
        // Both are of one type, which the compiler cannot see.
        (own as Float32Array).set(row as Float32Array, i * size);
      }
      return [name, { data: own, shape: [rows.length, ...shape] }];
    }),
  );
}
