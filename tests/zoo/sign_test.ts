import { addSign, lion, powerSign, signum, tiger } from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { BACKENDS, replayStream } from "../golden/replay.ts";
import { type Rule, testByHand } from "./by_hand.ts";

for (const backend of BACKENDS) {
  Deno.test(`Signum has every bit of Lion with both its coefficients, on ${backend}`, () => {
    const ours = signum({ learningRate: 0.01, beta: 0.8 }).with({ backend });
    const lions = lion({ learningRate: 0.01, b1: 0.8, b2: 0.8, weightDecay: 0 }).with({ backend });
    for (const precision of ["float32", "float64"] as const) {
      assertEquals(
        replayStream(ours, precision, "update"),
        replayStream(lions, precision, "update"),
      );
    }
  });
}

/** A rule of the gradient, the momentum it has entered, the parameter and the step. */
function ofMomentum(
  beta: number,
  direction: (g: number, m: number, w: number, t: number) => number,
): Rule {
  const m: number[] = [];
  return (w, g, t) =>
    g.map((gradient, i) => {
      m[i] = beta * (m[i] ?? 0) + (1 - beta) * gradient;
      return direction(gradient, m[i], w[i], t);
    });
}

testByHand(
  "Tiger is the sign of its momentum and decay",
  tiger({ learningRate: 0.01 }),
  () => ofMomentum(0.965, (_g, m, w) => -0.01 * (Math.sign(m) + 0.01 * w)),
);
testByHand(
  "PowerSign is the paper's, with e and 0.9",
  powerSign({ learningRate: 0.01 }),
  () => ofMomentum(0.9, (g, m) => -0.01 * Math.exp(Math.sign(g) * Math.sign(m)) * g),
);
testByHand(
  "PowerSign forgets agreement as its schedule says",
  powerSign({ learningRate: 0.01, base: 3, beta: 0.7, signDecay: (count) => 1 - count / 10 }),
  () =>
    ofMomentum(0.7, (g, m, _w, t) => {
      const agreement = g === 0 ? 0 : Math.sign(g * m);
      return -0.01 * g * (agreement > 0 ? 3 : agreement < 0 ? 1 / 3 : 1) ** (1 - (t - 1) / 10);
    }),
);
testByHand(
  "AddSign is the paper's, with 1 and 0.9",
  addSign({ learningRate: 0.01 }),
  () => ofMomentum(0.9, (g, m) => -0.01 * (1 + Math.sign(g) * Math.sign(m)) * g),
);
testByHand(
  "AddSign forgets agreement as its schedule says",
  addSign({ learningRate: 0.01, alpha: 2, beta: 0.7, signDecay: (count) => 1 - count / 10 }),
  () =>
    ofMomentum(
      0.7,
      (g, m, _w, t) => -0.01 * (2 + (1 - (t - 1) / 10) * Math.sign(g) * Math.sign(m)) * g,
    ),
);
