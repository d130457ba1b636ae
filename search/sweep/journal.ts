/** A file of trainings that are over: each a line that is added when it ends, and found again by its key. */
import { GradusError } from "../../dsl/errors.ts";
import { digestOf } from "../../dsl/digest.ts";
import { builtin } from "../../runtime/builtin.ts";
import type { Evaluation } from "../tasks/evaluator.ts";

/** The first line. */
const HEAD = "trainings of gradus sweep, 1\n";

/** What trainings gave, for the next run. */
export interface Journal {
  /** What was kept, by the keys of trainings. */
  readonly known: ReadonlyMap<string, Evaluation>;
  /** Keeps what a training gave; it is there for the next run when this is done. */
  add(key: string, evaluation: Evaluation): Promise<void>;
  /** Lets the file go. */
  close(): Promise<void>;
}

interface File {
  appendFile(data: string): Promise<void>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  readFile(): Promise<Uint8Array>;
  close(): Promise<void>;
}
interface Files {
  open(path: string, flags: string): Promise<File>;
}

/**
 * Opens a journal in a file, which is made if there is none. A last line that was not written to its end is
 * taken off.
 *
 * @throws {GradusError} if there are no files here, or the file cannot be read or is no journal.
 */
export async function openJournal(path: string): Promise<Journal> {
  const files = builtin<Files>("node:fs/promises");
  if (files === undefined) {
    throw new GradusError("Cannot keep a checkpoint: there are no files here");
  }
  let file: File;
  try {
    file = await files.open(path, "a+");
  } catch (error) {
    throw new GradusError(`Cannot open the checkpoint \`${path}\`: ${(error as Error).message}`);
  }
  try {
    const text = new TextDecoder().decode(await file.readFile());
    const known = readLines(text, path);
    const whole = text.lastIndexOf("\n") + 1;
    if (whole < text.length) {
      await file.truncate(new TextEncoder().encode(text.slice(0, whole)).length);
    }
    if (whole === 0) await file.appendFile(HEAD);
    let last = Promise.resolve();
    const write = async (line: string) => {
      try {
        await file.appendFile(line);
      } catch (error) {
        throw new GradusError(
          `Cannot write the checkpoint \`${path}\`: ${(error as Error).message}`,
        );
      }
    };
    return {
      known,
      // One after the other, and none after one that failed, so that only the last line can be torn.
      add: (key, evaluation) => last = last.then(() => write(lineOf(key, evaluation))),
      close: async () => {
        await last.catch(() => {});
        await file.sync();
        await file.close();
      },
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function lineOf(key: string, { score, scores }: Evaluation): string {
  // JSON has no -∞.
  const text = JSON.stringify([key, score === -Infinity ? null : score, scores]);
  return `${digestOf(text).slice(0, 8)} ${text}\n`;
}

function readLines(text: string, path: string): Map<string, Evaluation> {
  const refuse = (reason: string): never => {
    throw new GradusError(
      `Cannot go on from the checkpoint \`${path}\`: ${reason}; choose another place to begin anew`,
    );
  };
  if (!text.startsWith(HEAD) && !HEAD.startsWith(text)) refuse("it is no checkpoint of a sweep");
  const known = new Map<string, Evaluation>();
  text.split("\n").slice(1, -1).forEach((line, i) => {
    const [, sum, data] = /^([0-9a-f]{8}) (\[.*\])$/.exec(line) ?? [];
    if (data === undefined || digestOf(data).slice(0, 8) !== sum) {
      refuse(`line ${i + 2} is not as it was written`);
    }
    const [key, score, scores] = JSON.parse(data);
    known.set(key, { score: score ?? -Infinity, scores });
  });
  return known;
}
