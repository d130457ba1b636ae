/** A character transformer that learns a text, as a problem. */
import { shared } from "../kernels/shared.ts";
import { transformer, type TransformerSizes } from "../kernels/transformer.ts";
import { DRAWS, Random } from "../programs/random.ts";
import { ALPHABET, grammarText } from "./grammar.ts";
import type { TrainedProblem } from "./problem_pack.ts";

/** Parts of a text: to train on, to measure with, and to score with. */
const PARTS = { train: 0, validation: 1, test: 2 } as const;
/** Characters that are trained on. */
const LENGTH = 65_536;
/** Batches that a loss is measured on. */
const MEASURED = 4;

/** The problem of a language. */
export interface LanguageProblem extends TrainedProblem {
  /** The shapes of its tensors. */
  readonly shapes: readonly (readonly number[])[];
  /** The mean loss on a part that is not trained on. */
  measure(w: Float32Array, part: "validation" | "test"): number;
}

/** Sizes of a transformer of about 51,000 parameters. */
export const SMALL: Omit<TransformerSizes, "characters"> = {
  context: 32,
  batch: 8,
  width: 48,
  heads: 3,
  hidden: 144,
  blocks: 2,
};

const transformerOf = shared(transformer);

/** The problem of the language of a seed: the next character is predicted, of texts made by a grammar. */
export function languageProblem(seed: number, sizes: typeof SMALL = SMALL): LanguageProblem {
  const { batch, context } = sizes;
  const { shapes, spreads, loss } = transformerOf({ ...sizes, characters: ALPHABET.length });
  const stretch = context + 1;
  const train = grammarText(seed, PARTS.train, LENGTH);
  const text = new Uint8Array(batch * stretch);
  const measured = { validation: new Uint8Array(), test: new Uint8Array() };
  const measure = (w: Float32Array, part: keyof typeof measured): number => {
    if (measured[part].length === 0) {
      measured[part] = grammarText(seed, PARTS[part], MEASURED * text.length);
    }
    let sum = 0;
    for (let k = 0; k < MEASURED; k++) {
      sum += loss(w, measured[part].subarray(k * text.length, (k + 1) * text.length));
    }
    return sum / MEASURED;
  };
  return {
    tensors: shapes.map((shape) => shape.reduce((a, b) => a * b)),
    shapes,
    measure,
    start(w) {
      const random = new Random(seed, DRAWS.weights, 0);
      let at = 0;
      shapes.forEach((shape, i) => {
        const end = at + shape.reduce((a, b) => a * b);
        for (; at < end; at++) w[at] = spreads[i] === 0 ? 1 : spreads[i] * random.normal();
      });
    },
    gradient(w, step, g) {
      const random = new Random(seed, DRAWS.batch, step);
      for (let k = 0; k < batch; k++) {
        const at = random.below(LENGTH - stretch + 1);
        text.set(train.subarray(at, at + stretch), k * stretch);
      }
      return loss(w, text, g);
    },
    loss: (w) => measure(w, "validation"),
  };
}
