/** What is stepped: rules with all their numbers, the forms that parameters come in, and their shapes. */
import { HYPER, numbersAt, shapeOf } from "../tasks.ts";

const { learningRate, momentum, maxNorm } = HYPER;
const lion = { learningRate, b1: 0.9, b2: 0.99, weightDecay: 1e-3 };
const adamw = { learningRate, b1: 0.9, b2: 0.999, eps: 1e-8, weightDecay: 1e-4 };

/** A rule: what tables call it, and every number that it reads, so that no default of anyone matters. */
export interface Rule {
  readonly title: string;
  readonly numbers: Readonly<Record<string, number>>;
}

/** All rules by the names that contestants know. */
export const RULES = {
  lion: { title: "Lion", numbers: lion },
  adamw: { title: "AdamW", numbers: adamw },
  sgd: { title: "SGD with momentum", numbers: { learningRate, momentum } },
  clip: { title: "clip by global norm, AdamW", numbers: { maxNorm, ...adamw } },
  adafactor: {
    title: "Adafactor",
    numbers: {
      learningRate,
      decayRate: 0.8,
      eps: 1e-30,
      clippingThreshold: 1,
      minDimSizeToFactor: 2,
    },
  },
  lion16: { title: "Lion, bfloat16 momentum", numbers: lion },
  muon: { title: "Muon", numbers: { learningRate, beta: 0.95, eps: 1e-8 } },
} as const satisfies Record<string, Rule>;

/** The name of a rule. */
export type RuleName = keyof typeof RULES;

/** The forms that parameters come in. */
export const FORMS = {
  steady: "the same gradient array at every step",
  fresh: "a new gradient array at every step, made before the clock starts",
  leaves: "1,000 leaves of 256",
  training: "a whole training of 784-128-10: new parameters and state, 100 steps by 10 gradients",
  gpt2: "GPT-2's 124 M parameters in 148 tensors",
} as const;

/** The name of a form. */
export type Form = keyof typeof FORMS;

/** What one figure is of. */
export interface Cell {
  readonly rule: RuleName;
  readonly form: Form;
  /** The number of parameters; some forms have one of their own. */
  readonly size: number;
}

/** The shapes of forms that have a size of their own. */
const SHAPES: Partial<Record<Form, readonly (readonly number[])[]>> = {
  leaves: Array.from({ length: 1000 }, () => [16, 16]),
  training: [[784, 128], [128], [128, 10], [10]],
  gpt2: gpt2Shapes(),
};

/** The shapes of a cell's parameters. */
export function shapesOf({ form, size }: Cell): readonly (readonly number[])[] {
  return SHAPES[form] ?? [shapeOf(size)];
}

/** The cells of a form at these sizes; a form that has a size of its own has one cell. */
export function cellsOf(rule: RuleName, form: Form, sizes: readonly number[]): Cell[] {
  const own = SHAPES[form]?.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
  return (own === undefined ? sizes : [own]).map((size) => ({ rule, form, size }));
}

/** Prime, so that equal numbers are not in equal places of what a contestant counts in. */
const BLOCK = 1_000_003;
/** Gradients that are made before the clock starts take no more than so many bytes, and are no more. */
const [AHEAD_BYTES, MOST_AHEAD] = [2 ** 27, 1000];
/** The gradients that a training goes through, and its steps. */
const [SETS, TRAINING_STEPS] = [10, 100];

/** Writes what contestants read to make a cell's arrays, where it is not there yet. */
export async function writeFolder(cell: Cell, folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  const { w, g } = numbersAt(BLOCK);
  await Deno.writeFile(`${folder}/w.f32`, new Uint8Array(w.buffer));
  await Deno.writeFile(`${folder}/g.f32`, new Uint8Array(g.buffer));
  const lines = shapesOf(cell).map((shape) => shape.join(" ") + "\n");
  await Deno.writeTextFile(`${folder}/shapes.txt`, lines.join(""));
}

/** The line that opens a cell whose folder is written. */
export function openLine({ rule, form, size }: Cell, folder: string): string {
  const numbers = {
    ...RULES[rule].numbers,
    sets: form === "training" ? SETS : 1,
    shift: 4099,
    trainingSteps: TRAINING_STEPS,
    ahead: Math.min(MOST_AHEAD, Math.ceil(AHEAD_BYTES / (4 * size))),
  };
  const spelled = Object.entries(numbers).map(([name, number]) => `${name}=${number}`);
  return ["open", rule, form, folder, ...spelled].join(" ");
}

/** Embeddings, twelve blocks of twelve tensors, and the last norm. */
function gpt2Shapes(): number[][] {
  const width = 768;
  const block = [
    ...[[width], [width], [width, 3 * width], [3 * width], [width, width], [width]],
    ...[[width], [width], [width, 4 * width], [4 * width], [4 * width, width], [width]],
  ];
  const blocks = Array.from({ length: 12 }, () => block).flat();
  return [[50257, width], [1024, width], ...blocks, [width], [width]];
}
