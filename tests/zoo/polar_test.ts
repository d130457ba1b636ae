/** How Muon's first division and steps bring singular values near 1, and what GaLore finds of them. */
import { galore, muon, type MuonOptions, type Tensor } from "../../mod.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { BACKENDS } from "../golden/replay.ts";
import { randomArray } from "../runtime/random.ts";

const zeros = (...shape: number[]): Tensor => ({
  data: new Float64Array(shape[0] * shape[1]),
  shape,
});
const random = (seed: number, ...shape: number[]): Tensor => ({
  data: Float64Array.from(randomArray(shape[0] * shape[1], seed)),
  shape,
});
/** The matrix with these singular values, in rotated bases. */
function withSingular(values: readonly number[]): Tensor {
  const [c, s] = [Math.cos(0.7), Math.sin(0.7)];
  const turn = (a: number[][]) => {
    const made = a.map((row) => [...row]);
    for (let i = 0; i + 1 < a.length; i++) {
      const [p, q] = [made[i], made[i + 1]];
      made[i] = p.map((x, k) => c * x - s * q[k]);
      made[i + 1] = p.map((x, k) => s * x + c * q[k]);
    }
    return made;
  };
  const transpose = (a: number[][]) => a[0].map((_, k) => a.map((row) => row[k]));
  const diagonal = values.map((value, i) => values.map((_, k) => i === k ? value : 0));
  const made = transpose(turn(transpose(turn(diagonal))));
  return { data: Float64Array.from(made.flat()), shape: [values.length, values.length] };
}

/** The update of one step without scale, of a gradient and what is an option. */
function updateOf(gradient: Tensor, options: Partial<MuonOptions>, backend = BACKENDS[0]): Tensor {
  const opt = muon({ learningRate: -1, scaling: "none", ...options }).with({ backend });
  const params = zeros(...gradient.shape);
  return opt.update(gradient, opt.init(params), params)[0];
}

const norm = ({ data }: Tensor) => Math.hypot(...data);
const at = ({ data, shape: [, columns] }: Tensor, i: number, k: number) => data[i * columns + k];

/** The steps of Newton and Schulz of one singular value that begins at `x`. */
const stepped = (x: number, steps: number) => {
  for (let k = 0; k < steps; k++) x = 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5;
  return x;
};

for (const backend of BACKENDS) {
  Deno.test(`a matrix is divided by the norm that the preconditioning names, on ${backend}`, () => {
    const singular = [4, 2, 1];
    const gradient = withSingular(singular);
    const sizes = {
      frobenius: Math.hypot(...singular),
      spectral: 4,
      schatten: singular.reduce((sum, value) => sum + value ** 4, 0) ** 0.25,
    };
    for (const [preconditioning, size] of Object.entries(sizes)) {
      const options = { preconditioning: preconditioning as keyof typeof sizes, eps: 1e-14 };
      const update = updateOf(gradient, options, backend);
      // It keeps the singular vectors, so that its norm is that of its singular values.
      const expected = Math.hypot(...singular.map((value) => stepped(value / size, 5)));
      assertAlmostEquals(norm(update), expected, 1e-9);
    }
  });

  Deno.test(`Optax's almost orthogonal rows, of the shorter side, on ${backend}`, () => {
    for (const shape of [[3, 5], [5, 3], [4, 4]]) {
      const gradient = random(shape[0], ...shape);
      const isTall = shape[0] > shape[1];
      const rows = Array.from(
        { length: Math.min(...shape) },
        (_, i) =>
          Array.from(
            { length: Math.max(...shape) },
            (_, k) => isTall ? at(gradient, k, i) : at(gradient, i, k),
          ),
      );
      const dot = (a: readonly number[], b: readonly number[]) =>
        a.reduce((sum, x, i) => sum + x * b[i], 0);
      const divided = rows.map((row) => {
        const size = Math.sqrt(rows.reduce((sum, other) => sum + Math.abs(dot(row, other)), 0));
        return row.map((x) => x / size);
      });
      const product = (a: readonly number[][], b: readonly number[][]) =>
        a.map((row) => b[0].map((_, k) => dot(row, b.map((other) => other[k]))));
      const gram = divided.map((a) => divided.map((b) => dot(a, b)));
      const [once, twice] = [product(gram, divided), product(gram, product(gram, divided))];
      const [a, b, c] = [2, -1.5, 0.5];
      const update = updateOf(gradient, {
        ...{ preconditioning: "aol", nsCoeffs: [a, b, c], nsSteps: 1, eps: 1e-14 },
      }, backend);
      divided.forEach((row, i) =>
        row.forEach((x, k) => {
          const expected = a * x + b * once[i][k] + c * twice[i][k];
          assertAlmostEquals(isTall ? at(update, k, i) : at(update, i, k), expected, 1e-12);
        })
      );
    }
  });

  Deno.test(`a momentum of 0 stays so whatever it is divided by, on ${backend}`, () => {
    for (const preconditioning of ["frobenius", "spectral", "schatten", "aol"] as const) {
      for (const eps of [0, 1e-8]) {
        const update = updateOf(zeros(2, 3), { preconditioning, eps }, backend);
        assertEquals(update.data.every((value: number) => value === 0), true, preconditioning);
      }
    }
  });
}

