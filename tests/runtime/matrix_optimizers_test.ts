/**
 * Optimizers that factor matrices, as programs of the language: each is held against plain arithmetic in
 * float64, and its backends against each other bit for bit.
 */
import {
  factory,
  multiSteps,
  type Optimizer,
  optimizer,
  parseProgram,
  printProgram,
  type Tensor,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";

type Matrix = number[][];

const tensor = (rows: number, columns: number, seed: number): Tensor => ({
  data: Float64Array.from({ length: rows * columns }, (_, i) => Math.sin(3 * i * i + 7 * seed + i)),
  shape: [rows, columns],
});
const listed = ({ data, shape: [rows, columns] }: Tensor): Matrix =>
  Array.from({ length: rows }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)]);
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const turned = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const each = (f: (...x: number[]) => number, ...matrices: Matrix[]): Matrix =>
  matrices[0].map((row, i) => row.map((_, j) => f(...matrices.map((matrix) => matrix[i][j]))));
const identity = (n: number): Matrix =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => Number(i === j)));
const zeros = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => new Array(columns).fill(0));
const norm = (a: Matrix): number => Math.hypot(...a.flat());

/** Columns made orthogonal in turn, twice over: the factor with a positive diagonal, of full rank. */
function gramSchmidt(a: Matrix): Matrix {
  const columns: number[][] = [];
  for (let column of turned(a)) {
    for (let again = 0; again < 2; again++) {
      for (const other of columns) {
        const along = column.reduce((sum, x, i) => sum + x * other[i], 0);
        column = column.map((x, i) => x - along * other[i]);
      }
    }
    const length = Math.hypot(...column);
    columns.push(column.map((x) => x / length));
  }
  return turned(columns);
}

function assertNear(actual: Tensor, expected: Matrix, what: string, by = 1e-10): void {
  listed(actual).flat().forEach((x, i) => {
    const y = expected.flat()[i];
    assert(Math.abs(x - y) <= by * Math.max(1, Math.abs(y)), `${what}, ${i}: ${x}, not ${y}`);
  });
}

const I = "where(index(axis=0) == index(axis=1), 1, 0)";

/** Adam in slowly turning eigenbases: their columns are sorted, and turned by a step of subspace iteration. */
const soapLike = optimizer({
  name: "soapLike",
  hyper: { learningRate: 0.1, b1: 0.9, b2: 0.95, f: 2, eps: 1e-8 },
  state: {
    m: 0,
    v: 0,
    L: { shape: "rows x rows" },
    R: { shape: "columns x columns" },
    QL: { shape: "rows x rows", init: I },
    QR: { shape: "columns x columns", init: I },
  },
  step: `
    L = b2*L + (1 - b2)*g@transpose(g)
    R = b2*R + (1 - b2)*transpose(g)@g
    M = transpose(QL)@L@QL
    d = sum(where(index(axis=0) == index(axis=1), M, 0), axis=1)
    e = sum(where(index(axis=0) == index(axis=1), M, 0), axis=0)
    place = sum(where(e > d | (e == d & index(axis=1) < index(axis=0)), 1, 0), axis=1)
    sorted = where(place == index(axis=1), 1, 0)
    v = every(f, transpose(sorted)@v, v)
    QL = every(f, qr(L@QL@sorted + 1e-3*QL@sorted), QL)
    QR = every(f, qr(R@QR + 1e-3*QR), QR)
    p = transpose(QL)@g@QR
    m = b1*m + (1 - b1)*p
    v = b2*v + (1 - b2)*p^2
    u = -learningRate*QL@(m/(sqrt(v) + eps))@transpose(QR)`,
});

