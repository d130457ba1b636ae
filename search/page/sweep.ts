/** A sweep as a page: the best of each, their losses, how the best was found, and what each setting does. */
import type { OptionValue } from "../trials/trial.ts";
import type { SweepResult, SweepRuns, SweptOptimizer } from "../sweep/options.ts";
import { type Axes, chart, type Series } from "./chart.ts";
import { escaped, page, table } from "./html.ts";
import { columnsOf, listed, optionsText, rowsOf, verdict } from "./sweep_standing.ts";

/** How methods are called in sentences. */
const METHODS = {
  grid: "a grid",
  random: "random trials",
  sobol: "Sobol' points",
  tpe: "TPE, the tree-structured Parzen estimator",
} as const;

/** How many of the best trials of an optimizer a page lists. */
const LISTED = 20;

/**
 * The page of a sweep as HTML; it needs nothing from elsewhere.
 *
 * @example
 * ```ts
 * import { sweep, sweepPage } from "@gradus/gradus/search";
 * import { assert } from "@std/assert";
 *
 * const result = await sweep({
 *   optimizers: { sgd: { learningRate: [0.01, 0.1] } },
 *   tasks: ["quadratics"],
 *   seeds: 1,
 *   method: "grid",
 *   steps: 20,
 * });
 * assert(sweepPage(result).includes("Best so far"));
 * ```
 */
export function sweepPage(result: SweepResult): string {
  const { optimizers, tasks } = result;
  const names = listed(optimizers.map(({ name }) => name));
  return page(
    `${names} on ${listed(tasks)}`,
    `<p><strong>${escaped(verdict(result))}</strong></p>
<p>${escaped(overview(result))}</p>
${table(columnsOf(result), rowsOf(result))}
<p class="note">The score of a training is ln(first loss / last loss), higher is better; that of a trial is
the mean over tasks and seeds. A trial of which any training diverges is behind all others. The best trial of
each optimizer ran again on other seeds: a best of many is in part luck, and the score on those has none of
that luck. ± is a 95 % interval by Student's t.</p>
<h2>Training loss of the best</h2>
<p>Lower is better. A line is the mean over the other seeds, and its band goes from the lowest to the highest
seed.</p>
${tasks.map((task, i) => lossChart(optimizers, task, i)).join("\n")}
${optimizers.some(({ trials }) => trials.length > 1) ? bestSoFar(optimizers) : ""}
<h2>What each setting does</h2>
<p>A dot is a trial. What a setting explains is the share of the variance of ranks that groups of trials by
this setting alone explain, beyond chance (ε², Kelley 1935). TPE tries most near the best, so of its trials
it says what still matters there.</p>
${optimizers.map((each, place) => settings(each, place)).join("\n")}
<h2>The best trials</h2>
${optimizers.map(bestTrials).join("\n")}`,
  );
}

function overview({ optimizers, method, seeds, seed }: SweepResult): string {
  const counts = optimizers.map(({ name, trials }) => `${trials.length} of ${name}`);
  const diverged = optimizers.reduce((sum, each) => sum + each.diverged, 0);
  return `Trials by ${METHODS[method]}${method === "grid" ? "" : `, seed ${seed}`}: ${
    listed(counts)
  }, each on seed${seeds.length === 1 ? "" : "s"} ${listed(seeds.map(String))}. ${
    diverged === 0 ? "None diverged." : `Of all trials ${diverged} diverged.`
  }`;
}

function lossChart(optimizers: readonly SweptOptimizer[], task: string, place: number): string {
  const series = optimizers.map(({ name, runs }) => curveOf(name, runs[place]));
  const losses = optimizers.flatMap(({ runs }) => runs[place]?.losses.flat() ?? []);
  const starts = optimizers.flatMap(({ runs }) =>
    runs[place]?.losses.map(([first]) => first) ?? []
  );
  // Some go so far up that the others could not be seen.
  const most = 4 * Math.max(...starts);
  const isCapped = losses.some((loss) => loss > most);
  return `<h3>${escaped(task)}</h3>
${
    chart(series, {
      ...{ x: "steps", from: 0, y: "training loss" },
      ...(losses.every((loss) => loss > 0) && { log: "y" }),
      ...(isCapped && { high: most }),
    })
  }`;
}

