/**
 * One prepared run for a machine with a GPU: whether every op computes there what it means; how fast optimizers
 * step 10⁶, 10⁷ and 10⁸ parameters beside a plain copy and beside torch on the same card; and whole training steps
 * beside tfjs. What breaks or takes too long is reported and ends nothing else; on a software device everything
 * is small.
 */
import { elementOps, reduceOps } from "../dsl/ops.ts";
import { describe, probe } from "./gpu/device.ts";
import type { OpFinding } from "./gpu/ops.ts";
import { type GpuRun, type Part, PARTS, report, type TrainingFinding } from "./gpu/report.ts";
import { type StepFinding, steps } from "./gpu/steps.ts";
import { fileName, flag, oneOf, optionsOf, positive, someOf, whole } from "./options.ts";
import { machine, today, writeResult } from "./record.ts";

const HELP = `deno task bench:gpu [options]

  --seconds 480         time for all of it: what does not fit is left out and said so
  --small               small sizes and small networks, so that a software device is done with every part;
                        it does so by itself on such a device
  --sizes 1e6,1e8       numbers of parameters; by default 1e6,1e7,1e8, and 1e3,1e4,4e4 where all is small
  --parts steps         some of ops, steps and training; by default all of them
  --name gpu            writes bench/results/<date>-<name>.json and .md; by default "gpu", or
                        "gpu-software" on a software device

GRADUS_PYTHON names the Python interpreter that has torch for CUDA; by default it is python3.`;

const given = optionsOf(HELP, {
  seconds: positive,
  small: flag,
  sizes: someOf(whole()),
  parts: someOf(oneOf(PARTS)),
  name: fileName,
});
const { seconds = 480 } = given;
const started = performance.now();
const spent = () => (performance.now() - started) / 1e3;
const left = () => seconds - spent();

// A software device may ask for it, and says so where it is not set.
if (!Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");

const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) {
  console.error("A WebGPU adapter is needed: there is none. Its Vulkan driver must be installed.");
  Deno.exit(1);
}
const described = describe(adapter);
const fastest = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
if (fastest !== null && describe(fastest).description !== described.description) {
  console.error(
    `Measured is ${described.description}, which is taken by default; there is ` +
      `${describe(fastest).description} too.`,
  );
}
const probed = await probe(adapter);
console.error(
  `${described.description}${described.isSoftware ? ", in software" : ""}, ` +
    `${(probed.copy / 1e9).toPrecision(3)} GB/s by a copy, ` +
    `${probed.wait.toPrecision(3)} ms for a wait`,
);

/** Below this no GPU copies. */
const SLOW = 10e9;
const isSmall = given.small === true || described.isSoftware || probed.copy < SLOW;
const { sizes = isSmall ? [1e3, 1e4, 4e4] : [1e6, 1e7, 1e8] } = given;
const name = given.name ?? (described.isSoftware ? "gpu-software" : "gpu");

/** What is left for writing and printing at the end. */
const END = 5;
/** What each part takes of the time that is left before it; the last one takes all. */
const SHARES: Readonly<Record<Part, number>> = { ops: 0.2, steps: 0.8, training: 1 };
const parts = PARTS.filter((part) => given.parts?.includes(part) ?? true);
/** What of its time a network is timed for; the rest is for starting and checking. */
const ROUNDS = 0.1;
const timeOf = (part: Part) => (part === parts.at(-1) ? 1 : SHARES[part]) * (left() - END);

let ops: Awaited<ReturnType<typeof checkOps>> = { found: [] };
const found: StepFinding[] = [];
let trained: Outcome | undefined;
if (parts.includes("ops")) {
  ops = await checkOps(timeOf("ops"));
  console.error(`${ops.found.length} ops, after ${spent().toFixed(0)} s`);
}
if (parts.includes("steps")) {
  await steps({ sizes, seconds: timeOf("steps"), isSmall }, async (finding) => {
    found.push(finding);
    console.error(
      `${finding.rule}, ${finding.size.toLocaleString("en")}, after ${spent().toFixed(0)} s`,
    );
    await write(run());
  });
}
if (parts.includes("training")) {
  const most = timeOf("training");
  const args = [String(ROUNDS * most), ...(isSmall ? ["small"] : [])];
  trained = await inProcess("training.ts", args, most);
}
const all = run();
console.log(`\n${report(all)}`);
console.log(`Written: ${(await write(all)).join(", ")}`);
Deno.exit(0);

function run(): GpuRun {
  return {
    name,
    date: today(),
    command: ["deno task bench:gpu", ...Deno.args].join(" "),
    machine: machine(),
    adapter: described,
    probed,
    parts,
    ops: ops.found,
    opsLeft: ops.left,
    steps: found,
    training: (trained?.found ?? []) as TrainingFinding[],
    trainingLeft: trained?.left,
    seconds: spent(),
  };
}

async function write(of: GpuRun): Promise<string[]> {
  return [
    await writeResult(name, "json", JSON.stringify(of, null, 2) + "\n"),
    await writeResult(name, "md", report(of)),
  ];
}

/** Checks every op; one that ends the process is left to it, and the next one begins another. */
async function checkOps(seconds: number): Promise<{ found: OpFinding[]; left?: string }> {
  const names = [...Object.keys(elementOps), ...Object.keys(reduceOps)];
  const end = spent() + seconds;
  const found: OpFinding[] = [];
  for (;;) {
    const args = [isSmall ? 1e5 : 3e5, found.length].map(String);
    const { found: more, left, isLate } = await inProcess("ops.ts", args, end - spent());
    found.push(...more as OpFinding[]);
    if (left === undefined || isLate || found.length >= names.length) return { found, left };
    const failed = { bound: "", compared: 0, share: 0, wrong: 1, examples: [left] };
    found.push({ op: names[found.length], ...failed });
  }
}

/** What a process found, and why it ended early. */
interface Outcome {
  readonly found: readonly unknown[];
  readonly left?: string;
  /** Whether the time was up. */
  readonly isLate?: boolean;
}

/**
 * Runs a program of `gpu/` in a process of its own, whose findings outlive its end: a driver that fails
 * may end the process, and a device that hangs is left to itself when the time is up.
 */
async function inProcess(
  program: string,
  args: readonly string[],
  seconds: number,
): Promise<Outcome> {
  const path = new URL(`gpu/${program}`, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", path, ...args],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const found: unknown[] = [];
  const reading = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      found.push(...lines.map((line) => JSON.parse(line)));
    }
  })();
  const ended = Promise.all([new Response(child.stderr).text(), child.status, reading]);
  const { promise: stuck, resolve } = Promise.withResolvers<undefined>();
  let isLate = false;
  const timers = [
    setTimeout(() => {
      isLate = true;
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself, and only its output has not.
      }
    }, 1e3 * Math.max(0, seconds)),
    // A device that hangs may keep even a process that was killed.
    setTimeout(() => resolve(undefined), 1e3 * (Math.max(0, seconds) + END)),
  ];
  const end = await Promise.race([ended, stuck]);
  timers.forEach(clearTimeout);
  if (end === undefined) {
    return { found, isLate, left: `it was not done after ${seconds.toFixed(0)} s and did not end` };
  }
  const [complaints, { code, signal }] = end;
  if (code === 0) return { found };
  const last = complaints.trim().slice(-500);
  return {
    found,
    isLate,
    left:
      (isLate
        ? `it was not done after ${seconds.toFixed(0)} s`
        : `its process ended by ${signal ?? `exit code ${code}`}`) +
      (last && `; it said last: ${last}`),
  };
}
