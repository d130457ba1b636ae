/** What a model is trained with: its inputs, and data brought into their shapes and types. */
import { GradusError, quoted, suggestion } from "../dsl/errors.ts";
import type { BatchArray, BatchTensor } from "../export/ort/mod.ts";
import type { BatchInput } from "../export/ort/batch.ts";
import { sizeOf } from "../runtime/trees/leaf.ts";
import { type Dataset, datasetOf } from "./dataset.ts";

/** An input that a batch has. */
export interface TrainingInput extends BatchInput {
  /** Whether the loss asks for it, and not the model. */
  readonly isTarget: boolean;
}

/** The extents of one example; undefined where even their number is open. */
export function exampleShape({ shape }: BatchInput): BatchInput["shape"] {
  return shape?.slice(1);
}

/** How many numbers an example has; undefined if that is open. */
export function exampleSize(input: BatchInput): number | undefined {
  const shape = exampleShape(input);
  return shape?.every((size) => typeof size === "number") ? sizeOf(shape) : undefined;
}

/** Whether an input takes whole numbers. */
export function isWhole({ type }: BatchInput): boolean {
  return !type.startsWith("float");
}

/** The size of batches that a model was exported for; undefined if it is open. */
export function fixedBatch(inputs: readonly BatchInput[]): number | undefined {
  const sizes = inputs.flatMap(({ shape }) => typeof shape?.[0] === "number" ? [shape[0]] : []);
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

/** How a message calls an input. */
export function spellInput({ name, type, shape }: BatchInput): string {
  const sizes = shape?.map((size) => size ?? "?").join(", ");
  return `${quoted(name)}, ${type}${sizes === undefined ? "" : ` [${sizes}]`}`;
}

/**
 * Arrays by name as examples for a model: examples that have as many numbers as an input takes are given its shape, and
 * numbers its type.
 *
 * @throws {GradusError} if an array is missing, left over, or does not fit its input.
 */
export function fitted(
  arrays: Readonly<Record<string, BatchTensor>>,
  inputs: readonly TrainingInput[],
  classes?: readonly string[],
): Dataset {
  const doing = "Cannot use the data";
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(arrays)) {
    if (names.includes(name)) continue;
    throw new GradusError(
      `${doing}: it has ${quoted(name)}, and the model takes ${inputs.map(spellInput).join("; ")}` +
        suggestion(name, names),
    );
  }
  const made = inputs.map((input): [string, BatchTensor] => {
    const given = Object.hasOwn(arrays, input.name) ? arrays[input.name] : undefined;
    if (given === undefined) {
      throw new GradusError(
        `${doing}: it must have ${spellInput(input)}: given ` +
          `${Object.keys(arrays).map(quoted).join(", ") || "nothing"}`,
      );
    }
    return [input.name, fitting(given, input, doing)];
  });
  return datasetOf(Object.fromEntries(made), classes);
}

function fitting(
  { data, shape }: BatchTensor,
  input: TrainingInput,
  doing: string,
): BatchTensor {
  const [count = 0, ...own] = shape;
  const wanted = exampleShape(input);
  const isAlike = wanted === undefined || wanted.length === own.length &&
      wanted.every((size, axis) => typeof size !== "number" || size === own[axis]);
  const size = exampleSize(input);
  if (!isAlike && (shape.length === 0 || size !== sizeOf(own))) {
    throw new GradusError(
      `${doing}: the model takes ${spellInput(input)}, and the data have [${
        shape.join(", ")
      }]: the ` +
        `first extent is that of the examples, and those behind it must fit`,
    );
  }
  return {
    data: typed(data, input, doing),
    shape: isAlike ? shape : [count, ...wanted as number[]],
  };
}

/** The numbers as an input takes them: no digit that it needs is lost. */
function typed(data: BatchArray, input: TrainingInput, doing: string): BatchArray {
  if (input.type === "float32" || input.type === "float64") {
    const ArrayOf = input.type === "float32" ? Float32Array : Float64Array;
    if (data instanceof ArrayOf) return data;
    const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
    return new ArrayOf(isBig ? Array.from(data, Number) : data);
  }
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return data;
  const wrong = (data as Float64Array).findIndex((each) => !Number.isSafeInteger(each));
  if (wrong < 0 && input.type !== "float16") {
    return BigInt64Array.from(data as Float64Array, BigInt);
  }
  throw new GradusError(
    `${doing}: the model takes ${spellInput(input)}: given ${data.constructor.name}` +
      (wrong < 0 ? "" : `, whose element ${wrong} is ${data[wrong]}`),
  );
}
