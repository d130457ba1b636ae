/** States that are matrices of their own, what takes the shape that it is used in, and every few steps. */
import {
  adamw,
  chain,
  explain,
  factory,
  fixed,
  masked,
  multiSteps,
  type Optimizer,
  optimizer,
  parseJson,
  parseProgram,
  partition,
  printJson,
  printProgram,
  schedule,
  sgd,
  type State,
  type Tensor,
} from "../../mod.ts";
import { guardsAt, guardsOf } from "../../runtime/plan/forms.ts";
import { variantOf } from "../../runtime/plan/variants.ts";
import { Binding } from "../../runtime/step/binding.ts";
import { Layout } from "../../runtime/trees/layout.ts";
import { asLeaf } from "../../runtime/trees/leaf.ts";
import { assert, assertEquals } from "../assert.ts";
import { ofRanks, ofSides } from "../cases/programs.ts";
import { assertRefused } from "../refused.ts";
import { backends } from "./backends.ts";

type Matrix = number[][];

const matrix = (rows: number, columns: number, seed = 1): Tensor => ({
  data: Float64Array.from({ length: rows * columns }, (_, i) => Math.sin(7 * i * i + seed)),
  shape: [rows, columns],
});
const listed = ({ data, shape: [rows, columns] }: Tensor): Matrix =>
  Array.from({ length: rows }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)]);
const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const turned = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const mixed = (a: Matrix, x: number, b: Matrix, y: number): Matrix =>
  a.map((row, i) => row.map((value, j) => x * value + y * b[i][j]));

function assertNear(actual: Tensor, expected: Matrix, what: string): void {
  listed(actual).flat().forEach((x, i) => {
    const y = expected.flat()[i];
    assert(Math.abs(x - y) <= 1e-12 * Math.max(1, Math.abs(y)), `${what}, ${i}: ${x}, not ${y}`);
  });
}

const IDENTITY = "where(index(axis=0) == index(axis=1), 1, 0)";

/** Steps in the eigenbasis of an average, by powers of it and without a factorisation. */
const rotated = optimizer({
  name: "rotated",
  hyper: { learningRate: 0.1, b: 0.9, f: 2 },
  state: {
    m: 0,
    L: { shape: "rows x rows" },
    Q: { shape: "rows x rows", init: IDENTITY },
  },
  step: `
    L = b*L + (1 - b)*g@transpose(g)
    Q = every(f, L@Q + 0.5*${IDENTITY}, Q)
    m = b*m + (1 - b)*transpose(Q)@g
    u = -learningRate*Q@m/norm(L, axis=1)`,
});

for (const backend of backends) {
  Deno.test(`states of rows by rows go as arithmetic by hand does (${backend})`, () => {
    const opt = rotated().with({ backend });
    const w = matrix(3, 4);
    const state = opt.init(w);
    let [L, Q]: Matrix[] = [0, 1].map((one) =>
      [0, 1, 2].map((i) => [0, 1, 2].map((j) => i === j ? one : 0))
    );
    const I = Q;
    let m = listed(matrix(3, 4)).map((row) => row.map(() => 0));
    let expected = listed(w);
    for (let t = 0; t < 5; t++) {
      const g = matrix(3, 4, 10 + t);
      opt.step(w, g, state);
      const G = listed(g);
      L = mixed(L, 0.9, times(G, turned(G)), 0.1);
      if (t % 2 === 0) Q = mixed(times(L, Q), 1, I, 0.5);
      m = mixed(m, 0.9, times(turned(Q), G), 0.1);
      const norms = L.map((row) => Math.hypot(...row));
      const update = times(Q, m).map((row, i) => row.map((x) => -0.1 * x / norms[i]));
      expected = mixed(expected, 1, update, 1);
      assertNear(state.L, L, `L after step ${t + 1}`);
      assertNear(state.Q, Q, `Q after step ${t + 1}`);
      assertNear(w, expected, `w after step ${t + 1}`);
    }
  });

  Deno.test(`random numbers and identities have the shape that they are used in (${backend})`, () => {
    const shaped = optimizer({
      name: "shaped",
      hyper: { r: 2 },
      state: { R: { shape: "rows x r" }, I: { shape: "columns x columns" } },
      step: `
        P = normal(5, 0)
        i = ${IDENTITY}
        R = g@transpose(P)
        I = transpose(w)@w + i
        u = (g@transpose(g) + 2*i)@g`,
    });
    for (const r of [1, 2, 5]) {
      const opt = shaped({ r }).with({ backend });
      const [w, g] = [matrix(3, 4), matrix(3, 4, 2)];
      const [updates, after] = opt.update(g, opt.init(w), w);
      const next = after as unknown as Record<string, Tensor>;
      // The same numbers, as many as there are places, as beside a parameter of that shape.
      const drawn = optimizer({ name: "drawn", step: "u = normal(5, 0)" })();
      const [P] = drawn.update(matrix(r, 4), drawn.init(matrix(r, 4)));
      const [G, W] = [listed(g), listed(w)];
      assertEquals(next.R.shape, [3, r]);
      assertNear(next.R, times(G, turned(listed(P))), `R of rank ${r}`);
      const I = [0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((j) => Number(i === j)));
      assertNear(next.I, mixed(times(turned(W), W), 1, I, 1), "I");
      assertNear(updates, mixed(times(times(G, turned(G)), G), 1, G, 2), "u");
    }
  });
}

