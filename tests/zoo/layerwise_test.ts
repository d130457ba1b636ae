/** Optimizers that reduce over tensors, against their papers' rules. */
import {
  lamb,
  lars,
  novograd,
  scaleByDistanceOverGradients,
  scaleByNovograd,
  scaleByTrustRatio,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { each, filled, norm, type Numbers, testRule } from "./rules.ts";

for (
  const [sumsNorms, nesterov] of [[false, false], [false, true], [true, false], [true, true]]
) {
  const options = { learningRate: 0.5, weightDecay: 0.1, trustCoefficient: 0.02 };
  const opt = lars({ ...options, sumsNorms, nesterov });
  testRule(`LARS, sums norms ${sumsNorms}, nesterov ${nesterov}`, opt, () => {
    let v: Numbers;
    return (w, g) => {
      v ??= filled(0, w);
      const s = w.map((wl, i) => {
        const d = g[i].map((x, k) => x + 0.1 * wl[k]);
        const rate = 0.02 * norm(wl) / (sumsNorms ? norm(g[i]) + 0.1 * norm(wl) : norm(d));
        return d.map((x) => -0.5 * rate * x);
      });
      v = each((s, v) => s + 0.9 * v, s, v);
      return nesterov ? each((s, v) => s + 0.9 * v, s, v) : each((v) => v, v);
    };
  });
}

testRule(
  "LARS takes plain steps where the trust ratio is masked",
  lars({
    learningRate: 0.5,
    momentum: 0,
    trustCoefficient: 0.02,
    trustRatioMask: (params: { shape: number[] }[]) => params.map(({ shape }) => shape.length > 1),
  }),
  () => (w, g) =>
    g.map((gl, i) => gl.map((x) => -0.5 * (i === 0 ? 1 : 0.02 * norm(w[1]) / norm(gl)) * x)),
);

testRule(
  "LARS does not scale where a norm is 0",
  lars({ learningRate: 0.5, momentum: 0 }),
  () => (w, g, t) =>
    t === 2
      ? filled(0, w)
      : each((x) => x, g.map((gl, i) => gl.map((x) => -0.5 * 0.001 * norm(w[i]) / norm(gl) * x))),
  { gradients: (t, _leaf, random) => t === 2 ? random.map(() => 0) : random },
);

testRule(
  "LAMB steps at each tensor's norm",
  lamb({ learningRate: 0.1, weightDecay: 0.2, b1: 0.8, b2: 0.95, eps: 1e-3 }),
  () => {
    let m: Numbers, v: Numbers;
    return (w, g, t) => {
      m = each((m, g) => 0.8 * m + 0.2 * g, m ?? filled(0, w), g);
      v = each((v, g) => 0.95 * v + 0.05 * g * g, v ?? filled(0, w), g);
      const r = each(
        (m, v, w) => m / (1 - 0.8 ** t) / (Math.sqrt(v / (1 - 0.95 ** t)) + 1e-3) + 0.2 * w,
        m,
        v,
        w,
      );
      return r.map((rl, i) => rl.map((x) => -0.1 * norm(w[i]) / norm(rl) * x));
    };
  },
);

const novogradRule = (scale: number, eps: number) => () => {
  let m: Numbers;
  const v: number[] = [];
  return (w: Numbers, g: Numbers, t: number) => {
    const d = g.map((gl, i) => {
      v[i] = t === 1 ? norm(gl) ** 2 : 0.3 * v[i] + 0.7 * norm(gl) ** 2;
      return gl.map((x, k) => x / (Math.sqrt(v[i]) + eps) + 0.1 * w[i][k]);
    });
    m = each((m, d) => 0.95 * m + d, m ?? filled(0, w), d);
    return each((m) => scale * m, m);
  };
};
testRule(
  "NovoGrad",
  novograd({ learningRate: 0.1, b1: 0.95, b2: 0.3, weightDecay: 0.1 }),
  novogradRule(-0.1, 1e-6),
);
testRule(
  "NovoGrad's direction",
  scaleByNovograd({ b1: 0.95, b2: 0.3, weightDecay: 0.1 }),
  novogradRule(1, 1e-8),
);

testRule(
  "a trust ratio of norms of some size",
  scaleByTrustRatio({ minNorm: 2, trustCoefficient: 3, eps: 0.5 }),
  () => (w, g) =>
    g.map((gl, i) =>
      gl.map((x) => 3 * Math.max(norm(w[i]), 2) / (Math.max(norm(gl), 2) + 0.5) * x)
    ),
);

testRule(
  "distance over gradients, tensor by tensor",
  scaleByDistanceOverGradients({ repsRel: 0.01, globalScale: -2 }),
  () => {
    let first: Numbers;
    const r: number[] = [], v: number[] = [];
    return (w, g) => {
      first ??= w;
      return g.map((gl, i) => {
        const distance = norm(w[i].map((x, k) => x - first[i][k]));
        r[i] = Math.max(r[i] ?? 0.01 * (1 + norm(first[i])), distance);
        v[i] = (v[i] ?? 0) + norm(gl) ** 2;
        return gl.map((x) => -2 * r[i] / Math.sqrt(v[i] + 1e-8) * x);
      });
    };
  },
);

Deno.test("what is true or false may be given for some parameters", () => {
  const opt = lars({
    learningRate: 1,
    trustCoefficient: 1,
    momentum: 0,
    trustRatioMask: { a: true, b: false },
  });
  const params = { a: Float32Array.of(3, 4), b: Float32Array.of(3, 4) };
  opt.step(params, { a: Float32Array.of(0, 1), b: Float32Array.of(0, 1) }, opt.init(params));
  assertEquals(params, { a: Float32Array.of(3, -1), b: Float32Array.of(3, 3) });
});
