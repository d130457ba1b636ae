/**
 * What the search is held to, by name: `engine` (rates, and that pruning and caches change nothing),
 * `exact` (exact rules keep every bit), `recovery` (planted rules found again), `discovery` (searches
 * beside their baselines), `curves` (how many programs are known, and how many statements do nothing,
 * against programs made), `kill` (a run that is killed again and again), `faults` (the same
 * search by whatever trains it and whatever befalls it: writes results), `transfer` (whether what is found on
 * cheap tasks holds on dear ones: writes results and a page), `charlm` (how many character transformers are
 * trained a minute), `nats` (batches through a NATS server beside local workers),
 * `libraries` (how long expressions to repair with take). Each prints Markdown; `recovery` keeps it as well.
 *
 *   deno task bench:search engine [programs]
 *   deno task bench:search exact [programs]
 *   deno task bench:search recovery [seeds] [trained] [rules] [first seed] [engines]
 *   deno task bench:search discovery [seeds] [trained] [functions left out]
 *   deno task bench:search curves [seeds] [programs]
 *   deno task bench:search kill [times]
 *   deno task bench:search faults [trained]
 *   deno task bench:search transfer [seeds] [trained]
 *   deno task bench:search charlm [trainings]
 *   deno task bench:search nats [rounds] [workers]
 *   deno task bench:search libraries [size]
 */
import { charlm } from "./charlm.ts";
import { curves } from "./curves.ts";
import { discovery } from "./discovery.ts";
import { engine } from "./engine.ts";
import { exact } from "./exact.ts";
import { libraries } from "./libraries.ts";
import { faults } from "./faults.ts";
import { kill } from "./kill.ts";
import { nats } from "./nats.ts";
import { recoveries } from "./recoveries.ts";
import { transfer } from "./transfer/main.ts";

const [name, ...numbers] = Deno.args;
const [first, second] = numbers.map(Number);
const tasks: Readonly<Record<string, () => Promise<void>>> = {
  engine: () => engine(first ?? 100_000),
  exact: () => Promise.resolve(exact(first ?? 100_000)),
  recovery: () =>
    recoveries(
      first ?? 10,
      second ?? 40_000,
      numbers[2]?.split(","),
      Number(numbers[3] ?? 0),
      numbers[4]?.split(","),
    ),
  discovery: () => discovery(first ?? 10, second ?? 25_000, numbers[2]?.split(",")),
  curves: () => curves(first ?? 5, second ?? 300_000),
  kill: () => kill(first ?? 20),
  faults: () => faults(first ?? 5000),
  transfer: () => transfer(first ?? 10, second ?? 50),
  charlm: () => charlm(first ?? 5),
  nats: () => nats(first ?? 5, second ?? 2),
  libraries: () => Promise.resolve(libraries(first ?? 5)),
};
if (!Object.hasOwn(tasks, name ?? "")) {
  console.error(`one of ${Object.keys(tasks).join(", ")} is required`);
  Deno.exit(2);
}
await tasks[name]();
