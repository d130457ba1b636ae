import { laprop } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(lambda: number, b2: number): Rule {
  const [alpha, b1, eps] = [0.003, 0.9, 1e-15];
  const [m, v]: number[][] = [[], []];
  return (w, g, t) =>
    g.map((gradient, i) => {
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      const divided = gradient / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * divided;
      return -alpha * (m[i] / (1 - b1 ** t) + lambda * w[i]);
    });
}

testByHand("LaProp is the paper's", laprop({ learningRate: 0.003 }), () => rule(0, 0.999));
testByHand(
  "LaProp with weight decay and a short memory is the paper's",
  laprop({ learningRate: 0.003, weightDecay: 0.1, b2: 0.5 }),
  () => rule(0.1, 0.5),
);
