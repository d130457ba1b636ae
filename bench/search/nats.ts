/** Batches a second through NATS, beside workers of this machine, in one run. */
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

/** Batches a second. */
async function rate(scorer: Scorer, batches: readonly Batch[]): Promise<number> {
  const began = performance.now();
  let next = 0;
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    while (next < batches.length) await scorer.score(batches[next++]);
  }));
  return batches.length / (performance.now() - began) * 1000;
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
    for (const scorer of [local, far]) await rate(scorer, [16, 16, 16].map(draw));
    console.log(
      `${workers} worker threads on ${navigator.hardwareConcurrency} cores, ${AT_A_TIME} batches ` +
        `at a time, median of ${rounds} rounds in turn:\n`,
    );
    console.log("| programs a batch | local, batches/s | NATS, batches/s | NATS / local |");
    console.log("| ---: | ---: | ---: | ---: |");
    for (const size of SIZES) {
      const count = Math.max(AT_A_TIME, Math.round(2048 / size));
      const rates: [number, number][] = [];
      for (let i = 0; i < rounds; i++) {
        const batches = Array.from({ length: count }, () => draw(size));
        rates.push([await rate(local, batches), await rate(far, batches)]);
      }
      const [here, there, share] = [
        median(rates.map(([a]) => a)),
        median(rates.map(([, b]) => b)),
        median(rates.map(([a, b]) => b / a)),
      ];
      console.log(
        `| ${size} | ${here.toFixed(1)} | ${there.toFixed(1)} | ${(100 * share).toFixed(0)} % |`,
      );
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
