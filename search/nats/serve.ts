/** A worker on any machine: takes jobs from a NATS server, and gives scores. */
import type { JsMsg } from "@nats-io/jetstream";
import { GradusError } from "../../dsl/errors.ts";
import type { Kinds } from "../../dsl/options.ts";
import { LOCAL, type LocalOptions, localScorer } from "../evolve/local_scorer.ts";
import { printData, readData } from "../evolve/plain_data.ts";
import type { Scorer, Setting } from "../evolve/scorer.ts";
import { Bus, pause, SILENCE, WORKERS } from "./bus.ts";
import { printEvaluations, readJob, recordOf, scoreKey, textOf } from "./messages.ts";
import { checkNats, messageOf, NATS, type NatsOptions } from "./options.ts";
import { ENGINE } from "./release.ts";
import { moduleVersion, receivedSetting } from "./setting.ts";

/** A worker over NATS. */
export interface ServeNatsOptions extends NatsOptions, LocalOptions {
  /** URLs of the modules of tasks that this worker may run. Default none: a message never brings code. */
  readonly modules?: readonly string[];
  /** Ends the worker: what it has begun it brings to an end. Default: it works until it fails. */
  readonly signal?: AbortSignal;
}

const KINDS: Kinds<ServeNatsOptions> = {
  ...NATS,
  ...LOCAL,
  modules: {
    is: (value) => Array.isArray(value) && value.every((url) => typeof url === "string"),
    must: "a list of URLs",
  },
  signal: { is: (value) => value instanceof AbortSignal, must: "an AbortSignal" },
};

/** Jobs that are worked on at a time: while one is scored, the next is there already. */
const AT_A_TIME = 3;
/** How long the server holds a request for a job, in milliseconds: after a restart it knows none. */
const EXPIRES = 2000;
/** How often a worker says that it is there, in milliseconds. */
const GREETING = 5000;
/** How long a job waits that could not be done, in milliseconds. */
const DELAY = 1000;
/** The settings that are held; a search has one or two. */
const MOST_SETTINGS = 8;
/** The largest setting, in bytes. */
const LARGEST_SETTING = 2 ** 28;

/**
 * Works for all searches that meet on a NATS server, until the signal. It runs programs of the language
 * only: no message brings code, and tasks that need modules need them installed here.
 *
 * @example
 * ```ts ignore
 * import { serveNats } from "@gradus/gradus/search/nats";
 *
 * const stop = new AbortController();
 * Deno.addSignalListener("SIGTERM", () => stop.abort());
 * await serveNats({ servers: "nats://127.0.0.1:4222", workers: 4, signal: stop.signal });
 * ```
 *
 * @throws {GradusError} if the server cannot be reached or used, or a search refuses this worker.
 */
export async function serveNats(options: ServeNatsOptions): Promise<void> {
  checkNats("Cannot work by NATS", options, KINDS);
  const { workers = globalThis.navigator?.hardwareConcurrency ?? 1, modules = [] } = options;
  const { patience, memory } = options;
  // In this thread nothing could be said while a program is trained.
  const scorer = localScorer({ workers: Math.max(1, workers), patience, memory });
  try {
    const installed = new Map<string, string>();
    for (const url of modules) installed.set(await moduleVersion(url), url);
    const bus = await Bus.open(options);
    try {
      await new NatsWorker(bus, scorer, installed, options.signal).run();
    } finally {
      await bus.close();
    }
  } finally {
    await scorer.close();
  }
}

class NatsWorker {
  readonly #bus: Bus;
  readonly #scorer: Scorer;
  readonly #installed: ReadonlyMap<string, string>;
  readonly #id = crypto.randomUUID().slice(0, 8);
  readonly #settings = new Map<string, Promise<Setting>>();
  readonly #inHand = new Set<JsMsg>();
  /** Ends, or fails, when the worker is to end. */
  readonly #end = Promise.withResolvers<void>();
  #isEnding = false;

