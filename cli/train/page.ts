/** A training as a page: its curves, how it was made, and the equations of its optimizer. */
import { chart } from "../../search/page/chart.ts";
import { escaped, page, table } from "../../search/page/html.ts";
import { typesetter } from "../../search/page/typesetter.ts";
import { type Dataset, type FitOptions, type Fitted, partsOf } from "../../trainer/mod.ts";
import { digits, type Job, percent } from "./job.ts";

/** What a page is of. */
export interface TrainingReport {
  readonly job: Job;
  readonly data: Dataset;
  readonly options: FitOptions;
  readonly end: Fitted;
}

/** The page as HTML; it needs nothing from elsewhere. */
export async function trainingPage({ job, data, options, end }: TrainingReport): Promise<string> {
  const { optimizer } = job;
  const typeset = await typesetter();
  return page(
    `${nameOf(job.model)}, trained by ${optimizer.name}`,
    `<p><strong>${escaped(verdict(job, end))}</strong></p>
${losses(end)}
${accuracies(end)}
<h2>How it was made</h2>
${table(["", ""], settings(job, data, options))}
<h2>What a step computes</h2>
${typeset.program(optimizer)}
${typeset.hyper(optimizer)}`,
  );
}

function verdict({ patience }: Job, { step, best, scores, reason }: Fitted): string {
  const steps = `${step} steps${reason === "patience" ? ", which ended early" : ""}`;
  if (best === undefined) return `${steps}; the last mean loss is ${digits(scores.at(-1)!.loss)}.`;
  const at = scores.find((score) => score.step === best.step)!.heldOut!;
  const right = at.accuracy === undefined
    ? ""
    : `, and ${percent(at.accuracy)} of the answers were right`;
  return `${steps}; the least held-out loss was ${
    digits(best.loss)
  }, after step ${best.step}${right}. ` +
    `The model is that ${patience === undefined ? "of the last step" : "of this step"}.`;
}

function losses({ scores }: Fitted): string {
  const trained = scores.filter(({ loss }) => Number.isFinite(loss));
  const held = scores.flatMap(({ step, heldOut }): [number, number][] =>
    heldOut === undefined ? [] : [[step, heldOut.loss]]
  );
  return `<h2>Loss</h2>
<p>Lower is better. That of training is the mean since the point before; the held-out examples are not
trained on.</p>
${
    chart([
      { name: "training", points: trained.map(({ step, loss }) => [step, loss]) },
      ...(held.length === 0 ? [] : [{ name: "held out", points: held }]),
    ], { x: "steps", from: 0, y: "loss", log: "y" })
  }`;
}

function accuracies({ scores }: Fitted): string {
  const points = scores.flatMap(({ step, heldOut }): [number, number][] =>
    heldOut?.accuracy === undefined ? [] : [[step, heldOut.accuracy]]
  );
  if (points.length === 0) return "";
  return `<h2>Right answers</h2>
<p>The share of the held-out answers that are right.</p>
${
    chart([{ name: "held out", points, colourOf: 1 }], {
      ...{ x: "steps", from: 0, y: "right answers" },
      showY: (value) => `${Number((100 * value).toFixed(1))} %`,
    })
  }`;
}

function settings(job: Job, data: Dataset, options: FitOptions): string[][] {
  const { train, heldOut } = partsOf(data, options);
  return [
    ["model", nameOf(job.model)],
    ["data", nameOf(job.data)],
    ["examples trained on", String(train.length)],
    ["examples held out", String(heldOut.length)],
    ...(data.classes === undefined ? [] : [["classes", data.classes.slice(0, 50).join(", ")]]),
    ["loss", job.loss],
    ["optimizer", [job.optimizer.name, ...job.settings].join(", ")],
    ["batch", String(options.batch)],
    ["seed", String(options.seed)],
  ];
}

/** What a file is called in its folder. */
function nameOf(path: string): string {
  return /[^/\\]*[/\\]*$/.exec(path)![0];
}
