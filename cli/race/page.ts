/** A race as a page: who won, curves with bands, loss against rate, costs and equations. */
import type { Explanation } from "../../runtime/explain.ts";
import { chart, type Series } from "../../search/page/chart.ts";
import { escaped, page, table } from "../../search/page/html.ts";
import { type Typesetter, typesetter } from "../../search/page/typesetter.ts";
import type { RaceOptions, Result } from "./race.ts";
import { scoreText, type Standing, verdict } from "./standing.ts";
import type { Run } from "../../search/trials/train.ts";

/** What a page is of. */
export interface Race {
  readonly options: RaceOptions;
  /** In the order in which they were named, which gives each its colour. */
  readonly results: readonly Result[];
  /** In the order in which they ended. */
  readonly standings: readonly Standing[];
  /** What each costs, in the order in which they were named. */
  readonly costs: readonly Explanation[];
}

/** The page as HTML; it needs nothing from elsewhere. */
export async function racePage({ options, results, standings, costs }: Race): Promise<string> {
  const { task, steps, seeds } = options;
  const names = results.map(({ contestant }) => contestant.name);
  return page(
    `${names.join(", ")} on ${task.name}`,
    `<p><strong>${escaped(verdict(standings, task.score))}</strong></p>
<p>${escaped(task.text)} ${steps} steps, ${seeds.length} ${
      seeds.length === 1 ? "seed" : "seeds"
    }.</p>
${scores(standings, options)}
<p class="note">${escaped(scoreNote(options))}</p>
<h2>Training loss</h2>
<p>Lower is better. A line is the mean over the seeds, and its band goes from the lowest to the highest
seed. It shows how quickly each learns; whether it learned what holds elsewhere, the score shows.</p>
${
      chart(curves(results, ({ losses }) => losses), {
        x: "steps",
        from: 0,
        y: "training loss",
        log: "y",
        ...capped(results, results.flatMap(({ runs }) => runs.flatMap(({ losses }) => losses))),
      })
    }
${scoreChart(results, options)}
${rateChart(results)}
<h2>What a step costs</h2>
${costTable(results, costs)}
<p class="note">For each parameter. Memory moved and operations are counted in the loops that a step runs;
the time is predicted from them for one thread on large parameters, and measures nothing.</p>
<h2>What they compute</h2>
${equations(results, await typesetter())}`,
  );
}

function scores(standings: readonly Standing[], { task }: RaceOptions): string {
  return table(
    ["", task.score.name, "learning rate", "over time", "rates tried", "settings"],
    standings.map((standing) => {
      const { contestant, rate, tried } = standing.result;
      const settings = [...contestant.settings].filter(([name]) => name !== "learningRate")
        .map(([name, value]) => `${name} ${typeof value === "function" ? "a schedule" : value}`);
      return [
        contestant.name,
        scoreText(standing, task.score),
        rate === undefined ? "" : String(rate),
        contestant.shape ?? "its own",
        tried.length === 0 ? "" : String(tried.length),
        settings.length === 0 ? "as published" : settings.join(", "),
      ];
    }),
  );
}

function scoreNote({ task: { score } }: RaceOptions): string {
  return `${score.text} Higher is better. The mean over the seeds and its 95 % interval, by Student's t. ` +
    "All have the same starts and the same batches, so they are compared seed by seed. A learning " +
    "rate is the peak: it is reached after a twentieth of the steps, then falls as a cosine or stays " +
    `constant. Rates were chosen on other seeds${
      score.hasCurve ? ", and by the loss of examples that are not scored with" : ""
    }.`;
}

/** The mean of what runs have at their marks, with a band over seeds; only marks that all reached. */
function curves(
  results: readonly Result[],
  valuesOf: (run: Run) => readonly number[],
): Series[] {
  return results.map(({ contestant, runs }) => {
    const all = runs.map(valuesOf);
    const reached = Math.min(...all.map(({ length }) => length));
    const marks = runs[0].marks.slice(0, reached);
    const at = (i: number) => all.map((values) => values[i]);
    return {
      name: contestant.name,
      points: marks.map((mark, i) => [mark, at(i).reduce((a, b) => a + b) / all.length]),
      band: runs.length === 1
        ? []
        : marks.map((mark, i) => [mark, Math.min(...at(i)), Math.max(...at(i))]),
    };
  });
}

/** Where an axis of losses ends, if some went so far up that the others could not be seen. */
function capped(results: readonly Result[], losses: readonly number[]): { high?: number } {
  const most = 4 * Math.max(...results.flatMap(({ runs }) => runs.map(({ first }) => first)));
  return losses.some((loss) => loss > most && loss < Infinity) ? { high: most } : {};
}

function scoreChart(results: readonly Result[], { task: { score } }: RaceOptions): string {
  if (!score.hasCurve) return "";
  return `<h2>${escaped(score.name[0].toUpperCase() + score.name.slice(1))}</h2>
<p>${escaped(score.text)} Higher is better.</p>
${
    chart(curves(results, ({ scores }) => scores), {
      x: "steps",
      from: 0,
      y: score.name,
      showY: (value) => `${Number((100 * value).toFixed(1))} %`,
    })
  }`;
}

function rateChart(results: readonly Result[]): string {
  if (results.every(({ tried }) => tried.length < 2)) return "";
  const series = results.map(({ contestant, tried }): Series => ({
    name: contestant.name,
    points: tried,
    dots: tried,
  }));
  const exploded = results.flatMap(({ contestant, tried }) => {
    const rates = tried.filter(([, loss]) => loss === Infinity).map(([rate]) => rate);
    return rates.length === 0 ? [] : [`${contestant.name} at ${rates.join(", ")}`];
  });
  return `<h2>Loss against learning rate</h2>
<p>The lowest point is the best rate. The wider a valley, the less it matters to hit it.${
    exploded.length === 0 ? "" : ` Exploded: ${escaped(exploded.join("; "))}.`
  }</p>
${
    chart(series, {
      x: "learning rate",
      y: "loss after training",
      log: "xy",
      ...capped(results, results.flatMap(({ tried }) => tried.map(([, loss]) => loss))),
    })
  }`;
}

function costTable(results: readonly Result[], costs: readonly Explanation[]): string {
  return table(
    ["", "bytes of state", "operations", "bytes moved", "predicted ns"],
    results.map(({ contestant }, i) => {
      const { stateBytes, narrowStates, arithmetic, bytesMoved, prediction } = costs[i];
      const more = narrowStates.length > 0 ? "+" : "";
      return [
        contestant.name,
        `${stateBytes}${more}`,
        String(arithmetic),
        String(bytesMoved),
        prediction === undefined ? "" : prediction.nanoseconds.toFixed(2),
      ];
    }),
  );
}

function equations(results: readonly Result[], typeset: Typesetter): string {
  return results.map(({ contestant: { name, program } }) =>
    `<h3>${escaped(name)}</h3>
<p class="note">${escaped([program.doc, program.source].filter(Boolean).join(" "))}</p>
${typeset.equations(program)}
${typeset.hyper(program)}`
  ).join("\n");
}
