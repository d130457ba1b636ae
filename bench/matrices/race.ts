/** Trains a network by several optimizers side by side: the same weights, the same batches, step by step in turn. */
import process from "node:process";
import type { Optimizer } from "@gradus/gradus";
import type { OrtTrainer } from "@gradus/gradus/ort";
import type { Digits } from "../../examples/digits.ts";
import { batchesOf, examplesOf, type Network } from "./networks.ts";

/** What a race is. */
export interface Course {
  readonly network: Network;
  readonly trainer: OrtTrainer;
  readonly train: Digits;
  readonly heldOut: Digits;
  /** Draws the first weights and the order of the batches. */
  readonly seed: number;
  readonly steps: number;
  /** The held-out loss to be reached. */
  readonly target: number;
  /** Whether whoever has reached it stops there. */
  readonly stops: boolean;
}

/** Seconds by the clock, and those that the process had processors for. */
export interface Seconds {
  readonly clock: number;
  readonly processor: number;
}

/** What became of an optimizer. */
export interface Run {
  /** After how many steps the target was reached; undefined where it was not. */
  readonly reached: number | undefined;
  /** The held-out losses, one every {@linkcode EVERY} steps. */
  readonly losses: readonly number[];
  /** How many steps were made. */
  readonly steps: number;
  /** What all gradients took, and all steps of the optimizer. */
  readonly gradients: Seconds;
  readonly optimizer: Seconds;
}

/** How often the held-out loss is looked at. */
export const EVERY = 5;
/** Steps before the clock runs, for compilers: matrices are taken apart in every tenth. */
const WARM = 11;
/** A loss that nobody comes back from. */
const LOST = 20;

interface Lane {
  readonly optimizer: Optimizer;
  readonly params: Tree;
  readonly state: ReturnType<Optimizer["init"]>;
  readonly losses: number[];
  readonly spent: { readonly gradients: Watch; readonly optimizer: Watch };
  reached: number | undefined;
  steps: number;
  isRunning: boolean;
}

type Tree = Record<string, { readonly data: Float32Array<ArrayBuffer>; readonly shape: number[] }>;

/** Adds up times. */
class Watch {
  #clock = 0;
  #processor = 0;

  async time<T>(work: () => T | Promise<T>): Promise<T> {
    const [begun, before] = [performance.now(), process.cpuUsage()];
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    this.#clock += (performance.now() - begun) / 1e3;
    this.#processor += (user + system) / 1e6;
    return result;
  }

  get seconds(): Seconds {
    return { clock: this.#clock, processor: this.#processor };
  }
}

/** Lets all optimizers run the course; gives what became of each, in their order. */
export async function race(optimizers: readonly Optimizer[], course: Course): Promise<Run[]> {
  const { network, trainer, steps } = course;
  const heldOut = examplesOf(network, course.heldOut);
  const lanes = optimizers.map((optimizer) => laneOf(optimizer, course));
  const batches = batchesOf(network, course.train, course.seed);
  for (let step = 1; step <= steps && lanes.some(({ isRunning }) => isRunning); step++) {
    const batch = batches.next().value!;
    // Nobody is always the first.
    const first = step % lanes.length;
    for (const lane of [...lanes.slice(first), ...lanes.slice(0, first)]) {
      if (!lane.isRunning) continue;
      const { optimizer, params, state, spent } = lane;
      await trainer.setParams(params);
      const { gradients } = await spent.gradients.time(() => trainer.gradients({ ...batch }));
      await spent.optimizer.time(() => optimizer.step(params, gradients, state));
      lane.steps = step;
      if (step % EVERY !== 0) continue;
      await trainer.setParams(params);
      const { loss } = await trainer.evaluate({ ...heldOut }, ["loss"]);
      look(lane, Number(loss.data[0]), course);
    }
  }
  return lanes.map(({ spent, reached, losses, steps }) => ({
    reached,
    losses,
    steps,
    gradients: spent.gradients.seconds,
    optimizer: spent.optimizer.seconds,
  }));
}

function laneOf(given: Optimizer, { network, seed }: Course): Lane {
  const optimizer = given.with({ threads: 1 });
  const paramsOf = (): Tree =>
    Object.fromEntries(
      Object.entries(network.params(seed)).map(([name, { data, shape }]) => [
        name,
        { data, shape: [...shape] },
      ]),
    );
  const params = paramsOf();
  const [tried, gradients] = [paramsOf(), paramsOf()];
  const warm = optimizer.init(tried);
  for (let step = 0; step < WARM; step++) optimizer.step(tried, gradients, warm);
  const spent = { gradients: new Watch(), optimizer: new Watch() };
  const state = optimizer.init(params);
  return {
    optimizer,
    params,
    state,
    losses: [],
    spent,
    reached: undefined,
    steps: 0,
    isRunning: true,
  };
}

function look(lane: Lane, loss: number, { target, stops }: Course): void {
  lane.losses.push(loss);
  if (loss <= target) lane.reached ??= lane.steps;
  lane.isRunning = loss < LOST && !(stops && lane.reached !== undefined);
}
