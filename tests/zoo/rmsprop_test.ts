import { adamw, rmsprop, type RmspropOptions } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS, largestError, replayStream } from "../golden/replay.ts";
import { type Rule, testByHand } from "./by_hand.ts";

const OPTIONS = {
  decay: 0.8,
  eps: 1e-3,
  initialScale: 0.5,
  epsInSqrt: false,
  centered: false,
  momentum: 0,
  nesterov: false,
  biasCorrection: false,
};

function rule(given: Partial<typeof OPTIONS>): Rule {
  const options = { ...OPTIONS, ...given };
  const { decay, eps, initialScale, epsInSqrt, centered, momentum, nesterov } = options;
  const [squares, means, trace]: number[][] = [[], [], []];
  return (_w, g, t) =>
    g.map((gradient, i) => {
      squares[i] = decay * (squares[i] ?? initialScale) + (1 - decay) * gradient ** 2;
      means[i] = decay * (means[i] ?? 0) + (1 - decay) * gradient;
      const correction = options.biasCorrection ? 1 - decay ** t : 1;
      const variance = squares[i] / correction - (centered ? (means[i] / correction) ** 2 : 0);
      const root = epsInSqrt ? Math.sqrt(variance + eps) : Math.sqrt(variance) + eps;
      const step = -0.01 * gradient / root;
      trace[i] = step + momentum * (trace[i] ?? 0);
      return nesterov ? step + momentum * trace[i] : trace[i];
    });
}

const VARIANTS: readonly Partial<typeof OPTIONS>[] = [
  {},
  { epsInSqrt: true },
  { centered: true },
  { centered: true, biasCorrection: true, epsInSqrt: true, momentum: 0.9 },
  { biasCorrection: true, initialScale: 0 },
  { momentum: 0.9 },
  { momentum: 0.9, nesterov: true },
];
for (const variant of VARIANTS) {
  const options: RmspropOptions = { learningRate: 0.01, ...OPTIONS, ...variant };
  testByHand(`RMSProp with ${JSON.stringify(variant)}`, rmsprop(options), () => rule(variant));
}

Deno.test("RMSProp keeps only the states that its options need", () => {
  const x = Float32Array.of(1);
  const statesOf = (options: Partial<RmspropOptions>) => {
    const { optimizer: _name, count: _count, hyper: _hyper, ...states } = rmsprop({
      learningRate: 1,
      ...options,
    }).init(x);
    return Object.keys(states);
  };
  assertEquals(statesOf({}), ["v"]);
  assertEquals(statesOf({ centered: true }), ["v", "gbar"]);
  assertEquals(statesOf({ momentum: 0.5 }), ["v", "m"]);
  assertEquals(statesOf({ centered: true, momentum: 0.5 }), ["v", "gbar", "m"]);
});

Deno.test("RMSProp with bias correction is Adam without its first moment", () => {
  const options = { learningRate: 0.01, decay: 0.999, epsInSqrt: false, biasCorrection: true };
  const ours = replayStream(rmsprop(options), "float64", "update");
  const adams = replayStream(
    adamw({ learningRate: 0.01, b1: 0, weightDecay: 0 }),
    "float64",
    "update",
  );
  assert(largestError(ours, adams, "updates", 1e-6) < 1e-14);
});

Deno.test("RMSProp centered makes no NaN of a variance that rounding makes negative", () => {
  const options = { learningRate: 1, centered: true, biasCorrection: true, epsInSqrt: false };
  // After one step the average is the gradient itself, and the variance what rounding leaves.
  const gradients = Float32Array.from({ length: 500 }, (_, i) => 3 * Math.cos(i + 1));
  for (const backend of BACKENDS) {
    const opt = rmsprop(options).with({ backend });
    const [updates] = opt.update(gradients, opt.init(gradients));
    assert(updates.every(Number.isFinite));
    const [poisoned] = opt.update(gradients.map(() => NaN), opt.init(gradients));
    assert(poisoned.every(Number.isNaN));
  }
});
