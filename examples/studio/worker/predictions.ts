/** What a network makes of examples that it does not learn from, as a page shows it. */
import type { OrtTrainer } from "../../../export/train/mod.ts";
import {
  batchOf,
  type Dataset,
  exampleShape,
  type Objective,
  type TrainingInput,
} from "../../../trainer/mod.ts";
import type { Predictions } from "../protocol.ts";

/** What is shown, of what. */
export interface Shown {
  readonly trainer: OrtTrainer;
  readonly data: Dataset;
  readonly inputs: readonly TrainingInput[];
  readonly objective: Objective;
  /** The numbers of the examples held out, or of others where none are. */
  readonly rows: Uint32Array;
  /** How many examples a batch must have, if the model takes batches of one size. */
  readonly fixed?: number;
}

const IMAGES = 20;
const ROWS = 8;
const PLANE = { columns: 60, rows: 50 };
/** How far the plane goes beyond the points. */
const BORDER = 0.15;

/** Predictions of the kind that suits the data. */
export function predictionsOf(shown: Shown): Promise<Predictions> {
  const { inputs, objective } = shown;
  const sources = inputs.filter(({ isTarget }) => !isTarget);
  const shape = sources.length === 1 ? exampleShape(sources[0]) ?? [] : [];
  const isOfClasses = objective.accuracy !== undefined;
  if (isOfClasses && shape.length === 3 && shape[0] === 1) return images(shown);
  const isOpen = shown.fixed === undefined;
  if (isOfClasses && isOpen && shape.length === 1 && shape[0] === 2) return plane(shown);
  return rows(shown);
}

async function images(shown: Shown): Promise<Predictions> {
  const { data, inputs } = shown;
  const [source, target] = [false, true].map((is) =>
    inputs.find(({ isTarget }) => isTarget === is)!
  );
  const { examples, answers } = await asked(shown, IMAGES);
  const pixels = data.arrays[source.name];
  const labels = data.arrays[target.name].data;
  const [, , height, width] = pixels.shape;
  const size = height * width;
  const items = answers.map(({ scores }, i) => {
    const row = examples[i];
    return {
      pixels: Float32Array.from(pixels.data.subarray(row * size, (row + 1) * size) as Float32Array),
      expected: nameOf(data, Number(labels[row])),
      given: nameOf(data, highest(scores)),
    };
  });
  return { kind: "images", side: [height, width], items };
}

async function plane(
  { trainer, data, inputs, objective, rows: held }: Shown,
): Promise<Predictions> {
  const [source, target] = [false, true].map((is) =>
    inputs.find(({ isTarget }) => isTarget === is)!
  );
  const all = data.arrays[source.name].data as Float32Array;
  const extent = [0, 1].flatMap((axis) => {
    const own = all.filter((_, i) => i % 2 === axis);
    const [low, high] = own.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [
      Infinity,
      -Infinity,
    ]);
    const border = BORDER * (high - low);
    return [low - border, high + border];
  }) as unknown as readonly [number, number, number, number];
  const { columns, rows } = PLANE;
  const [left, right, bottom, top] = extent;
  const grid = new Float32Array(2 * columns * rows);
  for (let i = 0; i < columns * rows; i++) {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    grid[2 * i] = left + (column + 0.5) / columns * (right - left);
    grid[2 * i + 1] = top - (row + 0.5) / rows * (top - bottom);
  }
  const batch = { [source.name]: { data: grid, shape: [columns * rows, 2] } };
  const made = (await trainer.evaluate(batch, [objective.output]))[objective.output];
  const classes = made.data.length / (columns * rows);
  const sure = Float32Array.from({ length: columns * rows }, (_, i) => {
    const scores = Array.from({ length: classes }, (_, c) => Number(made.data[i * classes + c]));
    return classes === 1 ? sigmoid(scores[0]) : softmax(scores)[1];
  });
  const shown = batchOf(data, held) as Record<string, { data: ArrayLike<number> }>;
  return {
    kind: "plane",
    sure,
    columns,
    rows,
    extent,
    points: Float32Array.from(shown[source.name].data),
    kinds: Uint8Array.from(shown[target.name].data, Number),
    classes: [0, 1].map((label) => nameOf(data, label)),
  };
}

async function rows(shown: Shown): Promise<Predictions> {
  const { data, inputs, objective } = shown;
  const target = inputs.find(({ isTarget }) => isTarget);
  const { examples, answers } = await asked(shown, ROWS);
  const wanted = target && data.arrays[target.name];
  const size = wanted === undefined ? 0 : wanted.data.length / data.count;
  const items = answers.map(({ scores, shape }, i) => {
    const own = wanted?.data.subarray(examples[i] * size, (examples[i] + 1) * size);
    const expected = own === undefined ? "" : numbers(own);
    if (objective.accuracy === undefined || shape.length > 1 || size > 1) {
      return [String(examples[i] + 1), expected, numbers(scores)];
    }
    const isOfTwo = scores.length === 1;
    const given = isOfTwo ? Number(scores[0] > 0) : highest(scores);
    const sure = isOfTwo ? sigmoid(Math.abs(scores[0])) : softmax(scores)[given];
    return [
      String(examples[i] + 1),
      nameOf(data, Number(own?.[0])),
      `${nameOf(data, given)}, ${(100 * sure).toFixed(0)} % sure`,
    ];
  });
  return { kind: "rows", head: ["Example", "Expected", "Given"], items };
}

/** The answers to some examples: of each its numbers, and their shape. */
async function asked({ trainer, data, inputs, objective, rows, fixed }: Shown, most: number) {
  const examples = rows.subarray(0, fixed ?? most);
  const all = batchOf(data, examples);
  const own = inputs.flatMap(({ name, isTarget }) => isTarget ? [] : [[name, all[name]] as const]);
  const made =
    (await trainer.evaluate(Object.fromEntries(own), [objective.output]))[objective.output];
  const size = made.data.length / examples.length;
  const answers = Array.from({ length: Math.min(most, examples.length) }, (_, i) => ({
    scores: Array.from(made.data.subarray(i * size, (i + 1) * size) as Float32Array, Number),
    shape: made.shape.slice(1),
  }));
  return { examples, answers };
}

/** What a class is called. */
function nameOf({ classes }: Dataset, label: number): string {
  return classes?.[label] ?? String(label);
}

/** The place of the highest score. */
export function highest(scores: readonly number[]): number {
  return scores.reduce((best, score, i) => score > scores[best] ? i : best, 0);
}

/** Scores as probabilities. */
export function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
}

const MOST_NUMBERS = 6;

function numbers(values: ArrayLike<number | bigint>): string {
  const shown = Array.from(values, Number).slice(0, MOST_NUMBERS)
    .map((value) => String(Number(value.toPrecision(4))));
  return shown.join(", ") + (values.length > MOST_NUMBERS ? ", …" : "");
}
