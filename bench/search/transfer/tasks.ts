/** The tiers of the report of transfer: tasks of the search, larger ones, and families that it never sees. */
import { loadDigits } from "../../../search/trials/digits.ts";
import { type ClassifierTask, larger, proxy, type Task } from "../../../search/mod.ts";

/** How many learning rates each program is trained with, on every tier. */
const RATES = 3;

/** What is searched on under a seed: two families, of problems of that seed. */
export function searchTasks(seed: number): Task[] {
  return [
    proxy("zipf@1", { rates: RATES, seeds: [seed] }),
    proxy("blocks@1", { rates: RATES, seeds: [2 * seed, 2 * seed + 1] }),
  ];
}

/** The same families, so many times larger. */
export function largerTasks(seed: number, factor: number): Task[] {
  return [
    larger(proxy("zipf@1", { rates: RATES, seeds: [seed] }), factor),
    larger(proxy("blocks@1", { rates: RATES, seeds: [seed] }), factor),
  ];
}

/** The families that no search sees, under a seed. */
export async function heldOutTasks(seed: number): Promise<Readonly<Record<string, Task>>> {
  const options = { rates: RATES, seeds: [5000 + seed] };
  return {
    context: proxy("context@1", options),
    digits: { ...await digits(), ...options },
    charlm: proxy("charlm@1", options),
  };
}

/** A network of 196, 16 and 10 units on handwritten digits, in random units. */
async function digits(): Promise<Omit<ClassifierTask, "seeds">> {
  const { train, validation, ...sizes } = await loadDigits();
  const first = ({ inputs, labels }: typeof train, count: number) => ({
    inputs: inputs.slice(0, count * sizes.features),
    labels: labels.slice(0, count),
  });
  return {
    kind: "classifier",
    name: "digits@1",
    steps: 200,
    hidden: [16],
    batch: 16,
    data: {
      features: sizes.features,
      classes: sizes.classes,
      train: first(train, 2000),
      test: first(validation, 300),
    },
    rescaling: { tensors: 1, elements: 0.5 },
  };
}
