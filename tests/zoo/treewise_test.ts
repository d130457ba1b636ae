/** Optimizers that reduce over the whole tree, against their papers' rules. */
import {
  dadaptAdamw,
  dog,
  dowg,
  momo,
  momoAdam,
  type Optimizer,
  polyakSgd,
  prodigy,
  scaleByPolyak,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { each, filled, norm, type Numbers, sum, testRule } from "./rules.ts";

const dot = (a: Numbers, b: Numbers) => sum(each((a, b) => a * b, a, b).flat());
const difference = (a: Numbers, b: Numbers) => each((a, b) => a - b, a, b);

for (const kind of ["heuristic", "distance", "learningRate"] as const) {
  const opt = dog({ learningRate: 0.5, initStep: [kind, 0.01], weightDecay: 0.1 });
  testRule(`DoG, which begins with its ${kind}`, opt, () => {
    let first: Numbers;
    let [r, total] = [0, 0];
    return (w, g, t) => {
      if (t === 1) {
        first = w;
        r = { heuristic: 0.01 * (1 + norm(w.flat())), distance: 0.01, learningRate: 0 }[kind];
      }
      r = Math.max(r, norm(difference(w, first).flat()));
      const d = each((g, w) => g + 0.1 * w, g, w);
      total += norm(d.flat()) ** 2;
      const isGiven = kind === "learningRate" && t === 1;
      const eta = isGiven ? 0.01 : r / Math.sqrt(total + 1e-8);
      return each((d) => -0.5 * eta * d, d);
    };
  });
}

for (const initEstimSqDist of [0.02, undefined]) {
  testRule(
    `DoWG from ${initEstimSqDist ?? "eps"}`,
    dowg({ initEstimSqDist, eps: 1e-3, weightDecay: 0.1 }),
    () => {
      let first: Numbers;
      let [r, total] = [initEstimSqDist ?? 1e-3, 0];
      return (w, g) => {
        first ??= w;
        r = Math.max(r, norm(difference(w, first).flat()) ** 2);
        const d = each((g, w) => g + 0.1 * w, g, w);
        total += r * norm(d.flat()) ** 2;
        return each((d) => -r / (Math.sqrt(total) + 1e-3) * d, d);
      };
    },
  );
}

// The gradients before the first one that is not 0 teach nothing.
const quiet = (t: number, _leaf: number, random: readonly number[]) =>
  random.map((x) => t === 1 ? 0 : x);

for (const biasCorrection of [true, false]) {
  testRule(
    `D-Adaptation of AdamW, bias correction ${biasCorrection}`,
    dadaptAdamw({
      learningRate: 0.5,
      betas: [0.8, 0.9],
      eps: 1e-3,
      estimLr0: 0.01,
      weightDecay: 0.1,
      biasCorrection,
    }),
    () => {
      let m: Numbers, v: Numbers, s: Numbers;
      let [d, r] = [0.01, 0];
      const root = Math.sqrt(0.9);
      return (w, g, t) => {
        if (t === 1) m = v = s = filled(0, w);
        const rate = d * 0.5 * (biasCorrection ? Math.sqrt(1 - 0.9 ** t) / (1 - 0.8 ** t) : 1);
        r = root * r + (1 - root) * rate * dot(g, each((s, v) => s / (Math.sqrt(v) + 1e-3), s, v));
        m = each((m, g) => 0.8 * m + 0.2 * rate * g, m, g);
        v = each((v, g) => 0.9 * v + 0.1 * g * g, v, g);
        s = each((s, g) => root * s + (1 - root) * rate * g, s, g);
        const length = sum(s.flat().map(Math.abs));
        if (length > 0) d = Math.max(d, r / ((1 - root) * length));
        return each((m, v, w) => -m / (Math.sqrt(v) + 1e-3) - rate * 0.1 * w, m, v, w);
      };
    },
    { gradients: quiet },
  );
}

for (
  const [beta3, safeguardWarmup, biasCorrection] of [[0, false, true], [0.7, true, false]] as const
) {
  testRule(
    `Prodigy, β3 ${beta3}, safeguard ${safeguardWarmup}, bias correction ${biasCorrection}`,
    prodigy({
      betas: [0.8, 0.9],
      ...{ learningRate: 0.5, beta3, eps: 1e-3, estimLr0: 0.01, estimLrCoef: 2 },
      ...{ weightDecay: 0.1, safeguardWarmup, biasCorrection },
    }),
    () => {
      let first: Numbers, m: Numbers, v: Numbers, s: Numbers;
      let [d, r] = [0.01, 0];
      const decay = beta3 || Math.sqrt(0.9);
      return (w, g, t) => {
        if (t === 1) [first, m, v, s] = [w, filled(0, w), filled(0, w), filled(0, w)];
        const old = d;
        const rate = old * 0.5 * (biasCorrection ? Math.sqrt(1 - 0.9 ** t) / (1 - 0.8 ** t) : 1);
        m = each((m, g) => 0.8 * m + 0.2 * old * g, m, g);
        v = each((v, g) => 0.9 * v + 0.1 * (old * g) ** 2, v, g);
        const weight = old / 0.01 * (safeguardWarmup ? old : rate);
        s = each((s, g) => decay * s + weight * g, s, g);
        r = decay * r + old / 0.01 * rate * dot(g, difference(first, w));
        const length = sum(s.flat().map(Math.abs));
        if (length > 0) d = Math.max(d, 2 * r / length);
        return each((m, v, w) => -rate * (m / (Math.sqrt(v) + d * 1e-3) + 0.1 * w), m, v, w);
      };
    },
    { gradients: quiet },
  );
}

const step = (gap: number, n: number, most: number) => Math.min(gap / n, most);
for (const variant of ["sps", "sps+"] as const) {
  testRule(
    `Polyak's step size, ${variant}`,
    polyakSgd({ maxLearningRate: 0.1, scaling: 2, fMin: 0.8, eps: 0.01, variant }),
    () => (_w, g, _t, value) => {
      const gap = variant === "sps+" ? Math.max(value - 0.8, 0) : value - 0.8;
      const size = step(gap, 4 * norm(g.flat()) ** 2 + 0.01, 0.1);
      return each((g) => -2 * size * g, g);
    },
  );
}
testRule("Polyak's step size as a transform", scaleByPolyak(), () => (_w, g, _t, value) => {
  const size = step(value, norm(g.flat()) ** 2, 1);
  return each((g) => size * g, g);
});

for (const adaptLowerBound of [false, true]) {
  const options = { lowerBound: 0.2, weightDecay: 0.1, adaptLowerBound };
  testRule(
    `MoMo, adapts its bound ${adaptLowerBound}`,
    momo({ ...options, learningRate: 0.3, beta: 0.6 }),
    () => {
      let d: Numbers;
      let [f, gamma, bound] = [0, 0, 0.2];
      return (w, g, t, value) => {
        const b = t === 1 ? 0 : 0.6;
        [f, gamma] = [b * f + (1 - b) * value, b * gamma + (1 - b) * dot(g, w)];
        d = each((d, g) => b * d + (1 - b) * g, d ?? filled(0, w), g);
        const shrink = 1 + 0.3 * 0.1;
        const cap = shrink * (f - gamma) + dot(d, w);
        if (adaptLowerBound && cap < shrink * bound) bound = Math.max(cap / (2 * shrink), 0.2);
        const tau = step(Math.max(shrink * (f - bound - gamma) + dot(d, w), 0), dot(d, d), 0.3);
        if (adaptLowerBound) bound = Math.max(f - gamma + dot(d, w) - tau * dot(d, d) / 2, 0.2);
        return each((w, d) => w / shrink - w - tau * d, w, d);
      };
    },
  );
  testRule(
    `MoMo-Adam, adapts its bound ${adaptLowerBound}`,
    momoAdam({ ...options, learningRate: 0.3, b1: 0.6, b2: 0.8, eps: 1e-3 }),
    () => {
      let d: Numbers, v: Numbers;
      let [f, gamma, bound] = [0, 0, 0.2];
      return (w, g, t, value) => {
        [f, gamma] = [0.6 * f + 0.4 * value, 0.6 * gamma + 0.4 * dot(g, w)];
        d = each((d, g) => 0.6 * d + 0.4 * g, d ?? filled(0, w), g);
        v = each((v, g) => 0.8 * v + 0.2 * g * g, v ?? filled(0, w), g);
        const p = each((d, v) => d / (1e-3 + Math.sqrt(v / (1 - 0.8 ** t))), d, v);
        const [shrink, rho] = [1 + 0.3 * 0.1, 1 - 0.6 ** t];
        const cap = shrink * (f - gamma) + dot(d, w);
        if (adaptLowerBound && cap < shrink * rho * bound) {
          bound = Math.max(cap / (2 * shrink * rho), 0.2);
        }
        const tau = step(
          Math.max(shrink * (f - rho * bound - gamma) + dot(d, w), 0),
          dot(d, p),
          0.3 / rho,
        );
        if (adaptLowerBound) {
          bound = Math.max((f - gamma + dot(d, w) - tau * dot(d, p) / 2) / rho, 0.2);
        }
        return each(
          (w, p) => w / shrink - w - tau * p,
          w,
          p,
        );
      };
    },
  );
}

const silent: readonly [string, Optimizer][] = [
  ["polyakSgd", polyakSgd()],
  ["momo", momo()],
  ["momoAdam", momoAdam()],
  ["dadaptAdamw", dadaptAdamw()],
  ["prodigy", prodigy()],
  ["dog", dog()],
  ["dowg", dowg()],
];
for (const [name, opt] of silent) {
  Deno.test(`${name} stays where it is while all gradients are 0`, () => {
    const params = { x: Float32Array.of(1, -2) };
    const state = opt.init(params);
    opt.step(params, { x: new Float32Array(2) }, state, { value: 1 });
    assertEquals(params.x, Float32Array.of(1, -2));
    for (let t = 0; t < 3; t++) {
      opt.step(params, { x: Float32Array.of(1, -2) }, state, { value: 1 });
    }
    assert(params.x.every(Number.isFinite));
    assert(params.x[0] < 1 && params.x[1] > -2);
  });
}

Deno.test("a lower bound that is not adapted is no state", () => {
  assert(!("l" in momo().init(Float32Array.of(1))));
  assert("l" in momo({ adaptLowerBound: true }).init(Float32Array.of(1)));
});
