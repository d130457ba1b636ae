/** A file of trainings that are over: each a line that is added when it ends, and found again by its key. */
import { GradusError } from "../../dsl/errors.ts";
import { digestOf } from "../../dsl/digest.ts";
import { builtin } from "../../runtime/builtin.ts";
import type { Evaluation } from "../tasks/evaluator.ts";

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
  write(data: Uint8Array, offset: number, length: number, position: number): Promise<unknown>;
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
  if (files === undefined) throw new GradusError("Cannot keep a journal: there are no files here");
  let file: File;
  try {
    // Not made anew where it is.
    file = await files.open(path, "r+").catch((error) => {
      if (error.code !== "ENOENT") throw error;
      return files.open(path, "w+");
    });
  } catch (error) {
    throw new GradusError(`Cannot open the journal \`${path}\`: ${(error as Error).message}`);
  }
  try {
    const bytes = await file.readFile();
    let end = bytes.lastIndexOf(10) + 1;
    const known = readLines(new TextDecoder().decode(bytes.subarray(0, end)), path);
    await file.truncate(end);
    let last = Promise.resolve();
    return {
      known,
      add(key, evaluation) {
        const line = new TextEncoder().encode(lineOf(key, evaluation));
        const at = end;
        end += line.length;
        // One after the other, so that only the last line can be torn.
        return last = last.then(async () => {
          await file.write(line, 0, line.length, at);
          await file.sync();
        }).catch((error) => {
          throw new GradusError(`Cannot write the journal \`${path}\`: ${error.message}`);
        });
      },
      close: async () => {
        await last.catch(() => {});
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
  const known = new Map<string, Evaluation>();
  text.split("\n").slice(0, -1).forEach((line, i) => {
    const [, sum, data] = /^([0-9a-f]{8}) (\[.*\])$/.exec(line) ?? [];
    if (data === undefined || digestOf(data).slice(0, 8) !== sum) {
      throw new GradusError(
        `Cannot go on from the journal \`${path}\`: line ${
          i + 1
        } must be as \`gradus sweep\` wrote it: it ` +
          "is damaged, or the file is another; choose another place to begin anew",
      );
    }
    const [key, score, scores] = JSON.parse(data);
    known.set(key, { score: score ?? -Infinity, scores });
  });
  return known;
}
