/**
 * Two checkouts of Gradus in turn, against the limits that they are held to: before, after, target and verdict of
 * each row. A row that fails or takes too long ends no other.
 */
import { checkout, fileName, missing, oneOf, optionsOf, positive, someOf } from "../options.ts";
import { machine, type Run, today, writeResult } from "../record.ts";
import { OWN } from "../peers/contestants.ts";
import type { Ratio } from "../peers/compete.ts";
import { showSpread } from "../peers/report.ts";
import { ROWS } from "./rows.ts";
import type { Line } from "./together.ts";

const HELP = `deno task bench:limits --before DIR [options]

  --before DIR          the checkout that this one is held beside
  --rows adamw,cold     of ${Object.keys(ROWS).join(", ")}
  --seconds 660         time for all rows; starting processes and checking them counts
  --name limits         writes bench/results/<date>-<name>.json and .md; by default "limits", or
                        "limits-part" where rows were left out

GRADUS_PYTHON names the Python interpreter that has torch and onnxruntime; by default it is python3.`;

const given = optionsOf(HELP, {
  before: checkout,
  rows: someOf(oneOf(Object.keys(ROWS))),
  seconds: positive,
  name: fileName,
});
const before = given.before ?? missing(HELP, "--before", checkout);
const { rows: names = Object.keys(ROWS), seconds: whole = 660 } = given;

/** What of a row's time is for rounds; the rest is for starting and checking. */
const ROUNDS = 0.35;
/** How many times its time a row may take, and the least seconds that it has. */
const [PATIENCE, LEAST_SECONDS] = [2, 45];

/** A run over all rows. */
interface LimitsRun {
  readonly name: string;
  readonly date: string;
  readonly command: string;
  readonly machine: Run["machine"];
  readonly loads: readonly number[];
  readonly checkouts: Readonly<Record<"before" | "after", string>>;
  readonly seconds: number;
  readonly lines: readonly Line[];
}

const started = performance.now();
const spent = () => (performance.now() - started) / 1000;
const loads = [Deno.loadavg()[0]];
const lines: Line[] = [];
const checkouts = { before: await commitOf(before), after: await commitOf(OWN) };
const folder = await Deno.makeTempDir({ prefix: "gradus-limits-" });
try {
  for (const [i, name] of names.entries()) {
    const shares = names.slice(i).map((each) => ROWS[each].share);
    const left = whole - spent();
    const seconds = left * ROWS[name].share / shares.reduce((sum, share) => sum + share);
    console.error(`${ROWS[name].text}, after ${spent().toFixed(0)} s`);
    lines.push(...await measured(name, Math.max(1, seconds)));
    loads.push(Deno.loadavg()[0]);
    await write();
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
console.log(report(run()));
console.log(`Written: ${(await write()).join(", ")}`);
Deno.exit(0);

/** The lines of a row; one that tells why, where there is nothing else. */
async function measured(name: string, seconds: number): Promise<Line[]> {
  const most = Math.max(LEAST_SECONDS, PATIENCE * seconds);
  const late = new AbortController();
  const timer = setTimeout(
    () => late.abort(`it was not done after ${most.toFixed(0)} s`),
    1e3 * most,
  );
  try {
    const setting = { before, after: OWN, folder, seconds: ROUNDS * seconds, signal: late.signal };
    return await ROWS[name].measure(setting);
  } catch (error) {
    const reason = late.signal.aborted ? String(late.signal.reason) : String(error);
    return [{ text: ROWS[name].text, before: reason, after: reason }];
  } finally {
    clearTimeout(timer);
  }
}

function run(): LimitsRun {
  return {
    name: given.name ?? (given.rows === undefined ? "limits" : "limits-part"),
    date: today(),
    command: ["deno task bench:limits", ...Deno.args].join(" "),
    machine: machine(),
    loads,
    checkouts,
    seconds: spent(),
    lines,
  };
}

async function write(): Promise<string[]> {
  const { name } = run();
  return [
    await writeResult(name, "json", JSON.stringify(run(), null, 2) + "\n"),
    await writeResult(name, "md", report(run())),
  ];
}

function report({ date, command, machine, loads, checkouts, seconds, lines }: LimitsRun): string {
  return [
    `# Limits, ${date}`,
    "",
    `\`${command}\` on ${machine.cores} cores of ${machine.processor}, Deno ${machine.deno}, in ` +
    `${seconds.toFixed(0)} s; the machine's load was ${Math.min(...loads).toFixed(1)} to ` +
    `${Math.max(...loads).toFixed(1)}.`,
    "",
    `Before is ${checkouts.before}, after is ${checkouts.after}. Both and whoever they are held to take turns, round ` +
    "by round: medians over rounds, and the least and largest.",
    "",
    "| row | before | after | target | verdict |",
    "| --- | --: | --: | --: | --- |",
    ...lines.map((line) =>
      `| ${
        [line.text, shown(line.before), shown(line.after), targetOf(line), verdictOf(line)].join(
          " | ",
        )
      } |`
    ),
    ...lines.flatMap(({ text, note }) => note === undefined ? [] : ["", `${text}: ${note}.`]),
    "",
  ].join("\n");
}

function shown(figure: Ratio | string): string {
  return typeof figure === "string" ? "–" : showSpread(figure);
}

function targetOf({ target }: Line): string {
  if (target === undefined) return "–";
  return `${target.side === "at most" ? "≤" : "≥"} ${target.bound} ${target.unit}`;
}

function verdictOf({ after, target }: Line): string {
  if (typeof after === "string") return `not measured: ${after}`;
  if (target === undefined) return "–";
  const { side, bound } = target;
  const isMet = side === "at most" ? after.median <= bound : after.median >= bound;
  return isMet ? "met" : "**missed**";
}

/** What a checkout is called: its commit, where git tells. */
async function commitOf(directory: string): Promise<string> {
  const command = new Deno.Command("git", {
    args: ["-C", directory, "describe", "--always", "--dirty"],
    stderr: "null",
  });
  const { success, stdout } = await command.output().catch(() => ({
    success: false,
    stdout: new Uint8Array(),
  }));
  return success ? new TextDecoder().decode(stdout).trim() : "a checkout without git";
}
