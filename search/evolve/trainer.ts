/** Trains lists of programs, here or on workers; results come in the order of the list. */
import { GradusError } from "../../dsl/errors.ts";
import type { Genome } from "../programs/genome.ts";
import type { Space } from "../programs/space.ts";
import { type Evaluation, Evaluator, type Stop, type Task } from "../tasks/evaluator.ts";
import { canStartProcesses, startProcess } from "./process.ts";
import { type Answer, evaluateSafely, type Order } from "./serve.ts";
import { type Server, startThread } from "./thread.ts";

/** Trains programs on tasks that were said once. */
export interface Trainer {
  evaluate(genomes: readonly Genome[], stop: Stop): Promise<readonly Evaluation[]>;
  close(): void;
}

/** The most workers: more would gain nothing, and each takes tens of megabytes. */
const MOST_WORKERS = Math.max(16, 4 * (globalThis.navigator?.hardwareConcurrency ?? 1));
/** What a program gets whose worker died of it, or lost patience. */
const LOST: Evaluation = { score: -Infinity, scores: [], isLost: true };
/** How many programs a worker is sent at a time. */
const PARCEL = 4;

/** Refuses a number of workers that cannot be. */
export function checkWorkers(workers: number): void {
  if (Number.isInteger(workers) && workers >= 0 && workers <= MOST_WORKERS) return;
  throw new GradusError(
    `Cannot search: \`workers\` must be a whole number from 0 to ${MOST_WORKERS} on this machine: ` +
      `given ${workers}`,
  );
}

/** Whether tasks have code of their own, of which nobody knows whether it ends. */
export function hasCode(tasks: readonly Task[]): boolean {
  return tasks.some(({ kind }) => kind === "module");
}

/** Trains in the calling thread. */
export async function localTrainer(space: Space, tasks: readonly Task[]): Promise<Trainer> {
  const evaluator = await Evaluator.of(space, tasks);
  return {
    evaluate: (genomes, stop) =>
      Promise.resolve(genomes.map((genome) => evaluateSafely(space, evaluator, genome, stop))),
    close: () => {},
  };
}

/** Workers, and how they are watched. */
export interface Workers {
  readonly count: number;
  /** How long one may take to load tasks, or for a few programs, in milliseconds. */
  readonly patience: number;
  /** How many megabytes a process may take that runs tasks' own code. */
  readonly memory: number;
}

/**
 * Trains on workers: processes if tasks have code of their own, which nothing else can end, or else threads.
 * A worker that dies or does not answer is ended, or abandoned where nothing can end it, and replaced.
 */
export async function workerTrainer(
  space: Space,
  tasks: readonly Task[],
  { count, patience, memory }: Workers,
): Promise<Trainer> {
  const isProcess = hasCode(tasks) && canStartProcesses();

  /** What a server answers, or undefined if it has not within the time. */
  const answered = async (server: Server, order: Order): Promise<Answer | undefined> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patience);
    });
    try {
      return await Promise.race([server.order(order), limit]);
    } finally {
      clearTimeout(timer);
    }
  };

  const started = async (): Promise<Server> => {
    const server = await (isProcess ? startProcess(memory) : startThread());
    try {
      const answer = await answered(server, { space: space.options, tasks });
      if (answer === undefined) {
        throw new GradusError(
          `Cannot train programs: the tasks must load within ${patience} milliseconds, the patience ` +
            `of this search`,
        );
      }
      if ("refused" in answer) throw new GradusError(answer.refused);
      return server;
    } catch (error) {
      server.end();
      throw error;
    }
  };

  const starts = await Promise.allSettled(Array.from({ length: count }, started));
  const servers = starts.flatMap((start) => start.status === "fulfilled" ? [start.value] : []);
  const close = () => servers.forEach((server) => server.end());
  for (const start of starts) {
    if (start.status === "fulfilled") continue;
    close();
    throw start.reason;
  }

  /** The answer to an order, or undefined if the worker died of it, which is then replaced. */
  const within = async (i: number, order: Order): Promise<readonly Evaluation[] | undefined> => {
    try {
      const answer = await answered(servers[i], order);
      if (answer !== undefined && "evaluations" in answer) return answer.evaluations;
    } catch {
      // The worker is gone: what it had is done again, or lost.
    }
    servers[i].end();
    servers[i] = await started();
    return undefined;
  };

  return {
    async evaluate(genomes, stop) {
      const results: Evaluation[] = new Array(genomes.length);
      let next = 0;
      const work = async (i: number) => {
        while (next < genomes.length) {
          const from = next;
          next += PARCEL;
          const parcel = genomes.slice(from, from + PARCEL);
          let evaluations = await within(i, { genomes: parcel, stop });
          if (evaluations === undefined) {
            // Which of them it was, each by itself tells.
            const alone: Evaluation[] = [];
            for (const genome of parcel) {
              alone.push((await within(i, { genomes: [genome], stop }))?.[0] ?? LOST);
            }
            evaluations = alone;
          }
          evaluations.forEach((evaluation, k) => results[from + k] = evaluation);
        }
      };
      await Promise.all(servers.map((_, i) => work(i)));
      return results;
    },
    close,
  };
}
