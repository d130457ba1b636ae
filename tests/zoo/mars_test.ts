import { adamw, marsAdamw } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(gamma: number, lambda: number): Rule {
  const [alpha, b1, b2, eps] = [0.003, 0.95, 0.99, 1e-8];
  const [m, v]: number[][] = [[], []];
  let before: readonly number[] | undefined;
  return (w, g, t) => {
    const corrected = g.map((gradient, i) =>
      gradient + gamma * (b1 / (1 - b1)) * (gradient - (before ?? g)[i])
    );
    before = g;
    const norm = Math.hypot(...corrected);
    return corrected.map((c, i) => {
      const clipped = norm > 1 ? c / norm : c;
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * clipped;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * clipped ** 2;
      const direction = (m[i] / (1 - b1 ** t)) / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
      return -alpha * (direction + lambda * w[i]);
    });
  };
}

testByHand("MARS-AdamW is the paper's", marsAdamw({ learningRate: 0.003 }), () => rule(0.025, 0));
testByHand(
  "MARS-AdamW with a large correction and weight decay is the paper's",
  marsAdamw({ learningRate: 0.003, gamma: 0.5, weightDecay: 0.1 }),
  () => rule(0.5, 0.1),
);

Deno.test("MARS-AdamW leaves short gradients as they are", () => {
  const options = { learningRate: 0.1, weightDecay: 0.1 };
  const mars = marsAdamw({ ...options, gamma: 0 });
  const adam = adamw({ ...options, b1: 0.95, b2: 0.99 });
  const [ours, theirs] = [Float32Array.of(1, -2), Float32Array.of(1, -2)];
  const [state, other] = [mars.init(ours), adam.init(theirs)];
  for (let t = 0; t < 4; t++) {
    const gradients = Float32Array.of(0.5 - 0.3 * t, 0.25);
    mars.step(ours, gradients, state);
    adam.step(theirs, gradients, other);
  }
  assertEquals(ours, theirs);
});
