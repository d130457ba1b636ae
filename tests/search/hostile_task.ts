/** A task that misbehaves once a parameter is far from where it began. */
import type { Problem } from "../../search/mod.ts";

/** Makes the problem. */
export default function make({ behaviour }: { behaviour: string }): Problem {
  while (behaviour === "never loads");
  const isFar = (w: Float32Array) => !(Math.abs(w[0] - 1) < 0.01);
  return {
    tensors: [5, 3],
    start: (w) => void w.fill(1),
    gradient(w, step, g) {
      if (isFar(w) && behaviour === "throws") throw new Error("no");
      while (isFar(w) && behaviour === "loops");
      if (isFar(w) && behaviour === "exits") Deno.exit(0);
      for (const held = []; isFar(w) && behaviour === "allocates";) {
        held.push(new Array(1e5).fill(0.5));
      }
      if (step === 0 && behaviour === "prints") console.log("printed");
      g.forEach((_, i) => g[i] = w[i] * (1 + (step + i) % 3));
    },
    loss(w) {
      if (isFar(w) && behaviour === "returns NaN") return NaN;
      if (isFar(w) && behaviour === "explodes") return Infinity;
      return w.reduce((sum, x) => sum + x * x, 1e-9);
    },
  };
}
