/** Files that are whole at any moment: written beside their place, synced, and moved there. */
import { builtin } from "../../runtime/builtin.ts";

interface OpenFile {
  read(into: Uint8Array, offset: number, length: number): Promise<{ readonly bytesRead: number }>;
  write(from: Uint8Array, offset: number): Promise<{ readonly bytesWritten: number }>;
  stat(): Promise<{ readonly size: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Files {
  open(path: string, flags: string, mode?: number): Promise<OpenFile>;
  readdir(path: string): Promise<readonly string[]>;
  readlink(path: string): Promise<string>;
  realpath(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: true }): Promise<void>;
  stat(path: string): Promise<{
    readonly mode: number;
    readonly mtimeMs: number;
    isDirectory(): boolean;
    isFile(): boolean;
  }>;
}

interface Paths {
  basename(path: string): string;
  dirname(path: string): string;
  join(...parts: readonly string[]): string;
  resolve(...parts: readonly string[]): string;
}

// The systems' own limit to one read is 2 GiB.
const LARGEST_READ = 2 ** 30;
/** After so many milliseconds without a byte, a writer that is not known to be dead is taken for it. */
const SILENCE = 600_000;

/**
 * Writes all of a stream to a file. Whenever the system stops meanwhile, the file is as it was before or it is
 * the new one; what is left beside it is removed by the next writer.
 */
export async function writeWhole(path: string, stream: ReadableStream<Uint8Array>): Promise<void> {
  const [files, paths] = system();
  const target = await targetOf(path, files, paths);
  const before = await files.stat(target).catch(() => undefined);
  if (before?.isDirectory() || /[/\\]$/.test(path)) {
    throw new Error("it must be a file: given a folder");
  }
  if (before?.isFile() === false) {
    throw new Error("it must be a file: given what is none, such as a device or a pipe");
  }
  const folder = paths.dirname(target);
  await removeLeftovers(files, paths, folder, paths.basename(target));
  const beside = `${target}.${processHere()?.pid ?? 0}-${crypto.randomUUID()}.part`;
  try {
    const file = await files.open(beside, "wx", before === undefined ? 0o666 : before.mode & 0o777);
    try {
      for await (const chunk of stream) {
        for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await files.rename(beside, target);
  } catch (error) {
    await files.rm(beside, { force: true }).catch(() => {});
    throw new Error(reasonOf(error).replaceAll(beside, path), { cause: error });
  }
  await syncFolder(files, folder);
}

/** All bytes of a file. */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await system()[0].open(path, "r");
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    for (let at = 0; at < bytes.length;) {
      const length = Math.min(LARGEST_READ, bytes.length - at);
      const { bytesRead } = await file.read(bytes, at, length);
      if (bytesRead === 0) throw new Error("it became shorter while it was read");
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** What the reason of a failure says, which need not be an error. */
export function reasonOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function system(): readonly [Files, Paths] {
  const files = builtin<Files>("node:fs/promises");
  const paths = builtin<Paths>("node:path");
  if (files === undefined || paths === undefined) {
    throw new Error("there are no paths here: give a FileSystemFileHandle");
  }
  return [files, paths];
}

/** What is to be written: a link stays one, also one to a file that is not there yet. */
async function targetOf(path: string, files: Files, paths: Paths): Promise<string> {
  try {
    return await files.realpath(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ELOOP") throw error;
    const link = await files.readlink(path).catch(() => undefined);
    if (link === undefined) return path;
    return targetOf(paths.resolve(paths.dirname(path), link), files, paths);
  }
}

/** Removes what writers of this file have left that were killed. */
async function removeLeftovers(
  files: Files,
  paths: Paths,
  folder: string,
  name: string,
): Promise<void> {
  // Whoever may not list the folder can still write the file.
  const all = await files.readdir(folder).catch(() => []);
  for (const each of all) {
    if (!each.startsWith(`${name}.`)) continue;
    const [, pid] = LEFTOVER.exec(each.slice(name.length)) ?? [];
    if (pid === undefined) continue;
    const path = paths.join(folder, each);
    if (await isDead(files, path, Number(pid))) {
      await files.rm(path, { force: true }).catch(() => {});
    }
  }
}

const LEFTOVER = /^\.(\d{1,10})-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.part$/;

/** Whether who wrote a leftover is no more; one that only seems so finds its file gone, and says so. */
async function isDead(files: Files, path: string, pid: number): Promise<boolean> {
  try {
    processHere()?.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ESRCH") return true;
  }
  // Another process may have its number by now, or we may not ask.
  const left = await files.stat(path).catch(() => undefined);
  return left !== undefined && Date.now() - left.mtimeMs > SILENCE;
}

function processHere():
  | { readonly pid: number; kill(pid: number, signal: number): unknown }
  | undefined {
  return builtin("node:process");
}

/** Brings the new name to the disk, where folders can be synced. */
async function syncFolder(files: Files, folder: string): Promise<void> {
  try {
    const opened = await files.open(folder, "r");
    await opened.sync().finally(() => opened.close());
  } catch {
    // Some systems cannot: there the name follows in its own time.
  }
}
