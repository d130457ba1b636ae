/** Who takes part in whole training steps. */
import type { Absent } from "../contestant.ts";
import type { Network } from "./networks.ts";

/** The hyperparameters of AdamW, for all. */
export const ADAMW = { learningRate: 1e-3, b1: 0.9, b2: 0.999, eps: 1e-8, weightDecay: 1e-2 };

/** A network made ready to be trained on its batch. */
export interface Training {
  /** One step, and the loss before it. */
  step(): Promise<number>;
  /** Gives back what was taken. */
  close(): void | Promise<void>;
}

/** Someone who trains networks. */
export interface Trainer {
  /** What the row is called. */
  readonly name: string;
  /** Makes a network ready; absent where it cannot be. */
  open(network: Network): Promise<Training | Absent>;
}
