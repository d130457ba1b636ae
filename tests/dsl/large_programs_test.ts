import { GradusError } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { parseProgram } from "../../dsl/check.ts";
import { printProgram } from "../../dsl/print.ts";
import { assert, assertThrows } from "../assert.ts";

const programOf = (step: string): Program => parseProgram({ name: "large", step });

/** Texts within the limits on programs, each of one shape repeated as often as fits. */
const large: Readonly<Record<string, string>> = {
  "a sum of thousands of terms": `u = ${new Array(20_000).fill("g").join("+")}`,
  "a minimum of hundreds of values": `u = min(${new Array(500).fill("g").join(",")})`,
  "hundreds of squares of squares": `u = g${"²".repeat(500)}`,
  "nested parentheses": `u = ${"(".repeat(90)}g${")".repeat(90)}`,
  "differences nested on the right": `u = ${"g-(".repeat(80)}g${")".repeat(80)}`,
  "a loop of a thousand turns": "repeat 1000 { u = g }",
  "a long loop of hundreds of turns": `repeat 900 { u = ${new Array(900).fill("g*g").join("+")} }`,
  "loops in loops, each with a number": `${
    Array.from({ length: 9 }, (_, i) => `repeat c${i} in 1/3, π*1e-99 {`).join(" ")
  } c = ${Array.from({ length: 9 }, (_, i) => `c${i}*g`).join("+")} ${"}".repeat(9)}\nu = c`,
  "statements that are printed wider": Array.from(
    { length: 900 },
    (_, i) => `c${i}=${new Array(10).fill("π").join("*")}*g`,
  ).join("\n") + "\nu=c1",
  "a hundred signs": `u = ${"-".repeat(100)}g`,
};

for (const [what, step] of Object.entries(large)) {
  Deno.test(`${what}: read and read back, or refused for its size`, () => {
    let program: Program;
    try {
      program = programOf(step);
    } catch (error) {
      assert(error instanceof GradusError, `${error}`);
      return;
    }
    assert(parseProgram(printProgram(program)) === program);
  });
}

Deno.test("a loop whose turns come to more than can be read is refused before they are", () => {
  const start = performance.now();
  for (const body of [`u = ${new Array(900).fill("g*g*w").join("+")}`, "repeat 1000 { u = g }"]) {
    const step = `repeat 1000 { repeat 1000 { ${body} } }`;
    assertThrows(() => programOf(step), GradusError, "may have at most");
  }
  const elapsed = performance.now() - start;
  assert(elapsed < 10_000, `it took ${elapsed} ms`);
});

Deno.test("what is nested too deep is refused by that limit", () => {
  const step = `u = ${"(".repeat(300)}g${")".repeat(300)}`;
  assertThrows(() => programOf(step), GradusError, "expressions may nest at most 200 deep");
});

Deno.test("an error about an expression that shares its parts stays short", () => {
  const doublings = Array.from({ length: 14 }, (_, i) => `x${i + 1} = x${i} + x${i}`);
  const step = ["x0 = t", ...doublings, "u = sum(x14)"].join("\n");
  const error = assertThrows(() => programOf(step), GradusError, "`sum` reduces over elements");
  assert(error.message.length < 2_000, `it has ${error.message.length} characters`);
});
