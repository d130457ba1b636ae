/// <reference lib="dom" />
/** The worker: hears what the page asks, and answers. */
import type { Asked, Told } from "../page/lane.ts";
import type { WorkerEvent } from "../protocol.ts";
import { Engine } from "./engine.ts";

const tell = (told: Told, moved: Transferable[] = []) =>
  (self as unknown as { postMessage(told: Told, moved: Transferable[]): void })
    .postMessage(told, moved);

const engine = new Engine((event: WorkerEvent) => tell({ event }));

self.onmessage = async ({ data: { id, name, given } }: MessageEvent<Asked>) => {
  try {
    const answer = engine.requests[name] as (...given: readonly unknown[]) => unknown;
    tell({ id, value: await answer(...given) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? error.message : String(error) });
  }
};
