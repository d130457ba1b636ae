/** How a race ended: scores with their intervals, and which differences are more than chance. */
import { type Interval, intervalOf } from "../../search/page/interval.ts";
import type { Result } from "./race.ts";
import type { ScoreKind } from "../../search/trials/task.ts";

/** How one ended. */
export interface Standing {
  readonly result: Result;
  /** Its final scores, a number a seed; NaN of a run that exploded. */
  readonly scores: readonly number[];
  /** Their mean and its 95 % interval, of those that did not explode. */
  readonly score: Interval;
  readonly exploded: number;
  /** Whether it is behind the first by more than chance, seed by seed; of the first itself false. */
  readonly isBehind: boolean;
}

/** Those that raced, the best first; what exploded is last. */
export function standings(results: readonly Result[]): Standing[] {
  const all = results.map((result) => {
    const scores = result.runs.map(({ scores, validation }) =>
      validation === Infinity ? NaN : scores[scores.length - 1]
    );
    const sound = scores.filter(Number.isFinite);
    return { result, scores, score: intervalOf(sound), exploded: scores.length - sound.length };
  }).sort((a, b) => a.exploded - b.exploded || (b.score.mean || 0) - (a.score.mean || 0));
  const [first] = all;
  return all.map((each) => {
    const behind = intervalOf(each.scores.map((score, i) => first.scores[i] - score));
    const isExploded = each.exploded > first.exploded;
    return { ...each, isBehind: isExploded || behind.mean - behind.half > 0 };
  });
}

/** Who won, in a sentence or two. */
export function verdict([first, ...others]: readonly Standing[], kind: ScoreKind): string {
  const nameOf = ({ result }: Standing) => result.contestant.name;
  if (first.scores.every(Number.isNaN)) return "Every run exploded.";
  if (others.length === 0) return `${nameOf(first)}: ${scoreText(first, kind)}.`;
  const seeds = `${first.scores.length} seed${first.scores.length === 1 ? "" : "s"}`;
  const tied = others.filter(({ isBehind }) => !isBehind).map(nameOf);
  const best = `${nameOf(first)} has the best ${kind.name}`;
  if (tied.length === 0) return `${best}, by more than chance over ${seeds}.`;
  return `${best}; over ${seeds} it cannot be told apart from ${listed(tied)}.`;
}

function listed(names: readonly string[]): string {
  const last = names[names.length - 1];
  return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** A score with its interval. */
export function scoreText(
  { score: { mean, half }, exploded, scores }: Standing,
  { show }: ScoreKind,
): string {
  const note = exploded === 0 ? "" : `, ${exploded} of ${scores.length} exploded`;
  if (exploded === scores.length) return "exploded";
  return `${show(mean)}${Number.isFinite(half) ? ` ± ${show(half)}` : ""}${note}`;
}
