/** What races and sweeps are run on. */
import type { Examples } from "../tasks/classifier.ts";

/** The parts of a data set: to train on, to choose rates by, and to score with. */
export interface Parts {
  readonly features: number;
  readonly classes: number;
  readonly train: Examples;
  readonly validation: Examples;
  readonly test: Examples;
}

/** A problem of a task under a seed: what is drawn follows from the seed alone. */
export interface RaceProblem {
  /** Writes where it starts. */
  start(w: Float32Array): void;
  /** Writes the gradient at `w` for a step, and returns the loss that it is of. */
  gradient(w: Float32Array, step: number, g: Float32Array): number;
  /** What rates are chosen by, the less the better: no example is that `score` is of. */
  validate(w: Float32Array): number;
  /** How good `w` is in the end. */
  score(w: Float32Array): number;
}

/** A task. */
export interface RaceTask {
  readonly name: string;
  /** What is trained, in a sentence. */
  readonly text: string;
  /** Updates of a run, unless told otherwise. */
  readonly steps: number;
  /** The shapes of the parameters. */
  readonly shapes: readonly (readonly number[])[];
  /** What the score is; the more the better. */
  readonly score: ScoreKind;
  readonly problem: (seed: number) => RaceProblem;
}

/** A kind of score. */
export interface ScoreKind {
  readonly name: string;
  /** What it is, in a sentence. */
  readonly text: string;
  readonly show: (value: number) => string;
  /** Whether its curve shows what the curve of the loss does not. */
  readonly hasCurve: boolean;
}

/** A share of examples. */
export const ACCURACY: ScoreKind = {
  name: "held-out accuracy",
  text: "The share of examples named correctly, of which none was trained or chosen on.",
  show: (value) => `${(100 * value).toFixed(1)} %`,
  hasCurve: true,
};

/** How well a text is foretold. */
export const CHANCE: ScoreKind = {
  ...ACCURACY,
  name: "held-out chance",
  text:
    "The geometric mean of the chances that were given to the characters that came, in a text " +
    "that was neither trained nor chosen on.",
};

/** How far a loss came down, as in searches. */
export const DESCENT: ScoreKind = {
  name: "descent",
  text: "The descent is ln(first loss / last loss).",
  show: (value) => value.toFixed(2),
  hasCurve: false,
};
