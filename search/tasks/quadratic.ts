/** Quadratics as tasks: cheap to search on, larger ones, and those that what was found is held to. */
import { isRecord } from "../../dsl/record.ts";
import {
  ANY,
  type Kinds,
  needed,
  optional,
  POSITIVE,
  requireOptions,
  TRUTH,
  whole,
} from "../../dsl/options.ts";
import { BASE, checkTask, refuse, type TaskBase } from "./common.ts";
import { RESCALED, type Rescaling } from "./rescaling.ts";

/**
 * A quadratic ½(w - w*)ᵀH(w - w*) with a noisy gradient. H has chosen eigenvalues, in random order
 * unless told otherwise, and random axes within blocks of elements.
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
  /** Whether each block has neighbours of the spectrum, so that blocks differ. Default false. */
  readonly isOrdered?: boolean;
  /** Random units of the elements. Default none. */
  readonly rescaling?: Rescaling;
  /** Added to each element of each gradient: Student's t of so many degrees, or normal if infinite. */
  readonly noise: { readonly degrees: number; readonly scale: number };
  /** How far the optimum is from 0; the start is at a distance of 1 an element from it. */
  readonly optimum: number;
}

/** More elements would not fit the memory that trains. */
const MOST = 10_000_000;

const KINDS: Kinds<QuadraticTask> = {
  ...BASE,
  kind: ANY,
  size: needed(whole(4, MOST)),
  block: needed(whole(4, MOST)),
  spectrum: needed({
    is: (value) => Array.isArray(value) && value.every(Number.isFinite),
    must: "a list of eigenvalues",
  }),
  isOrdered: TRUTH,
  rescaling: RESCALED,
  noise: needed({
    is: (value) =>
      isRecord(value) && POSITIVE.is(value.degrees) && Number.isFinite(value.scale) &&
      value.scale as number >= 0,
    must: "such as { degrees: 2, scale: 0.3 }, the scale not below 0",
  }),
  optimum: needed({ is: Number.isFinite, must: "a finite number" }),
};

/** Checks a quadratic. */
export function checkQuadratic(task: QuadraticTask): void {
  checkTask(task, KINDS);
  const { size, block, spectrum } = task;
  if (block % 4 !== 0 || size % block !== 0) {
    refuse(task, "`size` must be a multiple of `block`, and that of 4", `${size} and ${block}`);
  }
  if (spectrum.length !== size) {
    refuse(task, `\`spectrum\` must have ${size} eigenvalues`, `${spectrum.length}`);
  }
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

const OPTIONS: Kinds<QuadraticOptions> = (() => {
  const { kind: _, ...kinds } = optional(KINDS);
  return { ...kinds, condition: POSITIVE, noise: ANY };
})();

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
export function quadratic(options: QuadraticOptions = {}): QuadraticTask {
  requireOptions(`Cannot make task "${options?.name ?? "quadratic"}"`, options, OPTIONS);
  const { condition = 100, noise, ...given } = options;
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
  checkQuadratic(task);
  return task;
}

/**
 * Two quadratics of 64 elements, one noisier; with Student's t of 2 degrees, rules like sign pay.
 *
 * @example
 * ```ts
 * import { quadraticProxy } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(quadraticProxy(Infinity).map(({ noise }) => noise.scale), [1, 0.3]);
 * ```
 */
export function quadraticProxy(
  degrees: number,
  seeds: readonly number[] = [1, 2],
): QuadraticTask[] {
  return [1, 0.3].map((scale) =>
    quadratic({ name: `quadratic of noise ${scale}`, noise: { degrees, scale }, seeds })
  );
}

/**
 * What a search on {@linkcode quadraticProxy} never sees: twice the size and steps, ten times the condition,
 * and an optimum 5 times as far from 0, all of a noise between those of the proxy.
 *
 * @example
 * ```ts
 * import { quadraticsHeldOut } from "@gradus/gradus/search";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(quadraticsHeldOut(2).map(({ name }) => name), [
 *   "twice the size",
 *   "condition 1000",
 *   "far from 0",
 * ]);
 * ```
 */
export function quadraticsHeldOut(degrees: number): QuadraticTask[] {
  const noise = { degrees, scale: 0.6 };
  return [
    quadratic({ name: "twice the size", size: 128, steps: 600, noise, seeds: [101, 102] }),
    quadratic({ name: "condition 1000", condition: 1000, noise, seeds: [103, 104] }),
    quadratic({ name: "far from 0", optimum: 5, noise, seeds: [105, 106] }),
  ];
}
