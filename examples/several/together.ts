/** Two workers that learn together in both ways, wherever they run. */
import { adamw } from "@gradus/gradus";
import { examplesFor } from "./examples.ts";
import { begin, handOf, learnByGradients, learnByRounds } from "./learn.ts";

/** How many examples each worker has. */
export const COUNTS: readonly number[] = [48, 16];

/** How both ways went. */
export interface Learned {
  /** The loss of all examples before each step. */
  readonly byGradients: readonly number[];
  /** The loss of all examples before each round. */
  readonly byRounds: readonly number[];
}

/** Starts two workers, and has them learn in both ways from the same parameters. */
export async function learn(
  model: Uint8Array,
  start: () => Worker,
  beside?: string,
): Promise<Learned> {
  const workers = COUNTS.map(start);
  try {
    const hands = workers.map((worker, i) => handOf(worker, COUNTS[i]));
    const batches = examplesFor(COUNTS).map(({ x, y }) => ({ x, y }));
    const params = await begin(hands, model, batches, beside);
    const byGradients = await learnByGradients(
      hands,
      structuredClone(params),
      adamw({ learningRate: 0.02 }),
      30,
    );
    const byRounds = await learnByRounds(hands, params, 40, 5);
    return { byGradients, byRounds };
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** Both ways, a few of their losses each. */
export function spelled({ byGradients, byRounds }: Learned): string {
  const some = (losses: readonly number[]) =>
    losses.filter((_, i) => i % 5 === 0 || i === losses.length - 1)
      .map((loss) => loss.toFixed(4)).join("  ");
  return `Gradients of both at each step:      ${some(byGradients)}\n` +
    `Rounds of 5 steps, then an average:  ${some(byRounds)}`;
}
