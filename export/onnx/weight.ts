/** The weights of a model's products of matrices: which initializer each product reads, and in what way. */
import type {
  GraphProto,
  NodeProto,
  TensorProto,
  TensorProto_DataType as DataType,
} from "onnx-buf";

/** The weight of a product, as the product reads it. */
export interface ProductWeight {
  readonly tensor: TensorProto;
  /** How many numbers the product reads and makes. */
  readonly sizes: readonly [read: number, made: number];
  /** Whether the initializer has a row for each number that is made, as PyTorch keeps weights. */
  readonly isTurned: boolean;
  /** What the product is of. */
  readonly type: DataType;
  /** Whether its numbers are whole ones that stand for others. */
  readonly isQuantized: boolean;
  /** What the product is multiplied by. */
  readonly factor: number;
  /** The values on the way from the initializer to the product, itself first. */
  readonly way: readonly string[];
}

/** Finds the weights of products in a graph. */
export function weightsIn({ node, initializer }: GraphProto): (
  product: NodeProto,
) => ProductWeight | undefined {
  const tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
  const makers = new Map(node.flatMap((each) => each.output.map((name) => [name, each])));
  /** From what a product reads back to the initializer. */
  const trace = (product: NodeProto, isTurned: boolean, factor: number) => {
    const way = [product.input[1]];
    let type: DataType | undefined;
    let [isFlipped, isQuantized] = [isTurned, false];
    for (;;) {
      const tensor = tensors.get(way[0]);
      if (tensor !== undefined) {
        if (tensor.dims.length !== 2) return undefined;
        const [rows, columns] = tensor.dims.map(Number);
        const sizes = isFlipped ? [columns, rows] as const : [rows, columns] as const;
        type ??= tensor.dataType;
        return { tensor, sizes, isTurned: isFlipped, type, isQuantized, factor, way };
      }
      const maker = makers.get(way[0]);
      if (maker === undefined || !isStandard(maker)) return undefined;
      if (maker.opType === "Transpose") {
        if ((intsOf(maker, "perm") ?? [1, 0]).join() !== "1,0") return undefined;
        isFlipped = !isFlipped;
      } else if (maker.opType === "Cast") type ??= intOf(maker, "to", 0);
      else if (maker.opType === "DequantizeLinear") {
        isQuantized = true;
        type ??= intOf(maker, "output_dtype", 0) || tensors.get(maker.input[1])?.dataType;
      } else if (maker.opType !== "Identity") return undefined;
      way.unshift(maker.input[0]);
    }
  };
  const packed = (product: NodeProto): ProductWeight | undefined => {
    const [, name, scales] = product.input;
    const [tensor, scale] = [tensors.get(name), tensors.get(scales)];
    const sizes = [intOf(product, "K", 0), intOf(product, "N", 0)] as const;
    if (tensor === undefined || scale === undefined) return undefined;
    const own = { tensor, sizes, isTurned: true, type: scale.dataType as DataType };
    return { ...own, isQuantized: true, factor: 1, way: [name] };
  };
  return (product) => {
    const { domain, opType } = product;
    if (domain === "com.microsoft" && opType === "MatMulNBits") return packed(product);
    if (!isStandard(product)) return undefined;
    if (opType === "MatMul") return trace(product, false, 1);
    if (opType !== "Gemm" || intOf(product, "transA", 0) !== 0) return undefined;
    const alpha = product.attribute.find(({ name }) => name === "alpha")?.f ?? 1;
    return trace(product, intOf(product, "transB", 0) !== 0, alpha);
  };
}

function isStandard({ domain }: NodeProto): boolean {
  return domain === "" || domain === "ai.onnx";
}

function intOf({ attribute }: NodeProto, name: string, otherwise: number): number {
  return Number(attribute.find((each) => each.name === name)?.i ?? otherwise);
}

function intsOf({ attribute }: NodeProto, name: string): readonly number[] | undefined {
  return attribute.find((each) => each.name === name)?.ints.map(Number);
}
