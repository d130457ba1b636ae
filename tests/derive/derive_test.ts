import { parseYaml } from "../../dsl/yaml.ts";
import { derive, measureEffect } from "../../search/derive/mod.ts";
import { GradusError, latex, parseProgram, printProgram, type Program } from "../../mod.ts";
import * as zoo from "../../zoo/mod.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";

const RAW = parseYaml(
  await Deno.readTextFile(new URL("../../examples/lion-raw.yaml", import.meta.url)),
);
const KNOWN = Object.values(zoo as Record<string, unknown>).flatMap((each) =>
  typeof each === "function" && "program" in each ? [each.program as Program] : []
);
const lion = derive(RAW, { known: KNOWN });
const all = lion.stages.flatMap(({ steps }) => steps);

Deno.test("Lion is derived from the program that was found", () => {
  assert(lion.program === zoo.lion.program);
  assert(lion.known === zoo.lion.program);
  assertEquals(lion.stages.map(({ title }) => title), [
    "What changes no bit",
    "What is true of real numbers",
    "Approximations, each measured",
    "Names for constants",
    "A known optimizer",
  ]);
});

Deno.test("the derivation goes the way of the paper", () => {
  const made = all.filter(({ isMade }) => isMade).map(({ rule }) => rule);
  const way = [
    "a state that is overwritten before it is read", // the cosh
    "an average with an average of the same", // two interpolations are one
    "root of a square",
    "a value by its magnitude", // m/√(m²) is its sign
    "dropping asin",
    "dropping a clip by the global norm",
    "learningRate takes in the factor 0.0002",
    "the weight of the past is named b1",
    "the weight of the past is named b2",
    "the factor of the parameter is named weightDecay",
    "this is lion",
    "the constants that lion was published with",
  ];
  assertEquals(made.filter((rule) => way.includes(rule)), way);
});

Deno.test("before it takes on Lion's constants, it is Lion's text with the ones that were found", () => {
  const named = lion.stages[3].program;
  assertEquals(
    printProgram(named).step.replaceAll("m", "c").replaceAll("v", "m").split("\n").sort(),
    printProgram(zoo.lion.program).step.split("\n").sort(),
  );
  assertEquals([...named.hyper], [
    ["learningRate", "required"],
    ["b1", 0.899],
    ["b2", 0.996991],
    ["weightDecay", 0.4602],
  ]);
});

Deno.test("what is approximate is measured, and what goes too far refused", () => {
  const measured = all.filter(({ kind }) => kind === "approximate" || kind === "constants");
  for (const { effect } of measured) assert(effect !== undefined && effect.steps >= 100);
  const refused = all.filter(({ isMade }) => !isMade);
  // Only the clip keeps the arcsine within its domain, so that must go first.
  assertEquals(refused.map(({ rule }) => rule), ["dropping a clip by the global norm"]);
  assertEquals(refused[0].effect!.difference, Infinity);
  const [asin, clip] = measured.filter(({ isMade }) => isMade).map(({ effect }) => effect!);
  assert(asin.signChanges > 0 && asin.signChanges < 0.01, String(asin.signChanges));
  assert(clip.signChanges > 0.01 && clip.signChanges < 0.1, String(clip.signChanges));
  const [, { effect: relaxed }] = lion.stages;
  // The sign of 0 is 0, where the program that was found divided 0 by 0.
  assert(relaxed!.signChanges < 1e-3 && relaxed!.mended > 0, JSON.stringify(relaxed));
});

Deno.test("a guard against division by 0 is kept, and gets its name", () => {
  const raw = parseProgram({
    name: "raw",
    hyper: { learningRate: "required" },
    state: { v: 0 },
    step: "v = 0.999*v + (1 - 0.999)*g^2\nu = -learningRate*(g/(sqrt(v) + 1e-8))",
  });
  const { program, stages } = derive(raw);
  assertEquals(printProgram(program).step.split("\n"), [
    "v = b1*v + (1 - b1)*g^2",
    "u = -learningRate*(g/(sqrt(v) + eps))",
  ]);
  assertEquals(program.hyper.get("eps"), 1e-8);
  const refused = stages.flatMap(({ steps }) => steps).filter(({ isMade }) => !isMade);
  assertEquals(refused.map(({ rule }) => rule), ["dropping the guard of a division"]);
});

Deno.test("no approximation is made where none is tolerated", () => {
  const strict = derive(RAW, { known: KNOWN, tolerance: 0 });
  assertEquals(strict.known, undefined);
  assertStringIncludes(printProgram(strict.program).step, "asin");
  assertThrows(
    () => derive(RAW, { tolerance: 2 }),
    GradusError,
    'Cannot derive "lionRaw": `tolerance` must be a number from 0 to 1: given 2',
  );
});

Deno.test("a derivation as text shows every line and what it rests on", () => {
  const text = String(lion);
  for (const { rule } of all) assertStringIncludes(text, rule);
  assertStringIncludes(text, "refused: dropping a clip by the global norm (approximate)");
  assertStringIncludes(text, printProgram(zoo.lion.program).step.split("\n")[1]);
  assertStringIncludes(text, "It is lion");
  assert(latex(lion.program) === latex(zoo.lion.program));
});

Deno.test("an optimizer of the library derives to itself", () => {
  for (const { program } of [zoo.lion, zoo.signum, zoo.sgd, zoo.adagrad]) {
    const { program: made, stages } = derive(program);
    const wrong = stages.flatMap(({ steps }) => steps).filter(({ isMade }) => isMade);
    assertEquals(wrong, [], program.name);
    assert(made === program);
  }
});

Deno.test("the effect of no change is none, and that of turning around is all", () => {
  const step = (sign: string) =>
    parseProgram({
      name: "descent",
      hyper: { learningRate: 0.1 },
      step: `u = ${sign}learningRate*g`,
    });
  const none = measureEffect(step("-"), step("-"));
  assertEquals([none.signChanges, none.difference, none.drift, none.lossRatio], [0, 0, 0, 1]);
  const turned = measureEffect(step("-"), step(""));
  assert(turned.signChanges > 0.7 && turned.difference === 2 && turned.lossRatio > 10);
});
