/** Messages between searches and workers. What comes in is checked: anybody may have written it. */
import { digestOf } from "../../dsl/digest.ts";
import { isRecord } from "../../dsl/record.ts";
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
  const records = (programs as unknown[]).map(recordOf);
  records.forEach(checkProgram);
  return {
    id: digestOf(text),
    version: version as string,
    candidates: (setting) =>
      records.map((record): Candidate =>
        "genome" in record
          ? {
            genome: parseGenome(spaceOf(setting), record.genome as string),
            stop: record.stop as Stop,
          }
          : record as unknown as Candidate
      ),
  };
}

/** Refuses what is no candidate of any kind; what is wrong in a program itself costs its own score. */
function checkProgram(record: Readonly<Record<string, unknown>>): void {
  const { genome, stop, program, options, trial } = record;
  if (genome !== undefined) checkStop(stop);
  const text = genome ?? program;
  const isSound = text === undefined
    ? isRecord(trial) && isRecord(trial.options)
    : typeof text === "string" && text.length <= LONGEST_PROGRAM &&
      (genome !== undefined || isRecord(options));
  if (!isSound) refuse("its programs");
}

/** The name of what a candidate scores in a setting. */
export function scoreKey(version: string, setting: Setting, candidate: Candidate): string {
  return `${version}.${digestOf(keyOf(setting, candidate))}`;
}

/** The text of scores. */
export function printEvaluations(evaluations: readonly Evaluation[]): string {
  return printData(evaluations);
}

/** How many problems the tasks of a setting come to; undefined if it has none, and candidates bring their own. */
export function problemsOf({ tasks }: Setting): number | undefined {
  return tasks.length === 0 ? undefined : tasks.reduce((sum, { seeds }) => sum + seeds.length, 0);
}

/** Reads the scores of so many programs, each of all problems or of none. */
export function readEvaluations(
  bytes: Uint8Array,
  count: number,
  problems: number | undefined,
): readonly Evaluation[] {
  const list = readData(textOf(bytes));
  if (!Array.isArray(list) || list.length !== count) refuse(`the scores of ${count} programs`);
  return (list as unknown[]).map((each): Evaluation => {
    const { score, scores, hurdle, isLost } = recordOf(each);
    const isSound = typeof score === "number" && score < Infinity && Array.isArray(scores) &&
      scores.every((one) => typeof one === "number") &&
      (problems === undefined
        ? scores.length <= MOST_SCORES
        : [0, problems].includes(scores.length)) &&
      (hurdle === undefined || typeof hurdle === "number") &&
      (isLost === undefined || isLost === true);
    if (!isSound) refuse(`scores of ${problems ?? "some"} problems`);
    return each as Evaluation;
  });
}

function checkStop(given: unknown): void {
  const { below, hurdle } = recordOf(given);
  if (typeof below !== "number") refuse("when to stop");
  if (hurdle !== undefined) {
    const { share, above } = recordOf(hurdle);
    if (typeof share !== "number" || typeof above !== "number") refuse("when to stop");
  }
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
