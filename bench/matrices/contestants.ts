/** Who takes part, and the settings that are tried of each: the same for all. */
import { adamw, type MatricesOption, muon, type Optimizer, shampoo, soap } from "@gradus/gradus";

/** What is tuned. */
export interface Setting {
  readonly learningRate: number;
  /** Decay of the first moment, or of Muon's momentum. */
  readonly momentum: number;
}

/** The learning rates that are tried, each twice the one before it. */
export const RATES: readonly number[] = Array.from({ length: 8 }, (_, i) => 0.001 * 2 ** i);
const MOMENTA = [0.9, 0.95];

/** The settings that are tried of every contestant. */
export const SETTINGS: readonly Setting[] = RATES.flatMap((learningRate) =>
  MOMENTA.map((momentum) => ({ learningRate, momentum }))
);

/** Whom others are compared with. */
export const REFERENCE = "AdamW";

/** Makes the optimizers; what is not said here is as the library has it, without weight decay. */
export const CONTESTANTS: Readonly<
  Record<string, (setting: Setting, matrices: MatricesOption) => Optimizer>
> = {
  [REFERENCE]: ({ learningRate, momentum }) =>
    adamw({ learningRate, b1: momentum, weightDecay: 0 }),
  // Its updates have the size of AdamW's, which steps the biases beside it at the same rate.
  Muon: ({ learningRate, momentum }, matrices) =>
    muon({ learningRate, beta: momentum, scaling: "rms", matrices }),
  SOAP: ({ learningRate, momentum }, matrices) =>
    soap({ learningRate, b1: momentum, weightDecay: 0, matrices }),
  Shampoo: ({ learningRate, momentum }, matrices) =>
    shampoo({ learningRate, b1: momentum, matrices }),
};
