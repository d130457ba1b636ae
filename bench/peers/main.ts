/**
 * Steps the same parameters by the same rules in Gradus, C, torch and XLA, in turn, and prints how long each takes
 * as a ratio to Gradus, with its spread.
 */
import { Absent } from "../contestant.ts";
import { type Budget, median } from "../measure.ts";
import {
  checkout,
  fileName,
  oneOf,
  optionsOf,
  partsOf,
  positive,
  read,
  someOf,
  text,
  whole,
} from "../options.ts";
import { machine, today, writeResult } from "../record.ts";
import { type Cell, cellsOf, type Form, FORMS, type RuleName, RULES } from "./cells.ts";
import { compete, type Missing, ratioOf } from "./compete.ts";
import { type Contestant, contestants } from "./contestants.ts";
import { Peer } from "./peer.ts";
import { type Figure, type PeersRun, report } from "./report.ts";

const HELP = `deno task bench:peers [options]

  --rules lion,adamw    of ${Object.keys(RULES).join(", ")}
                        (by default all but muon)
  --forms steady,fresh  of ${Object.keys(FORMS).join(", ")}
                        (by default all but gpt2)
  --sizes 1e3,4e6       numbers of parameters, of the forms that have none of their own
                        (by default 1e3 to 1e8, as far as memory goes)
  --contestants torch   only those that others are held to, what is beside them, and contestants
                        whose name contains one of these
  --threads 2           threads of those that take more than one
  --rounds 7            rounds that there are at least
  --seconds 3           time for the rounds of each cell; slow ones take longer
  --minutes 15          time for all of it: cells that do not fit are left out and named, the largest
                        first (by default as long as it takes)
  --beside DIR          another checkout of Gradus takes part
  --name peers          writes bench/results/<date>-<name>.json and .md; by default "peers", or
                        "peers-part" where something was left out

GRADUS_PYTHON names the Python interpreter that has torch, jax or onnxruntime; by default
it is python3.`;

const given = optionsOf(HELP, {
  rules: someOf(oneOf(Object.keys(RULES) as RuleName[])),
  forms: someOf(oneOf(Object.keys(FORMS) as Form[])),
  sizes: someOf(whole()),
  contestants: text,
  threads: whole(),
  rounds: whole(),
  seconds: positive,
  minutes: positive,
  beside: checkout,
  name: fileName,
});
const rules = given.rules ?? (Object.keys(RULES) as RuleName[]).filter((rule) => rule !== "muon");
const forms = given.forms ?? (Object.keys(FORMS) as Form[]).filter((form) => form !== "gpt2");
const { sizes = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8], beside } = given;
const budget: Budget = {
  seconds: given.seconds ?? 3,
  sampleMilliseconds: 20,
  warmMilliseconds: 60,
  leastRounds: given.rounds ?? 7,
};
const everyone = chosenOf(contestants({ threads: given.threads ?? 2, beside }));
// Those that take longest come last.
const cells = forms.flatMap((form) => rules.flatMap((rule) => cellsOf(rule, form, sizes)))
  .sort((a, b) => a.size - b.size);

const started = performance.now();
const folder = await Deno.makeTempDir({ prefix: "gradus-peers-" });
const figures: Figure[] = [];
const missing: Missing[] = [];
const hellos: Record<string, string> = {};
const left: Record<string, string> = {};
const loads = [Deno.loadavg()[0]];
const peers = new Map<string, Peer>();
try {
  const end = started + 60e3 * (given.minutes ?? Infinity);
  let last = { size: 1, took: 0 };
  for (const cell of cells) {
    const begun = performance.now();
    if (begun + last.took * Math.max(1, cell.size / last.size) > end) {
      missing.push({ name: "all", cell, reason: `${given.minutes} minutes do not do for it` });
      continue;
    }
    console.error(`${RULES[cell.rule].title}, ${cell.form}, ${cell.size.toLocaleString("en")}`);
    await measureCell(cell);
    loads.push(Deno.loadavg()[0]);
    last = { size: cell.size, took: performance.now() - begun };
  }
} finally {
  for (const peer of peers.values()) await peer.end();
  await Deno.remove(folder, { recursive: true });
}
const isPart = (["rules", "forms", "sizes", "contestants"] as const)
  .some((option) => given[option] !== undefined);
const run: PeersRun = {
  name: given.name ?? (isPart ? "peers-part" : "peers"),
  date: today(),
  command: ["deno task bench:peers", ...Deno.args].join(" "),
  machine: machine(),
  loads,
  contestants: hellos,
  left,
  figures,
  missing,
};
console.log(report(run));
const written = [
  await writeResult(run.name, "json", JSON.stringify(run, null, 2) + "\n"),
  await writeResult(run.name, "md", report(run)),
];
console.log(`Written: ${written.join(", ")}`);

/** Lets everyone step a cell. */
async function measureCell(cell: Cell): Promise<void> {
  const lanes = [];
  for (const contestant of everyone) {
    const peer = await running(contestant);
    if (peer !== undefined) lanes.push({ name: contestant.name, peer, cell });
  }
  const found = await compete(lanes, budget, folder);
  missing.push(...found.missing);
  for (const timed of found.timed) {
    const { against } = everyone.find(({ name }) => name === timed.name)!;
    const reference = found.timed.find(({ name }) => name === against);
    figures.push({
      ...cell,
      contestant: timed.name,
      median: median(timed.wall),
      least: Math.min(...timed.wall),
      ...(reference === undefined ? {} : { against, ratio: ratioOf(timed, reference) }),
      rounds: timed.wall.length,
      steps: timed.steps,
      difference: timed.difference,
    });
  }
}

/** The process of a contestant, begun anew if it has ended; nothing if it cannot run. */
async function running(contestant: Contestant): Promise<Peer | undefined> {
  const { name } = contestant;
  const known = peers.get(name);
  if (Object.hasOwn(left, name)) return undefined;
  if (known !== undefined && !known.isEnded) return known;
  const peer = await Peer.start(await contestant.start(folder));
  if (peer instanceof Absent) {
    left[name] = peer.reason;
    return undefined;
  }
  hellos[name] = peer.hello;
  peers.set(name, peer);
  return peer;
}

/** Those that are chosen; with them those that they are held to, and what is beside them. */
function chosenOf(everyone: readonly Contestant[]): readonly Contestant[] {
  if (given.contestants === undefined) return everyone;
  const names = read(
    HELP,
    "--contestants",
    partsOf(everyone.map(({ name }) => name)),
    given.contestants,
  );
  return everyone.filter(({ name, against }) =>
    names.includes(name) || name === against ||
    (beside !== undefined && name.endsWith(beside))
  );
}
