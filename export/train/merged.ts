/** Equal parameters, of which PyTorch's exporter has made one: each is an initializer of its own again. */
import { clone } from "@bufbuild/protobuf";
import { type ModelProto, type NodeProto, TensorProtoSchema } from "onnx-buf";

/** Names of what is computed, which no parameter has. */
const COMPUTED = /^\/|^onnx::|^\d+$|_output_\d+$/;

/**
 * PyTorch's exporter keeps one of equal initializers, and writes each other as an `Identity` of it, called as the
 * parameter was: layers that are fresh copies, and the bias and the running mean of a fresh BatchNormalization. Parameters
 * that are tied have one name in PyTorch, and no `Identity`.
 */
export function separate({ producerName, graph }: ModelProto): void {
  if (producerName !== "pytorch") return;
  const { initializer, node, output } = graph!;
  const tensors = new Map(initializer.map((tensor) => [tensor.name, tensor]));
  const given = new Set(output.map(({ name }) => name));
  const isCopy = ({ domain, opType, input, output }: NodeProto) =>
    opType === "Identity" && domain === "" && input.length === 1 && output.length === 1 &&
    tensors.has(input[0]) && !COMPUTED.test(output[0]) && output[0] !== "" &&
    !given.has(output[0]) && !tensors.has(output[0]);
  graph!.node = node.filter((each) => {
    if (!isCopy(each)) return true;
    const own = clone(TensorProtoSchema, tensors.get(each.input[0])!);
    [own.name] = each.output;
    tensors.set(own.name, own);
    initializer.push(own);
    return false;
  });
}
