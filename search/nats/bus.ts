/** What searches and workers share on a NATS server: a queue of jobs, a bucket of scores, and objects. */
import {
  AckPolicy,
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
} from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { nanos, type NatsConnection, PermissionViolationError } from "@nats-io/transport-node";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { connected, placeOf } from "./connect.ts";
import { messageOf, type NatsOptions } from "./options.ts";
import { release } from "./release.ts";

/** What searches and workers meet under. */
const NAME = "gradus";
/** The consumer of the queue that all workers share. */
export const WORKERS = "workers";
/** How often a job is given to a worker before it is left to the one that asked for it. */
export const MOST_DELIVERIES = 4;
/** How long a worker may be silent about a job, in milliseconds. */
export const SILENCE = 10_000;
/** How long a second publication of the same job is known for what it is, and how long a job is kept. */
const [MEMORY, LIFE] = [10 * 60_000, 24 * 3_600_000];
/** How long to wait before what failed is tried again, in milliseconds. */
const PAUSE = 250;

/** A connection and what lies behind it. */
export class Bus {
  readonly name: string;
  /** Which Gradus this is. */
  readonly release: string;
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** The stream of jobs. */
  readonly jobs: string;
  /** Scores by version of a setting and program. */
  readonly scores: KV;
  /** Which checkpoint is the last of each run. */
  readonly runs: KV;
  /** Settings and checkpoints. */
  readonly objects: ObjectStore;
  readonly notice: (text: string) => void;
  /** Makes what is not there. */
  readonly #make: () => Promise<unknown>;
  #making: Promise<unknown> | undefined;
  #said = "";
  #reason = "it was closed";

  private constructor(
    options: NatsOptions,
    connection: NatsConnection,
    parts: Pick<Bus, "release" | "js" | "manager" | "jobs" | "scores" | "runs" | "objects"> & {
      readonly make: () => Promise<unknown>;
    },
  ) {
    [this.name, this.connection] = [options.name ?? NAME, connection];
    [this.release, this.#make] = [parts.release, parts.make];
    [this.js, this.manager, this.jobs] = [parts.js, parts.manager, parts.jobs];
    [this.scores, this.runs, this.objects] = [parts.scores, parts.runs, parts.objects];
    this.notice = options.notice ?? (() => {});
    void connection.closed().then((error) => {
      if (error) this.#reason = error.message;
    });
    void this.#listen();
  }

  /** Connects, and makes what is not there yet. */
  static async open(options: NatsOptions): Promise<Bus> {
    const connection = await connected(options);
    const { replicas = 1, name = NAME } = options;
    try {
      const manager = await jetstreamManager(connection);
      const js = jetstream(connection);
      const jobs = `${name}_jobs`;
      const make = () => made(js, manager, name, replicas);
      return new Bus(options, connection, {
        ...{ release: await release(), js, manager, jobs, make },
        ...await make(),
      });
    } catch (error) {
      await connection.close();
      throw new GradusError(
        `Cannot use the NATS server ${
          placeOf(options)
        }: it must have JetStream (\`nats-server -js\`), and let this user ` +
          `make and use the streams of ${quoted(name)}: ${messageOf(error)}`,
      );
    }
  }

  /**
   * Does what may fail while a server is away, until it succeeds or never can. What was deleted on the server
   * is made again.
   */
  async retry<T>(doing: string, run: () => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await run();
      } catch (error) {
        this.requireOpen(doing);
        if (error instanceof GradusError) throw error;
        if (!(isPassing(error) ?? attempt < 8)) {
          throw new GradusError(`Cannot ${doing}: ${messageOf(error)}`);
        }
        if (attempt === 4) this.#say(`cannot ${doing} yet: ${messageOf(error)}: tries again`);
        await pause(PAUSE * Math.min(attempt, 8));
        await this.#makeAgain();
      }
    }
  }

  /** Makes what may have been deleted, for all who miss it at once. */
  #makeAgain(): Promise<unknown> {
    return this.#making ??= this.#make().catch(() => {}).finally(() => this.#making = undefined);
  }

  /** Says what many may find out at once. */
  #say(text: string): void {
    if (text !== this.#said) this.notice(text);
    this.#said = text;
  }

  /** Refuses to go on where there is no connection any more. */
  requireOpen(doing: string): void {
    if (!this.connection.isClosed()) return;
    throw new GradusError(
      `Cannot ${doing}: the connection to the NATS server has ended: ${this.#reason}`,
    );
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.connection.close();
  }

  async #listen(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === "disconnect") this.notice("the NATS server is away: waits for it");
      if (type === "reconnect") this.notice("the NATS server is back");
    }
  }
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Makes the queue, the buckets and the objects, those of them that are not there. */
async function made(
  js: JetStreamClient,
  manager: JetStreamManager,
  name: string,
  replicas: number,
): Promise<Pick<Bus, "scores" | "runs" | "objects">> {
  const jobs = `${name}_jobs`;
  await manager.streams.add({
    name: jobs,
    subjects: [`${name}.jobs`],
    retention: RetentionPolicy.Workqueue,
    duplicate_window: nanos(MEMORY),
    max_age: nanos(LIFE),
    num_replicas: replicas,
  }).catch(unlessThere);
  await manager.consumers.add(jobs, {
    durable_name: WORKERS,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(SILENCE),
    max_deliver: MOST_DELIVERIES,
    max_ack_pending: 100_000,
  }).catch(unlessThere);
  const buckets = new Kvm(js);
  return {
    scores: await buckets.create(`${name}_scores`, { replicas }),
    runs: await buckets.create(`${name}_runs`, { replicas }),
    objects: await new Objm(js).create(`${name}_objects`, { replicas }),
  };
}

/** The codes of a stream, and of a consumer, that is there with other settings, which then hold. */
const THERE: ReadonlySet<number> = new Set([10058, 10148, 10105, 10013]);

function unlessThere(error: unknown): void {
  if (!(error instanceof JetStreamApiError && THERE.has(error.code))) throw error;
}

/** The codes of a stream and of a consumer that is not there. */
const MISSING: ReadonlySet<number> = new Set([10059, 10014]);

/** What the client calls errors that pass when a server is back. */
const PASSING: ReadonlySet<string> = new Set([
  ...["TimeoutError", "NoRespondersError", "ConnectionError", "JetStreamStatusError"],
]);

/** Whether trying again helps, or undefined where nobody knows. */
function isPassing(error: unknown): boolean | undefined {
  if (error instanceof JetStreamApiError && MISSING.has(error.code)) return undefined;
  if (error instanceof JetStreamApiError) return error.status >= 500 || error.status === 408;
  if (error instanceof GradusError || error instanceof PermissionViolationError) return false;
  if (!(error instanceof Error)) return undefined;
  return PASSING.has(error.name) ||
    (error.cause === undefined ? undefined : isPassing(error.cause));
}
