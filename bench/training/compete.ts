/** Lets everyone train one network, first to compare losses, then in turn against the clock. */
import { Absent } from "../contestant.ts";
import { type Budget, measure, type Timing } from "../measure.ts";
import type { Trainer, Training } from "./contestant.ts";
import type { Network } from "./networks.ts";

/** How many losses must agree, and how far they may be apart. */
const STEPS = 6;
const MOST_APART = 1e-4;

/** One contestant's figure. */
export interface Cell extends Timing {
  readonly network: string;
  readonly contestant: string;
  readonly losses: readonly number[];
}

/** A contestant without a figure. */
export interface Gap {
  readonly network: string;
  readonly contestant: string;
  readonly reason: string;
}

/** Times all whose losses are those of the first. */
export async function compete(
  network: Network,
  trainers: readonly Trainer[],
  budget: Budget,
): Promise<{ readonly cells: Cell[]; readonly gaps: Gap[] }> {
  const gaps: Gap[] = [];
  const opened: { name: string; training: Training; losses: number[] }[] = [];
  for (const { name, open } of trainers) {
    console.error(`${network.name}: ${name}`);
    try {
      const training = await open(network);
      if (training instanceof Absent) {
        gaps.push({ network: network.name, contestant: name, reason: training.reason });
        continue;
      }
      const losses: number[] = [];
      while (losses.length < STEPS) losses.push(await training.step());
      opened.push({ name, training, losses });
    } catch (error) {
      // One that fails ends nobody else.
      gaps.push({ network: network.name, contestant: name, reason: String(error) });
    }
  }
  if (opened.length === 0) return { cells: [], gaps };
  const { name: first, losses: wanted } = opened[0];
  const valid = opened.filter(({ name, losses }) => {
    const apart = Math.max(...losses.map((loss, i) => Math.abs(loss / wanted[i] - 1)));
    if (apart <= MOST_APART) return true;
    const reason = `void: its losses are up to ${
      apart.toPrecision(2)
    } apart from those of ${first}`;
    gaps.push({ network: network.name, contestant: name, reason });
    return false;
  });
  const steppers = valid.map(({ training }) => ({
    step: () => training.step().then(() => {}),
  }));
  const timings = await measure(steppers, budget);
  for (const { training } of opened) await training.close();
  return {
    cells: valid.map(({ name, losses }, i) => ({
      network: network.name,
      contestant: name,
      ...timings[i],
      losses,
    })),
    gaps,
  };
}
