/** Checkpoints on a NATS server: any machine can go on, and of two that do only one is let. */
import { GradusError, quoted } from "../../dsl/errors.ts";
import { type Kinds, needed } from "../../dsl/options.ts";
import type { CheckpointStore } from "../evolve/options.ts";
import { Bus } from "./bus.ts";
import { printData, readData } from "../evolve/plain_data.ts";
import { recordOf, textOf } from "./messages.ts";
import { checkNats, messageOf, NATS, type NatsOptions } from "./options.ts";

/** A checkpoint on a NATS server. */
export interface NatsCheckpointOptions extends NatsOptions {
  /** What the run is called: letters, digits, `-` and `_`. */
  readonly run: string;
}

const KINDS: Kinds<NatsCheckpointOptions> = {
  ...NATS,
  run: needed({
    is: (value) => typeof value === "string" && /^[A-Za-z0-9_-]{1,100}$/.test(value),
    must: 'letters, digits, "-" and "_", at most 100',
  }),
};

/** A store that ends with a connection. */
export interface NatsCheckpoint extends CheckpointStore, AsyncDisposable {
  /** Ends its connection. */
  close(): Promise<void>;
}

/**
 * Keeps checkpoints of a run on a NATS server. Each is an object of its own; which is the last is moved by
 * compare-and-set, so that of two searches with the same run the one that is behind is stopped by an error
 * when it saves.
 *
 * @example
 * ```ts ignore
 * import { quadraticProxy, searched } from "@gradus/gradus/search";
 * import { natsCheckpoint } from "@gradus/gradus/search/nats";
 *
 * await using store = await natsCheckpoint({ servers: "nats://127.0.0.1:4222", run: "heavy-1" });
 * const options = { tasks: quadraticProxy(2), budget: { trained: 40_000 } };
 * const { best } = await searched({ ...options, checkpoint: { store } });
 * ```
 *
 * @throws {GradusError} if the server cannot be reached or used; what it returns, if the checkpoint cannot
 * be read or written.
 */
export async function natsCheckpoint(options: NatsCheckpointOptions): Promise<NatsCheckpoint> {
  checkNats("Cannot keep a checkpoint", options, KINDS);
  const { run } = options;
  const bus = await Bus.open(options);
  const { runs, objects } = bus;
  /** The revision that was seen last, and the object that it names. */
  let seen: { revision: number; object?: string } = { revision: 0 };
  let saves = 0;
  return {
    place: `${run} on NATS`,
    async load() {
      return await bus.retry(`read the checkpoint of ${quoted(run)}`, async () => {
        const entry = await runs.get(run);
        if (entry === null) return undefined;
        seen = { revision: entry.revision };
        if (entry.operation !== "PUT") return undefined;
        const { object } = recordOf(readData(textOf(entry.value)));
        const bytes = typeof object === "string" ? await objects.getBlob(object) : null;
        if (bytes === null) {
          throw new GradusError(
            `Cannot go on with run ${quoted(run)}: its checkpoint is not on the server any more; ` +
              "choose another name to begin anew",
          );
        }
        seen.object = object as string;
        return textOf(bytes);
      });
    },
    async save(text) {
      const object = `run.${run}.${seen.revision}.${saves++}.${crypto.randomUUID()}`;
      const bytes = new TextEncoder().encode(text);
      await bus.retry("save a checkpoint", () => objects.putBlob({ name: object }, bytes));
      const before = seen;
      await bus.retry("save a checkpoint", async () => {
        try {
          const value = printData({ object });
          const revision = await (before.revision === 0
            ? runs.create(run, value)
            : runs.update(run, value, before.revision));
          seen = { revision, object };
        } catch (error) {
          const present = await runs.get(run);
          if (present === null || present.operation !== "PUT") {
            // It was deleted on the server, and is there again unless another search is quicker.
            seen = { revision: await runs.create(run, printData({ object })), object };
            return;
          }
          if (present.revision === before.revision) throw error;
          const { object: last } = recordOf(readData(textOf(present.value)));
          if (last === object) {
            // It was saved, and only the answer was lost.
            seen = { revision: present.revision, object };
            return;
          }
          await objects.delete(object).catch(() => {});
          throw new GradusError(
            `Cannot save the checkpoint of run ${quoted(run)}: another search goes on with it: ` +
              messageOf(error),
          );
        }
      });
      // What was the last may still be read by who is behind: it finds that out when it saves.
      if (before.object !== undefined) await objects.delete(before.object).catch(() => {});
    },
    close: () => bus.close(),
    [Symbol.asyncDispose]: () => bus.close(),
  };
}
