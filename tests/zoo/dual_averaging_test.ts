/** Optimizers that go from the first parameters, not from the last. */
import { cocob, madgrad } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

/** Algorithm 2 of the paper, an element at a time. */
function cocobRule(alpha: number, eps: number, lambda: number): Rule {
  const elements: { first: number; L: number; G: number; reward: number; theta: number }[] = [];
  return (w, g) =>
    g.map((gradient, i) => {
      elements[i] ??= { first: w[i], L: eps, G: 0, reward: 0, theta: 0 };
      const element = elements[i];
      const descent = -(gradient + lambda * w[i]);
      element.L = Math.max(element.L, Math.abs(descent));
      element.G += Math.abs(descent);
      element.reward = Math.max(element.reward + (w[i] - element.first) * descent, 0);
      element.theta += descent;
      const { first, L, G, reward, theta } = element;
      return first + theta / (L * Math.max(G + L, alpha * L)) * (L + reward) - w[i];
    });
}

testByHand("COCOB is the paper's", cocob({ alpha: 10 }), () => cocobRule(10, 1e-8, 0));
testByHand(
  "COCOB bets more at once with a smaller alpha",
  cocob({ alpha: 2, eps: 1, weightDecay: 0.1 }),
  () => cocobRule(2, 1, 0.1),
);

function madgradRule(momentum: number, eps: number, gamma: (count: number) => number): Rule {
  let first: readonly number[] | undefined;
  const [sums, squares]: number[][] = [[], []];
  return (w, g, t) => {
    first ??= w;
    const weight = (gamma(t - 1) + eps) * Math.sqrt(t);
    return g.map((gradient, i) => {
      sums[i] = (sums[i] ?? 0) + weight * gradient;
      squares[i] = (squares[i] ?? 0) + weight * gradient ** 2;
      const z = first![i] - sums[i] / (Math.cbrt(squares[i]) + eps);
      return momentum * w[i] + (1 - momentum) * z - w[i];
    });
  };
}

testByHand(
  "MADGRAD is the paper's",
  madgrad({ learningRate: 0.01 }),
  () => madgradRule(0.9, 1e-6, () => 0.01),
);
testByHand(
  "MADGRAD may be without momentum, and scheduled",
  madgrad({ learningRate: (count) => 0.1 / (1 + count), momentum: 0, eps: 1e-3 }),
  () => madgradRule(0, 1e-3, (count) => 0.1 / (1 + count)),
);
