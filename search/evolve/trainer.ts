/** Trains lists of programs, here or on worker threads; results come in the order of the list. */
import { GradusError } from "../../dsl/errors.ts";
import { analyse } from "../analysis/structure.ts";
import type { Genome } from "../programs/genome.ts";
import { type Space, space as makeSpace, type SpaceOptions } from "../programs/space.ts";
import { type Evaluation, Evaluator, type Stop, type Task } from "../tasks/evaluator.ts";
import { builtin } from "./builtin.ts";

/** Trains programs on tasks that were said once. */
export interface Trainer {
  evaluate(genomes: readonly Genome[], stop: Stop): Promise<readonly Evaluation[]>;
  close(): void;
}

/** What a worker is told. */
export type Order =
  | { readonly space: SpaceOptions; readonly tasks: readonly Task[] }
  | { readonly genomes: readonly Genome[]; readonly stop: Stop };
/** What a worker answers: that it is ready, results, or why it is not. */
export type Answer =
  | { readonly ready: true }
  | { readonly evaluations: readonly Evaluation[] }
  | { readonly refused: string };

/** What a program gets that could not be trained to the end. */
export const FAILED: Evaluation = { score: -Infinity, scores: [] };
/** The most workers: more would gain nothing, and each takes tens of megabytes. */
const MOST_WORKERS = Math.max(16, 4 * (globalThis.navigator?.hardwareConcurrency ?? 1));
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

/** Trains in the calling thread. */
export async function localTrainer(space: Space, tasks: readonly Task[]): Promise<Trainer> {
  const evaluator = await Evaluator.of(space, tasks);
  return {
    evaluate: (genomes, stop) =>
      Promise.resolve(genomes.map((genome) => evaluateSafely(space, evaluator, genome, stop))),
    close: () => {},
  };
}

/** Whatever a program or a task's own code throws costs one evaluation. */
export function evaluateSafely(
  space: Space,
  evaluator: Evaluator,
  genome: Genome,
  stop: Stop,
): Evaluation {
  try {
    return evaluator.evaluate(analyse(space, genome), stop);
  } catch {
    return FAILED;
  }
}

/** Serves orders in a worker. */
export function serve(answer: (answer: Answer) => void): (order: Order) => Promise<void> {
  let prepared: { space: Space; evaluator: Evaluator } | undefined;
  return async (order) => {
    try {
      if ("tasks" in order) {
        const space = makeSpace(order.space);
        prepared = { space, evaluator: await Evaluator.of(space, order.tasks) };
        answer({ ready: true });
        return;
      }
      const { space, evaluator } = prepared!;
      answer({
        evaluations: order.genomes.map((genome) =>
          evaluateSafely(space, evaluator, genome, order.stop)
        ),
      });
    } catch (error) {
      answer({ refused: error instanceof Error ? error.message : String(error) });
    }
  };
}

interface Thread {
  order(order: Order): Promise<Answer>;
  end(): void;
}

interface AnyWorker {
  postMessage(message: Order): void;
  terminate(): void;
}
interface NodeWorker extends AnyWorker {
  on(name: "message", listen: (answer: Answer) => void): void;
  on(name: "error", listen: (error: Error) => void): void;
}

/** Starts a thread; an order is told of its death. */
function startThread(): Thread {
  const script = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  const url = new URL(script, import.meta.url);
  let settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  const took = (answer: Answer) => settle?.resolve(answer);
  const died = (message: string) => settle?.reject(new GradusError(`a worker died: ${message}`));
  let worker: AnyWorker;
  if (globalThis.Worker === undefined) {
    const threads = builtin<{ readonly Worker: new (url: URL) => NodeWorker }>(
      "node:worker_threads",
    );
    if (threads === undefined) throw new GradusError("Cannot start workers: there are none here");
    const thread = worker = new threads.Worker(url);
    thread.on("message", took);
    thread.on("error", ({ message }) => died(message));
  } else {
    const thread = worker = new Worker(url, { type: "module" });
    thread.onmessage = ({ data }) => took(data);
    thread.onerror = (event) => {
      event.preventDefault();
      // Where the script is not found, as in a bundle that left it out, there is no message.
      died(
        event.message ?? `its script cannot be loaded from ${url}; without workers none is needed`,
      );
    };
  }
  return {
    order: (order) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject };
        worker.postMessage(order);
      }),
    end: () => worker.terminate(),
  };
}

/** Trains on so many worker threads. A program that keeps one longer than `patience` milliseconds fails. */
export async function workerTrainer(
  space: Space,
  tasks: readonly Task[],
  workers: number,
  patience: number,
): Promise<Trainer> {
  const started = async (): Promise<Thread> => {
    const thread = startThread();
    const answer = await thread.order({ space: space.options, tasks });
    if ("refused" in answer) {
      thread.end();
      throw new GradusError(answer.refused);
    }
    return thread;
  };
  const threads = await Promise.all(Array.from({ length: workers }, started));

  /** The answer to an order, or undefined if the thread died of it, which is then replaced. */
  const within = async (i: number, order: Order): Promise<readonly Evaluation[] | undefined> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patience);
    });
    try {
      const answer = await Promise.race([threads[i].order(order), limit]);
      if (answer !== undefined && "evaluations" in answer) return answer.evaluations;
    } catch {
      // The thread is gone: what it had is done again, or fails.
    } finally {
      clearTimeout(timer);
    }
    threads[i].end();
    threads[i] = await started();
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
              alone.push((await within(i, { genomes: [genome], stop }))?.[0] ?? FAILED);
            }
            evaluations = alone;
          }
          evaluations.forEach((evaluation, k) => results[from + k] = evaluation);
        }
      };
      await Promise.all(threads.map((_, i) => work(i)));
      return results;
    },
    close: () => threads.forEach((thread) => thread.end()),
  };
}
