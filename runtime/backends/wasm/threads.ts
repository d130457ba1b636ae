/** Worker threads over shared memory: the caller hands out chunks of a pass and works along. */
import { once } from "../../../dsl/once.ts";
import { GradusError } from "../../../dsl/errors.ts";
import type { PassFunction } from "./kernel.ts";
import type { Arena } from "../../trees/arena.ts";
import { CHUNK_BITS, CONTROL, type Message, STATE, workerSource } from "./worker.ts";

/** The most threads, the caller among them. */
export const MOST_THREADS = 64;
/** Chunks a thread, so that a slow one is not waited for long. */
const CHUNKS_EACH = 8;
/** How long a chunk may take before its worker counts as dead, in milliseconds. */
const PATIENCE = 20_000;

// Taken now: a library that is loaded later may put another class in its place.
const { Worker: WebWorker } = globalThis;

interface Thread {
  post(message: Message): void;
  end(): void;
}

/** What a pass hands to the threads. */
export interface Job {
  readonly kernel: number;
  readonly pass: number;
  readonly module: WebAssembly.Module;
  readonly arena: Arena;
  readonly run: PassFunction;
  readonly table: number;
  readonly entries: number;
  readonly entryBytes: number;
}

/** The threads, started when they are first needed and shared by all optimizers. */
class Pool {
  readonly #control = new Int32Array(
    new SharedArrayBuffer(4 * CONTROL.words),
  );
  readonly #threads: (Thread | undefined)[] = [];
  /** The kernels that each thread has been sent, by memory. */
  readonly #sent: WeakMap<Arena, Set<number>>[] = [];
  readonly #deaths: string[] = [];
  /** Whether this place has refused a thread: it is not asked for another. */
  #isRefused = false;

  /** Runs a job on so many threads, the caller among them. */
  run(job: Job, threads: number): void {
    this.#report();
    this.#start(threads - 1);
    const control = this.#control;
    for (let i = 0; i < threads - 1; i++) this.#ready(i, job);
    const chunk = Math.max(1, Math.floor(job.entries / (CHUNKS_EACH * threads)));
    const chunks = Math.ceil(job.entries / chunk);
    const number = (Atomics.load(control, CONTROL.job) + 1) & 0xfff;
    const mark = (number << CHUNK_BITS) >>> 0;
    Atomics.store(control, CONTROL.kernel, job.kernel);
    Atomics.store(control, CONTROL.pass, job.pass);
    Atomics.store(control, CONTROL.table, job.table | 0);
    Atomics.store(control, CONTROL.entries, job.entries);
    Atomics.store(control, CONTROL.entryBytes, job.entryBytes);
    Atomics.store(control, CONTROL.chunk, chunk);
    Atomics.store(control, CONTROL.chunks, chunks);
    Atomics.store(control, CONTROL.limit, threads - 1);
    Atomics.store(control, CONTROL.done, 0);
    Atomics.store(control, CONTROL.next, mark | 0);
    Atomics.store(control, CONTROL.job, number);
    Atomics.notify(control, CONTROL.job);
    for (;;) {
      const at = ((Atomics.add(control, CONTROL.next, 1) >>> 0) - mark) >>> 0;
      if (at >= chunks) break;
      job.run(
        job.table + at * chunk * job.entryBytes,
        Math.min(chunk, job.entries - at * chunk),
      );
      Atomics.add(control, CONTROL.done, 1);
    }
    // Nothing is left to take: a late worker must not find room behind the end either.
    this.#await(chunks);
  }

  get taken(): number {
    return Atomics.load(this.#control, CONTROL.taken);
  }

  async end(): Promise<void> {
    this.#threads.forEach((thread) => thread?.end());
    while (this.#threads.some((thread) => thread !== undefined)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  #await(chunks: number): void {
    const control = this.#control;
    const began = performance.now();
    for (let spin = 1; Atomics.load(control, CONTROL.done) < chunks; spin++) {
      if (spin % 4096 !== 0 || performance.now() - began < PATIENCE) continue;
      const dead = this.#threads.flatMap((_, i) =>
        Atomics.load(control, CONTROL.claims + i) === 0 ? [] : [this.#bury(i)]
      );
      throw new GradusError(
        dead.length === 0
          ? "Cannot step: the worker threads lost a part of the work"
          : `Cannot step: ${
            dead.join(" and ")
          } died at work: the parameters it was at are in doubt`,
      );
    }
  }

  /** Says once of all threads that died between steps; nothing has been changed by then. */
  #report(): void {
    this.#threads.forEach((thread, i) => {
      const isDead = Atomics.load(this.#control, CONTROL.states + i) === STATE.dead;
      if (thread !== undefined && isDead) this.#deaths.push(`${this.#bury(i)} died`);
    });
    const deaths = this.#deaths.splice(0);
    if (deaths.length === 0) return;
    throw new GradusError(
      `Cannot step: ${deaths.join(" and ")}; the next step goes on without ` +
        (deaths.length === 1 ? "it" : "them"),
    );
  }

  #start(count: number): void {
    const most = Math.min(count, MOST_THREADS - 1);
    for (let i = this.#threads.length; i < most && !this.#isRefused; i++) {
      const died = (reason: string) => {
        if (this.#threads[i] !== undefined) this.#deaths.push(`${this.#bury(i)} died (${reason})`);
      };
      this.#threads[i] = startThread(died, () => this.#refuse(i));
      this.#sent[i] = new WeakMap();
      this.#threads[i]?.post({ control: this.#control.buffer, index: i });
    }
  }

  /** A thread that never started has touched nothing: steps go on without it. */
  #refuse(i: number): void {
    this.#bury(i);
    if (this.#isRefused) return;
    this.#isRefused = true;
    console.warn("gradus: worker threads are not allowed here; steps run on one thread");
  }

  #ready(i: number, { kernel, module, arena }: Job): void {
    const thread = this.#threads[i];
    if (thread === undefined) return;
    let sent = this.#sent[i].get(arena);
    if (sent === undefined) this.#sent[i].set(arena, sent = new Set());
    if (!sent.has(kernel)) {
      sent.add(kernel);
      thread.post({ kernel, module, memory: arena.memory });
    } else if (Atomics.load(this.#control, CONTROL.states + i) === STATE.asleep) thread.post({});
  }

  /** Takes a thread out, and returns what it is called. */
  #bury(i: number): string {
    const thread = this.#threads[i];
    // First: some engines tell of its end before `end` returns, and a death is told once.
    this.#threads[i] = undefined;
    Atomics.store(this.#control, CONTROL.states + i, STATE.dead);
    Atomics.store(this.#control, CONTROL.claims + i, 0);
    thread?.end();
    return `worker thread ${i + 1} of ${this.#threads.length}`;
  }
}

interface NodeWorker {
  postMessage(message: Message): void;
  terminate(): void;
  unref(): void;
  on(name: "error", listen: (error: Error) => void): void;
  on(name: "exit", listen: (code: number) => void): void;
}
type NodeThreads = {
  readonly Worker: new (
    source: string,
    options: { readonly eval: true; readonly env: object },
  ) => NodeWorker;
};

let workerUrl: string | undefined;

/** A thread, or undefined if it is refused, as a content security policy may; that may come later too. */
function startThread(died: (reason: string) => void, refused: () => void): Thread | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): NodeThreads | undefined };
  };
  const threads = process?.getBuiltinModule?.("node:worker_threads");
  try {
    if (threads !== undefined) {
      // Without `env` a worker is given a copy of all variables, for which Deno asks the user.
      const worker = new threads.Worker(workerSource(), { eval: true, env: {} });
      worker.on("error", (error) => died(error.message));
      worker.on("exit", (code) => died(`exit code ${code}`));
      // A program that is done must not be kept running by threads that wait.
      worker.unref();
      return { post: (message) => worker.postMessage(message), end: () => worker.terminate() };
    }
    workerUrl ??= URL.createObjectURL(new Blob([workerSource()], { type: "text/javascript" }));
    const worker = new WebWorker(workerUrl);
    // What is thrown in a worker comes with a message; one that was not let start does not.
    worker.onerror = (event) => event instanceof ErrorEvent ? died(event.message) : refused();
    return { post: (message) => worker.postMessage(message), end: () => worker.terminate() };
  } catch {
    refused();
    return undefined;
  }
}

let pool: Pool | undefined;

/** Runs a job on so many threads, the caller among them. */
export function runThreaded(job: Job, threads: number): void {
  pool ??= new Pool();
  pool.run(job, threads);
}

/** Whether threads other than the caller have done any work so far. */
export function threadsTakenPart(): boolean {
  return pool !== undefined && pool.taken > 0;
}

/** Ends all threads, as their death would. */
export async function endThreads(): Promise<void> {
  await pool?.end();
}

/** The threads that an optimizer uses if it is not told: one a core where memory can be shared. */
export const defaultThreads: () => number = once(() =>
  Math.min(MOST_THREADS, globalThis.navigator?.hardwareConcurrency ?? 1)
);
