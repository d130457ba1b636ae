/** The scorer of one machine: this thread, threads beside it, or processes. */
import { type Kinds, requireOptions, whole } from "../../dsl/options.ts";
import type { Task } from "../tasks/evaluator.ts";
import { PARCEL, PATIENCE, Pool } from "./pool.ts";
import { canStartProcesses, MEMORY, startProcess } from "./process.ts";
import type { Scorer } from "./scorer.ts";
import { serve } from "./serve.ts";
import { type Server, startThread, Talk } from "./thread.ts";

/** How many work on this machine, and how they are watched. */
export interface LocalOptions {
  /**
   * Threads that train, or processes where a task has code of its own, if this process has the permission
   * to run them; in Deno they may read files and nothing else. 0 is the calling thread, which nobody can
   * stop in a task that never ends. At most 4 for each core, or 16 where that is more. Scores do not depend
   * on it. Default 0, or 1 for tasks that have code.
   */
  readonly workers?: number;
  /**
   * How long a worker may take to load the tasks, and for a few programs, in milliseconds; one that takes
   * longer is replaced. Default 60 000.
   */
  readonly patience?: number;
  /** The memory in megabytes beyond which a process that runs tasks' own code is replaced. Default 2048. */
  readonly memory?: number;
}

/** The most workers: more would gain nothing, and each takes tens of megabytes. */
const MOST_WORKERS = Math.max(16, 4 * (globalThis.navigator?.hardwareConcurrency ?? 1));

/** What the options of a scorer must be. */
export const LOCAL: Kinds<LocalOptions> = {
  workers: { ...whole(0, MOST_WORKERS), must: `${whole(0, MOST_WORKERS).must} on this machine` },
  patience: PATIENCE,
  memory: MEMORY,
};

/** Whether tasks have code of their own, of which nobody knows whether it ends. */
export function hasCode(tasks: readonly Task[]): boolean {
  return tasks.some(({ kind }) => kind === "module");
}

/**
 * Scores programs on this machine.
 *
 * @example
 * ```ts
 * import { localScorer, quadraticProxy, searched } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { tasks: quadraticProxy(2), budget: { trained: 20 } };
 * await using scorer = localScorer({ workers: 2 });
 * const { best } = await searched({ ...options, scorer });
 * assertEquals(best, (await searched(options)).best);
 * ```
 *
 * @throws {GradusError} if an option cannot be used.
 */
export function localScorer(options: LocalOptions = {}): Scorer & AsyncDisposable {
  requireOptions("Cannot start workers", options, LOCAL);
  const { workers, patience = 60_000, memory = 2048 } = options;
  const starts = {
    here: startHere,
    thread: () => startThread(),
    process: () => startProcess(memory),
  };
  let isClosed = false;
  const pools = new Map<keyof typeof starts, Pool>();
  const close = () => {
    isClosed = true;
    for (const pool of pools.values()) pool.close();
    return Promise.resolve();
  };
  return {
    ...(workers !== undefined && workers > 0 && { size: PARCEL }),
    score(batch) {
      const isOfCode = hasCode(batch.setting.tasks);
      const count = workers ?? (isOfCode ? 1 : 0);
      const kind = count === 0 ? "here" : isOfCode && canStartProcesses() ? "process" : "thread";
      let pool = pools.get(kind);
      if (pool === undefined) {
        pools.set(kind, pool = new Pool(Math.max(1, count), patience, starts[kind]));
        if (isClosed) pool.close();
      }
      return pool.score(batch);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A server that is this thread. */
async function startHere(): Promise<Server> {
  const talk = new Talk();
  let receive!: ReturnType<typeof serve>;
  await talk.ask(() => receive = serve((answer) => talk.took(answer)));
  return { order: (order) => talk.ask(() => void receive(order)), end: () => {} };
}
