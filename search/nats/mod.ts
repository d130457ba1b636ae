/**
 * Searches on as many machines as there are, over NATS JetStream: {@linkcode natsScorer} hands programs to
 * workers, {@linkcode serveNats} is a worker, {@linkcode natsCheckpoint} keeps runs that any machine can go
 * on with. Whatever workers there are, come and go, the same seed gives the same run.
 *
 * @example
 * ```ts ignore
 * import { quadraticProxy, searched } from "@gradus/gradus/search";
 * import { natsCheckpoint, natsScorer } from "@gradus/gradus/search/nats";
 *
 * const nats = { servers: "nats://queue.example:4222", creds: "search.creds" };
 * const scorer = await natsScorer(nats);
 * const store = await natsCheckpoint({ ...nats, run: "heavy-1" });
 * const options = { tasks: quadraticProxy(2), budget: { trained: 40_000 }, window: 512 };
 * const { best } = await searched({ ...options, scorer, checkpoint: { store } });
 * ```
 *
 * @module
 */
export { type NatsCheckpoint, natsCheckpoint, type NatsCheckpointOptions } from "./checkpoint.ts";
export type { NatsOptions } from "./options.ts";
export { natsScorer, type NatsScorerOptions } from "./scorer.ts";
export { serveNats, type ServeNatsOptions } from "./serve.ts";
