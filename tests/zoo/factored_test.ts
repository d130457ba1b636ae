/** Optimizers that keep a number a row and a column, against their papers' rules. */
import {
  adafactor,
  type AdafactorOptions,
  scaleByFactoredRms,
  scaleBySm3,
  sm3,
} from "../../mod.ts";
import { assertEquals } from "../assert.ts";
import { each, filled, type Numbers, rms, sum, testRule } from "./rules.ts";

const mean = (x: readonly number[]) => sum(x) / x.length;
const indices = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The factored second moment of a matrix of `rows` by `columns`, `columns` the larger. */
function factored(rows: number, columns: number) {
  let [r, c] = [indices(rows).map(() => 0), indices(columns).map(() => 0)];
  return (g: readonly number[], beta: number): number[] => {
    const s = g.map((x) => x * x + 1e-30);
    r = r.map((x, i) =>
      beta * x + (1 - beta) * mean(indices(columns).map((j) => s[i * columns + j]))
    );
    c = c.map((x, j) => beta * x + (1 - beta) * mean(indices(rows).map((i) => s[i * columns + j])));
    return g.map((x, k) => x / Math.sqrt(r[Math.floor(k / columns)] * c[k % columns] / mean(r)));
  };
}

/** The full second moment. */
function full(size: number) {
  let v = indices(size).map(() => 0);
  return (g: readonly number[], beta: number): number[] => {
    v = v.map((x, k) => beta * x + (1 - beta) * (g[k] * g[k] + 1e-30));
    return g.map((x, k) => x / Math.sqrt(v[k]));
  };
}

const transposed = (g: readonly number[], rows: number, columns: number) =>
  indices(columns * rows).map((k) => g[(k % rows) * columns + Math.floor(k / rows)]);

// A vector, a wide matrix, a tall one and a stack of wide ones whose moments are shared out apart.
const shapes = [[4], [2, 3], [3, 2], [2, 3, 4]];
const direction = () => {
  const [vector, wide, tall] = [full(4), factored(2, 3), factored(2, 3)];
  const stack = [factored(3, 4), factored(3, 4)];
  return (g: Numbers, beta: number) => [
    vector(g[0], beta),
    wide(g[1], beta),
    transposed(tall(transposed(g[2], 3, 2), beta), 2, 3),
    stack.flatMap((matrix, i) => matrix(g[3].slice(12 * i, 12 * i + 12), beta)),
  ];
};

testRule(
  "a factored second moment",
  scaleByFactoredRms({ minDimSizeToFactor: 2, decayRate: 0.6 }),
  () => {
    const of = direction();
    return (_w, g, t) => of(g, 1 - t ** -0.6);
  },
  { shapes },
);

const options: AdafactorOptions = {
  learningRate: 0.1,
  minDimSizeToFactor: 2,
  momentum: 0.9,
  weightDecayRate: 0.01,
  clippingThreshold: 0.5,
};
for (const multiplyByParameterScale of [true, false]) {
  testRule(
    `Adafactor, by the parameter's scale ${multiplyByParameterScale}`,
    adafactor({ ...options, multiplyByParameterScale }),
    () => {
      const of = direction();
      let m: Numbers;
      return (w, g, t) => {
        const d = of(g, 1 - t ** -0.8).map((dl, i) => {
          const scale = multiplyByParameterScale ? Math.max(rms(w[i]), 1e-3) : 1;
          return dl.map((x) => 0.1 * scale * x / Math.max(1, rms(dl) / 0.5));
        });
        m = each((m, d) => 0.9 * m + 0.1 * d, m ?? filled(0, w), d);
        return each((m, w) => -m - 0.01 * w, m, w);
      };
    },
    { shapes },
  );
}

testRule(
  "Adafactor not factored nor clipped, its decay masked",
  adafactor({
    ...{
      decayOffset: -2,
      factored: false,
      minDimSizeToFactor: 2,
      clippingThreshold: 0,
      weightDecayRate: 0.1,
    },
    mask: (params: { shape: number[] }[]) => params.map(({ shape }) => shape.length > 1),
  }),
  () => {
    const moments = [full(4), full(6)];
    return (w, g, t) =>
      g.map((gl, i) =>
        moments[i](gl, 1 - (t + 2) ** -0.8).map((x, k) =>
          -Math.max(rms(w[i]), 1e-3) * x - (i === 0 ? 0 : 0.1 * w[i][k])
        )
      );
  },
);