function soapByHand(gradients: readonly Matrix[], w: Matrix): Matrix[] {
  const [rows, columns] = [w.length, w[0].length];
  let [m, v, L, R] = [
    zeros(rows, columns),
    zeros(rows, columns),
    zeros(rows, rows),
    zeros(columns, columns),
  ];
  let [QL, QR] = [identity(rows), identity(columns)];
  return gradients.map((G, t) => {
    const average = (old: Matrix, next: Matrix, b: number) =>
      each((x, y) => b * x + (1 - b) * y, old, next);
    L = average(L, times(G, turned(G)), 0.95);
    R = average(R, times(turned(G), G), 0.95);
    if (t % 2 === 0) {
      const diagonal = times(times(turned(QL), L), QL).map((row, i) => row[i]);
      const order = diagonal.map((_, i) => i).sort((a, b) => diagonal[b] - diagonal[a] || a - b);
      v = order.map((i) => v[i]);
      const sorted = turned(order.map((i) => turned(QL)[i]));
      QL = gramSchmidt(each((x, y) => x + 1e-3 * y, times(L, sorted), sorted));
      QR = gramSchmidt(each((x, y) => x + 1e-3 * y, times(R, QR), QR));
    }
    const p = times(times(turned(QL), G), QR);
    m = average(m, p, 0.9);
    v = average(v, each((x) => x * x, p), 0.95);
    const scaled = each((x, y) => x / (Math.sqrt(y) + 1e-8), m, v);
    const update = times(times(QL, scaled), turned(QR));
    return w = each((x, y) => x - 0.1 * y, w, update);
  });
}

/** Inverse 4th roots by the coupled iteration of Newton, on both sides of a gradient. */
const rooted = optimizer({
  name: "rooted",
  hyper: { learningRate: 0.1, ridge: 1e-2 },
  state: { L: { shape: "rows x rows" }, R: { shape: "columns x columns" } },
  step: `
    L = L + g@transpose(g)
    R = R + transpose(g)@g
    M = L + ridge*${I}
    c = norm(M)
    M = M/c
    X = ${I}
    repeat 30 {
      T = (5*${I} - M)/4
      X = X@T
      M = T@T@(T@T)@M
    }
    N = R + ridge*${I}
    d = norm(N)
    N = N/d
    Y = ${I}
    repeat 30 {
      T = (5*${I} - N)/4
      Y = Y@T
      N = T@T@(T@T)@N
    }
    u = -learningRate*(X/c^0.25)@g@(Y/d^0.25)`,
});

/** Dion's step, of a rank that is never more than the matrix has. */
const dionLike = optimizer({
  name: "dionLike",
  hyper: { learningRate: 0.1, mu: 0.95, r: 2 },
  state: { M: 0, Q: { shape: "columns x min(r, rows, columns)" } },
  step: `
    Q = where(count == 0, normal(1, 0), Q)
    M = M + g
    P = qr(M@Q)
    V = transpose(M)@P
    M = M - (1 - mu)*P@transpose(V)
    Q = V/(norm(V, axis=0) + 1e-8)
    u = -learningRate*sqrt(rows/columns)*P@transpose(Q)`,
});

/** APOLLO's scale of rows, of a random projection that lasts two steps. */
const apolloLike = optimizer({
  name: "apolloLike",
  hyper: { learningRate: 0.1, b1: 0.9, b2: 0.99, r: 2 },
  state: { m: { shape: "rows x r" }, v: { shape: "rows x r" } },
  step: `
    R = g@transpose(normal(9, floor(count/2))/sqrt(r))
    m = b1*m + (1 - b1)*R
    v = b2*v + (1 - b2)*R^2
    s = norm(m/(sqrt(v) + 1e-6), axis=1)/(norm(R, axis=1) + 1e-8)
    u = -learningRate*sqrt(1 - b2^t)/(1 - b1^t)*s*g`,
});

/** The numbers that `normal(seed, counter)` draws for a matrix. */
function drawn(seed: number, counter: number, rows: number, columns: number): Matrix {
  const opt = optimizer({ name: "drawn", step: `u = normal(${seed}, ${counter})` })();
  const like = tensor(rows, columns, 1);
  return listed(opt.update(like, opt.init(like))[0]);
}

const gradients = (rows: number, columns: number, count = 5) =>
  Array.from({ length: count }, (_, t) => tensor(rows, columns, 10 + t));

