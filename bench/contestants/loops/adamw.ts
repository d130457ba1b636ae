/** AdamW by hand: what differs is where the divisions go. */
import { HYPER } from "../../tasks.ts";
import type { Arrays, Loops } from "./loop.ts";

const LEARNING_RATE = HYPER.learningRate;
const B1 = 0.9;
const B2 = 0.999;
const EPS = 1e-8;
const DECAY = 1e-4;

type ScaledLoop = (arrays: Arrays, t: number, scale: number) => void;

const loops: Readonly<Record<string, ScaledLoop>> = {
  "as in the paper": ({ w, g, m, v }, t, scale) => {
    const n = w.length, a = LEARNING_RATE, eps = EPS, decay = DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    const c1 = 1 - B1 ** t, c2 = 1 - B2 ** t;
    for (let i = 0; i < n; i++) {
      const gi = scale * g[i], wi = w[i];
      const mi = b1 * m[i] + k1 * gi;
      const vi = b2 * v[i] + k2 * gi * gi;
      m[i] = mi;
      v[i] = vi;
      w[i] = wi - a * (mi / c1 / (Math.sqrt(vi / c2) + eps) + decay * wi);
    }
  },
  "bias corrections folded": ({ w, g, m, v }, t, scale) => {
    const n = w.length, keep = 1 - LEARNING_RATE * DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    const root = Math.sqrt(1 - b2 ** t), a = LEARNING_RATE * root / (1 - b1 ** t), eps = EPS * root;
    for (let i = 0; i < n; i++) {
      const gi = scale * g[i];
      const mi = b1 * m[i] + k1 * gi;
      const vi = b2 * v[i] + k2 * gi * gi;
      m[i] = mi;
      v[i] = vi;
      w[i] = keep * w[i] - a * mi / (Math.sqrt(vi) + eps);
    }
  },
  "float32 square root": ({ w, g, m, v }, t, scale) => {
    const { fround } = Math;
    const n = w.length, keep = 1 - LEARNING_RATE * DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    const root = Math.sqrt(1 - b2 ** t), a = LEARNING_RATE * root / (1 - b1 ** t), eps = EPS * root;
    for (let i = 0; i < n; i++) {
      const gi = scale * g[i];
      const mi = b1 * m[i] + k1 * gi;
      const vi = fround(b2 * v[i] + k2 * gi * gi);
      m[i] = mi;
      v[i] = vi;
      w[i] = keep * w[i] - a * mi / (fround(Math.sqrt(vi)) + eps);
    }
  },
  "one division for two elements": ({ w, g, m, v }, t, scale) => {
    const n = w.length, keep = 1 - LEARNING_RATE * DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    const root = Math.sqrt(1 - b2 ** t), a = LEARNING_RATE * root / (1 - b1 ** t), eps = EPS * root;
    const even = n - n % 2;
    for (let i = 0; i < even; i += 2) {
      const g0 = scale * g[i], g1 = scale * g[i + 1];
      const m0 = b1 * m[i] + k1 * g0, m1 = b1 * m[i + 1] + k1 * g1;
      const v0 = b2 * v[i] + k2 * g0 * g0, v1 = b2 * v[i + 1] + k2 * g1 * g1;
      m[i] = m0;
      m[i + 1] = m1;
      v[i] = v0;
      v[i + 1] = v1;
      const d0 = Math.sqrt(v0) + eps, d1 = Math.sqrt(v1) + eps;
      const r = a / (d0 * d1);
      w[i] = keep * w[i] - m0 * d1 * r;
      w[i + 1] = keep * w[i + 1] - m1 * d0 * r;
    }
    if (even === n) return;
    const last = scale * g[even];
    m[even] = b1 * m[even] + k1 * last;
    v[even] = b2 * v[even] + k2 * last * last;
    w[even] = keep * w[even] - a * m[even] / (Math.sqrt(v[even]) + eps);
  },
};

/** Plain AdamW: the scale of 1 costs a multiplication that hides behind the division. */
export const adamwLoops: Loops = map((loop) => (arrays, t) => loop(arrays, t, 1));

/** The same after clipping: the norm in a loop of its own, its effect folded into the gradient. */
export const clippedLoops: Loops = map((loop) => (arrays, t) => {
  const norm = Math.sqrt(sumOfSquares(arrays.g));
  loop(arrays, t, norm < HYPER.maxNorm ? 1 : HYPER.maxNorm / norm);
});

function map(wrap: (loop: ScaledLoop) => Loops[string]): Loops {
  return Object.fromEntries(Object.entries(loops).map(([name, loop]) => [name, wrap(loop)]));
}

// Four sums, since one would wait for itself.
function sumOfSquares(g: Float32Array): number {
  let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  const whole = g.length - g.length % 4;
  for (let i = 0; i < whole; i += 4) {
    const g0 = g[i], g1 = g[i + 1], g2 = g[i + 2], g3 = g[i + 3];
    s0 += g0 * g0;
    s1 += g1 * g1;
    s2 += g2 * g2;
    s3 += g3 * g3;
  }
  for (let i = whole; i < g.length; i++) s0 += g[i] * g[i];
  return s0 + s1 + (s2 + s3);
}
