/**
 * What a worker thread does: waits for work, takes chunks of it until none is left, and says how far it is,
 * all in words of memory that it shares with the caller.
 */

/** The words that the caller and its workers share. */
export const CONTROL = {
  /** Counts the jobs; workers wait for it to change. */
  job: 0,
  kernel: 1,
  pass: 2,
  table: 3,
  entries: 4,
  entryBytes: 5,
  /** Entries of a chunk. */
  chunk: 6,
  /** Chunks of the job. */
  chunks: 7,
  /** The next chunk to take, below the low bits of the job it is of. */
  next: 8,
  done: 9,
  /** Workers from this one on take no part. */
  limit: 10,
  /** The chunks that workers have taken so far, of all jobs. */
  taken: 11,
  /** From here, a word a worker: what it does. */
  states: 16,
  /** From here, a word a worker: the chunk it is at, from 1, or 0. */
  claims: 80,
  words: 144,
} as const;

/** What a worker's word says. */
export const STATE = { starting: 0, awake: 1, asleep: 2, dead: 3 } as const;

/** The bits of `next` that hold the chunk. */
export const CHUNK_BITS = 19;

interface Port {
  on?(name: string, listen: (message: Message) => void): void;
  onmessage?: (event: { readonly data: Message }) => void;
}

/** What the caller sends: once its place, then kernels as they come, or just a call to wake up. */
export interface Message {
  readonly control?: SharedArrayBuffer;
  readonly index?: number;
  readonly kernel?: number;
  readonly module?: WebAssembly.Module;
  readonly memory?: WebAssembly.Memory;
}

/** The text of a worker's program, for engines whose workers are made by `node:worker_threads` and others. */
export function workerSource(): string {
  const constants = JSON.stringify({ CONTROL, STATE, CHUNK_BITS });
  return `(${work})(typeof require === "function" ? require("node:worker_threads").parentPort : self, ` +
    `${constants})`;
}

// This function is sent as text: it may use nothing from outside.
function work(
  port: Port,
  { CONTROL, STATE, CHUNK_BITS }: {
    readonly CONTROL: Record<string, number>;
    readonly STATE: Record<string, number>;
    readonly CHUNK_BITS: number;
  },
): void {
  type Pass = (table: number, count: number) => void;
  const kernels = new Map<number, Record<string, Pass>>();
  let control: Int32Array<SharedArrayBuffer>;
  let index = 0;
  let isAwake = false;

  const receive = (message: Message) => {
    try {
      if (message.control !== undefined) {
        control = new Int32Array(message.control);
        index = message.index!;
      }
      if (message.kernel !== undefined) {
        const imports = { env: { memory: message.memory! } };
        const { exports } = new WebAssembly.Instance(message.module!, imports);
        kernels.set(message.kernel, exports as Record<string, Pass>);
      }
      if (!isAwake) void watch();
    } catch (error) {
      Atomics.store(control, CONTROL.states + index, STATE.dead);
      throw error;
    }
  };
  if (port.on !== undefined) port.on("message", receive);
  else port.onmessage = ({ data }) => receive(data);

  async function watch(): Promise<void> {
    isAwake = true;
    let seen = Atomics.load(control, CONTROL.job);
    Atomics.store(control, CONTROL.states + index, STATE.awake);
    for (let idle = 0; idle < 50; idle++) {
      if (Atomics.wait(control, CONTROL.job, seen, 4) !== "timed-out") idle = 0;
      const job = Atomics.load(control, CONTROL.job);
      const isNew = job !== seen;
      seen = job;
      // Messages, and with them kernels, are received between waits only.
      if (!isNew || !take(job)) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    isAwake = false;
    Atomics.store(control, CONTROL.states + index, STATE.asleep);
  }

  /** Takes part in a job; false if its kernel has yet to arrive. */
  function take(job: number): boolean {
    if (index >= Atomics.load(control, CONTROL.limit)) return true;
    const kernel = kernels.get(Atomics.load(control, CONTROL.kernel));
    if (kernel === undefined) return false;
    const run = kernel[`pass${Atomics.load(control, CONTROL.pass)}`];
    const table = Atomics.load(control, CONTROL.table) >>> 0;
    const entries = Atomics.load(control, CONTROL.entries);
    const bytes = Atomics.load(control, CONTROL.entryBytes);
    const chunk = Atomics.load(control, CONTROL.chunk);
    const chunks = Atomics.load(control, CONTROL.chunks);
    const mark = (job << CHUNK_BITS) >>> 0;
    for (;;) {
      // Taken only if the word is still of this job: what was read of it above may be of another.
      const next = Atomics.load(control, CONTROL.next);
      const at = ((next >>> 0) - mark) >>> 0;
      if (at >= chunks) return true;
      if (Atomics.compareExchange(control, CONTROL.next, next, next + 1) !== next) continue;
      Atomics.store(control, CONTROL.claims + index, at + 1);
      run(table + at * chunk * bytes, Math.min(chunk, entries - at * chunk));
      Atomics.store(control, CONTROL.claims + index, 0);
      Atomics.add(control, CONTROL.taken, 1);
      Atomics.add(control, CONTROL.done, 1);
    }
  }
}
