/** Checkpoints in files, of which there is the old one or the new one, whatever happens meanwhile. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { builtin } from "../../runtime/builtin.ts";
import type { State } from "../../runtime/trees/state.ts";
import type { Checkpoint } from "./gather.ts";
import { load, type Loaded, type LoadOptions } from "./load.ts";
import { type Downloads, saveStream } from "./save.ts";
import { readWhole, reasonOf, writeWhole } from "./whole.ts";

/** A file of a page, such as one in its private file system: what a `FileSystemFileHandle` has. */
export interface PageFile {
  /** Its name, for messages. */
  readonly name: string;
  /** What is in it. */
  getFile(): Promise<{ arrayBuffer(): Promise<ArrayBuffer> }>;
  /** A stream that replaces what is in it when it is closed. */
  createWritable(): Promise<WritableStream>;
}

/** Where a checkpoint is: a path, the URL of a file, or a file of a page. */
export type CheckpointPlace = string | URL | PageFile;

const busy = new Set<string>();

/**
 * Writes what `save` gives to a file. It is written beside its place in the same folder, brought to the disk,
 * and then moved there: after a crash or a `kill -9` the file is the one of before or the new one, whole. What
 * a killed writer has left beside it is removed by the next one. In a page, a file of the origin private file
 * system is replaced when all has been written.
 *
 * A mebibyte at a time is copied. Parameters and state must stay as they are until it is done: await it before
 * the next step. After a step meanwhile nothing is written.
 *
 * @example
 * ```ts
 * import { readCheckpoint, writeCheckpoint } from "@gradus/gradus/safetensors";
 * import { adamw } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/run.safetensors`;
 * const optimizer = adamw({ learningRate: 0.1 });
 * const params = { w: Float32Array.of(1, 2) };
 * const state = optimizer.init(params);
 * optimizer.step(params, { w: Float32Array.of(1, 1) }, state);
 * await writeCheckpoint(path, { optimizer, params, state });
 *
 * const run = await readCheckpoint(path);
 * assertEquals(run.params, params);
 * assertEquals(run.state.count, 1);
 * ```
 *
 * @param place A path, the URL of a file, or a `FileSystemFileHandle`.
 * @throws {GradusError} if there is nothing to save, a step was made meanwhile, or the file cannot be written,
 * as without permission or room, or since it is a device: then what was there before is as it was.
 */
export async function writeCheckpoint(
  place: CheckpointPlace,
  checkpoint: Checkpoint & {
    /** Where the arrays live, such as a `WebGpuOptimizer`. Default: here. */
    readonly from?: Downloads;
  },
): Promise<void> {
  const what = nameOf(place, "write");
  const doing = `Cannot write the checkpoint \`${what}\``;
  const path = isPageFile(place) ? undefined : pathOf(place);
  if (path !== undefined && busy.has(path)) {
    throw new GradusError(
      `${doing}: it must be written once at a time: another write has not ended, await that first`,
    );
  }
  const stream = saveStream(checkpoint);
  if (path !== undefined) busy.add(path);
  try {
    if (isPageFile(place)) await stream.pipeTo(await place.createWritable());
    else await writeWhole(pathOf(place), stream);
  } catch (error) {
    await stream.cancel().catch(() => {});
    throw new GradusError(
      `${doing}: ${reasonOf(error)}; a checkpoint that was there is as it was`,
      { cause: error },
    );
  } finally {
    if (path !== undefined) busy.delete(path);
  }
}

/**
 * Loads what {@linkcode writeCheckpoint} wrote, with the options of `load`.
 *
 * @example
 * ```ts
 * import { readCheckpoint, writeCheckpoint } from "@gradus/gradus/safetensors";
 * import { lion } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${Deno.makeTempDirSync()}/run.safetensors`;
 * const optimizer = lion({ learningRate: 0.5, weightDecay: 0 });
 * const params = { w: Float32Array.of(1) };
 * await writeCheckpoint(path, { optimizer, params, state: optimizer.init(params) });
 *
 * const run = await readCheckpoint<typeof params>(path, { optimizer, resident: true });
 * run.optimizer.step(run.params, { w: Float32Array.of(3) }, run.state);
 * assertEquals(run.params.w, Float32Array.of(0.5));
 * ```
 *
 * @param place A path, the URL of a file, or a `FileSystemFileHandle`.
 * @throws {GradusError} if it cannot be read, or is no checkpoint that `load` takes.
 */
export function readCheckpoint<P extends object = object>(
  place: CheckpointPlace,
  options: LoadOptions<P> & { readonly resident: true },
): Promise<Loaded<P & Disposable> & { readonly state: State & Disposable }>;
/** Loads what {@linkcode writeCheckpoint} wrote. */
export function readCheckpoint<P extends object = object>(
  place: CheckpointPlace,
  options?: LoadOptions<P>,
): Promise<Loaded<P>>;
export async function readCheckpoint<P extends object>(
  place: CheckpointPlace,
  options: LoadOptions<P> = {},
): Promise<Loaded<P>> {
  const what = nameOf(place, "read");
  let bytes: ArrayBuffer | Uint8Array;
  try {
    bytes = isPageFile(place)
      ? await (await place.getFile()).arrayBuffer()
      : await readWhole(pathOf(place));
  } catch (error) {
    throw new GradusError(
      `Cannot read the checkpoint \`${what}\`: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  try {
    return load(bytes, options);
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    throw new GradusError(`\`${what}\`: ${error.message}`, { cause: error });
  }
}

function isPageFile(place: unknown): place is PageFile {
  return typeof place === "object" && place !== null && !(place instanceof URL);
}

/** What messages call a place; refuses what is none. */
function nameOf(place: CheckpointPlace, verb: string): string {
  if (typeof place === "string" && place !== "") return place;
  if (place instanceof URL && place.protocol === "file:") return place.href;
  const isFile = isPageFile(place) && typeof place.getFile === "function";
  if (isFile && typeof place.createWritable === "function") return String(place.name);
  throw new GradusError(
    `Cannot ${verb} a checkpoint: its place must be a path, the URL of a file or a FileSystemFileHandle: ` +
      `given ${place instanceof URL ? place.href.slice(0, 60) : shown(place)}`,
  );
}

function pathOf(place: string | URL): string {
  if (typeof place === "string") return place;
  const urls = builtin<{ fileURLToPath(url: URL): string }>("node:url");
  return urls === undefined ? place.pathname : urls.fileURLToPath(place);
}
