/** A run on a GPU as tables of Markdown. */
import type { Adapter } from "./device.ts";
import type { OpFinding } from "./ops.ts";
import type { Failure, SizeFinding, StepFinding } from "./steps.ts";

/** Everything of one size. */
export interface SizeResult {
  readonly size: number;
  /** What was found, as far as it came. */
  readonly found: readonly (SizeFinding | StepFinding | Failure)[];
  /** Why it ended early, or was not begun. */
  readonly left?: string;
}

/** A whole run. */
export interface GpuRun {
  readonly name: string;
  readonly date: string;
  readonly command: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly adapter: Adapter;
  /** Bytes a second of a copy before everything else. */
  readonly probed: number;
  readonly ops: readonly OpFinding[];
  /** Why not every op was checked. */
  readonly opsLeft?: string;
  readonly sizes: readonly SizeResult[];
  readonly seconds: number;
}

/** What a share of bandwidth is of. */
export const REFERENCE = "copy by a WGSL kernel";

/** The whole report. */
export function report(run: GpuRun): string {
  const { adapter, machine, ops, sizes, opsLeft } = run;
  const kind = adapter.isSoftware ? "**A software device: its times say nothing of GPUs.** " : "";
  const wrong = ops.filter((op) => op.wrong > 0);
  const checked = ops.reduce((sum, { compared }) => sum + compared, 0);
  return [
    `# ${adapter.description}, ${run.date}`,
    "",
    `${kind}\`${run.command}\` on ${machine.cores} cores of ${machine.processor}, Deno ` +
    `${machine.deno}, in ${run.seconds.toFixed(0)} s.`,
    "",
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
    "",
    "## Steps",
    "",
    `Ten steps are enqueued and then waited for; medians of samples taken in turn. The last column is ` +
    `of the GB/s of ${REFERENCE} at the same size; enqueuing is what the host takes for a step.`,
    ...sizes.flatMap(section),
    "",
  ].join("\n");
}

function section({ size, found, left }: SizeResult): string[] {
  const steps = found.filter((each): each is StepFinding => "median" in each);
  const sound = found.find((each): each is SizeFinding => "apart" in each);
  const failures = found.filter((each): each is Failure => "failed" in each);
  const reference = steps.find(({ name }) => name === REFERENCE);
  return [
    "",
    `### ${count(size)} parameters`,
    "",
    ...(steps.length === 0 ? [] : [
      row([
        "",
        "ms a step",
        "quartiles",
        "enqueuing, ms",
        "bytes a parameter",
        "GB/s",
        "of a copy",
      ]),
      row(["---", "--:", "--:", "--:", "--:", "--:", "--:"]),
      ...steps.map((step) =>
        row([
          ...[step.name, digits(step.median), step.quartiles.map(digits).join(" – ")],
          ...[digits(step.host), digits(step.bytes), digits(gigabytes(step, size))],
          reference === undefined
            ? ""
            : `${(100 * gigabytes(step, size) / gigabytes(reference, size)).toFixed(0)} %`,
        ])
      ),
      "",
    ]),
    ...(sound === undefined ? [] : [
      `After a step of each, parameters are within ${digits(sound.difference)} of the library's, ` +
      `${
        sound.apart === 0 ? "none differs" : `**${count(sound.apart)} differ**`
      } from an equal one ` +
      `elsewhere, and the norm of all gradients is good to ${digits(sound.normError)} of itself. ` +
      `Ready after ${digits(sound.prepared)} s.`,
    ]),
    ...failures.map(({ failed }) => `**Failed: ${failed}**`),
    ...(left === undefined ? [] : [`**Left out: ${left}.**`]),
  ];
}

/** Bytes a nanosecond. */
function gigabytes({ bytes, median }: StepFinding, size: number): number {
  return bytes * size / (median * 1e6);
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
