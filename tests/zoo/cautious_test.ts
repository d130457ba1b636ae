import { cautiousAdamw } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(lambda: number): Rule {
  const [alpha, b1, b2, eps] = [0.003, 0.9, 0.999, 1e-8];
  const [m, v]: number[][] = [[], []];
  return (w, g, t) => {
    const directions = g.map((gradient, i) => {
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      return (m[i] / (1 - b1 ** t)) / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
    });
    const agrees = directions.map((direction, i) => direction * g[i] > 0);
    const share = Math.max(agrees.filter(Boolean).length / g.length, 1e-3);
    return directions.map((direction, i) =>
      -alpha * ((agrees[i] ? direction / share : 0) + lambda * w[i])
    );
  };
}

testByHand(
  "Cautious AdamW is the paper's",
  cautiousAdamw({ learningRate: 0.003, weightDecay: 0 }),
  () => rule(0),
);
testByHand(
  "Cautious AdamW decays everywhere",
  cautiousAdamw({ learningRate: 0.003, weightDecay: 0.1 }),
  () => rule(0.1),
);

Deno.test("Cautious AdamW stands still where no direction agrees", () => {
  const opt = cautiousAdamw({ learningRate: 1, weightDecay: 0 });
  const params = Float32Array.of(0, 0);
  const state = opt.init(params);
  opt.step(params, Float32Array.of(1, 1), state);
  assertEquals(params, Float32Array.of(-1, -1));
  opt.step(params, Float32Array.of(-0.5, -0.5), state);
  assertEquals(params, Float32Array.of(-1, -1));
});