Deno.test("Adafactor keeps the factors or the whole, by the second largest axis", () => {
  const of = (...shape: number[]) => ({
    data: new Float32Array(shape.reduce((a, b) => a * b)),
    shape,
  });
  const params = { long: of(128, 130), short: of(127, 130), flat: of(300), stack: of(2, 130, 128) };
  const shapesOf = (tree: unknown) =>
    Object.fromEntries(
      Object.entries(tree as typeof params).map(([name, { shape }]) => [name, shape]),
    );
  const state = adafactor().init(params);
  assertEquals(shapesOf(state.r), { long: [128, 1], short: [0], flat: [0], stack: [2, 1, 128] });
  assertEquals(shapesOf(state.c), { long: [1, 130], short: [0], flat: [0], stack: [2, 130, 1] });
  assertEquals(shapesOf(state.v), { long: [0], short: [127, 130], flat: [300], stack: [0] });
  assertEquals("m" in state, false);
});

/** SM3's sums: of each element, the least of the largest along the axes it lies on; of a scalar, its own. */
function coverSums(shape: readonly number[]) {
  if (shape.length === 0) return coverSums([1]);
  const size = shape.reduce((a, b) => a * b, 1);
  const at = (k: number) =>
    shape.map((n, axis) => Math.floor(k / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % n);
  const sets = shape.map((n) => indices(n).map(() => 0));
  return (g: readonly number[]): number[] => {
    const v = indices(size).map((k) =>
      Math.min(...sets.map((set, axis) => set[at(k)[axis]])) + g[k] ** 2
    );
    sets.forEach((set, axis) =>
      set.forEach((_, i) => set[i] = Math.max(...v.filter((_, k) => at(k)[axis] === i)))
    );
    return v;
  };
}

const ranks = [
  ...[[], [4], [2, 3], [2, 2, 3], [2, 3, 1, 2], [2, 1, 2, 2, 2], [2, 1, 2, 1, 2, 3]],
  ...[[1, 2, 1, 2, 1, 1, 2, 1, 2]],
];
for (const momentum of [0.9, 0]) {
  const rule = (rate: number) => () => {
    const sums = ranks.map(coverSums);
    let m: Numbers;
    return (w: Numbers, g: Numbers) => {
      const v = g.map((gl, i) => sums[i](gl));
      m = each(
        (m, g, v) => momentum * m + (1 - momentum) * (v > 0 ? g / Math.sqrt(v + 1e-4) : 0),
        m ?? filled(0, w),
        g,
        v,
      );
      return each((m) => rate * m, m);
    };
  };
  // An element whose gradients have all been 0 stays where it is.
  const gradients = (_t: number, _leaf: number, random: readonly number[]) =>
    random.map((x, k) => k === 1 ? 0 : x);
  const trial = { shapes: ranks, gradients };
  testRule(
    `SM3 for any number of axes, momentum ${momentum}`,
    sm3({ learningRate: 0.1, momentum, eps: 1e-4 }),
    rule(-0.1),
    trial,
  );
  testRule(
    `SM3's direction, momentum ${momentum}`,
    scaleBySm3({ b1: momentum, eps: 1e-4 }),
    rule(1),
    trial,
  );
}

testRule("SM3's direction, from averages", scaleBySm3({ b1: 0.5, b2: 0.8, eps: 1e-4 }), () => {
  let m: Numbers;
  let rows = [0, 0], columns = [0, 0, 0];
  return (w, [g]) => {
    const v = g.map((x, k) =>
      0.8 * Math.min(rows[Math.floor(k / 3)], columns[k % 3]) + 0.2 * x * x
    );
    rows = rows.map((_, i) => Math.max(...v.filter((_, k) => Math.floor(k / 3) === i)));
    columns = columns.map((_, i) => Math.max(...v.filter((_, k) => k % 3 === i)));
    m = each((m, g, v) => 0.5 * m + 0.5 * g / Math.sqrt(v + 1e-4), m ?? filled(0, w), [g], [v]);
    return each((m) => m, m);
  };
}, { shapes: [[2, 3]] });

testRule(
  "Adafactor's direction by the names of its transform",
  scaleByFactoredRms({ factored: false, stepOffset: -3, epsilon: 0.1 }),
  () => {
    let v: Numbers;
    return (w, g, t) => {
      const beta = 1 - (t + 3) ** -0.8;
      v = each((v, g) => beta * v + (1 - beta) * (g * g + 0.1), v ?? filled(0, w), g);
      return each((g, v) => g / Math.sqrt(v), g, v);
    };
  },
);

Deno.test("SM3 keeps numbers for the axes that there are", () => {
  const params = { x: new Float32Array(3), y: { data: new Float32Array(8), shape: [2, 2, 2] } };
  const { optimizer: _name, count: _count, hyper: _hyper, ...states } = sm3({
    learningRate: 1,
    momentum: 0,
  }).init(params);
  assertEquals(states, {
    a0: { x: new Float32Array(3), y: { data: new Float32Array(2), shape: [2, 1, 1] } },
    a1: { x: new Float32Array(0), y: { data: new Float32Array(2), shape: [1, 2, 1] } },
    a2: { x: new Float32Array(0), y: { data: new Float32Array(2), shape: [1, 1, 2] } },
  });
});
