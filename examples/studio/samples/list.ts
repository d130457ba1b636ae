/** The networks that the page brings along, and how each is trained unless something else is chosen. */
import type { OptimizerChoice, SampleName } from "../protocol.ts";

/** What a person reads of a sample, and its settings. */
export interface Sample {
  readonly title: string;
  readonly text: string;
  readonly steps: number;
  readonly batch: number;
  readonly optimizer: OptimizerChoice;
}

const adamw = (learningRate: number): OptimizerChoice => ({
  name: "adamw",
  hyper: { learningRate },
  schedule: "cosine",
});

/** The samples, by name. */
export const SAMPLES: Readonly<Record<SampleName, Sample>> = {
  digits: {
    title: "Handwritten digits",
    text: "A convolutional net learns to read them. Then draw one.",
    steps: 300,
    batch: 64,
    optimizer: adamw(1e-2),
  },
  text: {
    title: "Text",
    text: "A small GPT learns to write, a character at a time, from a text of yours.",
    steps: 600,
    batch: 16,
    optimizer: adamw(3e-3),
  },
  moons: {
    title: "Two moons",
    text: "Two layers learn which of two half-moons a point belongs to.",
    steps: 300,
    batch: 64,
    optimizer: adamw(1e-2),
  },
};

/** The settings of a model of one's own. */
export const OWN: Omit<Sample, "title" | "text"> = {
  steps: 300,
  batch: 32,
  optimizer: adamw(1e-3),
};
