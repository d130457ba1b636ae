/** Arrays of the library as values of a graph, and the parameters that a graph was written for. */
import "./location.ts";
import * as ort from "onnxruntime-web/wasm";
import { GradusError, quoted } from "../../dsl/errors.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import type { ReadModel, ReadValue } from "../onnx/proto.ts";
import type { Value } from "./engine.ts";
import type { HeldArray } from "./held.ts";
import { at } from "../onnx/names.ts";
import { requirePlainPaths } from "../onnx/write.ts";

/** `layout`, which must be that of the parameters that the graph was written for. */
export function requireGraphs(layout: Layout, { inputs }: ReadModel, doing: string): Layout {
  requirePlainPaths(layout, doing);
  const wanted = new Map(
    inputs.filter(({ name }) => /^w(?:\/|$)/.test(name)).map((input) => [input.name, input]),
  );
  for (const info of layout.leaves) {
    const input = wanted.get(at("w", info));
    if (input === undefined) {
      throw new GradusError(`${doing}: the graph has no parameter ${quoted(info.path)}`);
    }
    if (input.type !== info.dtype || !isShape(input, info.shape)) {
      throw new GradusError(
        `${doing}: the parameter ${quoted(info.path)} must be ${input.type} of shape ` +
          `[${input.shape.join(", ")}]: given ${info.dtype} of [${info.shape.join(", ")}]`,
      );
    }
    wanted.delete(input.name);
  }
  for (const name of wanted.keys()) {
    throw new GradusError(`${doing}: the parameter ${quoted(name.slice(2))} is missing`);
  }
  return layout;
}

function isShape(input: ReadValue, shape: readonly number[]): boolean {
  return input.shape.length === shape.length && input.shape.every((size, i) => size === shape[i]);
}

/** A number as a graph takes it. */
export function numberFor(input: string, value: number, { inputs }: ReadModel): ort.Tensor {
  const type = inputs.find(({ name }) => name === input)?.type;
  if (type === "bool") return new ort.Tensor("bool", Uint8Array.of(value), []);
  if (type === "int64") return new ort.Tensor("int64", BigInt64Array.of(BigInt(value)), []);
  if (type === "float32") return new ort.Tensor("float32", Float32Array.of(value), []);
  return new ort.Tensor("float64", Float64Array.of(value), []);
}

/** The number that a graph gives. */
export function numberOf({ data }: ort.Tensor): number {
  return Number(data[0]);
}

/** An array as a graph takes it; `Tensor` is that of the build which runs it. */
export function tensorOf(
  data: HeldArray,
  shape: readonly number[],
  Tensor: typeof ort.Tensor = ort.Tensor,
): ort.Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, shape);
  if (data instanceof Float64Array) return new Tensor("float64", data, shape);
  if (data instanceof Uint8Array) return new Tensor("uint8", data, shape);
  return new Tensor("float16", data, shape);
}

/** Writes a result of a graph into an array of the library. */
export function copyInto(array: HeldArray, { data }: ort.Tensor): void {
  const bits = ArrayBuffer.isView(data) && array instanceof Uint16Array
    ? new Uint16Array(data.buffer, data.byteOffset, data.length)
    : data as HeldArray;
  array.set(bits);
}

/** Numbers as a graph takes them; `Tensor` is that of the build which runs it. */
export function fed(
  { type, data, shape }: Value,
  Tensor: typeof ort.Tensor = ort.Tensor,
): ort.Tensor {
  return new Tensor(type, data as Float32Array, shape);
}
