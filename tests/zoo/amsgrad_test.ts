import { amsgrad } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(correctsMean: boolean, correctsSquare: boolean): Rule {
  const [alpha, b1, b2, eps] = [0.003, 0.9, 0.5, 1e-8];
  const [m, v, largest]: number[][] = [[], [], []];
  return (_w, g, t) =>
    g.map((gradient, i) => {
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      largest[i] = Math.max(largest[i] ?? 0, correctsSquare ? v[i] / (1 - b2 ** t) : v[i]);
      return -alpha * (correctsMean ? m[i] / (1 - b1 ** t) : m[i]) / (Math.sqrt(largest[i]) + eps);
    });
}

for (const biasCorrectionMu of [true, false]) {
  for (const biasCorrectionNu of [true, false]) {
    testByHand(
      `AMSGrad corrects the first moment: ${biasCorrectionMu}, the second: ${biasCorrectionNu}`,
      amsgrad({ learningRate: 0.003, b2: 0.5, biasCorrectionMu, biasCorrectionNu }),
      () => rule(biasCorrectionMu, biasCorrectionNu),
    );
  }
}
