/** Checkpoints in the private file system of a page. */
import {
  type PageFile,
  readCheckpoint,
  save,
  writeCheckpoint,
} from "../../export/safetensors/mod.ts";
import { optimizers } from "./train.ts";

/** What became of a file that was written twice, and then by a writer that failed. */
export interface Kept {
  /** The steps of what was read after each. */
  readonly counts: readonly number[];
  /** Whether what was read is, bit for bit, what was written. */
  readonly isSame: boolean;
  readonly refused: string;
}

interface Folder {
  getFileHandle(name: string, options: { readonly create: true }): Promise<PageFile>;
}

/** Writes checkpoints and reads them. */
export async function kept(): Promise<Kept> {
  const { storage } = navigator as unknown as { storage: { getDirectory(): Promise<Folder> } };
  const folder = await storage.getDirectory();
  const file = await folder.getFileHandle("run.safetensors", { create: true });
  const optimizer = optimizers.lion;
  // Larger than a piece of the stream.
  const params = { w: new Float32Array(600_000).fill(1) };
  const state = optimizer.init(params);
  const counts: number[] = [];
  for (let step = 0; step < 2; step++) {
    optimizer.step(params, { w: new Float32Array(600_000).fill(1) }, state);
    await writeCheckpoint(file, { optimizer, params, state });
    counts.push((await readCheckpoint(file)).state.count);
  }
  const from = { download: () => Promise.reject(new Error("the GPU is lost")) };
  const refused = await writeCheckpoint(file, { optimizer, params, state, from })
    .then(() => "written", (error) => error.message);
  const run = await readCheckpoint(file);
  counts.push(run.state.count);
  const [read, written] = [save(run), save({ optimizer, params, state })];
  return { counts, isSame: read.every((byte, i) => byte === written[i]), refused };
}
