import { ademamix, linearSchedule, simplifiedAdemamix } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(lambda: number, alphaAt: (t: number) => number, b3At: (t: number) => number): Rule {
  const [rate, b1, b2, eps] = [0.01, 0.9, 0.999, 1e-8];
  const [fast, slow, v]: number[][] = [[], [], []];
  return (w, g, t) =>
    g.map((gradient, i) => {
      fast[i] = b1 * (fast[i] ?? 0) + (1 - b1) * gradient;
      slow[i] = b3At(t) * (slow[i] ?? 0) + (1 - b3At(t)) * gradient;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      const mixed = fast[i] / (1 - b1 ** t) + alphaAt(t) * slow[i];
      return -rate * (mixed / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps) + lambda * w[i]);
    });
}

testByHand(
  "AdEMAMix with weight decay is the paper's",
  ademamix({ learningRate: 0.01, alpha: 8, b3: 0.99, weightDecay: 0.1 }),
  () => rule(0.1, () => 8, () => 0.99),
);
testByHand(
  "AdEMAMix takes schedules of its slow mean",
  ademamix({
    learningRate: 0.01,
    alpha: linearSchedule({ initValue: 0, endValue: 5, transitionSteps: 4 }),
    b3: (count) => 1 - 0.5 ** (count + 1),
  }),
  () => rule(0, (t) => 5 * Math.min((t - 1) / 4, 1), (t) => 1 - 0.5 ** t),
);

function simplifiedRule(alpha: number, lambda: number): Rule {
  const [rate, b1, b2, eps] = [0.001, 0.99, 0.95, 1e-8];
  const [sum, v]: number[][] = [[], []];
  return (w, g, t) =>
    g.map((gradient, i) => {
      sum[i] = b1 * (sum[i] ?? 0) + gradient;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      const direction = (sum[i] + alpha * gradient) / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
      return -rate * (direction + lambda * w[i]);
    });
}

testByHand(
  "Simplified AdEMAMix of the sum alone is the paper's",
  simplifiedAdemamix({ learningRate: 0.001 }),
  () => simplifiedRule(0, 0),
);
testByHand(
  "Simplified AdEMAMix with the gradient and weight decay is the paper's",
  simplifiedAdemamix({ learningRate: 0.001, alpha: 20, weightDecay: 0.1 }),
  () => simplifiedRule(20, 0.1),
);
