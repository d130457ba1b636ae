/** Measures steppers side by side, so that whatever else the machine does hits all of them alike. */
import process from "node:process";
import type { Stepper } from "./contestant.ts";

/** How much time goes into a cell. */
export interface Budget {
  /** For all rounds of a cell together; slow contestants may exceed it to fill the least rounds. */
  readonly seconds: number;
  /** Each sample is the mean over as many steps as this takes, at least one. */
  readonly sampleMilliseconds: number;
  /** Each stepper runs this long before anything counts, for the compilers behind it. */
  readonly warmMilliseconds: number;
  /** Rounds that there are at least; each gives every stepper one sample. */
  readonly leastRounds: number;
}

/** What a step took, in milliseconds. */
export interface Timing {
  readonly median: number;
  /** The quartiles: half of the samples lie between them. */
  readonly quartiles: readonly [number, number];
  readonly fastest: number;
  /** The least time of the process on processors: all its threads, and nothing that others hold up. */
  readonly processor: number;
  readonly samples: number;
  /** Steps that each sample is the mean of. */
  readonly steps: number;
}

/** Does so many steps and says how many milliseconds they took. */
export type Runner = (steps: number) => Promise<number>;

/** Samples of one runner, a round each. */
export interface Samples {
  /** Steps that each sample is the mean of. */
  readonly steps: number;
  /** Milliseconds of a step. */
  readonly wall: number[];
  /** Milliseconds of a step that this process had processors, all threads together. */
  readonly processor: number[];
}

/** Times all steppers in turn, round by round. */
export async function measure(steppers: readonly Stepper[], budget: Budget): Promise<Timing[]> {
  return (await race(steppers.map((stepper) => (steps) => run(stepper, steps)), budget))
    .map(timingOf);
}

/** Lets all run in turn, round by round: samples of the same number are of the same round. */
export async function race(runners: readonly Runner[], budget: Budget): Promise<Samples[]> {
  if (runners.length === 0) return [];
  const lanes: { readonly runner: Runner; readonly samples: Samples }[] = [];
  for (const runner of runners) {
    const steps = await warmUp(runner, budget);
    lanes.push({ runner, samples: { steps, wall: [], processor: [] } });
  }
  const end = performance.now() + 1000 * budget.seconds;
  for (let round = 0; round < budget.leastRounds || performance.now() < end; round++) {
    // Nobody is always the first, and nobody's first step after the others left him no cache counts.
    const first = round % lanes.length;
    for (const { runner, samples } of [...lanes.slice(first), ...lanes.slice(0, first)]) {
      await runner(1);
      const before = process.cpuUsage();
      samples.wall.push(await runner(samples.steps) / samples.steps);
      const { user, system } = process.cpuUsage(before);
      samples.processor.push((user + system) / 1000 / samples.steps);
    }
  }
  return lanes.map(({ samples }) => samples);
}

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  return quantile(values.toSorted((a, b) => a - b), 0.5);
}

/** Runs until compiled and returns how many steps make a sample. */
async function warmUp(runner: Runner, budget: Budget): Promise<number> {
  const { warmMilliseconds, sampleMilliseconds } = budget;
  let [steps, spent, last] = [1, 0, 0];
  // A run that is shorter than half a sample may be little but the wait for its end.
  for (; spent < warmMilliseconds || last < sampleMilliseconds / 2; steps *= 2) {
    last = await runner(steps);
    spent += last;
  }
  return Math.max(1, Math.round(sampleMilliseconds / (last / (steps / 2))));
}

async function run(stepper: Stepper, steps: number): Promise<number> {
  stepper.prepare?.(steps);
  const start = performance.now();
  for (let i = 0; i < steps; i++) {
    const pending = stepper.step();
    // Awaiting nothing would still cost more than a small step.
    if (pending !== undefined) await pending;
  }
  return performance.now() - start;
}

function timingOf({ wall, processor, steps }: Samples): Timing {
  const sorted = wall.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    fastest: sorted[0],
    processor: Math.min(...processor),
    samples: sorted.length,
    steps,
  };
}

function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * (sorted[Math.ceil(at)] - sorted[low]);
}
