/** A training step of a model, an optimizer and an objective, with what its batches and data must be like. */
import { type ModelSource, trainingStep } from "../export/train/mod.ts";
import { readWhole } from "../export/train/read.ts";
import { batchInput } from "../export/ort/batch.ts";
import { readJoined } from "../export/ort/joined.ts";
import type { Optimizer } from "../runtime/optimizer.ts";
import type { TrainingInput } from "./inputs.ts";
import type { Objective } from "./objective.ts";

/** How a step is made. */
export interface PrepareOptions {
  readonly objective: Objective;
  /** Which initializers are trained, by names and patterns, as `trainingStep` takes them. Default: all that are parameters. */
  readonly params?: readonly string[];
  /** What dropout draws by. Default 0. */
  readonly seed?: number;
  /** Told what may not be meant. */
  readonly onWarning?: (warning: string) => void;
}

/** A step that can be run. */
export interface Prepared {
  /** What `OrtTrainer.load` takes. */
  readonly step: Uint8Array<ArrayBuffer>;
  /** What a batch has. */
  readonly inputs: readonly TrainingInput[];
  /** The extents of the output that the loss is of, as far as they are known. */
  readonly outputShape: readonly unknown[];
}

/**
 * Makes a training step.
 *
 * @throws {GradusError} as `trainingStep` does.
 */
export function prepare(
  model: ModelSource,
  optimizer: Optimizer,
  { objective, ...options }: PrepareOptions,
): Prepared {
  const doing = "Cannot prepare a training";
  const step = trainingStep(model, optimizer, { loss: objective.loss, ...options });
  const graph = readWhole(model, doing).graph!;
  const own = new Set(graph.input.map(({ name }) => name));
  const { inputs, model: joined } = readJoined(step, undefined, doing);
  const output = joined.graph!.output.find(({ name }) => name === objective.output);
  return {
    step,
    inputs: inputs.map((input) => ({ ...input, isTarget: !own.has(input.name) })),
    outputShape: (output && batchInput(output, doing).shape) ?? [],
  };
}