  constructor(
    bus: Bus,
    scorer: Scorer,
    installed: ReadonlyMap<string, string>,
    signal: AbortSignal | undefined,
  ) {
    [this.#bus, this.#scorer, this.#installed] = [bus, scorer, installed];
    void this.#end.promise.catch(() => {}).finally(() => this.#isEnding = true);
    if (signal?.aborted) this.#end.resolve();
    signal?.addEventListener("abort", () => this.#end.resolve(), { once: true });
  }

  async run(): Promise<void> {
    const timers = [
      setInterval(() => this.#inHand.forEach((message) => message.working()), SILENCE / 3),
      setInterval(() => void this.#greet(), GREETING),
    ];
    try {
      await this.#greet();
      const working = Array.from({ length: AT_A_TIME }, () => this.#work());
      // Whatever ends one ends all.
      await Promise.all(working).catch((error) => this.#end.reject(error));
      await this.#end.promise;
    } finally {
      timers.forEach(clearInterval);
    }
  }

  /** Says who this is; a search may refuse it. */
  async #greet(): Promise<void> {
    const { connection, name, release } = this.#bus;
    const greeting = {
      id: this.#id,
      release,
      engine: ENGINE,
      modules: [...this.#installed.keys()],
    };
    try {
      const { data } = await connection.request(`${name}.hello`, printData(greeting), {
        timeout: GREETING / 2,
      });
      const { refused } = recordOf(readData(textOf(data)));
      if (refused === undefined) return;
      this.#end.reject(
        new GradusError(`Cannot work for a search on this NATS server: ${String(refused)}`),
      );
    } catch {
      // There is no search yet.
    }
  }

  /** Takes one job after the other. */
  async #work(): Promise<void> {
    const { js, jobs } = this.#bus;
    while (!this.#isEnding) {
      let message: JsMsg | null | void;
      try {
        const consumer = await js.consumers.get(jobs, WORKERS);
        while (!this.#isEnding) {
          message = await Promise.race([
            consumer.next({ expires: EXPIRES }),
            this.#end.promise.catch(() => {}),
          ]);
          if (message) await this.#take(message);
        }
      } catch {
        this.#bus.requireOpen("take jobs");
        await pause(DELAY / 4);
      }
    }
  }

  async #take(message: JsMsg): Promise<void> {
    this.#inHand.add(message);
    try {
      await this.#do(message);
    } finally {
      this.#inHand.delete(message);
    }
  }

  async #do(message: JsMsg): Promise<void> {
    const { connection, scores, name, notice } = this.#bus;
    const leave = (reason: string) => {
      notice(`job ${message.seq} is left to others: ${reason}`);
      message.nak(DELAY);
    };
    let job;
    try {
      job = readJob(message.data);
    } catch (error) {
      notice(`job ${message.seq} is no job: ${messageOf(error)}`);
      return message.term();
    }
    try {
      const setting = await this.#setting(job.version);
      const candidates = job.candidates(setting);
      const evaluations = await this.#scorer.score({ setting, candidates });
      const lost = evaluations.filter(({ isLost }) => isLost).length;
      if (lost > 0) return leave(`${lost} of its programs cost their worker`);
      await Promise.all(
        candidates.map((candidate, i) =>
          this.#bus.retry(
            "keep a score",
            () =>
              scores.put(
                scoreKey(job.version, setting, candidate),
                printEvaluations([evaluations[i]]),
              ),
          )
        ),
      );
      connection.publish(`${name}.done.${job.id}`, printEvaluations(evaluations));
      message.ack();
    } catch (error) {
      this.#bus.requireOpen("do jobs");
      leave(messageOf(error));
    }
  }

  /** The setting of a version, of which the last few are held. */
  #setting(version: string): Promise<Setting> {
    const present = this.#settings.get(version);
    if (present !== undefined) return present;
    const setting = this.#load(version);
    this.#settings.set(version, setting);
    setting.catch(() => this.#settings.delete(version));
    if (this.#settings.size > MOST_SETTINGS) {
      this.#settings.delete(this.#settings.keys().next().value!);
    }
    return setting;
  }

  async #load(version: string): Promise<Setting> {
    const { objects, release } = this.#bus;
    const info = await objects.info(version);
    if (info === null) throw new GradusError("its setting is not there");
    if (info.size > LARGEST_SETTING) throw new GradusError("its setting is too large");
    const bytes = await objects.getBlob(version);
    if (bytes === null) throw new GradusError("its setting is not there");
    return receivedSetting(version, textOf(bytes), { release, installed: this.#installed });
  }
}
