/** What a training is told to do, and how its numbers are written. */
import type { Program } from "../../dsl/program.ts";

/** What is to be done. */
export interface Job {
  readonly model: string;
  readonly data: string;
  readonly loss: string;
  readonly optimizer: Program;
  /** As they were given by `--set`. */
  readonly settings: readonly string[];
  readonly label: string | undefined;
  readonly steps: number;
  readonly validate: number;
  readonly every: number | undefined;
  readonly patience: number | undefined;
  readonly output: string;
  readonly report: string | undefined;
  readonly checkpoint: string;
  /** Whether the checkpoint stays after the end. */
  readonly keepsCheckpoint: boolean;
}

/** A loss with the digits that matter. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** A share in percent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
