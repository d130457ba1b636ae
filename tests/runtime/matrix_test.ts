/** Programs that multiply and transpose matrices: by hand, and as optimizers use them. */
import {
  chain,
  clipByGlobalNorm,
  explain,
  optimizer,
  parseProgram,
  release,
  resident,
  type StoredTensor,
  type Tensor,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { elaborate, rootsOf } from "../../dsl/graph.ts";
import { postorder } from "../../dsl/node.ts";
import { globalLevels, plan } from "../../runtime/plan/plan.ts";
import { fromBfloat16 } from "../../runtime/trees/dtype.ts";
import { backends } from "./backends.ts";

const matrix = (rows: number, columns: number, ...values: number[]): Tensor => ({
  data: Float32Array.from(values),
  shape: [rows, columns],
});

/** What one update of `step` gives for a parameter and a gradient. */
function updateOf(
  step: string,
  w: Tensor,
  g: Tensor,
  backend: (typeof backends)[number],
): number[] {
  const opt = optimizer({ name: "by_hand", step })({}).with({ backend });
  return [...opt.update(g, opt.init(w), w)[0].data];
}

for (const backend of backends) {
  Deno.test(`products and transposes by hand (${backend})`, () => {
    const w = matrix(2, 3, 1, 2, 3, 4, 5, 6);
    const g = matrix(2, 3, 1, 0, -1, 2, 1, 0);
    const by = (step: string) => updateOf(step, w, g, backend);
    // w gᵀ = [-2 4; -2 13], wᵀ g = [9 4 -1; 12 5 -2; 15 6 -3]
    assertEquals(by("u = w@transpose(g)@w"), [14, 16, 18, 50, 61, 72]);
    assertEquals(by("u = g@(transpose(w)@g)"), [-6, -2, 2, 30, 13, -4]);
    assertEquals(by("u = transpose(transpose(w)@(w@transpose(g)))"), [-10, -14, -18, 56, 73, 90]);
    assertEquals(by("u = transpose(2*transpose(w) + transpose(g))"), [3, 4, 5, 10, 11, 12]);
    assertEquals(by("a = w@transpose(g); u = (a - transpose(a))@g"), [12, 6, 0, -6, 0, 6]);
    assertEquals(by("u = g/max(w@transpose(g))*13"), [1, 0, -1, 2, 1, 0]);
    assertEquals(by("u = g*sum(transpose(w)@g)"), [45, 0, -45, 90, 45, 0]);
    assertEquals(by("u = mean(w, axis=0)*(w@transpose(g)@w)"), [35, 56, 81, 125, 213.5, 324]);
  });

  Deno.test(`a matrix of one row, one column or no elements (${backend})`, () => {
    const step = "u = w@transpose(w)@w";
    const by = (w: Tensor) => updateOf(step, w, w, backend);
    assertEquals(by(matrix(1, 3, 1, 2, 3)), [14, 28, 42]);
    assertEquals(by(matrix(3, 1, 1, 2, 3)), [14, 28, 42]);
    assertEquals(by(matrix(1, 1, 3)), [27]);
    assertEquals(by(matrix(0, 3)), []);
    // The sum of no products is 0, and there are nine of them.
    const mean = optimizer({ name: "mean", step: "u = g + globalMean(w@transpose(w))" })({});
    const w = { none: matrix(3, 0), one: matrix(1, 1, 2) };
    const [updates] = mean.with({ backend }).update(w, mean.init(w), w);
    assertEquals([...updates.one.data], [Math.fround(2.4)]);
  });

  Deno.test(`a product adds in float64 and rounds once (${backend})`, () => {
    // In float32, 2^24 + 1 would be 2^24 again.
    const w = matrix(1, 3, 2 ** 24, 1, -(2 ** 24));
    const g = matrix(1, 3, 1, 1, 1);
    assertEquals(updateOf("u = (w@transpose(g))@g", w, g, backend), [1, 1, 1]);
    // And from the first to the last: in another order nothing would be left of the 1.
    const [big, one] = [{ ...w, data: Float32Array.of(2 ** 60, 1, -(2 ** 60)) }, g];
    assertEquals(updateOf("u = (w@transpose(g))@g", big, one, backend), [0, 0, 0]);
    const sorted = { ...w, data: Float32Array.of(2 ** 60, -(2 ** 60), 1) };
    assertEquals(updateOf("u = (w@transpose(g))@g", sorted, one, backend), [1, 1, 1]);
  });

  Deno.test(`Newton and Schulz make a matrix orthogonal (${backend})`, () => {
    const step = `
      x = g/norm(g)
      ${"a = transpose(x)@x; x = 2*x + x@(-1.5*a + 0.5*(a@a))\n".repeat(20)}
      u = x`;
    const [rows, columns] = [24, 16];
    const data = Float32Array.from(
      { length: rows * columns },
      (_, i) => Math.sin(i * i) + (i % 17 === 0 ? 2 : 0),
    );
    const g = { data, shape: [rows, columns] };
    const x = updateOf(step, g, g, backend);
    for (let i = 0; i < columns; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < rows; k++) sum += x[k * columns + i] * x[k * columns + j];
        assert(Math.abs(sum - Number(i === j)) < 1e-5, `${i}, ${j}: ${sum}`);
      }
    }
  });

  Deno.test(`matrices take turns with other leaves and reductions over the tree (${backend})`, () => {
    const turned = optimizer({
      name: "turned",
      step: `
        a = g@transpose(g)
        x = where(rank == 2, a@g, g)
        u = x/globalNorm(x) + where(rank == 2, norm(a)*g, 0)`,
    });
    const opt = turned({}).with({ backend });
    const gradients = {
      first: Float32Array.of(3),
      second: matrix(1, 2, 0, 1),
      third: matrix(2, 1, 2, 0),
    };
    // x is 3, [0 1] and [8 0]; the norms of a are 1 and 4.
    const total = Math.fround(Math.sqrt(74));
    const [updates] = opt.update(gradients, opt.init(gradients));
    assertEquals(updates.first, Float32Array.of(3 / total));
    assertEquals(updates.second.data, Float32Array.of(0, Math.fround(1 / total) + 1));
    assertEquals(updates.third.data, Float32Array.of(Math.fround(8 / total) + 8, 0));
  });

  Deno.test(`a number chosen at a step in the place of a matrix has its sizes (${backend})`, () => {
    const opt = optimizer({
      name: "chosen",
      step: "a = where(count > 0, transpose(g)@g, 0.5); u = g@a",
    })({}).with({ backend });
    const g = matrix(1, 2, 1, 3);
    const [updates, next] = opt.update(g, opt.init(g));
    assertEquals([...updates.data], [2, 2]);
    assertEquals([...opt.update(g, next)[0].data], [10, 30]);
  });

  Deno.test(`a matrix optimizer follows a clip in a chain (${backend})`, () => {
    const square = optimizer({ name: "square", step: "u = g@transpose(g)@g" });
    const opt = chain(clipByGlobalNorm({ maxNorm: 1 }), square({})).with({ backend });
    const g = matrix(1, 2, 3, 4);
    const [updates] = opt.update(g, opt.init(g));
    updates.data.forEach((x, i) => assert(Math.abs(x - [0.6, 0.8][i]) < 1e-6, `${x}`));
  });
}