/** How many products and operations a step has where its conditions are such. */
function costOf(opt: Optimizer, count: number, more: Readonly<Record<string, number>> = {}) {
  const w = matrix(3, 4);
  const binding = new Binding(opt.program, opt.settings, Layout.of(w, "", asLeaf), w, "");
  const [{ structural, live, axes }] = binding.groups;
  const numbers = new Map<string, number>([["count", count], ...Object.entries(more)]);
  opt.settings.forEach(({ value }, name) => numbers.set(name, Number(value)));
  const guards = guardsAt(guardsOf(opt.program, structural), numbers);
  const { plan } = variantOf(opt.program, {
    ...{ structural, guards, live, axes, mode: "step", backend: "js", dtypes: "float64" },
  });
  return {
    products: plan.products.flat().length,
    operations: plan.phases.flat().reduce((sum, { nodes }) => sum + nodes.length, 0),
  };
}

Deno.test("between its steps, every computes nothing of its value", () => {
  const without = optimizer({
    name: "without",
    hyper: { learningRate: 0.1, b: 0.9 },
    state: { m: 0, L: { shape: "rows x rows" }, Q: { shape: "rows x rows" } },
    step: `
      L = b*L + (1 - b)*g@transpose(g)
      Q = Q
      m = b*m + (1 - b)*transpose(Q)@g
      u = -learningRate*Q@m/norm(L, axis=1)`,
  });
  const opt = rotated({ f: 3 });
  assertEquals(costOf(opt, 4), costOf(without(), 4));
  assertEquals(costOf(opt, 3).products, costOf(without(), 0).products + 1);
  assert(costOf(opt, 3).operations > costOf(opt, 4).operations);
});

Deno.test("between the steps of a wrapper, nothing of its inner matrices is computed", () => {
  const opt = multiSteps(rotated(), { everyKSchedule: 2 });
  assertEquals(costOf(opt, 0, { miniStep: 0, gradientStep: 0 }).products, 0);
  assertEquals(costOf(opt, 1, { miniStep: 1, gradientStep: 0 }).products, 5);
  assertEquals(costOf(opt, 3, { miniStep: 1, gradientStep: 1 }).products, 4);
});

Deno.test("every is read and written as it stands, and goes by its clock", () => {
  const text = "m = every(3, g, m)\nu = every(k, m, 0, t)";
  const program = parseProgram({ name: "e", hyper: { k: 2 }, state: { m: 0 }, step: text });
  assertEquals(printProgram(program).step, text);
  assert(parseJson(printJson(program)) === program);
  const longer = "m = where(count == 3*floor(count/3), g, m)\nu = where(t == k*floor(t/k), m, 0)";
  assert(parseProgram({ ...printProgram(program), step: longer }) === program);
  for (const backend of backends) {
    const opt = factory(program)().with({ backend });
    const x = Float32Array.of(0);
    const state = opt.init(x);
    const seen = [1, 2, 3, 4, 5, 6].map((g) => {
      opt.step(x, Float32Array.of(g), state);
      return x[0];
    });
    assertEquals(seen, [0, 1, 1, 5, 5, 9]);
  }
});

