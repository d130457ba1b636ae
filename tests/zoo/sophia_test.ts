import { sophia } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";

for (const backend of BACKENDS) {
  Deno.test(`Sophia looks at the Hessian now and then, as the paper says (${backend})`, () => {
    const [alpha, b1, b2, gamma, rho, lambda, k] = [0.1, 0.5, 0.75, 2, 0.5, 0.25, 3];
    const opt = sophia({
      learningRate: alpha,
      ...{ b1, b2, gamma, clipThreshold: rho, weightDecay: lambda, updateInterval: k },
    }).with({ backend });
    const x = Float64Array.of(1, -2, 3);
    const state = opt.init(x);
    const [w, m, h] = [[...x], [0, 0, 0], [0, 0, 0]];
    for (let t = 1; t <= 8; t++) {
      const g = w.map((value, i) => Math.sin(t + i) * value);
      const hessian = w.map((_, i) => Math.cos(2 * t + i) + 0.5);
      opt.step(x, Float64Array.from(g), state, { hessian: Float64Array.from(hessian) });
      w.forEach((value, i) => {
        m[i] = b1 * m[i] + (1 - b1) * g[i];
        if ((t - 1) % k === 0) h[i] = b2 * h[i] + (1 - b2) * hessian[i];
        const step = Math.max(-rho, Math.min(rho, m[i] / Math.max(gamma * h[i], 1e-8)));
        w[i] = value - alpha * (step + lambda * value);
      });
      const digits = (numbers: Iterable<number>) => Array.from(numbers, (n) => n.toFixed(12));
      assertEquals(digits(x), digits(w));
    }
  });
}
