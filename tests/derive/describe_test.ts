import { describe } from "../../derive/mod.ts";
import { parseProgram } from "../../mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "../assert.ts";

const { adamw, clipByGlobalNorm, lion, scaleBySign, sgd, signum } = zoo;

Deno.test("what takes a sign is sign-like, and nothing else", () => {
  for (const { program } of [lion, signum, scaleBySign]) assert(describe(program).signLike);
  for (const { program } of [adamw, sgd, clipByGlobalNorm]) assert(!describe(program).signLike);
});

Deno.test("half-lives are those of the coefficients", () => {
  const halves = describe(adamw.program).timeConstants;
  assertEquals(halves.map(({ state }) => state), ["m", "v"]);
  for (const [i, b] of [0.9, 0.999].entries()) {
    assertAlmostEquals(halves[i].ratio, b, 1e-9);
    assertAlmostEquals(halves[i].halfLife, Math.log(0.5) / Math.log(b), 1e-6);
  }
  assertEquals(describe(lion.program, { b2: 0.5 }).timeConstants[0].halfLife, 1);
});

Deno.test("the learning rate is obeyed, ignored or escaped", () => {
  const step = (text: string) =>
    describe(parseProgram({ name: "p", hyper: { learningRate: 0.1 }, step: `u = ${text}` }))
      .learningRate;
  assertEquals(step("-learningRate*g"), "proportional");
  assertEquals(step("-0.1*g"), "ignored");
  assertEquals(step("-exp(learningRate)*g"), "otherwise");
  assertEquals(describe(clipByGlobalNorm.program, { maxNorm: 1 }).learningRate, "absent");
});

Deno.test("what larger gradients do", () => {
  assertEquals(describe(adamw.program).gradientScale, "invariant");
  assertEquals(describe(sgd.program).gradientScale, "proportional");
  const { program } = zoo.clip;
  assertEquals(describe(program, { maxDelta: 1 }).gradientScale, "otherwise");
});

Deno.test("the response curve is the update by the gradient", () => {
  const { response } = describe(sgd.program, { learningRate: 0.5, momentum: 0 });
  for (const { gradient, update } of response) assertAlmostEquals(update, -0.5 * gradient, 1e-9);
  const signs = describe(scaleBySign.program).response;
  for (const { gradient, update } of signs) assertEquals(update, Math.sign(gradient));
});

Deno.test("what it reads, keeps and takes away is told", () => {
  const given = describe(adamw.program, { learningRate: 0.5, weightDecay: 0.25 });
  assertEquals(given.decay, 0.125);
  assertEquals(given.bytesPerParameter, 8);
  assert(given.reads.includes("w") && given.reads.includes("g") && given.reads.includes("eps"));
  assert(!describe(signum.program).reads.includes("w"));
  const text = String(describe(lion.program));
  for (const part of ["Measured by running it", "sign-like", "halves in 69 steps", "4 bytes"]) {
    assertStringIncludes(text, part);
  }
});
