/** Scores that outlive a search: by program, and by the version of what it was trained on. */
import { digestOf } from "../../dsl/digest.ts";
import { analyse } from "../analysis/structure.ts";
import type { Space } from "../programs/space.ts";
import type { Evaluation, Stop, Task } from "../tasks/evaluator.ts";
import type { Trainer } from "./trainer.ts";

/**
 * What trainings gave, for searches to share. A key is a program's structural hash with the version of
 * space, tasks and early stops, so one cache serves searches of many tasks, and a task that changes
 * finds nothing of its past. What a module task does is no part of a version: change its `options` or
 * `url` when its code changes.
 */
export type ScoreCache = Map<string, Evaluation>;

/** A hash of plain data. */
export function digestOfData(data: unknown): string {
  return digestOf(JSON.stringify(
    data,
    (_, value) => ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value,
  ));
}

/** A trainer that trains only what the cache does not know, each structure once. */
export function cachedTrainer(
  trainer: Trainer,
  space: Space,
  tasks: readonly Task[],
  cache: ScoreCache,
): Trainer {
  const version = digestOfData([space.options, tasks]);
  return {
    async evaluate(genomes, stop) {
      const keys = genomes.map((genome) =>
        `${version} ${stopText(stop)} ${analyse(space, genome).key}`
      );
      const missing = [...new Map(keys.map((key, i) => [key, i]))].filter(([key]) =>
        !cache.has(key)
      );
      const trained = await trainer.evaluate(missing.map(([, i]) => genomes[i]), stop);
      const own = new Map(missing.map(([key], i) => [key, trained[i]]));
      for (const [key, evaluation] of own) if (!evaluation.isLost) cache.set(key, evaluation);
      return keys.map((key) => cache.get(key) ?? own.get(key)!);
    },
    close: () => trainer.close(),
  };
}

function stopText({ below, hurdle }: Stop): string {
  return hurdle === undefined ? `${below}` : `${below} ${hurdle.share} ${hurdle.above}`;
}
