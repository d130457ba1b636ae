/** Whether two programs do the same: by their forms, else by probes. */
import type { Program } from "../../dsl/program.ts";
import { type Kinds, LIST, NUMBER, RECORD, requireOptions, whole } from "../../dsl/options.ts";
import { compareForms } from "../../dsl/rewrite/compare.ts";
import { gradientStream, normals, STREAMS } from "./gradient_streams.ts";
import { guessed, type Probe, run } from "./probe.ts";

/** How {@linkcode equivalent} compares. */
export interface EquivalentOptions {
  /** Names of the second program by what the first calls them; others are paired as they fit. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** What hyperparameters are known to be, such as `"eps > 0"`. Default: what their usual names promise. */
  readonly facts?: readonly string[];
  /** Values of hyperparameters for the probes; by default those of the first program. */
  readonly hyper?: Readonly<Record<string, number | boolean>>;
  /** How many seeds are probed. Default 3. */
  readonly seeds?: number;
  /** Steps of each probe. Default 40. */
  readonly steps?: number;
  /** Shapes of the tensors of the probes. Default a 4×3 and a 3×2 matrix. */
  readonly shapes?: readonly (readonly number[])[];
  /** How far updates may be apart, in terms of the largest of their step. Default 1e-9. */
  readonly tolerance?: number;
}

const KINDS: Kinds<EquivalentOptions> = {
  renamed: RECORD,
  facts: LIST,
  hyper: RECORD,
  seeds: whole(1),
  steps: whole(1),
  shapes: LIST,
  tolerance: NUMBER,
};

/** The least that shows two programs to differ. */
export interface Witness {
  /** The step at which they differ, 1 the first. */
  readonly step: number;
  /** The number of the element among those of all tensors. */
  readonly element: number;
  /** The shapes of the tensors. */
  readonly shapes: readonly (readonly number[])[];
  /** The parameters before the first step. */
  readonly params: readonly number[];
  /** The gradients of every step up to this one. */
  readonly gradients: readonly (readonly number[])[];
  /** The values of the hyperparameters of the first program. */
  readonly hyper: Readonly<Record<string, number | boolean>>;
  /** What the first program adds to the element, and what the second. */
  readonly updates: readonly [first: number, second: number];
}

/** What {@linkcode equivalent} found. */
export type Equivalence =
  | {
    readonly equivalent: true;
    /** What it rests on: the same form, which is a proof, or probes, which are none. */
    readonly by: "form";
    /** Whether bits are the same, or real numbers. */
    readonly under: "exact" | "relaxed";
    /** What the first program calls the states and hyperparameters of the second. */
    readonly names: ReadonlyMap<string, string>;
  }
  | {
    readonly equivalent: true;
    readonly by: "probes";
    /** How many updates of elements were compared. */
    readonly compared: number;
  }
  | { readonly equivalent: false; readonly by: "probes"; readonly witness: Witness };

/**
 * Whether two programs make the same updates for the same gradients.
 *
 * First by form: both are simplified, and the results compared up to the names of states, locals and
 * hyperparameters; then the answer is a proof, for all values of hyperparameters that obey the facts.
 * Defaults of hyperparameters are no part of it. Else by probes: both run, in float64 and with the same
 * values of hyperparameters of the same name, on several streams of gradients. Where they come apart, a
 * witness is returned, made as small as goes. Where they do not, they are the same as far as was tried.
 *
 * @example
 * ```ts
 * import { equivalent } from "@gradus/gradus/derive";
 * import { adam, adamw, fixed, lion, nadam, signum } from "@gradus/gradus";
 * import { assertEquals } from "@std/assert";
 *
 * const both = fixed(lion, { name: "both" }, { b1: 0.9, b2: 0.9, weightDecay: 0 });
 * const one = fixed(signum, { name: "one" }, { beta: 0.9 });
 * assertEquals(equivalent(both.program, one.program).by, "form");
 *
 * const found = equivalent(adam.program, adamw.program, { hyper: { weightDecay: 0.5 } });
 * assertEquals(found.equivalent ? undefined : found.witness.step, 1);
 * assertEquals(equivalent(adam.program, nadam.program, { hyper: { nesterov: true } }).by, "probes");
 * ```
 */
