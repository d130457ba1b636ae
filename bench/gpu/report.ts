/** A run on a GPU as tables of Markdown. */
import type { Adapter, Probed } from "./device.ts";
import type { OpFinding } from "./ops.ts";
import type { Cell, Gap } from "../training/compete.ts";
import { showSpread } from "../peers/report.ts";
import { RULES } from "../peers/cells.ts";
import type { StepFinding } from "./steps.ts";

/** Everything of one network. */
export interface TrainingFinding {
  readonly cells: readonly Cell[];
  readonly gaps: readonly Gap[];
}

/** The parts of a run, in their order. */
export const PARTS = ["ops", "steps", "training"] as const;
/** One of them. */
export type Part = typeof PARTS[number];

/** A whole run. */
export interface GpuRun {
  readonly name: string;
  readonly date: string;
  readonly command: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly adapter: Adapter;
  /** Of a copy and of a wait, before everything else. */
  readonly probed: Probed;
  /** What was run. */
  readonly parts: readonly Part[];
  readonly ops: readonly OpFinding[];
  /** Why not every op was checked. */
  readonly opsLeft?: string;
  readonly steps: readonly StepFinding[];
  readonly training: readonly TrainingFinding[];
  /** Why not every network was trained. */
  readonly trainingLeft?: string;
  readonly seconds: number;
}

/** The whole report. */
export function report(run: GpuRun): string {
  const { adapter, machine, parts, probed } = run;
  const kind = adapter.isSoftware ? "**A software device: its times say nothing of GPUs.** " : "";
  return [
    `# ${adapter.description}, ${run.date}`,
    "",
    `${kind}\`${run.command}\` on ${machine.cores} cores of ${machine.processor}, Deno ` +
    `${machine.deno}, in ${run.seconds.toFixed(0)} s. A copy by a WGSL kernel moves ` +
    `${digits(probed.copy / 1e9)} GB/s; a submit of nothing that is waited for takes ` +
    `${digits(probed.wait)} ms.`,
    ...parts.flatMap((part) => ["", ...SECTIONS[part](run)]),
    "",
  ].join("\n");
}

const SECTIONS: Readonly<Record<Part, (run: GpuRun) => string[]>> = {
  ops: opsSection,
  steps: stepsSection,
  training: trainingSection,
};

function opsSection({ ops, opsLeft }: GpuRun): string[] {
  const wrong = ops.filter((op) => op.wrong > 0);
  const checked = ops.reduce((sum, { compared }) => sum + compared, 0);
  return [
    "## Ops beside their meaning",
    "",
    `${
      count(checked)
    } results of ${ops.length} ops, on special and on random numbers, angles up to 10,000; ` +
    `${wrong.length === 0 ? "all" : `all but those of ${wrong.length} ops`} are within what the ` +
    "library states.",
    ...(opsLeft === undefined ? [] : ["", `Not every op was checked: ${opsLeft}.`]),
    "",
    row(["op", "held to", "compared", "most ulp", "most of the result or of 1", "out of bounds"]),
    row(["---", "---", "--:", "--:", "--:", "--:"]),
    ...ops.map(({ op, bound, compared, ulps, share, wrong }) =>
      row([
        ...[op, bound, count(compared)],
        ulps === undefined ? "" : digits(ulps),
        ...[digits(share), wrong === 0 ? "0" : `**${count(wrong)}**`],
      ])
    ),
    ...wrong.flatMap(({ op, examples }) => ["", `${op}:`, "", ...examples.map((x) => `- ${x}`)]),
  ];
}

