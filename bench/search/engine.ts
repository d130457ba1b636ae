/** Rates of the engine, and that neither pruning nor a cache changes a bit. */
import process from "node:process";
import {
  analyse,
  type Analysis,
  Evaluator,
  type Genome,
  parseGenome,
  printGenome,
  Prober,
  quadraticProxy,
} from "../../search/mod.ts";
import { unpruned } from "../../search/analysis/structure.ts";
import { Machine } from "../../search/machine/machine.ts";
import { Pack } from "../../search/machine/pack.ts";
import { updatesOf } from "../../search/machine/replay.ts";
import { adamw, paper, randomPrograms } from "./programs.ts";

const STEPS = 20;

/** Processor seconds of this process. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs and says how often a second of a processor it did so. */
function rate(count: number, run: () => void): string {
  const began = processorSeconds();
  run();
  return Math.round(count / (processorSeconds() - began)).toLocaleString("en").replaceAll(",", " ");
}

/** Makes so many programs, and checks and times what is done with them. */
export async function engine(count: number): Promise<void> {
  const genomes: Genome[] = [];
  const analyses: Analysis[] = [];
  const made = rate(count, () => {
    for (const genome of randomPrograms(count)) {
      genomes.push(genome);
      analyses.push(analyse(paper, genome));
    }
  });
  console.log(
    `Of ${count} random programs, mutated from AdamW, on ${navigator.hardwareConcurrency} cores`,
  );
  console.log("(rates are per second of one processor):\n");
  const mean = (length: (analysis: Analysis) => number) =>
    (analyses.reduce((sum, each) => sum + length(each), 0) / count).toFixed(1);
  console.log(
    `- mutated, typed, hashed and pruned: ${made}; ${
      mean(({ genome }) => genome.length)
    } statements, ` +
      `${mean(({ live }) => live.length)} of them live`,
  );

  const reread =
    genomes.filter((genome, i) =>
      analyse(paper, parseGenome(paper, printGenome(paper, genome))).key !== analyses[i].key
    ).length;
  console.log(`- hashes that printing and parsing changed: ${reread}`);

  const lr = Float64Array.from({ length: STEPS }, (_, step) => 1 / (1 + step));
  const pack = new Pack(new Machine(), { lr, lengths: [16], isReplay: true });
  for (let step = 0; step < STEPS; step++) {
    pack.tensorsAt(pack.w, step)[0].forEach((_, i, w) => w[i] = Math.sin(i + 0.3 * step));
    pack.tensorsAt(pack.g, step)[0].forEach((_, i, g) => g[i] = Math.tan(1.7 * i + step));
  }
  const bits = (analysis: Analysis) => {
    const updates = updatesOf(paper, analysis, pack);
    return Array.from(
      new Int32Array(updates.buffer, updates.byteOffset, updates.length),
      (word, i) => Number.isNaN(updates[i]) ? 0x7fc00000 : word,
    ).join();
  };
  const known = new Map<string, string>();
  let [differing, structuralHits, structuralMisses] = [0, 0, 0];
  for (const analysis of analyses) {
    const pruned = bits(analysis);
    if (bits(unpruned(paper, analysis)) !== pruned) differing++;
    const before = known.get(analysis.key);
    known.set(analysis.key, pruned);
    if (before === undefined) continue;
    structuralHits++;
    if (before !== pruned) structuralMisses++;
  }
  console.log(`- pruned and raw that differ in a bit over ${STEPS} steps: ${differing}`);
  console.log(
    `- structural hits run again: ${structuralHits}, of which ${structuralMisses} differ`,
  );

  const distinct = [...new Map(analyses.map((each) => [each.key, each])).values()];
  const prober = new Prober(paper);
  const prints: string[] = [];
  const probed = rate(distinct.length, () => {
    for (const each of distinct) prints.push(prober.fingerprint(each));
  });
  const evaluator = await Evaluator.of(paper, quadraticProxy(2));
  const first = analyse(paper, adamw);
  for (let i = 0; i < 500; i++) evaluator.evaluate(first);
  const adamwRate = rate(2000, () => {
    for (let i = 0; i < 2000; i++) evaluator.evaluate(first);
  });
  const scores: string[] = [];
  const trained = rate(distinct.length, () => {
    for (const each of distinct) scores.push(evaluator.evaluate(each).scores.join());
  });
  const byPrint = new Map<string, string>();
  let [probeHits, probeMisses] = [0, 0];
  distinct.forEach((_, i) => {
    const before = byPrint.get(prints[i]);
    if (before === undefined) byPrint.set(prints[i], scores[i]);
    else {
      probeHits++;
      if (before !== scores[i]) probeMisses++;
    }
  });
  console.log(`- distinct structures: ${distinct.length}; fingerprints of them: ${byPrint.size}`);
  console.log(
    `- fingerprint hits trained all the same: ${probeHits}, of which ${probeMisses} score otherwise`,
  );
  const sound = scores.filter((text) => text !== "").length;
  console.log(`- fingerprints: ${probed}`);
  console.log(
    `- trained on two quadratics of 64 elements, 300 steps, 2 seeds: AdamW ${adamwRate}; ` +
      `all distinct ones ${trained}, ${
        (100 * sound / distinct.length).toFixed(0)
      } % of them to the end`,
  );
}
