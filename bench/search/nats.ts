/** Batches a second through NATS, beside workers of this machine, in one run. */
import process from "node:process";
import {
  type Batch,
  type Genome,
  localScorer,
  quadraticProxy,
  type Scorer,
} from "../../search/mod.ts";
import { natsScorer } from "../../search/nats/mod.ts";
import { median } from "./interval.ts";
import { randomPrograms } from "./programs.ts";

/** Programs of a batch. */
const SIZES = [16, 64, 256];
/** Batches that are on their way at a time. */
const AT_A_TIME = 6;
/** Neither a hurdle nor a bound: every program is trained to the end, so that all batches are alike. */
const STOP = { below: -Infinity };

/** Processor seconds of this process and of others, where the system tells. */
function processorSeconds(others: readonly number[]): number {
  const { user, system } = process.cpuUsage();
  const ticks = others.map((pid) => {
    try {
      const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
      return Number(fields[11]) + Number(fields[12]);
    } catch {
      return NaN;
    }
  });
  return (user + system) / 1e6 + ticks.reduce((a, b) => a + b, 0) / 100;
}

/** Batches a second, and a second of a processor. */
async function rate(
  scorer: Scorer,
  batches: readonly Batch[],
  others: readonly number[],
): Promise<readonly [number, number]> {
  const [began, used] = [performance.now(), processorSeconds(others)];
  let next = 0;
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    while (next < batches.length) await scorer.score(batches[next++]);
  }));
  return [
    batches.length / (performance.now() - began) * 1000,
    batches.length / (processorSeconds(others) - used),
  ];
}

/** Starts a server and a worker of so many threads, and prints a table of rates over so many rounds. */
export async function nats(rounds: number, workers: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  const port = 20_000 + Deno.pid % 10_000;
  const servers = `nats://127.0.0.1:${port}`;
  const quiet = { stdout: "null", stderr: "inherit" } as const;
  const server = new Deno.Command("nats-server", {
    args: ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", folder],
    ...{ stdout: "null", stderr: "null" },
  }).spawn();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const cli = new URL("../../cli.ts", import.meta.url).href;
  const worker = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", cli, "worker", "--nats", servers, "--workers", String(workers)],
    ...quiet,
  }).spawn();
  const local = localScorer({ workers });
  const far = await natsScorer({ servers, size: 256 });
  const tasks = quadraticProxy(2);
  const programs = randomPrograms(1 << 20);
  // No program is scored twice on the same setting: what is known would cost nothing.
  const draw = (size: number): Batch => ({
    setting,
    candidates: Array.from({ length: size }, () => ({
      genome: programs.next().value as Genome,
      stop: STOP,
    })),
  });
  const setting = { tasks };
  try {
    const others = [server.pid, worker.pid];
    for (const scorer of [local, far]) await rate(scorer, [16, 16, 16].map(draw), others);
    console.log(
      `${workers} worker threads on ${navigator.hardwareConcurrency} cores, ${AT_A_TIME} batches ` +
        `at a time, median of ${rounds} rounds in turn:\n`,
    );
    console.log(
      "| programs a batch | batches a second: local | NATS | share |" +
        " a processor second: local | NATS | share |",
    );
    console.log(`|${" ---: |".repeat(7)}`);
    for (const size of SIZES) {
      const count = Math.max(AT_A_TIME, Math.round(2048 / size));
      const pairs: (readonly [here: readonly number[], there: readonly number[]])[] = [];
      for (let i = 0; i < rounds; i++) {
        const batches = Array.from({ length: count }, () => draw(size));
        pairs.push([await rate(local, batches, others), await rate(far, batches, others)]);
      }
      const cells = [0, 1].flatMap((which) => [
        median(pairs.map(([here]) => here[which])).toFixed(1),
        median(pairs.map(([, there]) => there[which])).toFixed(1),
        `${(100 * median(pairs.map(([a, b]) => b[which] / a[which]))).toFixed(0)} %`,
      ]);
      console.log(`| ${size} | ${cells.join(" | ")} |`);
    }
  } finally {
    await far.close();
    await local.close();
    worker.kill("SIGTERM");
    await worker.status;
    server.kill("SIGTERM");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  }
}
