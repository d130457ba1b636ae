/** What a safetensors file says of itself, without its numbers. */
import { type Contents, contentsOf } from "./contents.ts";
import { type Entry, readHeader, startOf } from "./header.ts";
import { KEYS } from "./metadata.ts";
import type { SafeTensor } from "./read.ts";

/** A file of which only the beginning was read. */
export interface Overview {
  readonly entries: readonly Entry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** What it says as a checkpoint; undefined of another file. */
  readonly contents: Omit<Contents, "tensors" | "params"> | undefined;
}

/** Reads a file of `size` bytes by `read`, which gives some of them. */
export async function overviewOf(
  size: number,
  read: (at: number, length: number) => Promise<Uint8Array>,
  doing: string,
): Promise<Overview> {
  const start = startOf(await read(0, Math.min(8, size)), size, doing);
  const { entries, metadata } = readHeader(await read(0, start), doing, size);
  if (!metadata.has(KEYS.checkpoint)) return { entries, metadata, contents: undefined };
  const tensors = new Map<string, SafeTensor>();
  const count = entries.find(({ name, dtype, shape }) =>
    name === "count" && dtype === "I64" && shape.length === 0
  );
  if (count !== undefined) {
    const { buffer } = (await read(start + count.begin, 8)).slice();
    tensors.set("count", { dtype: "I64", shape: [], data: new BigInt64Array(buffer) });
  }
  return { entries, metadata, contents: contentsOf({ tensors, metadata }, doing) };
}