function stepsSection({ adapter, steps }: GpuRun): string[] {
  return [
    "## Steps",
    "",
    "Steps are enqueued, up to 1,000 ahead, and then waited for, as many as take many times as long as a wait; so are " +
    "copies, but many in one submit. All take turns, round by round, after their parameters were found to be those of " +
    "the processor: of as many parameters as the last column says. A step of 1,000 parameters takes what enqueuing it takes. " +
    "A share is of the bandwidth of a copy of as many numbers by a WGSL kernel in the same round; what is small " +
    "stays in the card's cache. torch is on the same card, its optimizers fused where it has such: above 1 " +
    "Gradus is faster. Ratios are medians over rounds, and the least and largest.",
    "",
    row([
      ...["parameters", "rule", "ms a step", "GB/s", "GB/s of a copy", "share of a copy"],
      ...["torch's time by ours", "off by", "of parameters"],
    ]),
    row(["--:", "---", "--:", "--:", "--:", "--:", "--:", "--:", "--:"]),
    ...steps.filter(({ median }) => median !== undefined).map(stepRow),
    "",
    ...reasons(steps),
    ...(adapter.isSoftware ? [] : ["", ...verdicts(steps)]),
  ];
}

function trainingSection({ training, trainingLeft }: GpuRun): string[] {
  return [
    "## Whole training steps",
    "",
    "By AdamW; the first losses of each are those of the processor.",
    "",
    row(["network", "contestant", "ms a step", "quartiles"]),
    row(["---", "---", "--:", "--:"]),
    ...training.flatMap(({ cells }) => cells).map(({ network, contestant, median, quartiles }) =>
      row([network, contestant, digits(median), quartiles.map(digits).join(" – ")])
    ),
    ...training.flatMap(({ gaps }) => gaps).map(({ network, contestant, reason }, i) =>
      `${i === 0 ? "\n" : ""}- ${contestant}, ${network}: ${reason}`
    ),
    ...(trainingLeft === undefined
      ? []
      : ["", `**Not every network was trained: ${trainingLeft}.**`]),
  ];
}

/** Who has no figure, and why: what holds for many is said once. */
function reasons(steps: readonly StepFinding[]): string[] {
  const where = new Map<string, string[]>();
  for (const { rule, size, missing } of steps) {
    for (const reason of missing) {
      where.set(reason, [...where.get(reason) ?? [], `${RULES[rule].title} at ${count(size)}`]);
    }
  }
  return Array.from(
    where,
    ([reason, cells]) => `- ${cells.length === steps.length ? "All" : cells.join("; ")}: ${reason}`,
  );
}

function stepRow(step: StepFinding): string {
  const { rule, size, median = NaN, bytes, copy, ofCopy, torch, difference = NaN } = step;
  return row([
    ...[count(size), RULES[rule].title, digits(median)],
    bytes === undefined ? "" : digits(bytes * size / (median * 1e6)),
    copy === undefined ? "" : digits(copy / 1e9),
    ofCopy === undefined ? "" : showSpread(ofCopy),
    torch === undefined ? "" : showSpread(torch),
    digits(difference),
    count(step.checkedAt ?? size),
  ]);
}

/** What AdamW is held to at the largest size that it was stepped at. */
const [LEAST_OF_COPY, LEAST_OF_TORCH] = [0.7, 0.8];

function verdicts(steps: readonly StepFinding[]): string[] {
  const [at] = steps.filter(({ rule, median }) => rule === "adamw" && median !== undefined)
    .toSorted((a, b) => b.size - a.size);
  if (at === undefined) return [];
  const line = (what: string, found: number | undefined, least: number) =>
    `- AdamW at ${count(at.size)}, ${what}, at least ${least}: ${
      found === undefined
        ? "not measured"
        : `${digits(found)}, ${found >= least ? "met" : "missed"}`
    }`;
  return [
    line("share of the copy's bandwidth", at.ofCopy?.median, LEAST_OF_COPY),
    line("torch's time by ours", at.torch?.median, LEAST_OF_TORCH),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function count(x: number): string {
  return x.toLocaleString("en");
}

function digits(x: number): string {
  if (x === 0) return "0";
  if (x >= 1e6 || x < 1e-3) return x.toExponential(1);
  return x >= 100 ? x.toFixed(0) : Number(x.toPrecision(3)).toString();
}
