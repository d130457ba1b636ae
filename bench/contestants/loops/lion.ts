/** Lion by hand: what differs is how the sign is formed. */
import { HYPER } from "../../tasks.ts";
import type { Loops } from "./loop.ts";

const LEARNING_RATE = HYPER.learningRate;
const B1 = 0.9;
const B2 = 0.99;
const DECAY = 1e-3;

/** A sign that branches costs a misprediction for every other gradient; one without costs nothing. */
export const lionLoops: Loops = {
  "ternary sign": ({ w, g, m }) => {
    const n = w.length, a = LEARNING_RATE, decay = DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    for (let i = 0; i < n; i++) {
      const gi = g[i], mi = m[i], wi = w[i];
      const c = b1 * mi + k1 * gi;
      w[i] = wi - a * ((c > 0 ? 1 : c < 0 ? -1 : 0) + decay * wi);
      m[i] = b2 * mi + k2 * gi;
    }
  },
  "Math.sign": ({ w, g, m }) => {
    const n = w.length, a = LEARNING_RATE, decay = DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    for (let i = 0; i < n; i++) {
      const gi = g[i], mi = m[i], wi = w[i];
      w[i] = wi - a * (Math.sign(b1 * mi + k1 * gi) + decay * wi);
      m[i] = b2 * mi + k2 * gi;
    }
  },
  "difference of comparisons": ({ w, g, m }) => {
    const n = w.length, a = LEARNING_RATE, keep = 1 - LEARNING_RATE * DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    for (let i = 0; i < n; i++) {
      const gi = g[i], mi = m[i];
      const c = b1 * mi + k1 * gi;
      w[i] = keep * w[i] - a * (+(c > 0) - +(c < 0));
      m[i] = b2 * mi + k2 * gi;
    }
  },
  "comparisons of momentum and gradient": ({ w, g, m }) => {
    const n = w.length, a = LEARNING_RATE, keep = 1 - LEARNING_RATE * DECAY;
    const k = (B1 - 1) / B1, b2 = B2, k2 = 1 - B2;
    for (let i = 0; i < n; i++) {
      const gi = g[i], mi = m[i];
      const x = k * gi;
      w[i] = keep * w[i] - a * (+(mi > x) - +(mi < x));
      m[i] = b2 * mi + k2 * gi;
    }
  },
  "table of steps": ({ w, g, m }) => {
    const n = w.length, keep = 1 - LEARNING_RATE * DECAY;
    const b1 = B1, b2 = B2, k1 = 1 - B1, k2 = 1 - B2;
    const steps = Float64Array.of(-LEARNING_RATE, 0, LEARNING_RATE);
    for (let i = 0; i < n; i++) {
      const gi = g[i], mi = m[i];
      const c = b1 * mi + k1 * gi;
      w[i] = keep * w[i] - steps[1 + +(c > 0) - +(c < 0)];
      m[i] = b2 * mi + k2 * gi;
    }
  },
};
