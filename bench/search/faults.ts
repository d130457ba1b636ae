/** The same search by whatever trains it and whatever befalls it: what it found, as a hash of all of it. */
import { digestOf } from "../../dsl/digest.ts";
import { hosts, TestServer, TestWorker } from "../../tests/search/nats_server.ts";
import { writeResult } from "../record.ts";
import { type Ended, StartedSearch } from "./started.ts";

/** A line of the table. */
interface Row {
  readonly by: string;
  readonly fault: string;
  readonly digest: string;
  readonly seconds: number;
}

/** What befalls a search over NATS at the end of a window of births. */
type Faults = (over: Over) => Readonly<Record<number, () => unknown>>;

/** A search over NATS, and all that it needs. */
interface Over {
  readonly server: TestServer;
  readonly workers: TestWorker[];
  /** Cuts the link to the first worker's host, or mends it. */
  readonly cut: (isCut: boolean) => Promise<void>;
  /** The address of the server. */
  readonly servers: string;
  /** Kills the coordinator; another goes on. */
  readonly killCoordinator: () => void;
  /** Starts a second coordinator of the same run. */
  readonly startSecond: () => void;
}

/** Runs the searches, with so many programs trained by each, and writes the table. */
export async function faults(trained: number): Promise<void> {
  const rows: Row[] = [];
  const add = async (by: string, fault: string, run: () => Promise<string>) => {
    const began = performance.now();
    const digest = digestOf(await run());
    rows.push({ by, fault, digest, seconds: (performance.now() - began) / 1000 });
    console.error(by, fault, digest, rows[rows.length - 1].seconds.toFixed(0));
  };
  for (const workers of [0, 1, 2, 7]) {
    const by = workers === 0 ? "this thread" : `${workers} local worker${workers > 1 ? "s" : ""}`;
    await add(by, "nothing", () => whole(new StartedSearch({ trained, workers })));
  }
  const network = await hosts();
  const where = network === undefined ? "" : ", on hosts of their own";
  const none: Faults = () => ({});
  const cases: readonly (readonly [workers: number, fault: string, faults: Faults])[] = [
    [2, "nothing", none],
    [7, "nothing", none],
    [2, "a worker is killed", ({ workers }) => ({ 4: () => workers[0].end("SIGKILL") })],
    [2, "the server is killed and started again", ({ server }) => ({
      4: async () => {
        await server.kill();
        await server.start();
      },
    })],
    [2, "the coordinator is killed, and another goes on", ({ killCoordinator }) => ({
      6: killCoordinator,
    })],
    [2, "a second coordinator takes up the run, and one is fenced off", ({ startSecond }) => ({
      4: startSecond,
    })],
    ...(network === undefined ? [] : [
      [2, "the link of a worker's host is cut, and mended", ({ cut }: Over) => ({
        4: () => cut(true),
        8: () => cut(false),
      })] as const,
    ]),
    [2, "all of it, one after the other", ({ server, workers, killCoordinator, servers }) => ({
      2: () => workers[0].end("SIGKILL"),
      4: async () => {
        await server.kill();
        await server.start();
      },
      5: () => workers.push(new TestWorker(servers, network?.names[0])),
      7: killCoordinator,
      // Those of the one that goes on are counted from 1 again.
      8: () => workers[1].end("SIGKILL"),
    })],
  ];
  try {
    for (const [count, fault, made] of cases) {
      await add(
        `${count} workers over NATS${where}`,
        fault,
        () => overNats(trained, count, made, network),
      );
    }
  } finally {
    await network?.close();
  }
  const digests = new Set(rows.map(({ digest }) => digest));
  const same = digests.size === 1
    ? "All found the same, bit for bit."
    : `THEY DIFFER: there are ${digests.size} results.`;
  const text = [
    "# The same search, whatever trains it and whatever befalls it",
    `\`deno task bench:search faults ${trained}\``,
    `Each is a search on two quadratics with heavy tails, until ${trained} programs are trained, with window 100, ` +
    "early stops, restarts and tuned constants. A digest is a hash of all that was found: counts, front, hall of " +
    "fame, curve, and every lineage and score in them. Faults come at the end of chosen windows of births, and " +
    "scores are known by nobody before.",
    `**${same}**`,
    [
      "| trained by | what happens | digest | seconds |",
      "| --- | --- | --- | ---: |",
      ...rows.map(({ by, fault, digest, seconds }) =>
        `| ${by} | ${fault} | \`${digest}\` | ${seconds.toFixed(0)} |`
      ),
    ].join("\n"),
  ].join("\n\n");
  console.log(await writeResult("search-faults", "md", `${text}\n`));
  console.log(text);
  if (digests.size > 1) Deno.exit(1);
}

/** What a search found. */
async function whole(run: StartedSearch): Promise<string> {
  const { result, complaint } = await run.ended;
  if (result === undefined) throw new Error(`a search failed: ${complaint}`);
  return result;
}

/** What the one found that went on, of two of which the other was fenced off. */
function fencedOff(both: readonly Ended[]): string {
  const [end, other] = both[0].result === undefined ? both.toReversed() : both;
  if (end.result !== undefined && other.complaint.includes("another search goes on with it")) {
    return end.result;
  }
  throw new Error(`of two coordinators none was fenced off: ${both.map((each) => each.complaint)}`);
}

/** What a search over NATS found, with workers in processes of their own. */
async function overNats(
  trained: number,
  count: number,
  made: Faults,
  network: Awaited<ReturnType<typeof hosts>>,
): Promise<string> {
  const server = await new TestServer({ address: network?.address }).start();
  const { servers } = server;
  const workers = Array.from(
    { length: count },
    (_, i) => new TestWorker(servers, network?.names[i % network.names.length]),
  );
  const told = { trained, servers, checkpoint: "faults" };
  let coordinator: StartedSearch;
  let second: StartedSearch | undefined;
  const pending = new Map(
    Object.entries(made({
      server,
      workers,
      servers,
      cut: async (isCut) => await network?.cut(network.names[0], isCut),
      killCoordinator: () => coordinator.kill(),
      startSecond: () => second = new StartedSearch(told),
    })),
  );
  const window = async (count: number) => {
    const fault = pending.get(String(count));
    pending.delete(String(count));
    await fault?.();
  };
  try {
    for (;;) {
      coordinator = new StartedSearch(told, window);
      const { result, complaint } = await coordinator.ended;
      if (second !== undefined) return fencedOff([await coordinator.ended, await second.ended]);
      if (result !== undefined) {
        if (pending.size > 0) throw new Error(`it was over before ${[...pending.keys()]}`);
        return result;
      }
      if (complaint !== "") throw new Error(complaint);
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.end("SIGKILL")));
    await server.close();
  }
}
