import { describe } from "../../search/derive/mod.ts";
import { parseProgram } from "../../mod.ts";
import { programOf, space } from "../../search/mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "../assert.ts";
import { randomGenomes } from "../search/random_programs.ts";

const { adamw, clipByGlobalNorm, lion, scaleBySign, sgd, signum } = zoo;

const described = (step: string, hyper = {}) =>
  describe(parseProgram({ name: "p", hyper, state: { m: 0, v: 0 }, step }));

Deno.test("what takes a sign is sign-like, and nothing else", () => {
  for (const { program } of [lion, signum, scaleBySign]) {
    assertEquals(describe(program).shape, "sign-like");
  }
  for (const { program } of [adamw, sgd, clipByGlobalNorm]) {
    assert(describe(program).shape !== "sign-like");
  }
});

Deno.test("the shape is how the update grows with the gradient", () => {
  const shapes = {
    "u = -g": ["linear", 1],
    "u = 0.1*g*g": ["superlinear", 2],
    "u = -sign(g)*sqrt(abs(g))": ["sublinear", 0.5],
    "u = -g/(abs(g) + 1e-12)^3": ["redescending", -2],
    "u = -g/norm(g)": ["scale-free", 0],
    "u = 0*g": ["none", NaN],
    "u = -0.5": ["none", 0],
    "u = -0.5*w": ["none", 0],
  };
  for (const [step, expected] of Object.entries(shapes)) {
    const { shape, gradientPower } = described(step);
    assertEquals([shape, gradientPower], expected, step);
  }
});

Deno.test("opposite gradients give opposite updates or do not", () => {
  assert(described("u = -g").isOdd);
  assert(!described("u = -g*g").isOdd);
  assert(!described("u = -max(g, 0)").isOdd);
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

Deno.test("the power of the learning rate is told", () => {
  const power = (text: string) => described(`u = ${text}`, { learningRate: 0.1 }).learningRatePower;
  assertEquals(power("-learningRate*g"), 1);
  assertEquals(power("-learningRate^2*g"), 2);
  assertEquals(power("-g/sqrt(learningRate)"), -0.5);
  assertEquals(power("-0.1*g"), 0);
  assertEquals(power("-exp(learningRate)*g"), 0.144);
  assertEquals(power("0*g"), NaN);
  assertEquals(describe(clipByGlobalNorm.program, { maxNorm: 1 }).learningRatePower, undefined);
});

Deno.test("the parameter enters not at all, by decay or otherwise", () => {
  const parameter = (step: string) => {
    const { parameter, decay } = described(step);
    return [parameter, Number(decay.toPrecision(6))];
  };
  assertEquals(parameter("u = -g"), ["not at all", 0]);
  assertEquals(parameter("u = -sign(g) - 0.01*w"), ["decays", 0.01]);
  assertEquals(parameter("u = -g*g - 1e-9*w"), ["decays", 1e-9]);
  for (
    const other of [
      ...["u = w*w - g", "u = 0.01*w - g", "u = -g*norm(w)", "u = -sign(g + 0.1*w)"],
      ...["u = -sign(g) - where(g > 0, 0.1*w, 0)", "u = w/0"],
    ]
  ) assertEquals(parameter(other), ["otherwise", 0], other);
});

Deno.test("an update turns some steps after its gradient", () => {
  // m has come to 1 - 0.99^150; turned, it falls until 0.9*m = 0.1.
  assertEquals(describe(lion.program).turnsAfter, 47);
  assertEquals(described("u = -g").turnsAfter, 0);
  assertEquals(described("m = g\nv = m\nu = -v").turnsAfter, 0);
  assertEquals(described("u = -m\nm = g").turnsAfter, 1);
  assertEquals(described("u = -abs(g)").turnsAfter, undefined);
});

Deno.test("where nothing moves at a parameter of 0, it is tried at 1", () => {
  const { measuredAt, shape, learningRatePower } = described("u = -0.1*sign(g)*norm(w)");
  assertEquals([measuredAt, shape, learningRatePower], [1, "sign-like", undefined]);
  assertEquals(described("u = -g/w").measuredAt, 1);
  assertEquals(described("u = 0*g").measuredAt, 0);
});

Deno.test("the response curve is the update by the gradient", () => {
  const { response } = describe(sgd.program, { learningRate: 0.5, momentum: 0 });
  for (const { gradient, update } of response) assertAlmostEquals(update, -0.5 * gradient, 1e-9);
  const signs = describe(scaleBySign.program).response;
  for (const { gradient, update } of signs) assertEquals(update, Math.sign(gradient));
});

Deno.test("what it reads, keeps and takes away is told", () => {
  const given = describe(adamw.program, { learningRate: 0.5, weightDecay: 0.25 });
  assertAlmostEquals(given.decay, 0.125, 1e-12);
  assertEquals(given.bytesPerParameter, 8);
  assert(given.reads.includes("w") && given.reads.includes("g") && given.reads.includes("eps"));
  assert(!describe(signum.program).reads.includes("w"));
  const text = String(describe(lion.program));
  for (const part of ["Measured by running it", "sign-like", "halves in 69 steps", "4 bytes"]) {
    assertStringIncludes(text, part);
  }
  assertStringIncludes(text, "by decay: 0.00001 of it a step");
});

Deno.test("states are counted that the update depends on", () => {
  assertEquals(described("u = -g").states, 0);
  assertEquals(described("m = 0.9*m + g\nv = v + m\nu = -m").states, 1);
  assertEquals(describe(adamw.program).states, 2);
  assertStringIncludes(described("m = 0.9*m + g\nu = -m").summary, "; 1 state");
});

Deno.test("updates that are no numbers are described, not thrown at", () => {
  const undefinedOnes = {
    "u = nan": "undefined; no learning rate; no decay; never turns; 0 states",
    "u = 0/0*w": "undefined; no learning rate; depends on w; never turns; 0 states",
    "u = g/0": "undefined; no learning rate; no decay; never turns; 0 states",
    "u = exp(exp(exp(abs(g) + 10)))":
      "undefined; no learning rate; no decay; never turns; 0 states",
    // Most are no numbers for large gradients.
    "u = asin(g/4)": "undefined; no learning rate; no decay; turns after 0 steps; 0 states",
    "m = log(m)\nu = -m": "undefined; no learning rate; no decay; never turns; 1 state",
  };
  for (const [step, summary] of Object.entries(undefinedOnes)) {
    assertEquals(described(step).summary, summary, step);
    assertStringIncludes(String(described(step)), "undefined");
  }
  // A first step that divides by 0 spoils nothing.
  const late = described("u = -g/where(t == 1, 0, 1) - 0.5*w");
  assertEquals([late.shape, late.parameter, late.decay], ["linear", "decays", 0.5]);
  assertEquals(described("u = 0*w").summary, described("u = 0").summary);
});

Deno.test("whatever a search may find is described", () => {
  const paper = space();
  for (const genome of randomGenomes(paper, 60, 11)) {
    const { summary, response, learningRatePower } = describe(programOf(paper, genome));
    assert(summary.split("; ").length === 5, summary);
    assertEquals(response.length, 11);
    assertEquals(typeof learningRatePower, "number");
  }
});
