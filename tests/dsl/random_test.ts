/** Random numbers in the language: their bits, how they are written, and what is refused. */
import { constant, COUNT, random, symbol } from "../../dsl/node.ts";
import { type RandomOp, randomOps } from "../../dsl/ops.ts";
import { printExpression } from "../../dsl/print.ts";
import { bitsAt, wordOf } from "../../dsl/random/draw.ts";
import { integers, threefry } from "../../dsl/random/threefry.ts";
import { simplified } from "../../dsl/simplify.ts";
import {
  chain,
  factory,
  latex,
  noisySgd,
  parseJson,
  parseProgram,
  printJson,
  printProgram,
  schedule,
} from "../../mod.ts";
import { parseYaml, printYaml } from "../../dsl/yaml.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

const programOf = (step: string, state: Record<string, unknown> = {}) =>
  parseProgram({ name: "noise", hyper: { seed: 0, s: 0 }, state: state as never, step });

Deno.test("the generator gives the known answers of Random123", () => {
  const answers = [
    [[0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
    [[-1, -1], [-1, -1], [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]],
  ] as const;
  for (const [key, counter, expected] of answers) {
    assertEquals(threefry(integers, key, counter).map((word) => word >>> 0), [...expected]);
  }
  assertEquals(bitsAt([0x13198a2e, 0x03707344], 0x243f6a88, 0x05a308d3, 1), [
    0xc4923a9c,
    0x483df7a0,
  ]);
});

Deno.test("whole numbers are keys modulo 2^32, others by their bits", () => {
  assertEquals(wordOf(5), 5);
  assertEquals(wordOf(-1), 2 ** 32 - 1);
  assertEquals(wordOf(2 ** 40 + 7), 7);
  assertEquals(wordOf(-0), 0);
  const words = [0.5, -0.5, 0.5 + 2 ** -53, 1e-300, Infinity, -Infinity, NaN].map(wordOf);
  assertEquals(new Set(words).size, words.length);
  assert(words.every((word) => Number.isInteger(word) && word > 9 && word < 2 ** 32));
});

const CORNERS: readonly (readonly [high: number, low: number])[] = [
  [0, 0],
  [0xffffffff, 0xffffffff],
  [0x7fffffff, 0xffffffff],
  [0x80000000, 0],
  [0x00000100, 0xfff],
];

for (const [name, row] of Object.entries<RandomOp>(randomOps)) {
  Deno.test(`${name} stays within its range, in float32 a float32 number`, () => {
    const next = Array.from({ length: 2_000 }, (_, i) => bitsAt([1, 2], i, 0, row.stream));
    for (const [high, low] of [...CORNERS, ...next]) {
      for (const number of [row.float32(high, low), row.float64(high, low)]) {
        assert(number >= row.range[0] && number <= row.range[1], `${number} of ${high}, ${low}`);
      }
      assertEquals(row.float32(high, low), Math.fround(row.float32(high, low)));
      assert(Math.abs(row.float32(high, low) - row.float64(high, low)) < 2 ** -20);
    }
  });

  Deno.test(`${name} is read from its own syntax and written back, counted by count or another`, () => {
    for (
      const [written, seed, counter] of [
        [`${row.call}(seed)`, "seed", "count"],
        [`${row.call}(seed, s)`, "seed", "s"],
      ]
    ) {
      const program = programOf(`u = ${written}`);
      const node = random(name as keyof typeof randomOps, symbol(seed), symbol(counter));
      assert(program.statements[0].value === node);
      assertEquals(printExpression(node), written);
      assert(parseProgram(printProgram(program)) === program);
      assert(parseJson(printJson(program)) === program);
      assert(parseYaml(printYaml(program)) === program);
    }
    assert(programOf(`u = ${row.call}(seed, count)`) === programOf(`u = ${row.call}(seed)`));
  });
}

Deno.test("no two distributions have a stream or a name in common", () => {
  const rows = Object.values<RandomOp>(randomOps);
  assertEquals(new Set(rows.map(({ stream }) => stream)).size, rows.length);
  assertEquals(new Set(rows.map(({ call }) => call)).size, rows.length);
});

Deno.test("equations name the distribution, the seed, and a counter that is not the step's", () => {
  assertEquals(
    latex(programOf("u = normal(seed + 1)*uniform(s, 3)")),
    "u_t &\\leftarrow \\mathcal{N}_t \\left( \\mathrm{seed} + 1 \\right) \\cdot " +
      "\\mathcal{U} \\left( s, 3 \\right)",
  );
});

Deno.test("random numbers are never folded, and a seed that is absent is 0", () => {
  const drawn = random("Normal", constant(1), constant(2));
  assert(simplified(drawn, drawn.src) === drawn);
  const zero = factory(programOf("u = g + normal(seed)"))({ seed: 0 });
  const one = factory(programOf("u = g + normal(0)"))();
  const g = new Float32Array(9);
  assertEquals(zero.update(g, zero.init(g))[0], one.update(g, one.init(g))[0]);
  assert(COUNT === symbol("count"));
});

Deno.test("a chain of two noises keeps their seeds apart by name", () => {
  const { program } = chain(noisySgd({ learningRate: 1 }), noisySgd({ learningRate: -1 }));
  assert(program.hyper.has("seed") && program.hyper.has("seed_2"));
  assert(printProgram(program).step.includes("normal(seed_2)"));
});

Deno.test("what random numbers cannot be made of, or stand in, is refused", () => {
  const refuse = (make: () => unknown, ...says: string[]) => assertRefused(make, ...says);
  refuse(() => programOf("u = normal()"), "Cannot read");
  refuse(
    () => programOf("u = normal(1, 2, 3)"),
    'Cannot read optimizer "noise": `normal` takes a seed and, if it is not counted by `count`, a ' +
      "counter, given 3 arguments",
  );
  refuse(() => programOf("u = normal(g > 0)"), "a number is required here");
  refuse(() => programOf("u = normal"), "`normal` is a function");
  refuse(() => programOf("normal = 1; u = normal"), "`normal`");
  refuse(() => programOf("u = norml(seed)"), "there is no function `norml`");
  for (const [seed, rate] of [["g", "element"], ["mean(w)", "tensor"], ["size", "tensor"]]) {
    refuse(
      () => programOf(`u = g + normal(${seed})`),
      "`normal` takes a seed and a counter that are one number for all",
      `\`${seed}\` is one per ${rate}`,
    );
    refuse(() => programOf(`u = uniform(seed, ${seed})`), `\`${seed}\` is one per ${rate}`);
  }
  refuse(
    () => programOf("u = m", { m: "w + normal(seed)" }),
    "the initial value of state `m` must not be random: given `normal(seed)`",
  );
  refuse(
    () => programOf("n = normal(seed); u = n", { n: { over: "tensor" } }),
    "state `n` is kept over the tensor",
  );
  refuse(() => schedule("uniform(3)"), "it has no elements to draw random numbers for");
});
