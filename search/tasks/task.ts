/** Tasks as values: plain data that says what is trained, which can be sent to workers and saved. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { cosine } from "../programs/random.ts";

/** What all tasks have. */
export interface TaskBase {
  /** What messages and reports call it. */
  readonly name: string;
  /** Updates. */
  readonly steps: number;
  /** A problem for each of these: its numbers are drawn from the seed alone. */
  readonly seeds: readonly number[];
}

/**
 * A quadratic ½(w - w*)ᵀH(w - w*) with a noisy gradient. H has chosen eigenvalues in random order, and
 * random axes within blocks of elements.
 */
export interface QuadraticTask extends TaskBase {
  /** Marks a quadratic. */
  readonly kind: "quadratic";
  /** Elements, a multiple of `block`. */
  readonly size: number;
  /** Elements that are rotated among themselves, a multiple of 4. */
  readonly block: number;
  /** The eigenvalues, `size` of them. */
  readonly spectrum: readonly number[];
  /** Added to each element of each gradient: Student's t of so many degrees, or normal if infinite. */
  readonly noise: { readonly degrees: number; readonly scale: number };
  /** How far the optimum is from 0; the start is at a distance of 1 an element from it. */
  readonly optimum: number;
}

/** Classification with a softmax loss, on data that the task brings along. */
export interface ClassifierTask extends TaskBase {
  /** Marks a classifier. */
  readonly kind: "classifier";
  /** Units of hidden layers with tanh; none is logistic regression. */
  readonly hidden: readonly number[];
  /** Examples a gradient is the mean of. */
  readonly batch: number;
  /** The examples. */
  readonly data: ClassifierData;
}

/** Examples, row after row. */
export interface ClassifierData {
  /** Inputs of an example. */
  readonly features: number;
  /** Classes, numbered from 0. */
  readonly classes: number;
  /** The examples that gradients are of. */
  readonly train: { readonly inputs: Float32Array; readonly labels: Uint8Array };
  /** Those that the loss is measured on. */
  readonly test: { readonly inputs: Float32Array; readonly labels: Uint8Array };
}

/** A recording of what another program updates: the nearer a program comes, the better its score. */
export interface TraceTask extends TaskBase {
  /** Marks a recording. */
  readonly kind: "trace";
  /** The text of the genome that is to be recovered. */
  readonly rule: string;
  /** Elements of each recording. */
  readonly size: number;
  /** With `"free"`, updates are compared but for a factor: the one that fits best. Default `"exact"`. */
  readonly scale?: "exact" | "free";
}

/** A task of a module's own: its default export makes a problem of the options and a seed. */
export interface ModuleTask extends TaskBase {
  /** Marks a task of a module's own. */
  readonly kind: "module";
  /** Where the module is. */
  readonly url: string;
  /** What it is given. */
  readonly options: unknown;
}

/** What is trained. */
export type Task = QuadraticTask | ClassifierTask | TraceTask | ModuleTask;

/** A problem that a module of {@linkcode ModuleTask} makes. */
export interface Problem {
  /** The lengths of its tensors. */
  readonly tensors: readonly number[];
  /** Writes where it starts. */
  start(w: Float32Array): void;
  /** Writes the gradient at `w` for a step. */
  gradient(w: Float32Array, step: number, g: Float32Array): void;
  /** What is to be made small, above 0. */
  loss(w: Float32Array): number;
}

/**
 * Eigenvalues from 1 down to 1/`condition`, evenly spaced in their logarithms.
 *
 * @example
 * ```ts
 * import { logSpectrum } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(logSpectrum(3, 100), [1, 0.1, 0.01]);
 * ```
 */
export function logSpectrum(size: number, condition: number): number[] {
  const ratio = Math.sqrt(condition);
  // By repeated square roots, which every machine rounds alike.
  const power = (exponent: number): number => {
    let [result, root] = [1, ratio * ratio];
    for (let bit = 0; bit < 30; bit++) {
      root = Math.sqrt(root);
      if (Math.floor(exponent * 2 ** (bit + 1)) % 2 === 1) result *= root;
    }
    return exponent >= 1 ? condition : result;
  };
  return Array.from({ length: size }, (_, i) => 1 / power(size === 1 ? 0 : i / (size - 1)));
}

/** What a quadratic is made of; what is left out is that of the proxy tasks. */
export interface QuadraticOptions extends Partial<Omit<QuadraticTask, "kind" | "noise">> {
  /** The largest eigenvalue over the smallest, if there is no `spectrum`. Default 100. */
  readonly condition?: number;
  /** Noise. Default normal, of scale 1. */
  readonly noise?: Partial<QuadraticTask["noise"]>;
}

/**
 * A quadratic task; what is left out is that of the proxy tasks.
 *
 * @example
 * ```ts
 * import { quadratic } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * const task = quadratic({ noise: { degrees: 2, scale: 0.3 } });
 * assertEquals([task.size, task.steps, task.seeds.length], [64, 300, 2]);
 * ```
 */
export function quadratic(
  { condition = 100, noise, ...given }: QuadraticOptions = {},
): QuadraticTask {
  const size = given.size ?? given.spectrum?.length ?? 64;
  const task: QuadraticTask = {
    kind: "quadratic",
    name: "quadratic",
    steps: 300,
    seeds: [1, 2],
    block: 8,
    noise: { degrees: Infinity, scale: 1, ...noise },
    optimum: 1,
    spectrum: logSpectrum(size, condition),
    ...given,
    size,
  };
  const refuse = (message: string): never => {
    throw new GradusError(`Cannot make task "${task.name}": ${message}`);
  };
  if (task.block % 4 !== 0 || size % task.block !== 0) {
    refuse(
      `\`size\` must be a multiple of \`block\`, and that of 4: given ${size} and ${task.block}`,
    );
  }
  if (task.spectrum.length !== size) {
    refuse(`\`spectrum\` must have ${size} eigenvalues: given ${task.spectrum.length}`);
  }
  checkBase(task);
  return task;
}

/** Checks what all tasks have. */
export function checkBase({ name, steps, seeds }: TaskBase): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > 1e6) {
    throw new GradusError(
      `Cannot make task "${name}": \`steps\` must be a whole number above 0: given ${shown(steps)}`,
    );
  }
  if (seeds.length === 0 || !seeds.every(Number.isInteger)) {
    throw new GradusError(
      `Cannot make task "${name}": \`seeds\` must be whole numbers, at least one: given ${
        shown(seeds)
      }`,
    );
  }
}

/** The schedule of all tasks: a rise to 1 within a twentieth of the steps, then a cosine to 0. */
export function scheduleOf(steps: number): Float64Array {
  const warmup = Math.ceil(steps / 20);
  return Float64Array.from(
    { length: steps },
    (_, step) =>
      step < warmup
        ? (step + 1) / warmup
        : 0.5 + 0.5 * cosine(0.5 * (step - warmup) / Math.max(1, steps - warmup)),
  );
}
