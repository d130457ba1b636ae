/** The optimizers that the command knows by name, and those in files. */
import { resolve } from "node:path";
import { GradusError, suggestion } from "../dsl/errors.ts";
import { LONGEST_FILE, parseJson } from "../dsl/json.ts";
import type { Program } from "../dsl/program.ts";
import * as schedules from "../dsl/schedules/mod.ts";
import { parseYaml } from "../dsl/yaml.ts";
import { fromOnnx } from "../export/onnx/mod.ts";
import { type Overview, overviewOf } from "../export/safetensors/overview.ts";
import { BUILT_IN } from "../zoo/by_name.ts";
import * as wrappers from "../zoo/wrappers/mod.ts";

export { BUILT_IN };

/** The names of the functions that make optimizers of optimizers. */
export const WRAPPERS: readonly string[] = Object.keys(wrappers);

/** The names of the functions that make schedules, and of the one that reads them. */
export const SCHEDULES: readonly string[] = Object.keys(schedules);

/** The program of a built-in optimizer, or else in a file. */
export function programOf(target: string): Promise<Program> | Program {
  return BUILT_IN.get(target)?.program ?? readProgram(target);
}

/** Whether a file is an ONNX model by its name. */
export function isModel(path: string): boolean {
  return path.toLowerCase().endsWith(".onnx");
}

/** The program in a file: an exported model's or a checkpoint's, or else JSON if its name ends so, or YAML. */
export async function readProgram(path: string): Promise<Program> {
  if (isModel(path)) {
    const bytes = await readBytes(path);
    return within(path, () => fromOnnx(bytes));
  }
  const overview = await readOverview(path);
  if (overview !== undefined) return requireProgram(path, overview);
  const bytes = await readTextBytes(path, (reason) => {
    if (BUILT_IN.has(path)) return "it must be a file: given a built-in optimizer";
    const kind = WRAPPERS.includes(path) ? "wrapper" : SCHEDULES.includes(path) && "schedule";
    if (kind) return `it must be an optimizer: given a ${kind}, which is for use in TypeScript`;
    const near = suggestion(path, BUILT_IN.keys());
    return `it is neither a built-in optimizer nor a file that can be read (${reason})${near}`;
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    text = "\0";
  }
  if (text.includes("\0")) {
    throw new GradusError(
      `Cannot read \`${path}\`: it must be text: given ${bytes.length} other bytes`,
    );
  }
  return within(path, () => path.endsWith(".json") ? parseJson(text) : parseYaml(text));
}

/**
 * What a safetensors file says of itself: undefined of a file that begins otherwise, or cannot be read, and of
 * a built-in optimizer. The numbers in it are not read.
 */
export async function readOverview(path: string): Promise<Overview | undefined> {
  if (BUILT_IN.has(path)) return undefined;
  const file = await Deno.open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { size, isFile } = await file.stat();
    const bytes = async (at: number, length: number): Promise<Uint8Array> => {
      await file.seek(at, Deno.SeekMode.Start);
      const all = new Uint8Array(length);
      for (let got = 0; got < length;) {
        const more = await file.read(all.subarray(got));
        if (more === null) throw new GradusError(`Cannot read \`${path}\`: it became shorter`);
        got += more;
      }
      return all;
    };
    if (!isFile || !path.endsWith(".safetensors") && !await isSafetensors(size, bytes)) {
      return undefined;
    }
    return await overviewOf(size, bytes, "Cannot read safetensors");
  } catch (error) {
    if (error instanceof GradusError) throw new GradusError(`\`${path}\`: ${error.message}`);
    throw error;
  } finally {
    file.close();
  }
}

/** Whether a file begins with the length of a header and a header, as no text does. */
async function isSafetensors(
  size: number,
  bytes: (at: number, length: number) => Promise<Uint8Array>,
): Promise<boolean> {
  if (size < 10) return false;
  const head = await bytes(0, 9);
  return head[8] === 0x7b && head.subarray(4, 8).every((byte) => byte === 0);
}

function requireProgram(path: string, { contents }: Overview): Program {
  if (contents !== undefined) return contents.program;
  throw new GradusError(
    `Cannot read \`${path}\`: it must hold an optimizer: given tensors without one; \`gradus show\` lists them`,
  );
}

/** What is in a file; `because` may say more of why it cannot be read. */
export async function readBytes(
  path: string,
  because: (reason: string) => string = (reason) => reason,
): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw new GradusError(`Cannot read \`${path}\`: ${because(reasonOf(error))}`);
  }
}

/** The most bytes of a text that is read. */
const MOST_BYTES = 4 * LONGEST_FILE;

/** As {@linkcode readBytes}, of a text: what never ends, such as a device that another file names, is refused. */
export async function readTextBytes(
  path: string,
  because: (reason: string) => string = (reason) => reason,
): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    const file = await Deno.open(path);
    for await (const part of file.readable) {
      parts.push(part);
      if ((length += part.length) > MOST_BYTES) break;
    }
  } catch (error) {
    throw new GradusError(`Cannot read \`${path}\`: ${because(reasonOf(error))}`);
  }
  if (length > MOST_BYTES) {
    throw new GradusError(
      `Cannot read \`${path}\`: it must be a text of at most ${MOST_BYTES} bytes`,
    );
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What `read` makes of a file; what is wrong with it is said with the file's path. */
export function within<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof GradusError) throw new GradusError(`\`${path}\`: ${error.message}`);
    throw error;
  }
}

/** What the system says, without what it says twice. */
function reasonOf(error: unknown): string {
  return (error as Error).message.split(": ")[0];
}

/**
 * Refuses a path that {@linkcode writeWhole} could not write, before the work whose result is to be written:
 * nothing is left there, and a file that is there stays as it is.
 */
export function checkWritable(path: string): Promise<void> {
  return written(path, async (beside) => {
    const there = await Deno.stat(path).catch(() => undefined);
    if (there?.isDirectory || path === "" || path.endsWith("/")) {
      throw new Error("it must be a file: given a directory");
    }
    await Deno.writeFile(beside, new Uint8Array(), { createNew: true });
    await Deno.remove(beside);
  });
}

/** Whether two paths are of one file, however they are written. */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all(
    [a, b].map((path) => Deno.realPath(path).catch(() => resolve(path))),
  );
  return first === second;
}

/** Writes a file beside its place and then into it, so that no reader ever finds half of it. */
export function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  return written(path, async (beside) => {
    await Deno.writeFile(beside, bytes);
    await Deno.rename(beside, path);
  });
}

/** Does something with a file beside a path, of which nothing is left if it fails. */
async function written(path: string, write: (beside: string) => Promise<void>): Promise<void> {
  const beside = `${path}.${crypto.randomUUID()}.part`;
  try {
    await write(beside);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    const { message } = error as Error;
    throw new GradusError(`Cannot write \`${path}\`: ${message.replaceAll(`${beside}`, path)}`);
  }
}
