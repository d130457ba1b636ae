/** Reads an adapter for a model: which weight each of its factors is of. */
import { GradusError, quoted, suggestion } from "../../dsl/errors.ts";
import { fromBfloat16, fromFloat16 } from "../../runtime/trees/dtype.ts";
import { putFloats } from "../onnx/floats.ts";
import type { ProductWeight } from "../onnx/weight.ts";
import { type Factors, moduleOf, readAdapter } from "../safetensors/adapter.ts";
import type { SafeTensor } from "../safetensors/read.ts";
import type { GraphProto } from "./read.ts";
import { isFloat } from "./value.ts";

/** Numbers with their extents. */
export interface Numbers {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** The factors of an adapter by the names of the model's weights; what else it has is put into the graph. */
export function loadAdapter(
  { initializer }: GraphProto,
  bytes: Uint8Array,
  weights: ReadonlyMap<string, ProductWeight>,
  doing: string,
): ReadonlyMap<string, Factors<Numbers>> {
  const { factors, others } = readAdapter(bytes, doing);
  const names = new Map([...weights.keys()].map((name) => [moduleOf(name), name]));
  const found = new Map<string, Factors<Numbers>>();
  for (const [module, { a, b, alpha }] of factors) {
    const name = names.get(module);
    if (name === undefined) {
      throw new GradusError(
        `${doing}: the adapter has factors of ${
          quoted(module)
        }, and the model has no such weight that can ` +
          `have any${suggestion(module, names.keys())}`,
      );
    }
    const [read, made] = weights.get(name)!.sizes;
    if (a.shape[1] !== read || b.shape[0] !== made) {
      throw new GradusError(
        `${doing}: factors of ${
          quoted(name)
        } must be [rank, ${read}] and [${made}, rank]: the adapter has ` +
          `[${a.shape.join(", ")}] and [${b.shape.join(", ")}]`,
      );
    }
    found.set(name, { a: numbersOf(a, module, doing), b: numbersOf(b, module, doing), alpha });
  }
  const tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
  for (const [name, other] of others) {
    const tensor = tensors.get(name);
    const isFitting = tensor !== undefined && isFloat(tensor.dataType) &&
      tensor.dims.map(Number).join() === other.shape.join();
    if (!isFitting) {
      throw new GradusError(
        `${doing}: the adapter has ${quoted(name)} of shape [${
          other.shape.join(", ")
        }], and the model has no ` +
          `such parameter${tensor === undefined ? suggestion(name, tensors.keys()) : ""}`,
      );
    }
    putFloats(tensor, numbersOf(other, name, doing).data);
  }
  return found;
}

function numbersOf({ dtype, data, shape }: SafeTensor, name: string, doing: string): Numbers {
  switch (dtype) {
    case "F32":
    case "F64":
      return { data: data as Float32Array | Float64Array, shape };
    case "F16":
      return { data: Float32Array.from(data as Uint16Array, fromFloat16), shape };
    case "BF16":
      return { data: Float32Array.from(data as Uint16Array, fromBfloat16), shape };
    default:
      throw new GradusError(
        `${doing}: the adapter must have floats of 16 to 64 bits for ${
          quoted(name)
        }: given ${dtype}`,
      );
  }
}
