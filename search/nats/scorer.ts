/** The scorer that asks workers on any machine: jobs go through a queue, scores stay in a bucket. */
import { AdvisoryKind } from "@nats-io/jetstream";
import { digestOf } from "../../dsl/digest.ts";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { type Kinds, whole } from "../../dsl/options.ts";
import { printData, readData } from "../evolve/plain_data.ts";
import { PATIENCE, Pool } from "../evolve/pool.ts";
import { canStartProcesses, MEMORY, startProcess } from "../evolve/process.ts";
import type { Candidate, Scorer, Setting } from "../evolve/scorer.ts";
import { startThread } from "../evolve/thread.ts";
import type { Evaluation } from "../tasks/evaluator.ts";
import { Bus, MOST_DELIVERIES, WORKERS } from "./bus.ts";
import {
  MOST_PROGRAMS,
  printEvaluations,
  printJob,
  problemsOf,
  readEvaluations,
  recordOf,
  scoreKey,
  textOf,
} from "./messages.ts";
import { checkNats, messageOf, NATS, type NatsOptions } from "./options.ts";
import { ENGINE } from "./release.ts";
import { type SentSetting, sentSetting } from "./setting.ts";

/** A scorer over NATS. */
export interface NatsScorerOptions extends NatsOptions {
  /**
   * The most programs of a job; a search takes fewer where its `window` is below 8 times that. What takes
   * a worker 50 to 200 milliseconds is best. Default 64.
   */
  readonly size?: number;
  /** The memory in megabytes of the process here that scores what four workers died of. Default 2048. */
  readonly memory?: number;
  /** How long that process may take for a program, in milliseconds. Default 60 000. */
  readonly patience?: number;
}

const KINDS: Kinds<NatsScorerOptions> = {
  ...NATS,
  size: whole(1, MOST_PROGRAMS),
  memory: MEMORY,
  patience: PATIENCE,
};

/** How often jobs are looked after whose scores did not come by themselves, in milliseconds. */
const ROUND = 2000;
/** How often the same job is published, before it is scored here. */
const MOST_PUBLICATIONS = 4;
/** How many workers are told of. */
const MOST_WORKERS = 10_000;
/** How large a message may be at most, as a share of what the server takes. */
const SHARE = 0.9;

/** A job on its way. */
interface Pending {
  readonly setting: Setting;
  readonly candidates: readonly Candidate[];
  readonly keys: readonly string[];
  readonly text: string;
  readonly result: PromiseWithResolvers<readonly Evaluation[]>;
  /** Its place in the stream. */
  seq: number;
  publications: number;
  /** Whether it was there at the last round. */
  isOld: boolean;
  /** Whether it is scored here. */
  isHere: boolean;
}

/**
 * Scores programs by workers that {@linkcode serveNats}, or `gradus worker`, runs on any machine. What was
 * scored once, for whatever search, is not scored again. A job whose worker dies is done by another. One
 * that no worker survives is scored here, in a process of its own, and what that does not survive is -∞.
 *
 * @example
 * ```ts ignore
 * import { quadraticProxy, searched } from "@gradus/gradus/search";
 * import { natsScorer } from "@gradus/gradus/search/nats";
 *
 * await using scorer = await natsScorer({ servers: "nats://127.0.0.1:4222" });
 * const options = { tasks: quadraticProxy(2), budget: { trained: 40_000 }, window: 512 };
 * const { best } = await searched({ ...options, scorer });
 * ```
 *
 * @throws {GradusError} if the server cannot be reached or used.
 */
export async function natsScorer(options: NatsScorerOptions): Promise<Scorer & AsyncDisposable> {
  checkNats("Cannot score by NATS", options, KINDS);
  const { size = 64 } = options;
  return new NatsScorer(await Bus.open(options), size, options);
}

class NatsScorer implements Scorer, AsyncDisposable {
  readonly size: number;
  readonly #bus: Bus;
  readonly #rescuer: Pool;
  readonly #pending = new Map<string, Pending>();
  readonly #settings = new WeakMap<Setting, Promise<SentSetting>>();
  readonly #modules = new Set<string>();
  readonly #workers = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isLooking = false;

