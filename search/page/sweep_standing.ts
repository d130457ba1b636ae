/** How a sweep ended: each optimizer in a row, and which differences are more than chance. */
import type { SweepResult, SweptOptimizer } from "../sweep/options.ts";
import { type Interval, intervalOf } from "./interval.ts";

/** The digits behind the point that tables show, of scores and of what is held out. */
const [DIGITS, HELD] = [2, 3];

/** The head of the table. */
export function columnsOf({ optimizers, otherSeeds, tasks }: SweepResult): string[] {
  const seeds = `${otherSeeds.length} other seed${otherSeeds.length === 1 ? "" : "s"}`;
  const held = heldOf(optimizers).map(({ task, scored }) =>
    tasks.length === 1 ? scored : `${task}: ${scored}`
  );
  return ["", `score, ${seeds}`, ...held, "best of trials", "diverged", "set to"];
}

/** A row of the table for each optimizer, in their order. */
export function rowsOf(result: SweepResult): string[][] {
  return result.optimizers.map((each) => {
    const { name, trials, best, diverged, runs } = each;
    const held = heldOf(result.optimizers).map(({ task }) =>
      intervalText(intervalOf(soundOf(runs.find((run) => run.task === task)?.held ?? [])), HELD)
    );
    const lost = scoresOf(each).some(Number.isNaN);
    return [
      name,
      best === null || lost ? "diverged" : intervalText(intervalOf(scoresOf(each)), DIGITS),
      ...held,
      best === null ? "" : trials[best].score!.toFixed(DIGITS),
      `${diverged} of ${trials.length}`,
      best === null ? "" : optionsText(trials[best].options),
    ];
  });
}

/** Who is the best, in a sentence or two. */
export function verdict({ optimizers, otherSeeds }: SweepResult): string {
  const [first, ...others] = optimizers;
  if (first.best === null) return "Every trial diverged.";
  if (scoresOf(first).some(Number.isNaN)) return "On the other seeds all diverged.";
  if (others.length === 0) {
    return `${first.name} is best with ${optionsText(first.trials[first.best].options)}.`;
  }
  const tied = others.filter((each) => {
    const behind = intervalOf(scoresOf(each).map((score, i) => scoresOf(first)[i] - score));
    return each.best !== null && !Number.isNaN(behind.mean) && !(behind.mean - behind.half > 0);
  });
  const seeds = `${otherSeeds.length} other seed${otherSeeds.length === 1 ? "" : "s"}`;
  if (tied.length === 0) return `${first.name} is the best, by more than chance over ${seeds}.`;
  return `${first.name} is the best; over ${seeds} it cannot be told apart from ${
    listed(tied.map(({ name }) => name))
  }.`;
}

/** Options in a line. */
export function optionsText(options: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  return parts.length === 0 ? "as published" : parts.join(", ");
}

/** Names in a sentence. */
export function listed(names: readonly string[]): string {
  const last = names[names.length - 1];
  return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

/** The score on each of the other seeds, over all tasks; NaN where any training diverged. */
function scoresOf({ runs }: SweptOptimizer): number[] {
  const seeds = runs[0]?.scores ?? [];
  return seeds.map((_, i) =>
    runs.reduce((sum, { scores }) => sum + (scores[i] ?? NaN), 0) / runs.length
  );
}

/** The tasks that have scores of their own. */
function heldOf(optimizers: readonly SweptOptimizer[]) {
  const { runs } = optimizers.find(({ runs }) => runs.length > 0) ?? { runs: [] };
  return runs.filter(({ held }) => held.length > 0);
}

function soundOf(values: readonly (number | null)[]): number[] {
  return values.filter((value) => value !== null);
}

function intervalText({ mean, half }: Interval, digits: number): string {
  if (Number.isNaN(mean)) return "";
  return `${mean.toFixed(digits)}${Number.isFinite(half) ? ` ± ${half.toFixed(digits)}` : ""}`;
}
