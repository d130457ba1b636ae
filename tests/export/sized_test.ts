/** Random programs of matrices with states of their own shapes: what is exported runs as the interpreter defines it. */
import fc from "fast-check";
import { factory, parseProgram, type Tensor } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { OrtOptimizer } from "../../export/ort/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { randomArray } from "../runtime/random.ts";
import { sizedProgram } from "../runtime/sized_programs.ts";
import { leavesOf, numbersOf, statesOf } from "./trees.ts";

const SHAPES = [[3, 4], [4, 3], [1, 5], [5, 1], [5, 5], [0, 3], [3, 0], [0, 0], [7], [0, 3, 2]];

const tree = (shapes: readonly (readonly number[])[], seed: number): Tensor[] =>
  shapes.map((shape, i) => ({
    data: new Float64Array(randomArray(shape.reduce((a, b) => a * b, 1), seed + i)),
    shape,
  }));

/** Holds that two trees have the same numbers, but for the order of sums. */
function assertNear(actual: unknown, expected: unknown, what: string): void {
  const [all, wanted] = [actual, expected].map((tree) =>
    leavesOf(tree).map(({ data }) => numbersOf(data))
  );
  assertEquals(all.map(({ length }) => length), wanted.map(({ length }) => length), what);
  all.forEach((numbers, k) => {
    const largest = Math.max(...wanted[k].filter(Number.isFinite).map(Math.abs));
    numbers.forEach((value, i) => {
      const isSame = Object.is(value, wanted[k][i]) ||
        Math.abs(value - wanted[k][i]) <= 1e-9 * largest;
      assert(isSame, `${what}, leaf ${k}: ${value} at ${i}, not ${wanted[k][i]}`);
    });
  });
}

Deno.test("random programs with states of their own shapes run in ONNX Runtime as they are defined", async () => {
  const some = fc.array(fc.constantFrom(...SHAPES), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(sizedProgram(true), some, async (document, shapes) => {
      const opt = factory(parseProgram(document))({}).with({ backend: "interpreter" });
      const [params, theirs] = [tree(shapes, 1), tree(shapes, 1)];
      const exported = await OrtOptimizer.load(toOnnx(opt, params, { precision: "float64" }));
      const [state, other] = [opt.init(params), exported.init(theirs)];
      for (let t = 1; t <= 3; t++) {
        opt.step(params, tree(shapes, 10 * t), state);
        await exported.step(theirs, tree(shapes, 10 * t), other);
        assertNear(theirs, params, `parameters after step ${t}`);
        assertNear(statesOf(other), statesOf(state), `states after step ${t}`);
      }
      await exported.dispose();
    }),
    { numRuns: 60, seed: 8, includeErrorInReport: true },
  );
});
