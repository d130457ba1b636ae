/**
 * What matrix optimizers are worth on small networks: AdamW, Muon, SOAP and Shampoo from the same weights on the same
 * batches of digits, tuned by the same trials; steps and seconds to a held-out loss.
 */
import { fileName, oneOf, optionsOf, someOf, such, whole } from "../options.ts";
import { machine, today, writeResult } from "../record.ts";
import { CONTESTANTS, RATES, SETTINGS } from "./contestants.ts";
import { BATCH, gradientsOf, loadData, NETWORKS } from "./networks.ts";
import { EVERY, race, type Run } from "./race.ts";
import { type Outcome, tableOf } from "./table.ts";
import { type Trials, tune } from "./tune.ts";

const HELP = `deno task bench:matrices [options]

  --networks mlp,cnn      only these
  --steps 240             how many steps a run has
  --seeds 5               how many fresh seeds; an odd number
  --name matrices         writes bench/results/<date>-<name>.json and .md`;

/** The held-out losses to be reached. */
const TARGETS: Readonly<Record<string, number>> = { mlp: 0.35, cnn: 0.35 };
/** The seed that settings are chosen by; fresh ones follow. */
const CHOOSING = 1;

const given = optionsOf(HELP, {
  networks: someOf(oneOf(Object.keys(NETWORKS))),
  steps: whole(),
  seeds: such(whole(), "an odd number", (count) => count % 2 === 1),
  name: fileName,
});
const { networks = Object.keys(NETWORKS), steps = 240, seeds = 5, name = "matrices" } = given;
const data = loadData();
const begun = performance.now();
const loads = [Deno.loadavg()[0]];
const results: (Outcome & { readonly trials: Trials })[] = [];
for (const key of networks) {
  results.push(await compete(key));
  loads.push(Deno.loadavg()[0]);
}
const command = ["deno task bench:matrices", ...Deno.args].join(" ");
const { processor, cores, deno } = machine();
const minutes = (performance.now() - begun) / 60e3;
const text = `# Matrix optimizers on small networks

\`${command}\` on ${today()}: ${processor}, ${cores} cores, Deno ${deno}, ${
  minutes.toFixed(1)
} minutes.
The machine's load was ${loads.map((load) => load.toFixed(1)).join(", ")}: ${
  Math.max(...loads) > Number(cores)
    ? "others ran on it, so seconds are ratios within this run and no more."
    : "it was quiet."
}

Digits of 8 x 8, batches of ${BATCH}, a constant learning rate, no weight decay, one thread. Each optimizer was tried
with the same ${SETTINGS.length} settings, rates from ${RATES[0]} to ${
  RATES.at(-1)
}, each twice the one before, and momenta of
0.9 and 0.95, on one seed and 1,000 images. The setting that reached the loss first ran on ${seeds} fresh seeds, held
against 1,000 other images every ${EVERY} steps: medians, and least to most. Optimizers take turns step by step. Bases of SOAP
and roots of Shampoo are computed every 10 steps, as is their default. Weights of layers are matrices, kernels are
(inputs x places) by outputs; biases go to Adam.

Times are of the processor, medians of the runs' means; seconds are of as many steps and gradients as the loss takes.
"Pays from" is how long gradients must take for fewer steps to make up for slower ones, beside AdamW.
${results.map((each) => `\n${tableOf(each)}\n`).join("")}`;
console.log(text);
const record = { name: name, date: today(), machine: machine(), command, loads, results };
for (
  const [extension, written] of [["json", JSON.stringify(record, null, 2) + "\n"], [
    "md",
    text,
  ]] as const
) {
  console.log(`Written: ${await writeResult(name, extension, written)}`);
}
// ONNX Runtime would keep the process.
Deno.exit(0);

/** Tunes on one seed, and runs the chosen settings on fresh ones. */
async function compete(key: string): Promise<Outcome & { readonly trials: Trials }> {
  const [network, target] = [NETWORKS[key], TARGETS[key]];
  const trainer = await gradientsOf(network);
  const course = { network, trainer, train: data.train, steps, target };
  console.error(`${network.name}: tuning`);
  const trials = await tune({ ...course, heldOut: data.chosenBy, seed: CHOOSING });
  const names = Object.keys(CONTESTANTS);
  const optimizers = names.map((name) => CONTESTANTS[name](trials[name][0], network.matrices));
  const runs: Run[][] = names.map(() => []);
  for (let i = 1; i <= seeds; i++) {
    console.error(`${network.name}: seed ${i} of ${seeds}`);
    const seed = CHOOSING + i;
    const made = await race(optimizers, { ...course, heldOut: data.heldOut, seed, stops: false });
    made.forEach((run, lane) => runs[lane].push(run));
  }
  await trainer.dispose();
  const settingOf = (name: string) => {
    const [{ learningRate, momentum }] = trials[name];
    return { learningRate, momentum };
  };
  const parameters = Object.values(network.params(CHOOSING))
    .reduce((count, { data }) => count + data.length, 0);
  return {
    network: network.name,
    parameters,
    target,
    steps,
    contestants: Object.fromEntries(
      names.map((name, i) => [name, { setting: settingOf(name), runs: runs[i] }]),
    ),
    trials,
  };
}
