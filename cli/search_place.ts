/** Where `gradus search` trains programs and keeps its checkpoint: here, or by way of a NATS server. */
import { hasCode } from "../search/evolve/local_scorer.ts";
import { canStartProcesses } from "../search/evolve/process.ts";
import {
  type CheckpointStore,
  fileCheckpoint,
  localScorer,
  type Scorer,
  type SearchOptions,
} from "../search/mod.ts";
import { natsOptions } from "./nats.ts";
import { type Options, UsageError, wholeNumber } from "./values.ts";

/** Where programs are trained and checkpoints are kept. */
export interface Place {
  readonly scorer: Scorer | undefined;
  readonly store: CheckpointStore | undefined;
  /** Where programs are trained, in words. */
  readonly place?: string;
  close(): Promise<void>;
}

/** The place that options name; `print` is told of what happens there. */
export async function placeOf(
  { tasks, scorer }: SearchOptions,
  options: Options,
  print: (line: string) => void,
): Promise<Place> {
  const nats = natsOptions(options, (text) => print(`search: ${text}`));
  const [run, path] = [options.run, options.checkpoint] as (string | undefined)[];
  if (run !== undefined && nats === undefined) throw new UsageError("--run needs --nats");
  if (run !== undefined && path !== undefined) {
    throw new UsageError("--run and --checkpoint are two places for the same");
  }
  const file = path === undefined ? undefined : fileCheckpoint(path);
  if (nats !== undefined) {
    if (options.workers !== undefined) {
      throw new UsageError("--workers is an option of `gradus worker` where --nats is given");
    }
    // Loaded only where it is used, because it is no small part.
    const { natsCheckpoint, natsScorer } = await import("../search/nats/mod.ts");
    const asked = await natsScorer(nats);
    const kept = run === undefined ? undefined : await natsCheckpoint({ ...nats, run });
    return {
      scorer: asked,
      store: kept ?? file,
      place: `by workers at ${[nats.servers].flat().join(", ")}`,
      async close() {
        await kept?.close();
        await asked.close();
      },
    };
  }
  if (options.workers === undefined && scorer !== undefined) {
    return { scorer, store: file, close: () => scorer.close() };
  }
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  const workers = wholeNumber(options, "workers", cores, 0);
  const local = localScorer({ workers });
  const [one, more] = hasCode(tasks) && canStartProcesses()
    ? ["process", "processes"]
    : ["worker thread", "worker threads"];
  const place = workers === 0
    ? "in this thread, which works on it alone"
    : `in ${workers} ${workers === 1 ? one : more}`;
  return { scorer: local, store: file, place, close: () => local.close() };
}