Deno.test("the Polar Express brings singular values nearer to 1 in as many steps", () => {
  const gradient = withSingular([1, 0.3, 0.05, 0.01]);
  const off = (options: Partial<MuonOptions>) => {
    const { data } = updateOf(gradient, options);
    // Of a matrix near orthogonal, XᵀX is near 1.
    return Math.max(...[0, 1, 2, 3].map((k) => {
      const column = [0, 1, 2, 3].map((i) => data[4 * i + k]);
      return Math.abs(1 - Math.hypot(...column));
    }));
  };
  const [express, usual] = [off({ polar: "polarExpress" }), off({})];
  assert(express < 0.06 && express < usual, `${express} and ${usual}`);
  assert(off({ polar: "polarExpress", nsSteps: 8 }) < 1e-4, "further steps end at 1");
});

Deno.test("one scaling is chosen, and steps are said once", () => {
  const gradient = random(1, 2, 8);
  const [plain, original, transposed, spectral, rms] =
    (["none", "original", "transposed", "spectral", "rms"] as const)
      .map((scaling) => norm(updateOf(gradient, { scaling })));
  const close = (a: number, b: number) => assertAlmostEquals(a / plain, b, 1e-12);
  close(original, 1);
  close(transposed, 2);
  close(spectral, 0.5);
  close(rms, 0.2 * Math.sqrt(8));
  close(norm(updateOf(gradient, { consistentRms: 0.2 })), 0.2 * Math.sqrt(8));
  assertRefused(
    () => muon({ learningRate: 1, polar: "polarExpress", nsCoeffs: "dion" }),
    '`nsCoeffs` and `polar: "polarExpress"` both say which steps',
  );
});

Deno.test("GaLore projects on the largest singular vectors, and finds them anew", () => {
  const opt = galore({ learningRate: 0.01, rank: 2, updateProjGap: 2 });
  const params = zeros(4, 4);
  const state = opt.init(params);
  const own: Float64Array[] = [];
  for (const scale of [1, 1, -3]) {
    const gradient = withSingular([8, 3, 1, 0.5].map((value) => value * scale));
    opt.step(params, gradient, state);
    const { data, shape } = state.P as Tensor;
    assertEquals(shape, [4, 2]);
    own.push(Float64Array.from(data as Float64Array));
    // GᵀG p is p times the square of a singular value.
    const times = (v: number[], isTransposed: boolean) =>
      v.map((_, i) =>
        v.reduce(
          (sum, x, k) => sum + x * (isTransposed ? at(gradient, k, i) : at(gradient, i, k)),
          0,
        )
      );
    [8, 3].forEach((value, column) => {
      const p = [0, 1, 2, 3].map((i) => data[2 * i + column] as number);
      const image = times(times(p, false), true);
      image.forEach((x, i) => assertAlmostEquals(x / (value * scale) ** 2, p[i], 1e-6));
    });
  }
  assertEquals(own[1], own[0], "between, they stay");
});
