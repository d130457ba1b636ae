/**
 * A search in a process of its own, which may be killed: it says a line after every window of births, and in the end
 * all that it found. Its argument says in JSON where it trains and where its checkpoint is.
 */
import { fileCheckpoint, localScorer, quadraticProxy, search } from "../../search/mod.ts";
import { natsCheckpoint, natsScorer } from "../../search/nats/mod.ts";

/** Where a search runs. */
export interface Told {
  readonly trained: number;
  /** Threads here, unless there are servers. */
  readonly workers?: number;
  /** The address of a NATS server. */
  readonly servers?: string;
  /** The run on the server, or the path of a file. */
  readonly checkpoint?: string;
}

if (import.meta.main) {
  const { trained, workers = 2, servers, checkpoint }: Told = JSON.parse(Deno.args[0]);
  const kept = servers !== undefined && checkpoint !== undefined
    ? await natsCheckpoint({ servers, run: checkpoint })
    : undefined;
  const store = kept ?? (checkpoint === undefined ? undefined : fileCheckpoint(checkpoint));
  const scorer = servers === undefined ? localScorer({ workers }) : await natsScorer({ servers });
  const events = search({
    tasks: quadraticProxy(2),
    budget: { trained },
    seed: 5,
    window: 100,
    scorer,
    restart: { patience: 5000, from: "best" },
    hurdle: { share: 0.25, quantile: 0.1 },
    tune: { evaluations: 8 },
    ...(store && { checkpoint: { store, every: 2 } }),
  });
  for await (const event of events) {
    if (event.type === "progress") console.log("window");
    else {
      const told = (_: string, value: unknown) => value === -Infinity ? "-inf" : value;
      console.log(JSON.stringify(event.result, told));
    }
  }
  await kept?.close();
  await scorer.close();
}
