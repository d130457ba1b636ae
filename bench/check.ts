/** Makes sure that all contestants of a task do the same before their times are compared. */
import { Absent, type Contestant } from "./contestant.ts";
import { gradusStepper } from "./gradus.ts";
import { numbersAt, shapeOf, type Task } from "./tasks.ts";

const SIZE = 1200;
const STEPS = 5;

// Far above the rounding of five steps and the weight decay that one peer lacks, far below one step.
const MOST_DIFFERENCE = 1e-5;

/**
 * Steps everyone and compares the parameters with the interpreter's.
 *
 * @returns The largest difference that was found.
 * @throws {Error} if someone's parameters are others.
 */
export async function check(task: Task, contestants: readonly Contestant[]): Promise<number> {
  const expected = interpreted(task);
  let largest = 0;
  for (const contestant of contestants.filter((each) => each.takes(task))) {
    const stepper = await contestant.open(task, SIZE);
    if (stepper instanceof Absent) continue;
    // One that chose among variants has tried them on other arrays than these.
    for (let i = 0; i < STEPS; i++) await stepper.step();
    const found = await stepper.result?.() ?? expected;
    const difference = found.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0);
    await stepper.close?.();
    if (!(difference <= MOST_DIFFERENCE)) {
      throw new Error(
        `${contestant.name} computes another ${task.name}: after ${STEPS} steps its parameters ` +
          `are off by ${difference}`,
      );
    }
    largest = Math.max(largest, difference);
  }
  return largest;
}

function interpreted({ optimizer }: Task): Float32Array {
  const { w, g } = numbersAt(SIZE);
  const shape = shapeOf(SIZE);
  const gradients = { data: g, shape };
  const stepper = gradusStepper(optimizer, { data: w, shape }, gradients, {
    backend: "interpreter",
  });
  if (stepper instanceof Absent) throw new Error(stepper.reason);
  for (let i = 0; i < STEPS; i++) stepper.step();
  return w;
}