Deno.test("names index and every may be a program's own", () => {
  const program = parseProgram({
    name: "own",
    hyper: { every: 2, index: 3 },
    step: "x = every*g + index*index(axis=0)\nu = every(every, x, index)",
  });
  assert(parseProgram(printProgram(program)) === program);
});

Deno.test("a leaf that is no matrix keeps no matrix of its own, and a hyperparameter may differ by leaf", () => {
  const params = { b: new Float32Array(5), w: matrix(4, 6), x: matrix(3, 2) };
  const state = ofRanks({ r: { b: 1, w: 3, x: 8 } }).init(params) as unknown as Record<
    string,
    Record<string, Tensor>
  >;
  const shapes = (name: string) =>
    Object.values(state[name]).map((leaf) =>
      leaf.shape ?? [(leaf as unknown as Float32Array).length]
    );
  assertEquals(shapes("m"), [[0], [4, 3], [3, 8]]);
  assertEquals(shapes("Q"), [[0], [6, 3], [2, 2]]);
});

Deno.test("states of their own shapes go through chains, parts, masks and what is fixed", () => {
  const both = chain(ofRanks({ r: 2 }), ofRanks({ r: 3 }), sgd({ learningRate: 1 }));
  const w = matrix(4, 6);
  const state = both.init(w) as unknown as Record<string, Tensor>;
  assertEquals([state.m.shape, state.m_2.shape], [[4, 2], [4, 3]]);
  both.step(w, matrix(4, 6, 3), state as unknown as State);
  assert(w.data.every(Number.isFinite));

  const params = { a: matrix(3, 4), b: matrix(2, 2) };
  const parts = partition({ own: rotated(), rest: adamw({ learningRate: 0.1 }) }, {
    a: "own",
    b: "rest",
  });
  const ofParts = parts.init(params) as unknown as Record<string, typeof params>;
  assertEquals([ofParts.L_own.a.shape, ofParts.L_own.b.shape], [[3, 3], [0]]);
  const some = masked(rotated(), { a: true, b: false });
  const ofSome = some.init(params) as unknown as Record<string, typeof params>;
  assertEquals([ofSome.L.a.shape, ofSome.L.b.shape], [[3, 3], [0]]);
  some.step(params, structuredClone(params), ofSome as unknown as State);

  const three = fixed(ofRanks({}), { name: "three" }, { r: 3 });
  assertEquals(printProgram(three.program).state!.v, { init: 0, shape: "rows x 3" });
  const alike = [three(), ofRanks({ r: 3 })].map((opt) => {
    const w = matrix(4, 5);
    const state = opt.init(w);
    for (let t = 0; t < 3; t++) opt.step(w, matrix(4, 5, t), state);
    return w.data;
  });
  assertEquals(alike[0], alike[1]);
});

Deno.test("explain shows loops and sizes of states of their own shapes", () => {
  const shown = explain(rotated());
  assert(shown.loops.includes("over rows x rows"), shown.loops);
  assertEquals(shown.narrowStates, ["L", "Q"]);
  assertEquals(shown.warnings, []);
});

