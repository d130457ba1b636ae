/// <reference lib="dom" />
/** A worker that trains one network, as the page talks to it, and what it has told. */
import type { History, Requests, Score, WorkerEvent } from "../protocol.ts";

/** A request on its way to a worker. */
export interface Asked {
  readonly id: number;
  readonly name: keyof Requests;
  readonly given: readonly unknown[];
}

/** What comes back: an answer to a request, or something that happened. */
export type Told =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly event: WorkerEvent };

/** A worker and its curves. */
export class Lane {
  readonly losses: (readonly [step: number, loss: number])[] = [];
  readonly scores: Score[] = [];
  readonly #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #asked = 0;

  /** `listen` hears of all that happens in the worker. */
  constructor(listen: (event: WorkerEvent, lane: Lane) => void) {
    this.#worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if ("event" in data) {
        const { event } = data;
        if (event.kind === "began") {
          this.clear();
          this.#add(event.history);
        }
        if (event.kind === "progress") this.#add(event.progress);
        return listen(data.event, this);
      }
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.value);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const message = `The worker stopped: ${event.message ?? "its script could not be loaded"}`;
      for (const { reject } of this.#waiting.values()) reject(new Error(message));
      this.#waiting.clear();
      listen({ kind: "failed", message }, this);
    };
  }

  /** How many steps it has told of. */
  get step(): number {
    return this.losses.at(-1)?.[0] ?? 0;
  }

  /** Asks the worker. */
  ask<K extends keyof Requests>(
    name: K,
    ...given: Parameters<Requests[K]>
  ): Promise<ReturnType<Requests[K]>> {
    const id = ++this.#asked;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, name, given } satisfies Asked);
    return waiting.promise as Promise<ReturnType<Requests[K]>>;
  }

  #add({ losses, scores }: History): void {
    this.losses.push(...losses);
    this.scores.push(...scores);
  }

  /** Forgets its curves. */
  clear(): void {
    this.losses.length = this.scores.length = 0;
  }

  /** Ends the worker, whatever it does. */
  end(): void {
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error("It was ended"));
  }
}
