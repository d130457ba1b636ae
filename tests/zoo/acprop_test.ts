import { acprop, scaleByAcprop } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { assertDepartsFromOptax, type Rule, testByHand } from "./by_hand.ts";

function rule(alpha: number, lambda: number, b2: number): Rule {
  const [b1, eps] = [0.9, 1e-16];
  const [m, s, begun]: [number[], number[], boolean[]] = [[], [], []];
  return (w, g, t) =>
    g.map((gradient, i) => {
      // The root is of what the step before left, if there has been a gradient by then.
      const root = begun[i] ? Math.sqrt(s[i] / (1 - b2 ** (t - 1))) : 1;
      begun[i] ||= gradient !== 0;
      m[i] = b1 * (m[i] ?? 0) + (1 - b1) * gradient;
      s[i] = begun[i] ? b2 * (s[i] ?? 0) + (1 - b2) * (gradient - m[i]) ** 2 + eps : 0;
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

Deno.test("ACProp that divides by ε alone after gradients of 0 is Optax's", () => {
  assertDepartsFromOptax(acprop.program, "acprop", {
    "where(s == 0, 1, 1/(1 - b2^count)*s)": "where(t > 1, 1/(1 - b2^count)*s, 1)",
    "where(s == 0 & e == 0, 0, b2*s + (1 - b2)*e^2 + epsRoot)": "b2*s + (1 - b2)*e^2 + epsRoot",
  });
});

for (const backend of BACKENDS) {
  for (const dtype of [Float32Array, Float64Array]) {
    Deno.test(`ACProp steps by the gradient itself after three of 0 (${dtype.name}, ${backend})`, () => {
      for (const lagged of [true, false]) {
        for (const eps of [1e-16, 0]) {
          const opt = acprop({ learningRate: 0.5, eps, epsRoot: eps, lagged }).with({ backend });
          const scale = scaleByAcprop({ eps, epsRoot: eps, lagged }).with({ backend });
          const x = dtype.of(0, 0);
          let [state, own, updates] = [opt.init(x), scale.init(x), x];
          for (const gradient of [0, 0, 0, 1]) {
            const gradients = dtype.of(gradient, -2 * gradient);
            opt.step(x, gradients, state);
            [updates, own] = scale.update(gradients, own);
          }
          assertEquals(x, dtype.of(-0.5, 1));
          assertEquals(updates, dtype.of(1, -2));
          // A deviation of 1, or β1 times that, once in four steps: the next step divides by its root.
          opt.step(x, dtype.of(0.25, 0), state);
          const deviation = (lagged ? 1 : 0.9) * Math.sqrt(0.001 / (1 - 0.999 ** 4));
          const expected = -0.5 - 0.5 * 0.25 / deviation;
          assertEquals(x[0].toFixed(5), expected.toFixed(5));
          state = opt.init(x);
          assertEquals(state.s, dtype.of(0, 0));
        }
      }
    });
  }
}