/** The mean of what the seeds have at their marks, with a band; only marks that all reached. */
function curveOf(name: string, runs: SweepRuns | undefined): Series {
  if (runs === undefined) return { name: `${name}, diverged`, points: [] };
  const { losses, marks } = runs;
  const reached = marks.slice(0, Math.min(...losses.map(({ length }) => length)));
  const at = (i: number) => losses.map((each) => each[i]);
  return {
    name,
    points: reached.map((mark, i) => [mark, at(i).reduce((a, b) => a + b) / losses.length]),
    band: losses.length === 1
      ? []
      : reached.map((mark, i) => [mark, Math.min(...at(i)), Math.max(...at(i))]),
  };
}

function bestSoFar(optimizers: readonly SweptOptimizer[]): string {
  const scores = optimizers.flatMap(({ trials }) => trials.flatMap(({ score }) => score ?? []));
  const series = optimizers.map(({ name, trials }): Series => {
    let best = -Infinity;
    const points = trials.flatMap(({ trial, score }): [number, number][] => {
      const before = best;
      best = Math.max(best, score ?? -Infinity);
      return [[trial + 1, before], [trial + 1, best]];
    });
    return { name, points };
  });
  return `<h2>Best so far</h2>
<p>The best score among so many trials.</p>
${chart(series, { x: "trials", y: "score", low: floorOf(scores) })}`;
}

/** Where an axis of scores begins: at 0, which is no better than the start, if any is above. */
function floorOf(scores: readonly number[]): number {
  const [least, most] = [Math.min(...scores), Math.max(...scores)];
  return most > 0 ? Math.max(0, least) : least;
}

function settings({ name, trials, importance }: SweptOptimizer, place: number): string {
  const names = Object.keys(importance);
  if (names.length === 0) return "";
  const shares = names.map((key) => [key, shareText(importance[key])]);
  return `<h3>${escaped(name)}</h3>
${table(["setting", "explains of the score"], shares)}
<div class="charts">
${names.map((key) => settingChart(key, trials, place)).join("\n")}
</div>`;
}

function shareText(share: number | null): string {
  return share === null ? "cannot be told" : `${(100 * share).toFixed(0)} %`;
}

/** The scores of trials against one of their options. */
function settingChart(key: string, trials: SweptOptimizer["trials"], place: number): string {
  const low = floorOf(trials.flatMap(({ score }) => score ?? []));
  const values = trials.map(({ options }) => options[key]);
  const { at, axes } = axisOf(values);
  const dots = trials.map(({ score }, i): [number, number, boolean] => [
    at(values[i]),
    Math.max(score ?? -Infinity, low),
    score === null || score < low,
  ]);
  const [sound, lost] = [false, true].map((isLost) =>
    dots.filter((dot) => dot[2] === isLost).map(([x, y]) => [x, y] as const)
  );
  return chart([
    { name: "trials", points: [], dots: sound, colourOf: place },
    ...(lost.length === 0
      ? []
      : [{ name: "diverged or no better", points: [], dots: lost, colourOf: GREY }]),
  ], { ...axes, x: key, y: "score", low, size: { width: 460, height: 280 } });
}

/** The place of grey among the colours of series. */
const GREY = 6;

/** Where values stand on an axis: numbers of many sizes by their powers, few or other values side by side. */
function axisOf(
  values: readonly OptionValue[],
): { at: (value: OptionValue) => number; axes: Pick<Axes, "log" | "namesX"> } {
  const different = [...new Set(values)];
  const numbers = different.filter((value) => typeof value === "number");
  const isRange = numbers.length === different.length && numbers.length > 6;
  if (isRange) {
    const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
    return {
      at: (value) => value as number,
      axes: least > 0 && most / least > 20 ? { log: "x" } : {},
    };
  }
  const order = numbers.length === different.length ? numbers.sort((a, b) => a - b) : different;
  return {
    at: (value) => order.indexOf(value as never),
    axes: { namesX: order.map(String) },
  };
}

function bestTrials({ name, trials }: SweptOptimizer): string {
  const ranked = trials.toSorted((a, b) => (b.score ?? -Infinity) - (a.score ?? -Infinity) || 0)
    .slice(0, LISTED);
  const rows = ranked.map(({ trial, score, options }) => [
    String(trial),
    score === null ? "diverged" : score.toFixed(3),
    optionsText(options),
  ]);
  const more = trials.length > LISTED
    ? `the best ${LISTED} of ${trials.length} trials`
    : "all trials";
  return `<details><summary>${escaped(name)}, ${more}</summary>
${table(["trial", "score", "set to"], rows)}
</details>`;
}