for (const backend of backends) {
  Deno.test(`steps in turning eigenbases are those of plain arithmetic (${backend})`, () => {
    for (const [rows, columns] of [[3, 5], [4, 2]]) {
      const opt = soapLike().with({ backend });
      const w = tensor(rows, columns, 1);
      const all = gradients(rows, columns);
      const expected = soapByHand(all.map(listed), listed(w));
      const state = opt.init(w);
      all.forEach((g, t) => {
        opt.step(w, g, state);
        assertNear(w, expected[t], `w after step ${t + 1}`, 1e-7);
      });
    }
  });

  Deno.test(`the coupled iteration comes to inverse 4th roots (${backend})`, () => {
    const opt = rooted().with({ backend });
    const [w, g] = [tensor(4, 3, 1), tensor(4, 3, 2)];
    const [updates, next] = opt.update(g, opt.init(w), w);
    const [L, R] = [next.L, next.R].map((each) => listed(each as unknown as Tensor));
    // U = L^(-1/4) G R^(-1/4): held against the roots' fourth powers, which undo them.
    const ridged = (a: Matrix) => each((x, y) => x + 1e-2 * y, a, identity(a.length));
    const rootOf = (a: Matrix) => {
      const c = norm(a);
      let [M, X] = [each((x) => x / c, a), identity(a.length)];
      for (let turn = 0; turn < 30; turn++) {
        const T = each((x, y) => (5 * y - x) / 4, M, identity(a.length));
        X = times(X, T);
        M = times(times(times(T, T), times(T, T)), M);
      }
      return each((x) => x / c ** 0.25, X);
    };
    const [X, Y] = [rootOf(ridged(L)), rootOf(ridged(R))];
    const power = times(times(X, X), times(X, X));
    const unit = times(power, ridged(L));
    unit.flat().forEach((x, i) => {
      assert(Math.abs(x - identity(4).flat()[i]) < 1e-8, `L^(-1/4)^4 L, ${i}: ${x}`);
    });
    assertNear(updates, each((x) => -0.1 * x, times(times(X, listed(g)), Y)), "u", 1e-9);
  });

  Deno.test(`a low-rank step is that of plain arithmetic (${backend})`, () => {
    for (const [rows, columns, r] of [[4, 5, 2], [5, 3, 8], [3, 4, 1]]) {
      const opt = dionLike({ r }).with({ backend });
      const w = tensor(rows, columns, 1);
      const state = opt.init(w);
      const own = Math.min(r, rows, columns);
      let [Q, M, expected] = [drawn(1, 0, columns, own), zeros(rows, columns), listed(w)];
      for (const g of gradients(rows, columns)) {
        opt.step(w, g, state);
        M = each((x, y) => x + y, M, listed(g));
        const P = gramSchmidt(times(M, Q));
        const V = times(turned(M), P);
        M = each((x, y) => x - (1 - 0.95) * y, M, times(P, turned(V)));
        const lengths = turned(V).map((column) => Math.hypot(...column) + 1e-8);
        Q = V.map((row) => row.map((x, j) => x / lengths[j]));
        const scale = 0.1 * Math.sqrt(rows / columns);
        expected = each((x, y) => x - scale * y, expected, times(P, turned(Q)));
        assertNear(w, expected, `w of ${rows} x ${columns} by rank ${r}`, 1e-8);
        assertEquals((state.Q as unknown as Tensor).shape, [columns, own]);
      }
    }
  });

  Deno.test(`a projection that is not stored is that of plain arithmetic (${backend})`, () => {
    for (const r of [1, 2, 6]) {
      const opt = apolloLike({ r }).with({ backend });
      const w = tensor(4, 3, 1);
      const state = opt.init(w);
      assertEquals(Object.keys(state).sort(), ["count", "hyper", "m", "optimizer", "v"]);
      let [m, v, expected] = [zeros(4, r), zeros(4, r), listed(w)];
      gradients(4, 3).forEach((g, t) => {
        opt.step(w, g, state);
        const P = drawn(9, Math.floor(t / 2), r, 3);
        const R = times(listed(g), turned(each((x) => x / Math.sqrt(r), P)));
        m = each((x, y) => 0.9 * x + (1 - 0.9) * y, m, R);
        v = each((x, y) => 0.99 * x + (1 - 0.99) * y * y, v, R);
        const N = each((x, y) => x / (Math.sqrt(y) + 1e-6), m, v);
        const rate = 0.1 * Math.sqrt(1 - 0.99 ** (t + 1)) / (1 - 0.9 ** (t + 1));
        expected = expected.map((row, i) => {
          const s = Math.hypot(...N[i]) / (Math.hypot(...R[i]) + 1e-8);
          return row.map((x, j) => x - rate * s * listed(g)[i][j]);
        });
        assertNear(w, expected, `w by rank ${r}, step ${t + 1}`);
      });
    }
  });
}

