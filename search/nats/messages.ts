/** Messages between searches and workers. What comes in is checked: anybody may have written it. */
import { digestOf } from "../../dsl/digest.ts";
import { GradusError } from "../../dsl/errors.ts";
import { printData, readData } from "../evolve/plain_data.ts";
import { type Candidate, keyOf, type Setting, spaceOf } from "../evolve/scorer.ts";
import { parseGenome, printGenome } from "../programs/genome.ts";
import type { Evaluation, Stop } from "../tasks/evaluator.ts";

/** The most programs of a job. */
export const MOST_PROGRAMS = 1024;
/** The longest of them, in characters. */
const LONGEST_PROGRAM = 100_000;
/** The most scores of one program. */
const MOST_SCORES = 100_000;

/** The text of a job; its hash names the job. */
export function printJob(
  version: string,
  setting: Setting,
  candidates: readonly Candidate[],
): string {
  const programs = candidates.map((candidate) =>
    "genome" in candidate
      ? { ...candidate, genome: printGenome(spaceOf(setting), candidate.genome) }
      : candidate
  );
  return printData({ version, programs });
}

/** A job before its setting is known. */
export interface ReceivedJob {
  /** The hash of its text. */
  readonly id: string;
  /** Of its setting. */
  readonly version: string;
  /** Its programs, once the setting is known. */
  candidates(setting: Setting): readonly Candidate[];
}

/** Reads a job. */
export function readJob(bytes: Uint8Array): ReceivedJob {
  const text = textOf(bytes);
  const { version, programs } = recordOf(readData(text));
  if (typeof version !== "string" || !/^[0-9a-f]{32}$/.test(version)) refuse("a version");
  if (!Array.isArray(programs) || programs.length === 0 || programs.length > MOST_PROGRAMS) {
    refuse(`from 1 to ${MOST_PROGRAMS} programs`);
  }
  return {
    id: digestOf(text),
    version: version as string,
    candidates: (setting) =>
      (programs as unknown[]).map((program): Candidate => {
        const record = recordOf(program);
        if (!("genome" in record)) return record as unknown as Candidate;
        const { genome, stop } = record;
        if (typeof genome !== "string" || genome.length > LONGEST_PROGRAM) refuse("its programs");
        return { genome: parseGenome(spaceOf(setting), genome as string), stop: stopOf(stop) };
      }),
  };
}

/** The name of what a candidate scores in a setting. */
export function scoreKey(version: string, setting: Setting, candidate: Candidate): string {
  return `${version}.${digestOf(keyOf(setting, candidate))}`;
}

/** The text of scores. */
export function printEvaluations(evaluations: readonly Evaluation[]): string {
  return printData(evaluations);
}

/** Reads the scores of so many programs. */
export function readEvaluations(bytes: Uint8Array, count: number): readonly Evaluation[] {
  const list = readData(textOf(bytes));
  if (!Array.isArray(list) || list.length !== count) refuse(`the scores of ${count} programs`);
  return (list as unknown[]).map((each): Evaluation => {
    const { score, scores, hurdle, isLost } = recordOf(each);
    const isSound = typeof score === "number" && Array.isArray(scores) &&
      scores.length <= MOST_SCORES && scores.every((one) => typeof one === "number") &&
      (hurdle === undefined || typeof hurdle === "number") &&
      (isLost === undefined || isLost === true);
    if (!isSound) refuse("scores that are numbers");
    return each as Evaluation;
  });
}

function stopOf(given: unknown): Stop {
  const { below, hurdle } = recordOf(given);
  if (typeof below !== "number") refuse("when to stop");
  if (hurdle !== undefined) {
    const { share, above } = recordOf(hurdle);
    if (typeof share !== "number" || typeof above !== "number") refuse("when to stop");
  }
  return given as Stop;
}

/** The text of a message. */
export function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("text");
  }
}

/** An object that a message holds. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) refuse("what it should");
  return value as Record<string, unknown>;
}

function refuse(what: string): never {
  throw new GradusError(`Cannot read a message: it must hold ${what}`);
}
