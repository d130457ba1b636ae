/** A library whose variables have values, and what in it comes near to others. */
import { DRAWS, Random } from "../programs/random.ts";
import { PROBES } from "./known.ts";
import type { Library } from "./library.ts";

/** An expression that comes near, but for a factor and a term. */
export interface Near {
  readonly expression: number;
  /** The share of the variance of what is desired that is left; 0 if it is the same. */
  readonly rest: number;
}

/** Values that leave less than this are the same, but for rounding. */
export const EXACT = 1e-6;
/** Parts of the line on which expressions are sorted. */
const BUCKETS = 2048;
/** How far apart along a direction the same may be, and how many buckets that is; few are that far. */
const APART = Math.sqrt(EXACT);
const REACH = Math.ceil(APART * BUCKETS / 4);

/** Two directions, along which lengths tell nearly all expressions apart. */
const [first, second] = [0, 1].map((stream) => {
  const random = new Random(2, DRAWS.expressions, stream);
  return unit(Float64Array.from({ length: PROBES }, () => random.normal()))!;
});

/** Less its mean and of length 1; undefined for what is no number somewhere, or the same everywhere. */
function unit(values: Float64Array): Float64Array | undefined {
  let [sum, squares, all] = [0, 0, 0];
  for (const value of values) [sum, all] = [sum + value, all + value * value];
  const mean = sum / values.length;
  for (const value of values) squares += (value - mean) * (value - mean);
  if (!(squares > 1e-10 * all) || squares === Infinity) return undefined;
  const scale = 1 / Math.sqrt(squares);
  return values.map((value) => (value - mean) * scale);
}

/** A library with values for its variables; good until the library is bound again. */
export class BoundLibrary {
  /** The values of all expressions, one after the other. */
  readonly values: Float32Array;
  /** For each expression, one over the length of its values less their mean, or NaN. */
  readonly #scales: Float64Array;
  /** For each expression the length along the second direction, positive along the first. */
  readonly #seconds: Float64Array;
  /** Expressions in the order of their buckets, and where each bucket begins. */
  readonly #sorted: Int32Array;
  readonly #begins = new Int32Array(BUCKETS + 1);

  constructor(library: Library, variables: readonly ArrayLike<number>[]) {
    const values = this.values = library.bind(variables);
    const { length } = library;
    this.#scales = new Float64Array(length);
    this.#seconds = new Float64Array(length);
    const buckets = new Int32Array(length);
    for (let each = 0, at = 0; each < length; each++, at += PROBES) {
      let [sum, all, along, across] = [0, 0, 0, 0];
      for (let i = 0; i < PROBES; i++) {
        const x = values[at + i];
        sum += x;
        all += x * x;
        along += x * first[i];
        across += x * second[i];
      }
      const squares = all - sum * sum / PROBES;
      const isVaried = squares > 1e-10 * all && all < Infinity;
      const scale = this.#scales[each] = isVaried ? 1 / Math.sqrt(squares) : NaN;
      // Directions have no mean, so that those of values do not matter.
      this.#seconds[each] = (along < 0 ? -across : across) * scale;
      const bucket = buckets[each] = isVaried ? bucketOf(along * scale) : -1;
      if (bucket >= 0) this.#begins[bucket + 1]++;
    }
    for (let i = 0; i < BUCKETS; i++) this.#begins[i + 1] += this.#begins[i];
    this.#sorted = new Int32Array(this.#begins[BUCKETS]);
    const next = this.#begins.slice();
    buckets.forEach((bucket, each) => {
      if (bucket >= 0) this.#sorted[next[bucket]++] = each;
    });
  }

  /** The values of one expression. */
  valuesOf(expression: number): Float32Array {
    return this.values.subarray(expression * PROBES, (expression + 1) * PROBES);
  }

  /** The share of variance that an expression leaves of values that are less their mean and of length 1. */
  #rest(expression: number, desired: Float64Array): number {
    const at = expression * PROBES;
    let both = 0;
    for (let i = 0; i < PROBES; i++) both += this.values[at + i] * desired[i];
    both *= this.#scales[expression];
    return 1 - both * both;
  }

  /** The expressions that are as desired, but for a factor and a term, smaller ones first. */
  exact(desired: Float64Array): Near[] {
    const shape = unit(desired);
    if (shape === undefined) return [];
    let [along, across] = [0, 0];
    for (let i = 0; i < PROBES; i++) {
      along += shape[i] * first[i];
      across += shape[i] * second[i];
    }
    if (along < 0) across = -across;
    const bucket = bucketOf(along);
    const from = this.#begins[Math.max(0, bucket - REACH)];
    const to = this.#begins[Math.min(BUCKETS, bucket + REACH + 1)];
    const found: Near[] = [];
    for (let k = from; k < to; k++) {
      const expression = this.#sorted[k];
      if (Math.abs(this.#seconds[expression] - across) > APART) continue;
      const rest = this.#rest(expression, shape);
      if (rest <= EXACT) found.push({ expression, rest });
    }
    return found.sort((a, b) => a.expression - b.expression);
  }

  /** The `count` expressions that come nearest, but for a factor and a term, the nearest first. */
  nearest(desired: Float64Array, count: number): Near[] {
    const shape = unit(desired);
    if (shape === undefined) return [];
    const found: Near[] = [];
    let worst = Infinity;
    for (const expression of this.#sorted) {
      const rest = this.#rest(expression, shape);
      if (!(rest < worst)) continue;
      let at = found.length;
      while (at > 0 && found[at - 1].rest > rest) at--;
      found.splice(at, 0, { expression, rest });
      if (found.length > count) found.pop();
      if (found.length === count) worst = found[count - 1].rest;
    }
    return found;
  }
}

/** On which part of the line a length along the direction is, whatever its sign. */
function bucketOf(along: number): number {
  return Math.min(BUCKETS - 1, Math.floor(Math.abs(along) * BUCKETS));
}
