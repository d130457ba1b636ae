/** How a trainer is loaded, and how it makes a step. */
import { ANY, type Kinds } from "../../dsl/options.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { Tensor } from "../../runtime/trees/leaf.ts";
import type { WhereOptions } from "./where.ts";

/** Options of `OrtTrainer.load`. */
export interface TrainerOptions extends WhereOptions {
  /**
   * How many threads WebAssembly runs on, one number for all sessions. Default: what ONNX Runtime chooses,
   * which is 1 where memory cannot be shared. Deno has 1.
   */
  readonly threads?: number;
  /** The output that is the loss. Default: the one that the file tells, or its only one. */
  readonly loss?: string;
  /**
   * The first values of parameters, and of what else is carried from step to step, by name. Default: those in
   * the file, which `trainingStep` keeps and `attachOptimizer` does not.
   */
  readonly params?: Readonly<Record<string, Tensor>>;
  /**
   * Values of hyperparameters that are inputs of the graph, where the state has none: by name, or by
   * name and path, `learningRate/w`, for a part of one that is a tree.
   */
  readonly hyper?: Readonly<Record<string, number | Schedule>>;
  /** Whether a step whose loss is not finite is refused. Default false. */
  readonly refuseNonFinite?: boolean;
}

/** Options of one training step. */
export interface TrainingOptions {
  /** Whether the step is refused if its loss is not finite. Default: as told when loading. */
  readonly refuseNonFinite?: boolean;
}

/** What is checked of them where they are used. */
export const TRAINER_OPTIONS: Kinds<TrainerOptions> = {
  executionProvider: ANY,
  device: ANY,
  threads: ANY,
  loss: ANY,
  params: ANY,
  hyper: ANY,
  refuseNonFinite: ANY,
};
