/** What scores programs: the seam between those who search and the machines that work for them. */
import { digestOf } from "../../dsl/digest.ts";
import { GradusError, shown } from "../../dsl/errors.ts";
import { NUMBER } from "../../dsl/options.ts";
import { isRecord } from "../../dsl/record.ts";
import { analyse } from "../analysis/structure.ts";
import type { Genome } from "../programs/genome.ts";
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import type { Evaluation, Stop, Task } from "../tasks/evaluator.ts";
import { type Trial, trialKey } from "../trials/trial.ts";
import { printData } from "./plain_data.ts";

/** What programs are scored on: plain data, said once and named by its version from then on. */
export interface Setting {
  /** What genomes are made of. Default: the paper's space. */
  readonly space?: SpaceOptions;
  /** What is trained. */
  readonly tasks: readonly Task[];
}

/** A program to be scored, as plain data: its score is a function of this and of the setting alone. */
export type Candidate =
  /** A program of the setting's space, and when its training is stopped. */
  | { readonly genome: Genome; readonly stop: Stop }
  /**
   * An optimizer as its JSON document, and its hyperparameters. A number for `learningRate` is multiplied
   * by the schedule of the task.
   */
  | {
    readonly program: string;
    readonly options: Readonly<Record<string, number | boolean>>;
  }
  /** A training that says itself on what; its setting needs no tasks. */
  | { readonly trial: Trial };

/** Programs that are scored together. */
export interface Batch {
  /** What they are scored on. */
  readonly setting: Setting;
  /** The programs. */
  readonly candidates: readonly Candidate[];
}

/** Scores programs, on this machine or on others. */
export interface Scorer {
  /** How many programs a batch had best hold. Default: as many as there are. */
  readonly size?: number;
  /**
   * The scores of a batch, in its order. Batches may be asked for at any time, and end in any order. It
   * rejects if the setting cannot be used; whatever a program does costs only its own score.
   */
  score(batch: Batch): Promise<readonly Evaluation[]>;
  /** Ends what it has started; what it had not scored by then is given up. */
  close(): Promise<void>;
}

const isEvaluation = (value: unknown) =>
  isRecord(value) && NUMBER.is(value.score) && Array.isArray(value.scores);

/** A scorer of somebody else, whose answers are held against what was asked. */
export function checkedScorer(scorer: Scorer): Scorer {
  return {
    size: scorer.size,
    async score(batch) {
      const given: unknown = await scorer.score(batch);
      const { length } = batch.candidates;
      if (Array.isArray(given) && given.length === length && given.every(isEvaluation)) {
        return given;
      }
      const wrong = Array.isArray(given) && given.length === length
        ? given.find((each) => !isEvaluation(each))
        : given;
      throw new GradusError(
        "Cannot score programs: a scorer must give an object with a number `score` and a list " +
          `\`scores\` for each of ${length}: given ${shown(wrong)}`,
      );
    },
    close: () => scorer.close(),
  };
}

/** A hash of plain data. */
export function digestOfData(data: unknown): string {
  return digestOf(printData(data));
}

const known = new WeakMap<Setting, { version?: string; space?: Space }>();

function knownOf(setting: Setting) {
  let each = known.get(setting);
  if (each === undefined) known.set(setting, each = {});
  return each;
}

/** A name for a setting that no other has. */
export function versionOf(setting: Setting): string {
  return knownOf(setting).version ??= digestOfData([setting.space ?? {}, setting.tasks]);
}

/** The space of a setting. */
export function spaceOf(setting: Setting): Space {
  return knownOf(setting).space ??= makeSpace(setting.space);
}

/** A name for what a candidate computes: equal only for what always has equal scores in a setting. */
export function keyOf(setting: Setting, candidate: Candidate): string {
  if ("trial" in candidate) return trialKey(candidate.trial);
  if ("program" in candidate) return digestOfData([candidate.program, candidate.options]);
  const { genome, stop: { below, hurdle } } = candidate;
  const stop = hurdle === undefined ? `${below}` : `${below} ${hurdle.share} ${hurdle.above}`;
  return `${stop} ${analyse(spaceOf(setting), genome).key}`;
}
