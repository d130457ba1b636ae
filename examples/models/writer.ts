/** Writes inference models as PyTorch exports them: its operators, and its weights under their names. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from "onnx-buf";
import { node, type NodeInit, type TensorInit, valueInfo } from "../../export/onnx/proto.ts";

/** An array and its shape. */
export interface Numbers {
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: readonly number[];
}

/** Weights by PyTorch's names, of PyTorch's shapes. */
export type Parameters = Readonly<Record<string, Numbers>>;

type Attributes = Readonly<Record<string, number | readonly number[] | string>>;

/** The version that PyTorch exports to by default. */
const OPSET = 20;

/** A model being written: each method adds an operator and gives the name of what it makes. */
export class ModelWriter {
  readonly #nodes: NodeInit[] = [];
  readonly #constants: TensorInit[] = [];

  /** An operator of these inputs, one attribute a name: whole numbers or text. */
  add(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const name = `${op.toLowerCase()}_${this.#nodes.length}`;
    this.#push(op, inputs, [name], attributes);
    return name;
  }

  /** An operator with several outputs. */
  addAll(op: string, inputs: readonly string[], count: number, attributes: Attributes): string[] {
    const name = `${op.toLowerCase()}_${this.#nodes.length}`;
    const outputs = Array.from({ length: count }, (_, i) => `${name}_${i}`);
    this.#push(op, inputs, outputs, attributes);
    return outputs;
  }

  /** A linear layer of more dimensions than two: PyTorch transposes its weight [out, in] and multiplies. */
  linear(x: string, layer: string, hasBias = true): string {
    const weight = this.add("Transpose", [`${layer}.weight`], { perm: [1, 0] });
    const product = this.add("MatMul", [x, weight]);
    return hasBias ? this.add("Add", [product, `${layer}.bias`]) : product;
  }

  /** A linear layer over rows, as one product. */
  gemm(x: string, layer: string): string {
    return this.add("Gemm", [x, `${layer}.weight`, `${layer}.bias`], { transB: 1 });
  }

  /** Another shape, of which the first size may be open. */
  reshape(x: string, [first, ...rest]: readonly [number | string, ...number[]]): string {
    const shape = this.ints([typeof first === "number" ? first : -1, ...rest]);
    return this.add("Reshape", [x, shape], { allowzero: 1 });
  }

  /** A list of whole numbers. */
  ints(values: readonly number[]): string {
    return this.#constant(DataType.INT64, [values.length], BigInt64Array.from(values, BigInt));
  }

  /** Numbers of float32. */
  floats(values: ArrayLike<number>, shape: readonly number[]): string {
    return this.#constant(DataType.FLOAT, shape, Float32Array.from(values));
  }

  /** The model of one input `x` whose output `logits` is `last`. */
  finish(
    x: { readonly type: "float32" | "int64"; readonly shape: readonly (number | string)[] },
    last: string,
    logits: readonly (number | string)[],
    params: Parameters,
  ): Uint8Array<ArrayBuffer> {
    for (const each of this.#nodes) {
      each.output = each.output!.map((name) => name === last ? "logits" : name);
    }
    const weights = Object.entries(params).map(([name, { data, shape }]) =>
      tensor(name, DataType.FLOAT, shape, data)
    );
    const graph = {
      name: "main_graph",
      input: [valueInfo("x", x.type, x.shape)],
      output: [valueInfo("logits", "float32", logits)],
      initializer: [...weights, ...this.#constants],
      node: this.#nodes,
    };
    const opsetImport = [{ domain: "", version: BigInt(OPSET) }];
    const model = create(ModelProtoSchema, { irVersion: 10n, opsetImport, graph });
    return toBinary(ModelProtoSchema, model) as Uint8Array<ArrayBuffer>;
  }

  #push(op: string, inputs: readonly string[], outputs: string[], attributes: Attributes): void {
    const texts = Object.entries(attributes).filter(([, value]) => typeof value === "string");
    const numbers = Object.fromEntries(
      Object.entries(attributes).filter(([, value]) => typeof value !== "string"),
    ) as Record<string, number | readonly number[]>;
    const added = node(op, inputs, outputs[0], numbers);
    added.output = outputs;
    const spelled = texts.map(([name, value]) => ({
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value as string),
    }));
    this.#nodes.push({ ...added, attribute: [...added.attribute!, ...spelled] } as NodeInit);
  }

  #constant(type: DataType, shape: readonly number[], data: BigInt64Array | Float32Array): string {
    const name = `val_${this.#constants.length}`;
    this.#constants.push(tensor(name, type, shape, data));
    return name;
  }
}

function tensor(
  name: string,
  dataType: DataType,
  shape: readonly number[],
  { buffer, byteOffset, byteLength }: BigInt64Array | Float32Array,
): TensorInit {
  const rawData = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return { name, dataType, dims: shape.map(BigInt), rawData };
}