export function equivalent(
  first: Program,
  second: Program,
  options: EquivalentOptions = {},
): Equivalence {
  requireOptions("Cannot compare two programs", options, KINDS);
  const same = compareForms(first, second, options);
  if (same !== undefined) return Object.freeze({ equivalent: true, by: "form", ...same });
  const { renamed = {}, seeds = 3, steps = 40, tolerance = 1e-9 } = options;
  const shapes = options.shapes ?? [[4, 3], [3, 2]];
  const size = shapes.map((shape) => shape.reduce((a, b) => a * b, 1)).reduce((a, b) => a + b, 0);
  const hyper: Record<string, number | boolean> = { ...guessed(second), ...guessed(first) };
  for (const { hyper: defaults } of [second, first]) {
    for (const [name, value] of defaults) if (value !== "required") hyper[name] = value;
  }
  Object.assign(hyper, options.hyper);
  const theirs = { ...hyper };
  for (const [name, mine] of Object.entries(renamed)) theirs[name] = hyper[mine];
  let compared = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const normal = normals(seed);
    const params = Array.from({ length: size }, normal);
    for (const kind of STREAMS) {
      const gradients = gradientStream(kind, seed, steps, size).map((each) => [...each]);
      const probe: Given = { params, gradients, shapes };
      const found = differ(first, second, probe, hyper, theirs, tolerance);
      if (found !== undefined) {
        const least = shrink(
          probe,
          found,
          (each) => differ(first, second, each, hyper, theirs, tolerance),
        );
        return Object.freeze({ equivalent: false, by: "probes", witness: { ...least, hyper } });
      }
      compared += steps * size;
    }
  }
  return Object.freeze({ equivalent: true, by: "probes", compared });
}

interface Given extends Probe {
  readonly params: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

interface Difference {
  readonly step: number;
  readonly element: number;
  readonly updates: readonly [number, number];
}

/** Where two programs first come apart. */
function differ(
  first: Program,
  second: Program,
  probe: Probe,
  mine: Probe["hyper"],
  theirs: Probe["hyper"],
  tolerance: number,
): Difference | undefined {
  const a = run(first, { ...probe, hyper: mine });
  const b = run(second, { ...probe, hyper: theirs });
  for (let step = 0; step < a.updates.length; step++) {
    const [xs, ys] = [a.updates[step], b.updates[step]];
    const finite = [...xs, ...ys].filter(Number.isFinite).map(Math.abs);
    const scale = Math.max(0, ...finite);
    for (let element = 0; element < xs.length; element++) {
      const [x, y] = [xs[element], ys[element]];
      const isSame = Object.is(x, y) || x === y || Math.abs(x - y) <= tolerance * scale;
      if (!isSame) return { step: step + 1, element, updates: [x, y] };
    }
  }
}

/** A smaller probe that still shows a difference: fewer steps and elements, rounder numbers. */
function shrink(
  start: Given,
  found: Difference,
  test: (probe: Probe) => Difference | undefined,
): Omit<Witness, "hyper"> {
  let probe: Given = { ...start, gradients: start.gradients.slice(0, found.step) };
  let least = found;
  const attempt = (smaller: Given): boolean => {
    const difference = test(smaller);
    if (difference === undefined) return false;
    probe = { ...smaller, gradients: smaller.gradients.slice(0, difference.step) };
    least = difference;
    return true;
  };
  const { element } = found;
  attempt({
    shapes: probe.shapes.some((shape) => shape.length !== 2) ? [[1]] : [[1, 1]],
    params: [probe.params[element]],
    gradients: probe.gradients.map((gradient) => [gradient[element]]),
  });
  if (probe.params.length === 1) attempt({ ...probe, shapes: [[1]] });
  for (let first = 0; first < probe.gradients.length - 1;) {
    if (!attempt({ ...probe, gradients: probe.gradients.toSpliced(first, 1) })) first++;
  }
  const simpler = (x: number) =>
    [0, Math.sign(x), Math.round(x), Number(x.toPrecision(1))].filter((each) => each !== x);
  if (probe.params.length <= 24) {
    for (let i = 0; i < probe.params.length; i++) {
      for (const value of simpler(probe.params[i])) {
        if (attempt({ ...probe, params: probe.params.with(i, value) })) break;
      }
    }
  }
  for (let step = 0; step < Math.min(probe.gradients.length, 10); step++) {
    for (let i = 0; i < probe.params.length && step < probe.gradients.length; i++) {
      const gradient = probe.gradients[step];
      for (const value of simpler(gradient[i])) {
        const gradients = probe.gradients.with(step, gradient.with(i, value));
        if (attempt({ ...probe, gradients })) break;
      }
    }
  }
  const { shapes, params, gradients } = probe;
  return {
    step: least.step,
    element: least.element,
    shapes,
    params,
    gradients,
    updates: least.updates,
  };
}
