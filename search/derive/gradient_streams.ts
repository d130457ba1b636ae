/** Streams of made-up gradients to run programs on: the same numbers for the same seed, everywhere. */

/** How the gradients of a stream are distributed. */
export type StreamKind = "gaussian" | "drifting" | "heavy" | "sparse";

/** All kinds. */
export const STREAMS: readonly StreamKind[] = ["gaussian", "drifting", "heavy", "sparse"];

/** A source of even random numbers in [0, 1) that always starts alike. */
export function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normal random numbers of mean 0 and variance 1. */
export function normals(seed: number): () => number {
  const next = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/**
 * The gradients of `steps` steps for `size` elements. Elements differ in scale by powers of 2. `gaussian`
 * ones are independent; `drifting` ones have a mean that wanders, as in training; `heavy` ones have
 * Student's t distribution with 2 degrees of freedom; `sparse` ones are 0 three times out of four, and
 * the first element always.
 */
export function gradientStream(
  kind: StreamKind,
  seed: number,
  steps: number,
  size: number,
): Float64Array[] {
  const normal = normals(seed);
  const even = uniforms(seed + 1);
  const mean = new Float64Array(size);
  return Array.from({ length: steps }, () =>
    Float64Array.from({ length: size }, (_, i) => {
      const scale = 2 ** (i % 7 - 3);
      const x = normal();
      switch (kind) {
        case "gaussian":
          return scale * x;
        case "drifting":
          mean[i] = 0.95 * mean[i] + 0.3 * normal();
          return scale * (mean[i] + x);
        case "heavy":
          return scale * x / Math.sqrt(-Math.log(1 - even()));
        case "sparse":
          return i === 0 || even() < 0.75 ? 0 : scale * x;
      }
    }));
}
