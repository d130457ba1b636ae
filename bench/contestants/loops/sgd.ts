/** SGD with momentum by hand: there is little to choose. */
import { HYPER } from "../../tasks.ts";
import type { Loops } from "./loop.ts";

/** Plain, and unrolled. */
export const sgdLoops: Loops = {
  plain: ({ w, g, m }) => {
    const n = w.length, a = HYPER.learningRate, b = HYPER.momentum;
    for (let i = 0; i < n; i++) {
      const mi = g[i] + b * m[i];
      m[i] = mi;
      w[i] -= a * mi;
    }
  },
  "four at a time": ({ w, g, m }) => {
    const n = w.length, a = HYPER.learningRate, b = HYPER.momentum;
    const whole = n - n % 4;
    for (let i = 0; i < whole; i += 4) {
      const m0 = g[i] + b * m[i], m1 = g[i + 1] + b * m[i + 1];
      const m2 = g[i + 2] + b * m[i + 2], m3 = g[i + 3] + b * m[i + 3];
      m[i] = m0;
      m[i + 1] = m1;
      m[i + 2] = m2;
      m[i + 3] = m3;
      w[i] -= a * m0;
      w[i + 1] -= a * m1;
      w[i + 2] -= a * m2;
      w[i + 3] -= a * m3;
    }
    for (let i = whole; i < n; i++) {
      m[i] = g[i] + b * m[i];
      w[i] -= a * m[i];
    }
  },
};
