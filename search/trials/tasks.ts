/** The tasks of races and sweeps: small and real, so that a run takes about a second. */
import { cosine, exp } from "../programs/exact_math.ts";
import { DRAWS, Random } from "../programs/random.ts";
import { classifierProblem, type Examples } from "../tasks/classifier.ts";
import { languageProblem } from "../tasks/language.ts";
import { quadratics } from "./quadratics.ts";
import { ACCURACY, CHANCE, type Parts, type RaceTask } from "./task.ts";

/** Makes a task, and loads its data. */
export type TaskMaker = () => Promise<RaceTask> | RaceTask;

/** The tasks by name. */
export const TASKS: ReadonlyMap<string, TaskMaker> = new Map<string, TaskMaker>([
  ["digits", digits],
  ["spirals", spirals],
  ["quadratics", quadratics],
  ["charlm", charlm],
]);

async function digits(): Promise<RaceTask> {
  const { loadDigits } = await import("./digits.ts");
  const data = await loadDigits();
  return classifier(data, {
    name: "digits",
    text: `A network of 196, 48 and 10 units on ${data.train.labels.length} handwritten digits ` +
      "of 14 by 14 pixels, in batches of 32.",
    hidden: [48],
    steps: 500,
  });
}

function spirals(): RaceTask {
  const data = { features: 2, classes: 3, train: arms(900, 1), validation: arms(600, 2) };
  return classifier({ ...data, test: arms(1500, 3) }, {
    name: "spirals",
    text:
      "A network of 2, 32, 32 and 3 units on 900 points of three spiral arms, in batches of 32.",
    hidden: [32, 32],
    steps: 1500,
  });
}

function classifier(
  data: Parts,
  { hidden, ...task }: Pick<RaceTask, "name" | "text" | "steps"> & { hidden: readonly number[] },
): RaceTask {
  const problemOf = (seed: number) => classifierProblem({ data, hidden, batch: 32 }, seed);
  return {
    ...task,
    shapes: problemOf(0).shapes,
    score: ACCURACY,
    problem: (seed) => {
      const { start, gradient, measure } = problemOf(seed);
      return {
        start,
        gradient,
        validate: (w) => measure(w, data.validation).loss,
        score: (w) => measure(w, data.test).accuracy,
      };
    },
  };
}

function charlm(): RaceTask {
  return {
    name: "charlm",
    text: "A transformer of two blocks and 51 thousand parameters learns the next character of a " +
      "text in an invented language, in batches of 8 sequences of 32.",
    shapes: languageProblem(0).shapes,
    steps: 300,
    score: CHANCE,
    problem: (seed) => {
      const { start, gradient, measure } = languageProblem(seed);
      return {
        start,
        gradient,
        validate: (w) => measure(w, "validation"),
        score: (w) => exp(-measure(w, "test")),
      };
    },
  };
}

/** Points of three spiral arms around the middle, with noise across. */
function arms(count: number, stream: number): Examples {
  const random = new Random(0, DRAWS.data, stream);
  const inputs = new Float32Array(2 * count);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  labels.forEach((arm, i) => {
    const radius = 0.1 + 0.9 * random.uniform();
    const turns = radius + arm / 3;
    for (const [axis, at] of [turns, turns - 0.25].entries()) {
      inputs[2 * i + axis] = 2 * radius * cosine(at) + 0.15 * random.normal();
    }
  });
  return { inputs, labels };
}
