/** A whole training step in one file: the model, its loss, gradients, an optimizer, and where training begins. */
import { toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { attach, type AttachOptions } from "../onnx/attach.ts";
import { seal } from "../onnx/digest.ts";
import { firstName, keepInference, LOSS_SCALE } from "../onnx/inference.ts";
import { differentiated, type GradientOptions, LOSS } from "./gradients.ts";
import { endTraining } from "./inference.ts";
import { type ModelSource, readWhole } from "./read.ts";

/** Options of {@linkcode trainingStep}. */
export interface TrainingStepOptions
  extends GradientOptions, Pick<AttachOptions, "inputs" | "precision"> {
  /**
   * What the numbers of a step and sums are computed in. Default `"float32"`, which GPUs take, or
   * `"float64"` if a parameter is of float64.
   */
  readonly precision?: "float32" | "float64";
}

/**
 * A model whose run is a whole training step of `model` by `optimizer`: `loss` is of the parameters that it is given,
 * and `next/<parameter>` are the next ones. It is one file: the parameters' first values are its initializers
 * `first/<parameter>`, and the model itself is kept inside, so that a trainer gives it back trained.
 *
 * Its inputs are those of the model and the loss, and those that `attachOptimizer` adds; parameters are a
 * flat tree by their names, for which {@linkcode byName} makes masks and labels.
 *
 * Where the optimizer has a state `lossScale`, one number for the tree, as `dynamicLossScale` keeps it, gradients are
 * multiplied by it from the loss on.
 *
 * @example
 * ```ts
 * import { crossEntropy, trainingStep } from "@gradus/gradus/train";
 * import { adamw, GradusError } from "@gradus/gradus";
 * import { assertThrows } from "@std/assert";
 *
 * const loss = crossEntropy({ logits: "logits" });
 * const stepOf = (model: Uint8Array) => trainingStep(model, adamw({ learningRate: 1e-3 }), { loss });
 * assertThrows(() => stepOf(new Uint8Array(3)), GradusError, "must be an ONNX model");
 * ```
 *
 * @throws {GradusError} as {@linkcode withGradients} and `attachOptimizer` do.
 */
export function trainingStep(
  model: ModelSource,
  optimizer: Optimizer,
  options: TrainingStepOptions,
): Uint8Array<ArrayBuffer> {
  if (typeof optimizer?.init !== "function") {
    const hint = typeof optimizer === "function" ? ": call it with its options first" : "";
    throw new GradusError(
      `Cannot make a training step: an optimizer is required: given ${shown(optimizer)}${hint}`,
    );
  }
  const doing = `Cannot make a training step of "${optimizer.program.name}"`;
  const lossScale = lossScaleOf(optimizer.program, doing);
  const { model: step, params, carried, precision } = differentiated(
    model,
    { ...options, lossScale },
    doing,
  );
  const isFirst = new Set([...params, ...carried]);
  const first = step.graph!.initializer.filter(({ name }) => isFirst.has(name));
  const { inputs } = options;
  const grads = params.map((name) => `grad/${name}`);
  attach(step, optimizer, { params, grads, inputs, precision }, doing);
  const { initializer } = step.graph!;
  step.graph!.initializer = initializer.filter(({ name }) => !isFirst.has(name));
  for (const tensor of first) tensor.name = firstName(tensor.name);
  step.graph!.initializer.push(...first);
  const kept = readWhole(model, doing);
  endTraining(kept);
  keepInference(step, kept, { loss: LOSS, params, carried });
  seal(step);
  return toBinary(ModelProtoSchema, step) as Uint8Array<ArrayBuffer>;
}

/** The state by which an optimizer wants the gradients multiplied, if it has one. */
function lossScaleOf({ state }: Program, doing: string): string | undefined {
  const names = [...state].flatMap(([name, { over }]) =>
    over === "tree" && /^lossScale(?:_.+|\d+)?$/.test(name) ? [name] : []
  );
  const other = names.find((name) => name !== LOSS_SCALE);
  if (other === undefined) return names[0];
  throw new GradusError(
    `${doing}: the loss has one scale, \`${LOSS_SCALE}\`, and the optimizer keeps one for a part of the ` +
      `parameters, ${quoted(other)}: put \`dynamicLossScale\` around the whole`,
  );
}
