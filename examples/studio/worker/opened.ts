/** What a page shows of a network before it is trained. */
import type { ValueInfoProto } from "onnx-buf";
import { declared } from "../../../export/train/proto.ts";
import { chooseParams } from "../../../export/train/params.ts";
import { type ModelSource, readSource } from "../../../export/train/read.ts";
import { isFloat, type Shape, spellType } from "../../../export/train/value.ts";
import { GradusError } from "../../../mod.ts";
import type { ArrayInfo, Opened } from "../protocol.ts";

const DOING = "Cannot open a model";

/**
 * Describes a network.
 *
 * @throws {GradusError} if it is no model, or one whose opset cannot be read.
 */
export function opened(name: string, model: ModelSource, loss: string | undefined): Opened {
  const graph = readSource(model, DOING).model.graph!;
  const operators = new Map<string, number>();
  for (const { opType } of graph.node) operators.set(opType, (operators.get(opType) ?? 0) + 1);
  const own = new Set(graph.initializer.map((each) => each.name));
  const usual = new Set(usualParams());
  const params = graph.initializer.filter(({ dataType, dims }) =>
    isFloat(dataType) && dims.length > 0
  )
    .map((tensor) => {
      const shape = tensor.dims.map(Number);
      const count = shape.reduce((a, b) => a * b, 1);
      const isUsual = usual.has(tensor.name);
      return { name: tensor.name, type: spellType(tensor.dataType), shape, count, isUsual };
    });
  const outputs = graph.output.map(arrayOf);
  return {
    name,
    inputs: graph.input.filter((each) => !own.has(each.name)).map(arrayOf),
    outputs,
    operators: [...operators],
    params,
    loss: loss ?? likelyLoss(outputs),
  };

  function usualParams(): readonly string[] {
    try {
      return chooseParams(graph, undefined, DOING).names;
    } catch (error) {
      // A model without parameters is shown too: training it is what is refused.
      if (error instanceof GradusError) return [];
      throw error;
    }
  }
}

/** An array as a page shows it. */
export function arrayInfo(name: string, type: string, shape: Shape | undefined): ArrayInfo {
  const sizes = shape?.map((size) => typeof size === "object" ? "?" : size) ?? ["…"];
  return { name, type, shape: sizes };
}

function arrayOf(value: ValueInfoProto): ArrayInfo {
  const { type, shape } = declared(value);
  return arrayInfo(value.name, spellType(type), shape);
}

/** The loss that suits what a model gives: its own, or one of classes, or of numbers. */
function likelyLoss(outputs: readonly ArrayInfo[]): string {
  const own = outputs.find(({ name, shape }) => /loss/i.test(name) && shape.length === 0);
  if (own !== undefined) return `lossOutput:${own.name}`;
  const output = outputs.find(({ type }) => /float/.test(type)) ?? outputs[0];
  if (output === undefined) return "lossOutput:loss";
  const { name, shape } = output;
  if (shape.length === 3) return `crossEntropy:${name}:-1`;
  return shape.length > 1 && shape[1] !== 1 ? `crossEntropy:${name}` : `meanSquaredError:${name}`;
}
