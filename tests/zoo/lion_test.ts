import { cautiousLion, GradusError, lion, lionK, refinedLion, smoothLion } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { BACKENDS, replayStream } from "../golden/replay.ts";
import { type Rule, testByHand } from "./by_hand.ts";

/** Lion with `sign` of all its interpolated momenta, at the gradients, in place of the sign. */
function lionWith(
  sign: (c: number[], g: readonly number[]) => number[],
  { b1 = 0.9, b2 = 0.99, lambda = 1e-3 } = {},
): Rule {
  const m: number[] = [];
  return (w, g) => {
    const c = g.map((gradient, i) => b1 * (m[i] ?? 0) + (1 - b1) * gradient);
    g.forEach((gradient, i) => m[i] = b2 * (m[i] ?? 0) + (1 - b2) * gradient);
    return sign(c, g).map((s, i) => -0.01 * (s + lambda * w[i]));
  };
}

/** Lion's sign where it agrees with the gradient, by how many of all agree. */
function cautious(c: number[], g: readonly number[]): number[] {
  const agrees = c.map((value, i) => value * g[i] > 0);
  const scale = c.length / (agrees.filter(Boolean).length + 1);
  return c.map((value, i) => agrees[i] ? scale * Math.sign(value) : 0);
}

testByHand(
  "Lion is the paper's",
  lion({ learningRate: 0.01 }),
  () => lionWith((c) => c.map(Math.sign)),
);
testByHand(
  "smooth Lion is a hyperbolic tangent",
  smoothLion({ learningRate: 0.01, smoothBeta: 3 }),
  () => lionWith((c) => c.map((value) => Math.tanh(3 * value))),
);
testByHand(
  "refined Lion is linear below 1",
  refinedLion({ learningRate: 0.01, b1: 0.2, b2: 0.5, weightDecay: 0.1 }),
  () =>
    lionWith(
      (c) => c.map((value) => Math.abs(value) < 1 ? value : Math.sign(value)),
      { b1: 0.2, b2: 0.5, lambda: 0.1 },
    ),
);
testByHand(
  "cautious Lion is the paper's",
  cautiousLion({ learningRate: 0.01 }),
  () => lionWith(cautious),
);
testByHand(
  "cautious Lion decays where it does not move",
  cautiousLion({ learningRate: 0.01, b1: 0.95, b2: 0.98, weightDecay: 0.5 }),
  () => lionWith(cautious, { b1: 0.95, b2: 0.98, lambda: 0.5 }),
);
testByHand(
  "Lion of the Euclidean norm normalises its momentum",
  lionK({ name: "normalised", gradient: "c/norm(c)" })({ learningRate: 0.01 }),
  () => lionWith((c) => c.map((value) => value / Math.hypot(...c))),
);
testByHand(
  "Lion of a dead zone has the hyperparameter that it declares",
  lionK({ name: "dead", hyper: { zone: 1 }, gradient: "where(abs(c) > zone, sign(c), 0)" })({
    learningRate: 0.01,
    zone: 0.1,
  }),
  () => lionWith((c) => c.map((value) => Math.abs(value) > 0.1 ? Math.sign(value) : 0)),
);

Deno.test("Optax's modes of Lion give the directions that its tests give", () => {
  const gradients = Float64Array.of(0.2, -2, 0.5, -0.8);
  const options = { learningRate: -1, b1: 0.5, b2: 0.9, weightDecay: 0 };
  for (const backend of BACKENDS) {
    const direction = (factory: typeof lion, further: object = {}) => {
      const opt = factory({ ...options, ...further }).with({ backend });
      return Array.from(opt.update(gradients, opt.init(gradients), gradients)[0]);
    };
    assertEquals(direction(lion), [1, -1, 1, -1]);
    assertEquals(direction(refinedLion), [0.1, -1, 0.25, -0.4]);
    const smooth = direction(smoothLion, { smoothBeta: 2 });
    [0.2, -2, 0.5, -0.8].forEach((x, i) => assert(Math.abs(smooth[i] - Math.tanh(x)) < 1e-15));
  }
});

for (const backend of BACKENDS) {
  Deno.test(`Lion of the sum of magnitudes has every bit of Lion, on ${backend}`, () => {
    const options = { learningRate: 0.01, weightDecay: 0.1 };
    const made = lionK({ name: "made", gradient: "sign(c)" })(options).with({ backend });
    assertEquals(
      replayStream(made, "float32", "update"),
      replayStream(lion(options).with({ backend }), "float32", "update"),
    );
  });
}

Deno.test("a gradient of K must be an expression, of names that there are", () => {
  const make = (gradient: string) => () => lionK({ name: "made", gradient });
  assertThrows(make("c/kappa"), GradusError, 'optimizer "made"', "no symbol `kappa`");
  assertThrows(make("c +"), GradusError, 'optimizer "made"');
  assertThrows(make("c > 0"), GradusError, "a number is required here");
});