Deno.test("matrices in WebAssembly memory are stepped where they are", () => {
  const opt = optimizer({ name: "kept", state: { m: 0 }, step: "m = m + g; u = m@transpose(g)@w" })(
    {},
  );
  const plain = matrix(2, 3, 1, 2, 3, 4, 5, 6);
  const params = resident(structuredClone(plain));
  const [state, own] = [opt.init(plain), opt.init(params)];
  for (let step = 0; step < 2; step++) {
    const g = matrix(2, 3, 0.5, 0, -0.25, step, 1, 0);
    opt.step(plain, g, state);
    opt.step(params, g, own);
  }
  assertEquals([...params.data], [...plain.data]);
  assertEquals([...(own.m as Tensor).data], [...(state.m as Tensor).data]);
  release(own);
  release(params);
});

Deno.test("a short state is a factor as what it stands for", () => {
  const short = optimizer({
    name: "short",
    state: { m: 0 },
    step: "m = 0.5*m + g; u = transpose(transpose(m)@(m@transpose(g)))",
  });
  for (const muDtype of ["float32", "bfloat16", "float16"] as const) {
    for (const backend of backends) {
      const opt = short({ muDtype }).with({ backend });
      const [w, g] = [matrix(1, 2, 0, 0), matrix(1, 2, 1, 2)];
      const state = opt.init(w);
      opt.step(w, g, state);
      // gᵀ(g gᵀ) with m = g, then with m = 1.5 g.
      assertEquals([...w.data], [5, 10]);
      opt.step(w, g, state);
      assertEquals([...w.data], [5 + 11.25, 10 + 22.5]);
    }
  }
});

Deno.test("short matrices are multiplied as what they stand for", () => {
  const product = optimizer({ name: "product", step: "u = -g@(transpose(g)@w)" })({});
  const [one, two, three, half] = [0x3f80, 0x4000, 0x4040, 0x3f00];
  const short = (...bits: number[]): StoredTensor => ({
    data: Uint16Array.from(bits),
    shape: [2, 2],
    dtype: "bfloat16",
  });
  for (const backend of backends) {
    const opt = product.with({ backend });
    const [w, g] = [short(one, 0, half, two), short(two, 0, one, three)];
    opt.step(w, g, opt.init(w));
    // g gᵀ is [4 2; 2 10], and times w that is [5 4; 7 20].
    assertEquals([...w.data].map(fromBfloat16), [-4, -4, -6.5, -18]);
  }
});

Deno.test("iterations go through a few arrays, however many they are", () => {
  const placesOf = (iterations: number): string[] => {
    const program = parseProgram({
      name: "iterated",
      step: `x = g/norm(g)
        ${"a = x@transpose(x); x = 2*x + (-1.5*a + 0.5*(a@a))@x\n".repeat(iterations)} u = x`,
    });
    const graph = elaborate(program);
    const planned = plan(program, graph, new Set(), globalLevels(graph), "update", 2);
    const made = postorder(rootsOf(graph)).filter(({ op }) => op === "MatMul");
    assertEquals(planned.products.flat().length, made.length);
    return planned.temporaries.extents.map(String);
  };
  assertEquals(placesOf(5), placesOf(3));
  assert(placesOf(5).length <= 6, placesOf(5).join());
});

Deno.test("a transpose that only products read is not made", () => {
  const loops = explain(
    optimizer({ name: "shown", step: "u = g@(transpose(g)@(2*w)) + transpose(transpose(w)*2)" })(
      {},
    ),
  ).loops;
  const expected = `phase 1 of 3
  over elements: 1 operations
    v2 = 2*w
    keeps v2
  v3 = transpose(g)@v2
  v5 = transpose(w)
phase 2 of 3
  over columns x rows: 1 operations
    v6 = v5*2
    keeps v6
  v4 = g@v3
  v7 = transpose(v6)
phase 3 of 3
  over elements: 2 operations
    v8 = v4 + v7
    v9 = w + v8
    writes w = v9`;
  assertEquals(loops, expected);
});
