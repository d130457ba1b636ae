import { acprop } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(alpha: number, lambda: number, b2: number): Rule {
  const [b1, eps] = [0.9, 1e-16];
  const [m, s]: number[][] = [[], []];
  return (w, g, t) =>
    g.map((gradient, i) => {
      // The root is of what the step before left.
      const root = t === 1 ? 1 : Math.sqrt(s[i] / (1 - b2 ** (t - 1)));
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      s[i] = b2 * (s[i] ?? 0) + (1 - b2) * (gradient - m[i]) ** 2 + eps;
      return -alpha * (gradient / (root + eps) + lambda * w[i]);
    });
}

testByHand(
  "ACProp is the paper's",
  acprop({ learningRate: 0.003, lagged: false }),
  () => rule(0.003, 0, 0.999),
);
testByHand(
  "ACProp with weight decay and a short memory is the paper's",
  acprop({ learningRate: 0.01, weightDecay: 0.1, b2: 0.5, lagged: false }),
  () => rule(0.01, 0.1, 0.5),
);
