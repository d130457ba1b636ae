import { adadelta, adagrad } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function adagradRule(initial: number, eps: number): Rule {
  const sums: number[] = [];
  return (_w, g) =>
    g.map((gradient, i) => {
      sums[i] = (sums[i] ?? initial) + gradient ** 2;
      return sums[i] === 0 ? 0 : -0.1 * gradient / Math.sqrt(sums[i] + eps);
    });
}

testByHand(
  "AdaGrad is the paper's where nothing keeps its root from 0",
  adagrad({ learningRate: 0.1, initialAccumulatorValue: 0, eps: 0 }),
  () => adagradRule(0, 0),
);
testByHand(
  "AdaGrad begins with what it is told",
  adagrad({ learningRate: 0.1, initialAccumulatorValue: 0.5, eps: 0.01 }),
  () => adagradRule(0.5, 0.01),
);

Deno.test("AdaGrad leaves alone what never had a gradient, and hides no NaN", () => {
  for (const backend of BACKENDS) {
    const opt = adagrad({ learningRate: 1, initialAccumulatorValue: 0, eps: 0 }).with({ backend });
    const x = Float32Array.of(1, 1, 1);
    const state = opt.init(x);
    opt.step(x, Float32Array.of(0, 2, NaN), state);
    assertEquals(x, Float32Array.of(1, 0, NaN));
  }
});

function adadeltaRule(alpha: number, rho: number, eps: number, lambda: number): Rule {
  const [squares, steps]: number[][] = [[], []];
  return (w, g) =>
    g.map((given, i) => {
      const gradient = given + lambda * w[i];
      squares[i] = rho * (squares[i] ?? 0) + (1 - rho) * gradient ** 2;
      const step = -Math.sqrt((steps[i] ?? 0) + eps) / Math.sqrt(squares[i] + eps) * gradient;
      steps[i] = rho * (steps[i] ?? 0) + (1 - rho) * step ** 2;
      return alpha * step;
    });
}

testByHand("AdaDelta descends as the paper's", adadelta(), () => adadeltaRule(1, 0.9, 1e-6, 0));
testByHand(
  "AdaDelta decays before all else",
  adadelta({ learningRate: 3, rho: 0.5, eps: 0.01, weightDecay: 0.3 }),
  () => adadeltaRule(3, 0.5, 0.01, 0.3),
);
