import { adan } from "../../mod.ts";
import { assertDepartsFromOptax, type Rule, testByHand } from "./by_hand.ts";

/** Algorithm 1 of the paper, with its β the complement of ours, and bias corrections. */
function rule(alpha: number, lambda: number, epsRoot: number): Rule {
  const [b1, b2, b3, eps] = [0.02, 0.08, 0.01, 1e-8];
  const [m, v, n]: number[][] = [[], [], []];
  let before: readonly number[] | undefined;
  return (w, g, t) => {
    const updates = g.map((gradient, i) => {
      const difference = before === undefined ? 0 : gradient - before[i];
      m[i] = (1 - b1) * (m[i] ?? 0) + b1 * gradient;
      v[i] = (1 - b2) * (v[i] ?? 0) + b2 * difference;
      n[i] = (1 - b3) * (n[i] ?? 0) + b3 * (gradient + (1 - b2) * difference) ** 2;
      const correct = (x: number, b: number) => x / (1 - (1 - b) ** t);
      const length = alpha / (Math.sqrt(correct(n[i], b3) + epsRoot) + eps);
      const direction = correct(m[i], b1) + (1 - b2) * correct(v[i], b2);
      return (w[i] - length * direction) / (1 + lambda * alpha) - w[i];
    });
    before = g;
    return updates;
  };
}

testByHand("Adan is the paper's", adan({ learningRate: 0.1 }), () => rule(0.1, 0, 1e-8));
testByHand(
  "Adan with weight decay is the paper's proximal step",
  adan({ learningRate: 0.1, weightDecay: 0.5, epsRoot: 0 }),
  () => rule(0.1, 0.5, 0),
);
testByHand(
  "Adan decays what its mask lets it",
  adan({ learningRate: 0.1, weightDecay: 0.5, mask: { b: false, w: true } }),
  (tensor) => rule(0.1, tensor === "w" ? 0.5 : 0, 1e-8),
);

Deno.test("Adan with 1 - b2 for b2 before the differences is Optax's", () => {
  assertDepartsFromOptax(adan.program, "adan", {
    "g + b2*d": "g + (1 - b2)*d",
    "b2/(1 - b2^t)*v": "(1 - b2)/(1 - b2^t)*v",
  });
});