Deno.test("shapes that cannot be are refused by name", () => {
  const of = (shape: unknown, more: object = {}) => () =>
    parseProgram({
      name: "x",
      hyper: { r: 2, flag: true },
      state: { L: { shape, ...more } as never },
      step: "u = g + 0*sum(L)",
    });
  const own = "`shape` of state `L`";
  assertRefused(of("rows"), `${own} must be rows and columns with an \`x\` between them`);
  assertRefused(of(3), `${own} must be rows and columns`);
  assertRefused(of("rows x r x r"), `${own} must be rows and columns`);
  assertRefused(
    of("rows x rows", { over: 0 }),
    "either `over` or a `shape` of its own: given both",
  );
  assertRefused(
    of("rows x rank"),
    "`rank` is the number of axes: give the hyperparameter another name",
  );
  assertRefused(
    of("rows x flag"),
    "a size is made of `rows`, `columns`, numbers and hyperparameters",
  );
  assertRefused(of("rows x norm(r)"), "must be a number: given `norm(r)`");
  assertRefused(of("rows x rows", { init: "w" }), "an initial value is made of hyperparameters");
  assertRefused(of("rows x rows", { init: "normal(1)" }), "must not be random");

  const square = factory(of("rows x r")());
  assertRefused(
    () => square({ r: schedule("1 + count") }),
    "hyperparameter `r` must be a number, since states have sizes by it: given a schedule",
  );
  for (const r of [0, 1.5, -1, 2 ** 60]) {
    const at = () => square({ r }).init(matrix(2, 2));
    const what = r === 2 ** 60
      ? "at most 2147483647 elements"
      : "must be a whole number from 1: given ";
    assertRefused(at, r === 2 ** 60 ? "whole number from 1" : what);
  }
  assertRefused(
    () => square({ r: 2 ** 40 }).init(matrix(2, 2)),
    "state `L` for the root: it must have at most 2147483647 elements: given 2 x 1099511627776",
  );
  const vector = new Float32Array(3);
  assertRefused(
    () => square().step(vector, vector.slice(), square().init(vector)),
    "state `L`, rows x r, needs a parameter that is a matrix: given one of 1 dimension",
  );
  const state = square().init(matrix(2, 2));
  (state.hyper as Record<string, number>).r = 3;
  assertRefused(
    () => square().step(matrix(2, 2), matrix(2, 2), state),
    "the state's `hyper` has no `r` to set",
  );
});

Deno.test("what does not fit the shape of a state is refused by its sizes", () => {
  const of = (step: string) => () => {
    const opt = optimizer({
      name: "unfit",
      hyper: { r: 2 },
      state: { L: { shape: "rows x rows" }, P: { shape: "rows x r" } },
      step,
    })();
    const w = matrix(2, 2);
    opt.step(w, matrix(2, 2), opt.init(w));
  };
  assertRefused(
    of("L = L + g@transpose(g)@P; u = L@g + 0*norm(P)"),
    "`L + g@…@P` needs operands of one shape: given rows x rows and rows x 2",
  );
  assertRefused(
    of("L = L + P@transpose(P); P = L; u = P@g"),
    "`P` must be of its shape, rows x 2: given rows x rows, as `L + P@transpose(P)` is",
  );
  assertRefused(
    of("u = P"),
    "`w + P` needs operands of one shape: given rows x columns and rows x 2",
  );
  assertRefused(of("u = g*norm(P, axis=0)"), "given rows x columns and 1 x 2");
});

Deno.test("the largest rows are found by turning their sums", () => {
  const largest = optimizer({
    name: "largest",
    step: `
      s = sum(abs(g), axis=1)
      place = sum(where(transpose(s) > s, 1, 0), axis=1)
      u = where(place < 2, g, 0)`,
  });
  const g = { data: Float32Array.of(1, -1, 9, 0, -4, 4, 0, 3), shape: [4, 2] };
  for (const backend of backends) {
    const opt = largest().with({ backend });
    assertEquals([...opt.update(g, opt.init(g))[0].data], [0, 0, 9, 0, -4, 4, 0, 0]);
  }
  // Without the turn, nothing would tell that the other side is of rows too.
  const guessed = optimizer({
    name: "guessed",
    step: `
      s = sum(abs(g), axis=1)
      o = sum(where(index(axis=0) == index(axis=1), s, 0), axis=0)
      u = g*sum(where(o > s, 1, 0), axis=1)`,
  })();
  assertRefused(() => guessed.update(g, guessed.init(g)), "nothing tells how large");
});

Deno.test("a saved state of its own shapes goes on as if nothing had been", () => {
  const [w, x] = [matrix(3, 5), matrix(3, 5)];
  const opt = ofSides({});
  const [one, two] = [opt.init(w), opt.init(x)];
  for (let t = 0; t < 6; t++) opt.step(w, matrix(3, 5, t), one);
  for (let t = 0; t < 3; t++) opt.step(x, matrix(3, 5, t), two);
  const again = structuredClone(two);
  for (let t = 3; t < 6; t++) opt.step(x, matrix(3, 5, t), again);
  assertEquals(x.data, w.data);
  const other = { ...two, L: matrix(2, 2) };
  assertRefused(() => opt.step(x, matrix(3, 5), other as never), "must have shape [3, 3]");
});
