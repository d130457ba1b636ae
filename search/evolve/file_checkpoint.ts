/** Checkpoints in files, each whole at any moment. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { TEXT } from "../../dsl/options.ts";
import { builtin } from "../../runtime/builtin.ts";
import type { CheckpointStore } from "./options.ts";

interface Files {
  readFile(path: string, encoding: "utf8"): Promise<string>;
  open(path: string, flags: string): Promise<{
    writeFile(text: string): Promise<void>;
    sync(): Promise<void>;
    close(): Promise<void>;
  }>;
  access(path: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  copyFile(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: true }): Promise<void>;
}

/** Whether an error says that there is no such file. */
function isMissing(error: unknown): boolean {
  return (error as { code?: string }).code === "ENOENT";
}

/**
 * Keeps checkpoints in a file. A new one is written beside it, then put in its place, so that it is whole at
 * any moment; the one before is kept under the same name with `.old` behind it. A search never goes on from
 * that by itself: name it as the path to do so.
 *
 * @example
 * ```ts
 * import { fileCheckpoint } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/search.json`;
 * const store = fileCheckpoint(path);
 * assertEquals(await store.load(), undefined);
 * await store.save("first");
 * await store.save("second");
 * assertEquals(await store.load(), "second");
 * assertEquals(await fileCheckpoint(`${path}.old`).load(), "first");
 * ```
 *
 * @throws {GradusError} if there are no files here, or `path` is no text; what it returns, if the file cannot be read or written.
 */
export function fileCheckpoint(path: string): CheckpointStore {
  if (!TEXT.is(path)) {
    throw new GradusError(
      `Cannot keep a checkpoint: its path must be ${TEXT.must}: given ${shown(path)}`,
    );
  }
  const files = builtin<Files>("node:fs/promises");
  if (files === undefined) {
    throw new GradusError("Cannot keep a checkpoint: there are no files here");
  }
  const [beside, before] = [`${path}.part`, `${path}.old`];

  async function write(text: string): Promise<void> {
    const file = await files!.open(beside, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Gives the present checkpoint, if there is one, the name under which it outlives the next. */
  async function keep(): Promise<void> {
    try {
      await files!.access(path);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await files!.rm(before, { force: true });
    // Not every file system has links.
    await files!.link(path, before).catch(() => files!.copyFile(path, before));
  }

  return {
    place: path,
    before,
    async load() {
      try {
        return await files.readFile(path, "utf8");
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw new GradusError(
          `Cannot read the checkpoint \`${path}\`: ${(error as Error).message}`,
        );
      }
    },
    async save(text) {
      try {
        await write(text);
        await keep();
        await files.rename(beside, path);
      } catch (error) {
        await files.rm(beside, { force: true }).catch(() => {});
        throw new GradusError(
          `Cannot save the checkpoint \`${path}\`: ${(error as Error).message}; what was saved ` +
            `before is as it was`,
        );
      }
    },
  };
}
