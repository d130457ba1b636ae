import { optimisticAdamV2, optimisticGradientDescent } from "../../mod.ts";
import { type Rule, testByHand } from "./by_hand.ts";

testByHand(
  "optimistic descent counts a change as its schedules say",
  optimisticGradientDescent({
    learningRate: 0.1,
    alpha: (count) => 1 + count,
    beta: (count) => 1 / (1 + count),
  }),
  () => {
    let before: readonly number[] | undefined;
    return (_w, g, t) => {
      const last = before ?? g;
      before = g;
      return g.map((gradient, i) => -0.1 * ((t + 1 / t) * gradient - last[i] / t));
    };
  },
);

/** The paper's Algorithm 1: twice the direction of Adam less the last one. */
function paper(): Rule {
  const [m, v, last]: number[][] = [[], [], []];
  return (_w, g, t) =>
    g.map((gradient, i) => {
      m[i] = 0.9 * (m[i] ?? 0) + 0.1 * gradient;
      v[i] = 0.999 * (v[i] ?? 0) + 0.001 * gradient ** 2;
      const direction = m[i] / (1 - 0.9 ** t) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-8);
      const update = -2 * 0.01 * direction + 0.01 * (last[i] ?? direction);
      last[i] = direction;
      return update;
    });
}

testByHand(
  "optimistic Adam without Nesterov's momentum is the paper's",
  optimisticAdamV2({ learningRate: 0.01, nesterov: false }),
  paper,
);