  constructor(bus: Bus, size: number, { memory = 2048, patience = 60_000 }: NatsScorerOptions) {
    [this.#bus, this.size] = [bus, size];
    const start = () => canStartProcesses() ? startProcess(memory) : startThread();
    this.#rescuer = new Pool(1, patience, start);
    this.#timer = setInterval(() => void this.#lookAfter(), ROUND);
    this.#listen();
  }

  async score(
    { setting, candidates }: { setting: Setting; candidates: readonly Candidate[] },
  ): Promise<readonly Evaluation[]> {
    const { version } = await this.#sent(setting);
    const keys = candidates.map((candidate) => scoreKey(version, setting, candidate));
    const known = await this.#known(setting, keys);
    const missing = [...new Map(keys.map((key, i) => [key, i]))].filter(([key]) => !known.has(key));
    if (missing.length > 0) {
      const asked = missing.map(([, i]) => candidates[i]);
      const evaluations = await this.#ask(version, setting, asked);
      missing.forEach(([key], i) => known.set(key, evaluations[i]));
    }
    return keys.map((key) => known.get(key)!);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#rescuer.close();
    for (const { result } of this.#pending.values()) {
      result.reject(new GradusError("Cannot score programs: the scorer is closed"));
    }
    this.#pending.clear();
    await this.#bus.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Puts a setting where workers find it. */
  #sent(setting: Setting): Promise<SentSetting> {
    let sent = this.#settings.get(setting);
    if (sent === undefined) {
      const { objects } = this.#bus;
      sent = sentSetting(setting, this.#bus.release).then(async (sent) => {
        sent.modules.forEach((version) => this.#modules.add(version));
        await this.#bus.retry("send what programs are scored on", async () => {
          if (await objects.info(sent.version) !== null) return;
          await objects.putBlob({ name: sent.version }, new TextEncoder().encode(sent.text));
        });
        return sent;
      });
      this.#settings.set(setting, sent);
    }
    return sent;
  }

  /** What the bucket has of some keys. */
  async #known(setting: Setting, keys: readonly string[]): Promise<Map<string, Evaluation>> {
    const problems = problemsOf(setting);
    const known = new Map<string, Evaluation>();
    await Promise.all(
      keys.map((key) =>
        this.#bus.retry("look up a score", async () => {
          const entry = await this.#bus.scores.get(key);
          if (entry === null || entry.operation !== "PUT") return;
          try {
            known.set(key, readEvaluations(entry.value, 1, problems)[0]);
          } catch {
            // Nothing that can be read is nothing.
          }
        })
      ),
    );
    return known;
  }

  /** Asks workers, in several jobs if one would be too large. */
  async #ask(
    version: string,
    setting: Setting,
    candidates: readonly Candidate[],
  ): Promise<readonly Evaluation[]> {
    const text = printJob(version, setting, candidates);
    const most = SHARE * (this.#bus.connection.info?.max_payload ?? 2 ** 20);
    const half = Math.ceil(candidates.length / 2);
    if (candidates.length > 1 && (text.length > most || candidates.length > this.size)) {
      const parts = [candidates.slice(0, half), candidates.slice(half)];
      return (await Promise.all(parts.map((part) => this.#ask(version, setting, part)))).flat();
    }
    const id = digestOf(text);
    const present = this.#pending.get(id);
    if (present !== undefined) return present.result.promise;
    const pending: Pending = {
      ...{ setting, candidates, text },
      keys: candidates.map((candidate) => scoreKey(version, setting, candidate)),
      result: Promise.withResolvers(),
      ...{ seq: 0, publications: 0, isOld: false, isHere: false },
    };
    pending.result.promise.catch(() => {}).finally(() => this.#pending.delete(id));
    this.#pending.set(id, pending);
    await this.#publish(id, pending);
    return pending.result.promise;
  }

  /** Publishes a job; the server drops what it has had within ten minutes. */
  async #publish(id: string, pending: Pending): Promise<void> {
    const msgID = `${id}.${pending.publications++}`;
    const { js, name } = this.#bus;
    const { seq } = await this.#bus.retry(
      "publish a job",
      () => js.publish(`${name}.jobs`, pending.text, { msgID }),
    );
    pending.seq = seq;
  }

  #listen(): void {
    const { connection, name, jobs } = this.#bus;
    connection.subscribe(`${name}.done.*`, {
      callback: (error, { subject, data }) => {
        const pending = this.#pending.get(subject.split(".").at(-1)!);
        if (error !== null || pending === undefined) return;
        try {
          pending.result.resolve(
            readEvaluations(data, pending.keys.length, problemsOf(pending.setting)),
          );
        } catch (error) {
          this.#bus.notice(`scores were no scores: ${messageOf(error)}`);
        }
      },
    });
    connection.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${jobs}.${WORKERS}`, {
      callback: (error, { data }) => {
        if (error !== null) return;
        try {
          const { type, stream_seq } = recordOf(readData(textOf(data)));
          if (!String(type).includes(AdvisoryKind.MaxDeliver)) return;
          for (const [id, each] of this.#pending) {
            if (each.seq === stream_seq) void this.#rescue(id, each);
          }
        } catch {
          // The next round finds it.
        }
      },
    });
    connection.subscribe(`${name}.hello`, {
      callback: (error, message) => {
        if (error !== null) return;
        try {
          message.respond(printData(this.#welcome(recordOf(readData(textOf(message.data))))));
        } catch {
          // Who does not say who it is gets no answer.
        }
      },
    });
  }

  /** What a worker is told that says who it is. */
  #welcome({ id, release, engine, modules }: Readonly<Record<string, unknown>>): object {
    const refuse = (reason: string) => ({ refused: reason });
    if (release !== this.#bus.release) {
      return refuse(
        `it must be of version ${this.#bus.release} of Gradus: given ${quoted(String(release))}`,
      );
    }
    const here = new Set(Array.isArray(modules) ? modules : []);
    const missing = [...this.#modules].filter((version) => !here.has(version));
    if (missing.length > 0) {
      return refuse(
        `it must have the modules of the search's tasks: of those that it has none is of version ` +
          missing.join(", "),
      );
    }
    if (this.#modules.size > 0 && engine !== ENGINE) {
      return refuse(
        `for tasks with code of their own it must run on ${ENGINE}: given ${
          quoted(String(engine))
        }`,
      );
    }
    const worker = quoted(String(id));
    if (!this.#workers.has(worker) && this.#workers.size < MOST_WORKERS) {
      this.#workers.add(worker);
      this.#bus.notice(`worker ${worker} is there, on ${quoted(String(engine))}`);
    }
    return { release: this.#bus.release };
  }

  /** Looks after jobs whose scores did not come by themselves. */
  async #lookAfter(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      this.#bus.requireOpen("score programs");
      for (const [id, pending] of [...this.#pending]) {
        if (pending.isOld && !pending.isHere && pending.seq > 0) await this.#look(id, pending);
        pending.isOld = true;
      }
    } catch (error) {
      // What cannot be looked after never ends.
      for (const { result } of this.#pending.values()) result.reject(error);
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(id: string, pending: Pending): Promise<void> {
    const { manager, jobs } = this.#bus;
    const { seq, keys, result } = pending;
    const known = await this.#known(pending.setting, keys);
    if (keys.every((key) => known.has(key))) {
      return result.resolve(keys.map((key) => known.get(key)!));
    }
    const message = await this.#bus.retry(
      "look for a job",
      () => manager.streams.getMessage(jobs, { seq }),
    );
    if (!this.#pending.has(id) || pending.isHere) return;
    if (message === null) {
      // It was taken for done, and its scores are lost.
      if (pending.publications >= MOST_PUBLICATIONS) return void this.#rescue(id, pending);
      return await this.#publish(id, pending);
    }
    const { num_ack_pending, delivered } = await this.#bus.retry(
      "look at the workers",
      () => manager.consumers.info(jobs, WORKERS),
    );
    // Nobody works on it, and nobody will.
    if (num_ack_pending === 0 && delivered.stream_seq >= seq) void this.#rescue(id, pending);
  }

  /** Scores a job here that no worker survives. */
  async #rescue(id: string, pending: Pending): Promise<void> {
    if (pending.isHere) return;
    pending.isHere = true;
    // Perhaps it is that which workers do not find any more.
    this.#settings.delete(pending.setting);
    const { setting, candidates, keys, seq, result } = pending;
    const { scores, manager, jobs } = this.#bus;
    this.#bus.notice(
      `${MOST_DELIVERIES} workers did not do job ${id}: it is scored here, in a process of its own`,
    );
    try {
      const evaluations = await this.#rescuer.score({ setting, candidates });
      // So that whoever asks again is told the same.
      await Promise.all(
        keys.map((key, i) =>
          this.#bus.retry(
            "keep a score",
            () => scores.put(key, printEvaluations([evaluations[i]])),
          )
        ),
      );
      await manager.streams.deleteMessage(jobs, seq).catch(() => {});
      result.resolve(evaluations);
    } catch (error) {
      result.reject(error);
    }
  }
}
