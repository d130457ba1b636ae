import { adamMini } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(lambda: number): Rule {
  const [alpha, b1, b2, eps] = [0.003, 0.9, 0.999, 1e-8];
  const m: number[] = [];
  let v = 0;
  return (w, g, t) => {
    const square = g.reduce((sum, gradient) => sum + gradient ** 2, 0) / g.length;
    v = b2 * v + (1 - b2) * square;
    return g.map((gradient, i) => {
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      const direction = (m[i] / (1 - b1 ** t)) / (Math.sqrt(v / (1 - b2 ** t)) + eps);
      return -alpha * (direction + lambda * w[i]);
    });
  };
}

testByHand("Adam-mini is the paper's", adamMini({ learningRate: 0.003 }), () => rule(0));
testByHand(
  "Adam-mini with weight decay is the paper's",
  adamMini({ learningRate: 0.003, weightDecay: 0.1 }),
  () => rule(0.1),
);

Deno.test("Adam-mini keeps one second moment a leaf", () => {
  const state = adamMini({ learningRate: 1 }).init({
    a: new Float32Array(5),
    b: { data: new Float32Array(6), shape: [2, 3] },
  });
  const one = Float32Array.of(0);
  assertEquals<unknown>(state.v, { a: one, b: { data: one, shape: [1, 1] } });
});
