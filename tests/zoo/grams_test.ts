import { grams } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(lambda: number): Rule {
  const [alpha, b1, b2, eps] = [0.003, 0.9, 0.999, 1e-8];
  const [m, v]: number[][] = [[], []];
  return (w, g, t) =>
    g.map((gradient, i) => {
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      const length = Math.abs(m[i] / (1 - b1 ** t)) / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
      return -alpha * (Math.sign(gradient) * length + lambda * w[i]);
    });
}

testByHand("Grams is the paper's", grams({ learningRate: 0.003 }), () => rule(0));
testByHand(
  "Grams with weight decay is the paper's",
  grams({ learningRate: 0.003, weightDecay: 0.1 }),
  () => rule(0.1),
);
