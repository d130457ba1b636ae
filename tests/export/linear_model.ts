/** A small model that computes its own gradients. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { node, scalarOf, valueInfo } from "../../export/onnx/proto.ts";

/** What is wrong with it, for once. */
export interface Changes {
  readonly opset?: bigint;
  readonly gradient?: readonly (number | string)[];
  readonly type?: number;
}

/** A linear model of 4 examples: the loss, and its gradients with respect to `w` and `b`. */
function linear({ opset = 21n, gradient = [2, 1], type = 1 }: Changes = {}): Uint8Array {
  const tensor = (name: string, dims: number[], values: number[], dataType = 1) => ({
    name,
    dims: dims.map(BigInt),
    dataType,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: opset }],
      graph: {
        name: "linear",
        input: [valueInfo("x", "float32", [4, 2]), valueInfo("y", "float32", [4, 1])],
        output: [
          valueInfo("loss", "float32", []),
          valueInfo("dw", "float32", gradient),
          valueInfo("db", "float32", [1]),
        ],
        initializer: [
          tensor("w", [2, 1], [0.5, -0.5], type),
          tensor("b", [1], [0.25]),
          scalarOf("half", "float32", 0.5),
          scalarOf("none", "float32", 0),
        ],
        node: [
          node("MatMul", ["x", "w"], "xw"),
          node("Add", ["xw", "b"], "p"),
          node("Sub", ["p", "y"], "e"),
          node("Mul", ["e", "e"], "ee"),
          node("ReduceMean", ["ee"], "loss", { keepdims: 0 }),
          node("Transpose", ["x"], "xt", { perm: [1, 0] }),
          node("MatMul", ["xt", "e"], "xte"),
          node("Mul", ["xte", "half"], "dw"),
          node("ReduceSum", ["e"], "sum", { keepdims: 0 }),
          node("Mul", ["sum", "half"], "half_sum"),
          node("Add", ["none", "half_sum"], "db_"),
          node("Expand", ["db_", "one"], "db"),
        ],
      },
    }),
  );
}

// The shape [1] as a constant.
function withShape(bytes: Uint8Array): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  model.graph!.initializer.push(
    fromBinary(
      ModelProtoSchema,
      toBinary(
        ModelProtoSchema,
        create(ModelProtoSchema, {
          graph: {
            initializer: [{
              name: "one",
              dims: [1n],
              dataType: 7,
              rawData: new Uint8Array(BigInt64Array.of(1n).buffer),
            }],
          },
        }),
      ),
    ).graph!.initializer[0],
  );
  return toBinary(ModelProtoSchema, model);
}

/** A linear model of 4 examples, whose outputs are the loss and its gradients. */
export function linearModel(changes?: Changes): Uint8Array {
  return withShape(linear(changes));
}
