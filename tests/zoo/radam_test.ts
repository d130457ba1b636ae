import { radam } from "../../mod.ts";
import { assert } from "../assert.ts";
import { type Rule, testByHand } from "./by_hand.ts";

function rule(b2: number, threshold: number): Rule {
  const [alpha, b1, eps] = [0.003, 0.9, 1e-8];
  const [m, v]: number[][] = [[], []];
  return (_w, g, t) =>
    g.map((gradient, i) => {
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      v[i] = b2 * (v[i] ?? 0) + (1 - b2) * gradient ** 2;
      const mean = m[i] / (1 - b1 ** t);
      const longest = 2 / (1 - b2) - 1;
      const length = longest - 2 * t * b2 ** t / (1 - b2 ** t);
      if (length < threshold) return -alpha * mean;
      const rectified = Math.sqrt(
        ((length - 4) / (longest - 4)) * ((length - 2) / (longest - 2)) * (longest / length),
      );
      return -alpha * rectified * mean / (Math.sqrt(v[i] / (1 - b2 ** t)) + eps);
    });
}

testByHand("RAdam is the paper's", radam({ learningRate: 0.003, b2: 0.9 }), () => rule(0.9, 5));
testByHand(
  "RAdam rectifies from its threshold on",
  radam({ learningRate: 0.003, b2: 0.9, threshold: 4.5 }),
  () => rule(0.9, 4.5),
);
testByHand(
  "RAdam of a short memory is momentum alone",
  radam({ learningRate: 0.003, b2: 0.5 }),
  () => rule(0.5, 5),
);

Deno.test("RAdam's first rectified step is as long as in exact arithmetic", () => {
  const opt = radam({ learningRate: 1, eps: 0 });
  const one = Float64Array.of(1);
  let [updates, state] = opt.update(one, opt.init(one));
  for (let t = 2; t <= 6; t++) {
    assert(Math.abs(updates[0] + 1) <= 1e-15, `${updates[0]} is not momentum alone`);
    [updates, state] = opt.update(one, state);
  }
  // From rational arithmetic on the doubles; Optax in float64 is off by 1.1e-11.
  const error = Math.abs(updates[0] / -0.025821112801865228 - 1);
  assert(error <= 1e-12, `${updates[0]} is off by ${error}`);
});
