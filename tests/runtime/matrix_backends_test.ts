import fc from "fast-check";
import {
  type Document,
  factory,
  latex,
  type Optimizer,
  parseJson,
  parseProgram,
  printJson,
  printProgram,
  type Tensor,
} from "../../mod.ts";
import { parseYaml, printYaml } from "../../dsl/yaml.ts";
import { assertBalanced } from "../dsl/laws.ts";
import { assert, assertEquals } from "../assert.ts";
import { backends } from "./backends.ts";
import { matrixProgram } from "./matrix_programs.ts";
import { sizedProgram } from "./sized_programs.ts";
import { assertSameBits, type Compared } from "./same_bits.ts";
import { STORAGES, storingMomentum } from "./storages.ts";
import { whereRun } from "./where.ts";

const SHAPES = [[1, 1], [1, 5], [5, 1], [3, 4], [4, 3], [0, 3], [3, 0], [5, 5], [7], []] as const;
const LARGE = [[17, 33], [33, 17], [64, 64]] as const;

type Tree = Record<string, Tensor>;

/** A tree of arrays of the given shapes; another `seed`, other numbers. */
function tree(shapes: readonly (readonly number[])[], isDouble: boolean, seed: number): Tree {
  return Object.fromEntries(shapes.map((shape, i) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const make = (j: number) => Math.sin(seed + 17 * i + j * j) * 2 ** ((j * 7 + seed) % 9 - 4);
    const data = isDouble
      ? Float64Array.from({ length: size }, (_, j) => make(j))
      : Float32Array.from({ length: size }, (_, j) => make(j));
    return [`leaf${i}`, { data, shape: [...shape] }];
  }));
}

function trajectory(
  opt: Optimizer,
  shapes: readonly (readonly number[])[],
  isDouble: boolean,
): unknown[] {
  const params = tree(shapes, isDouble, 0);
  const own = opt.init(params);
  let state = opt.init(params);
  const made: unknown[] = [];
  for (let step = 1; step <= 2; step++) {
    const gradients = tree(shapes, isDouble, step);
    const [updates, next] = opt.update(gradients, state, params);
    state = next;
    opt.step(params, gradients, own);
    made.push(updates, structuredClone(params), structuredClone(next), structuredClone(own));
  }
  return made;
}

function forMatrices(
  programs: fc.Arbitrary<Document>,
  shapes: readonly (readonly number[])[],
  count: number,
  numRuns: number,
): void {
  const compared: Compared = { numbers: 0, finite: 0 };
  const some = fc.array(fc.constantFrom(...shapes), { minLength: 1, maxLength: count });
  const muDtype = fc.constantFrom(...STORAGES);
  fc.assert(
    fc.property(programs, some, fc.boolean(), muDtype, (document, shapes, isDouble, type) => {
      const program = parseProgram(document);
      const opt = factory(program)(storingMomentum(program, {}, type));
      const expected = trajectory(opt.with({ backend: "interpreter" }), shapes, isDouble);
      for (const backend of backends) {
        if (backend === "interpreter") continue;
        const actual = trajectory(opt.with({ backend }), shapes, isDouble);
        assertSameBits(actual, expected, backend, compared);
      }
    }),
    { numRuns, seed: 6, includeErrorInReport: true },
  );
  // Bits that are all NaN would be the same whatever was computed.
  assert(compared.finite > compared.numbers / 2, `${compared.finite} of ${compared.numbers}`);
}

Deno.test("every backend makes every bit of programs on matrices, of any sizes", () => {
  forMatrices(matrixProgram, SHAPES, 3, 120);
});

Deno.test("every backend makes every bit of programs on larger matrices", () => {
  forMatrices(matrixProgram, LARGE, 2, 20);
});

Deno.test("every backend makes every bit of programs with states of their own shapes, factors and loops", () => {
  forMatrices(sizedProgram(), SHAPES, 3, 60);
  forMatrices(sizedProgram(), LARGE, 1, 5);
});

Deno.test("programs with states of their own shapes, factors and loops are printed and read again", () => {
  fc.assert(
    fc.property(sizedProgram(), (document) => {
      const program = parseProgram(document);
      assert(parseProgram(printProgram(program)) === program);
      assert(parseJson(printJson(program)) === program);
      assert(parseYaml(printYaml(program)) === program);
      assertBalanced(latex(program));
    }),
    { numRuns: 200, seed: 7 },
  );
});

Deno.test("leaves that multiply matrices run in JavaScript, beside those that need not", () => {
  const step = `
    v = where(rank == 2, (g@transpose(w))@g, 2*g)
    n = globalNorm(v)
    u = where(rank == 2, (v@transpose(w))@g, g)/(n + globalMax(v/n))
  `;
  const opt = factory(parseProgram({ name: "mixed", step }))({});
  const made = (shapes: readonly (readonly number[])[], given: Optimizer) => {
    let results: unknown[] = [];
    const where = whereRun(() => results = trajectory(given, shapes, false));
    return { results, where };
  };
  const shapes = [[7], [5, 3], [2, 2, 2], [33, 17], [5_000], [3, 5]];
  const expected = made(shapes, opt.with({ backend: "interpreter" }));
  const mixed = made(shapes, opt);
  assertSameBits(mixed.results, expected.results, "mixed");
  assertEquals(mixed.where, { wasm: true, js: true });
  assertEquals(made([[5, 3]], opt).where, { wasm: false, js: true });
  assertEquals(made([[5]], opt).where, { wasm: true, js: false });
});
