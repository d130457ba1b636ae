/**
 * Whole training steps, side by side in one run: the same networks from the same weights on the same batch by
 * AdamW, in Gradus, in tfjs and in jax-js. Times of contestants whose losses differ are void.
 */
import type { Budget } from "../measure.ts";
import { fileName, oneOf, optionsOf, partsOf, positive, someOf } from "../options.ts";
import { machine, today, writeResult } from "../record.ts";
import { showRatio, showTime } from "../table.ts";
import { type Cell, compete, type Gap } from "./compete.ts";
import type { Trainer } from "./contestant.ts";
import { gradusOn } from "./gradus.ts";
import { jax } from "./jax.ts";
import { characterGpt, cnn, mlp, type Network } from "./networks.ts";
import { tfjsOn } from "./tfjs.ts";

const HELP = `deno task bench:training [options]

  --networks mlp,gpt      only these
  --contestants tfjs      only contestants whose name contains one of these
  --seconds 20            time for each network; the slow take longer
  --name training         writes bench/results/<date>-<name>.json; by default "training", or
                          "training-part" where something was left out`;

const OURS = "OrtTrainer, wasm, 1 thread";
const FIGURES = ["median", "fastest", "processor"] as const;

/** How many times as fast as others it is to be. */
const TARGETS: readonly (readonly [Network["kind"], contestant: string, ratio: number])[] = [
  ["mlp", "tfjs-wasm", 5],
  ["cnn", "tfjs-wasm", 5],
  ["gpt", "tfjs-wasm", 5],
  ["mlp", jax.name, 1.2],
  ["cnn", jax.name, 30],
  ["gpt", jax.name, 1.8],
];

const everything = [mlp(), cnn(), characterGpt()];
const everyone: readonly Trainer[] = [
  gradusOn("wasm", 1),
  gradusOn("wasm", 2),
  gradusOn("webgpu", 1),
  tfjsOn("wasm"),
  tfjsOn("webgpu"),
  jax,
];
const given = optionsOf(HELP, {
  networks: someOf(oneOf(everything.map(({ kind }) => kind))),
  contestants: partsOf(everyone.map(({ name }) => name)),
  seconds: positive,
  name: fileName,
});
const isPart = given.networks !== undefined || given.contestants !== undefined;
const { seconds = 20 } = given;
const budget: Budget = {
  seconds,
  sampleMilliseconds: 20,
  warmMilliseconds: 200,
  leastRounds: Math.min(7, Math.max(1, Math.round(seconds))),
};
const networks = everything.filter(({ kind }) => given.networks?.includes(kind) ?? true);
const trainers = everyone.filter(({ name }) =>
  name === OURS || (given.contestants?.includes(name) ?? true)
);

const cells: Cell[] = [];
const gaps: Gap[] = [];
const loads = [Deno.loadavg()[0]];
for (const network of networks) {
  const found = await compete(network, trainers, budget);
  cells.push(...found.cells);
  gaps.push(...found.gaps);
  loads.push(Deno.loadavg()[0]);
}
const name = given.name ?? (isPart ? "training-part" : "training");
const command = ["deno task bench:training", ...Deno.args].join(" ");
const run = { name, date: today(), machine: machine(), command, loads, cells, gaps };
console.log(`\n${tableOf()}\n`);
console.log(`Written: ${await writeResult(name, "json", JSON.stringify(run, null, 2) + "\n")}`);
// Some peers keep worker threads that would keep the process.
Deno.exit(0);

function tableOf(): string {
  const lines = networks.flatMap((network) => {
    const own = cells.filter((cell) => cell.network === network.name);
    const ours = own.find(({ contestant }) => contestant === OURS)!;
    return ["", network.name, ...own.map((cell) => row(cell, ours))];
  });
  const reasons = gaps.map(({ network, contestant, reason }) =>
    `- ${contestant}, ${network}: ${reason}`
  );
  return [
    `Time of a training step: median, least, and least on processors, each with how many times as long`,
    `it is as that of ${OURS}`,
    ...lines,
    ...(reasons.length === 0 ? [] : ["", "Absent:", ...reasons]),
    "",
    "Targets, by the same three:",
    ...TARGETS.flatMap(targetLine),
    "",
    `The machine's load was ${
      loads.map((load) => load.toFixed(1)).join(", ")
    } on ${machine().cores} cores.`,
  ].join("\n");
}

function row(cell: Cell, ours: Cell): string {
  const columns = FIGURES.map((key) =>
    showTime(cell[key]).padStart(10) + showRatio(cell[key] / ours[key]).padStart(8)
  );
  return `  ${cell.contestant.padEnd(30)}${columns.join("  ")}`;
}

function targetLine([kind, contestant, ratio]: typeof TARGETS[number]): string[] {
  const network = networks.find((each) => each.kind === kind)?.name;
  const find = (name: string) =>
    cells.find((cell) => cell.network === network && cell.contestant === name);
  const [ours, theirs] = [find(OURS), find(contestant)];
  if (ours === undefined || theirs === undefined) return [];
  const ratios = FIGURES.map((key) => theirs[key] / ours[key]);
  const met = ratios.filter((each) => each >= ratio).length;
  const verdict = met === ratios.length ? "met" : met === 0 ? "missed" : "met by some";
  return [
    `- ${network}: ≥ ${ratio}× ${contestant}: ${ratios.map(showRatio).join(", ")}: ${verdict}`,
  ];
}
