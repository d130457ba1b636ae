/** Workers that score parcels of programs; one that dies or does not answer is replaced. */
import { GradusError } from "../../dsl/errors.ts";
import type { Kind } from "../../dsl/options.ts";
import type { Evaluation } from "../tasks/evaluator.ts";
import { type Batch, type Candidate, type Setting, versionOf } from "./scorer.ts";
import type { Answer, Order } from "./serve.ts";
import type { Server } from "./thread.ts";

/** How many programs a worker is sent at a time. */
export const PARCEL = 4;
/** What a patience must be, in milliseconds: no timer waits for longer. */
export const PATIENCE: Kind = {
  is: (value) => value as number > 0 && value as number < 2 ** 31,
  must: "milliseconds above 0 and below 2147483648",
};
/** How many settings a worker holds: one that has had more is replaced. */
const MOST_SETTINGS = 8;
/** What a program gets whose worker died of it, or lost patience. */
const LOST: Evaluation = { score: -Infinity, scores: [], isLost: true };

const CLOSED = "Cannot score programs: the scorer is closed";

/** A worker, and the settings that it was told. */
interface Member {
  readonly server: Server;
  readonly versions: Set<string>;
}

/** A fixed number of workers of one kind, each started when it is first needed. */
export class Pool {
  readonly #start: () => Promise<Server>;
  readonly #patience: number;
  readonly #members: (Member | undefined)[];
  readonly #free: number[];
  readonly #waiting: ((place: number) => void)[] = [];
  #isClosed = false;

  /** `patience` says how long a worker may take for one order, in milliseconds. */
  constructor(count: number, patience: number, start: () => Promise<Server>) {
    [this.#start, this.#patience] = [start, patience];
    this.#members = new Array(count).fill(undefined);
    this.#free = Array.from({ length: count }, (_, place) => place);
  }

  /** The scores of a batch, in its order. */
  async score({ setting, candidates }: Batch): Promise<readonly Evaluation[]> {
    const parcels: Promise<readonly Evaluation[]>[] = [];
    for (let at = 0; at < candidates.length; at += PARCEL) {
      parcels.push(this.#scoreParcel(setting, candidates.slice(at, at + PARCEL)));
    }
    // One that fails must not leave others behind of which nobody hears.
    const ended = await Promise.allSettled(parcels);
    return ended.flatMap((each) => {
      if (each.status === "rejected") throw each.reason;
      return each.value;
    });
  }

  /** Ends all workers. */
  close(): void {
    this.#isClosed = true;
    this.#members.forEach((_, place) => this.#end(place));
  }

  async #scoreParcel(
    setting: Setting,
    candidates: readonly Candidate[],
  ): Promise<readonly Evaluation[]> {
    const place = this.#free.pop() ??
      await new Promise<number>((resolve) => this.#waiting.push(resolve));
    try {
      const together = await this.#order(place, setting, candidates);
      if (together !== undefined) return together;
      // Which of them it was, each by itself tells.
      const alone: Evaluation[] = [];
      for (const candidate of candidates) {
        alone.push((await this.#order(place, setting, [candidate]))?.[0] ?? LOST);
      }
      return alone;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(place);
      else next(place);
    }
  }

  /** The scores, or undefined if the worker died of it, which is then to be replaced. */
  async #order(
    place: number,
    setting: Setting,
    candidates: readonly Candidate[],
  ): Promise<readonly Evaluation[] | undefined> {
    const server = await this.#ready(place, setting);
    try {
      const answer = await this.#answer(server, { version: versionOf(setting), candidates });
      if (answer !== undefined && "evaluations" in answer) return answer.evaluations;
    } catch {
      // The worker is gone: what it had is done again, or lost.
    }
    this.#end(place);
    return undefined;
  }

  /** The worker of a place, which knows the setting. */
  async #ready(place: number, setting: Setting): Promise<Server> {
    const version = versionOf(setting);
    if (this.#isClosed) throw new GradusError(CLOSED);
    const present = this.#members[place];
    if (present?.versions.has(version)) return present.server;
    if (present !== undefined && present.versions.size >= MOST_SETTINGS) this.#end(place);
    const { server, versions } = this.#members[place] ??= await this.#member();
    try {
      const answer = await this.#answer(server, { version, setting });
      if (answer === undefined) {
        throw new GradusError(
          `Cannot train programs: the tasks must load within ${this.#patience} milliseconds, the ` +
            `patience of the scorer`,
        );
      }
      if ("refused" in answer) throw new GradusError(answer.refused);
    } catch (error) {
      this.#end(place);
      throw error;
    }
    versions.add(version);
    return server;
  }

  async #member(): Promise<Member> {
    const server = await this.#start();
    if (!this.#isClosed) return { server, versions: new Set() };
    server.end();
    throw new GradusError(CLOSED);
  }

  /** What a server answers, or undefined if it has not within the time. */
  async #answer(server: Server, order: Order): Promise<Answer | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#patience);
    });
    try {
      return await Promise.race([server.order(order), limit]);
    } finally {
      clearTimeout(timer);
    }
  }

  #end(place: number): void {
    this.#members[place]?.server.end();
    this.#members[place] = undefined;
  }
}
