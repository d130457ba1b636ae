/** Scores that outlive a search: by program, and by the version of what it was trained on. */
import type { Evaluation } from "../tasks/evaluator.ts";
import { type Batch, keyOf, type Scorer, versionOf } from "./scorer.ts";

/**
 * What trainings gave, for searches to share. A key is a program's structural hash with the version of
 * space, tasks and early stops, so one cache serves searches of many tasks, and a task that changes
 * finds nothing of its past. What a module task does is no part of a version: change its `options` or
 * `url` when its code changes.
 */
export type ScoreCache = Map<string, Evaluation>;

/** A scorer that asks another only for what the cache does not know, each structure once. */
export function cachedScorer(scorer: Scorer, cache: ScoreCache): Scorer {
  return {
    size: scorer.size,
    async score({ setting, candidates }: Batch) {
      const version = versionOf(setting);
      const keys = candidates.map((candidate) => `${version} ${keyOf(setting, candidate)}`);
      const missing = [...new Map(keys.map((key, i) => [key, i]))].filter(([key]) =>
        !cache.has(key)
      );
      const own = new Map<string, Evaluation>();
      if (missing.length > 0) {
        const asked = missing.map(([, i]) => candidates[i]);
        const scored = await scorer.score({ setting, candidates: asked });
        missing.forEach(([key], i) => own.set(key, scored[i]));
      }
      for (const [key, evaluation] of own) if (!evaluation.isLost) cache.set(key, evaluation);
      return keys.map((key) => cache.get(key) ?? own.get(key)!);
    },
    close: () => scorer.close(),
  };
}
