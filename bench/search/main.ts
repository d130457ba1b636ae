/**
 * What the search is held to, by name: `engine` (rates, and that pruning and caches change nothing),
 * `exact` (exact rules keep every bit), `recovery` (planted rules found again), `discovery` (searches
 * beside their baselines), `curves` (how many programs are known, and how many statements do nothing,
 * against programs made), `kill` (a run that is killed again and again), `faults` (the same
 * search by whatever trains it and whatever befalls it: writes results), `transfer` (whether what is found on
 * cheap tasks holds on dear ones: writes results and a page), `charlm` (how many character transformers are
 * trained a minute), `nats` (batches through a NATS server beside local workers),
 * `libraries` (how long expressions to repair with take). Each prints Markdown; `recovery` keeps it as well.
 */
import { paperFunctions } from "../../search/mod.ts";
import { argumentsOf, type Given, type Kinds, oneOf, read, someOf, whole } from "../options.ts";
import { charlm } from "./charlm.ts";
import { curves } from "./curves.ts";
import { discovery } from "./discovery.ts";
import { engine } from "./engine.ts";
import { exact } from "./exact.ts";
import { libraries } from "./libraries.ts";
import { faults } from "./faults.ts";
import { kill } from "./kill.ts";
import { nats } from "./nats.ts";
import { ENGINES, PLANTED } from "./planted.ts";
import { recoveries } from "./recoveries.ts";
import { transfer } from "./transfer/main.ts";

const HELP = `deno task bench:search NAME [arguments]

  engine [programs]
  exact [programs]
  recovery [seeds] [trained] [rules] [first seed] [engines]
  discovery [seeds] [trained] [functions left out]
  curves [seeds] [programs]
  kill [times]
  faults [trained]
  transfer [seeds] [trained]
  charlm [trainings]
  nats [rounds] [workers]
  libraries [size]`;

/** A search by its name: its arguments in turn, and what it does with them. */
const tasks: Readonly<Record<string, (words: readonly string[]) => unknown>> = {
  engine: told({ programs: whole() }, ({ programs }) => engine(programs ?? 100_000)),
  exact: told({ programs: whole() }, ({ programs }) => exact(programs ?? 100_000)),
  recovery: told({
    seeds: whole(),
    trained: whole(),
    rules: someOf(oneOf(Object.keys(PLANTED))),
    "first seed": whole(0),
    engines: someOf(oneOf(Object.keys(ENGINES))),
  }, (given) => {
    const { seeds = 10, trained = 40_000, rules, engines } = given;
    return recoveries(seeds, trained, rules, given["first seed"], engines);
  }),
  discovery: told({
    seeds: whole(),
    trained: whole(),
    "functions left out": someOf(oneOf(Object.keys(paperFunctions))),
  }, (given) => {
    const { seeds = 10, trained = 25_000 } = given;
    return discovery(seeds, trained, given["functions left out"]);
  }),
  curves: told(
    { seeds: whole(), programs: whole() },
    ({ seeds, programs }) => curves(seeds ?? 5, programs ?? 300_000),
  ),
  kill: told({ times: whole() }, ({ times }) => kill(times ?? 20)),
  faults: told({ trained: whole() }, ({ trained }) => faults(trained ?? 5000)),
  transfer: told(
    { seeds: whole(), trained: whole() },
    ({ seeds, trained }) => transfer(seeds ?? 10, trained ?? 50),
  ),
  charlm: told({ trainings: whole() }, ({ trainings }) => charlm(trainings ?? 5)),
  nats: told(
    { rounds: whole(), workers: whole() },
    ({ rounds, workers }) => nats(rounds ?? 5, workers ?? 2),
  ),
  libraries: told({ size: whole(3) }, ({ size }) => libraries(size ?? 5)),
};
const [name = "--help", ...words] = Deno.args;
if (/^(--help|-h)$/.test(name)) console.log(HELP);
else await tasks[read(HELP, "NAME", oneOf(Object.keys(tasks)), name)](words);

function told<Of extends Kinds>(kinds: Of, run: (given: Given<Of>) => unknown) {
  return (words: readonly string[]) =>
    run(argumentsOf(`deno task bench:search ${name}`, kinds, words));
}