Deno.test("backends agree in every bit, within a wrapper too", () => {
  const optimizers: readonly Optimizer[] = [soapLike(), rooted(), dionLike(), apolloLike()];
  for (
    const made of [
      ...optimizers,
      ...optimizers.map((opt) => multiSteps(opt, { everyKSchedule: 2 })),
    ]
  ) {
    const [first, ...others] = backends.map((backend) => {
      const opt = made.with({ backend });
      const params = [5, 3].map((columns) => {
        const { data, shape } = tensor(4, columns, columns);
        return { data: Float32Array.from(data), shape };
      });
      const state = opt.init(params);
      for (let t = 0; t < 5; t++) {
        const g = params.map(({ shape }) => {
          const { data } = tensor(shape[0], shape[1], 20 + t);
          return { data: Float32Array.from(data), shape };
        });
        opt.step(params, g, state);
      }
      return contents({ params, state });
    });
    for (const other of others) assertEquals(other, first);
  }
});

Deno.test("loops are written as loops, and are the statements they come to", () => {
  const of = (step: string) => parseProgram({ name: "loops", state: { m: 0 }, step });
  const cases: readonly (readonly [loop: string, lines: string])[] = [
    ["repeat 3 {\n  m = m*m\n}\nu = m", "m = m*m\nm = m*m\nm = m*m\nu = m"],
    [
      "repeat (a, b) in (1, -0), (inf, 1e-30), (-2.5, 0) {\n  m = a*m + b\n}\nu = m",
      "m = 1*m + -0\nm = inf*m + 1e-30\nm = -2.5*m + 0\nu = m",
    ],
    [
      "x = g\nrepeat a in 0.5, 2 {\n  y = a*x + 1\n  x = y - a\n}\nu = x",
      "x = g; y = 0.5*x + 1; x = y - 0.5; y = 2*x + 1; x = y - 2; u = x",
    ],
    // A letter that means something already is left to it.
    [
      "a = g\nrepeat b in 1, 2, 3 {\n  m = a*m + b\n}\nu = m",
      "a = g; m = a*m + 1; m = a*m + 2; m = a*m + 3; u = m",
    ],
  ];
  for (const [loop, lines] of cases) {
    assert(of(loop) === of(lines), loop);
    assertEquals(printProgram(of(lines)).step, loop);
  }
  for (
    const same of [
      "repeat (x, y) in (1/2, 3), (4, 2^2) { m = x*m; m = m + y }; u = m",
      "repeat 2 { repeat a in 1, 2 { m = a*m }; m = m + 1 }; u = m",
      "repeat 2 {\n\n m = m + 1; # a comment\n m = 2*m }\nu = m",
    ]
  ) {
    const program = of(same);
    assert(of(printProgram(program).step) === program, same);
  }
  const twice = factory(of("repeat 4 { m = m + g }; u = m"))();
  const x = Float32Array.of(0);
  twice.step(x, Float32Array.of(2), twice.init(x));
  assertEquals(x, Float32Array.of(8));
});
