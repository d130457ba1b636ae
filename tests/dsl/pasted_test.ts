/** Equations that LaTeX prints, as a page shows them, are read back as the programs that they are of. */
import * as gradus from "../../mod.ts";
import { elaborate } from "../../dsl/graph.ts";
import { LETTER_NAMES } from "../../dsl/greek.ts";
import { assert, assertEquals } from "../assert.ts";

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/\\mathrm\{(\w+)\}/g, "$1"],
  [/\\operatorname\{(\w+)\}/g, "$1"],
  [/\\hat\{(.)\}/gu, "$1\u0302"],
  [/\\tilde\{(.)\}/gu, "$1\u0303"],
  [/\\bar\{(.)\}/gu, "$1\u0304"],
  [/ = /g, " == "],
  [/&|\\left(?=\()|\\right(?=\))/g, ""],
  [/\\leftarrow/g, "←"],
  [/\\cdot/g, "·"],
  [/\\infty/g, "∞"],
  [/\\leq?(?![a-z])/g, "≤"],
  [/\\geq?(?![a-z])/g, "≥"],
  [/\\land/g, "∧"],
  [/\\lor/g, "∨"],
  [/\\(?:lnot|neg)/g, "¬"],
  [/\\(max|min|exp|log|tanh)(?![a-z])/g, "$1"],
];
// From the inside out, since these stand in one another.
const INNER = "((?:[^{}\\\\]|_\\{[^{}]*\\})*)";
const BARE = "((?:(?!\\\\left|\\\\right).)*)";
const CASE = "((?:(?!\\\\begin)[^])*?)";
const NESTED: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`\\\\sqrt\\{${INNER}\\}`, "g"), "√($1)"],
  [new RegExp(`\\\\frac\\{${INNER}\\}\\{${INNER}\\}`, "g"), "(($1)/($2))"],
  [new RegExp(`\\^\\{${INNER}\\}`, "g"), "^($1)"],
  [
    new RegExp(`\\\\left\\\\lVert ${BARE} \\\\right\\\\rVert_\\{\\\\text\\{tree\\}\\}`, "g"),
    "globalNorm($1)",
  ],
  [new RegExp(`\\\\left\\\\lVert ${BARE} \\\\right\\\\rVert(?!_)`, "g"), "norm($1)"],
  [new RegExp(`\\\\left\\| ${BARE} \\\\right\\|`, "g"), "abs($1)"],
  [new RegExp(`\\\\left\\\\lfloor ${BARE} \\\\right\\\\rfloor`, "g"), "floor($1)"],
  [
    new RegExp(
      `\\\\begin\\{cases\\} ${CASE} \\\\text\\{if \\} ${CASE} \\\\\\\\ ${CASE} \\\\text\\{otherwise\\} \\\\end\\{cases\\}`,
      "g",
    ),
    "where($2, $1, $3)",
  ],
];

/** Equations without LaTeX's commands, as far as text has the like. */
function shown(latex: string): string {
  let text = latex;
  for (const [letter, name] of LETTER_NAMES) {
    text = text.replace(new RegExp(`\\\\${name}(?![A-Za-z])`, "g"), letter);
  }
  for (const [pattern, plain] of PLAIN) text = text.replace(pattern, plain);
  for (let before = ""; before !== text;) {
    before = text;
    for (const [pattern, plain] of NESTED) text = text.replace(pattern, plain);
  }
  return text.split(" \\\\\n").filter((line) => !/^(?:S_t|θ\u0304_t) /.test(line)).join("\n");
}

Deno.test("what LaTeX prints of an optimizer is read back as that, or refused", () => {
  let [read, all] = [0, 0];
  for (const [name, value] of Object.entries(gradus)) {
    if (typeof value !== "function" || !("program" in value)) continue;
    const program = value.program as gradus.Program;
    all++;
    const step = shown(gradus.latex(program));
    // A power of `count` is printed as one of t - 1.
    const isCounted = /\bcount\b/.test(gradus.printProgram(program).step);
    let again: gradus.Program;
    try {
      again = gradus.parseProgram({ ...gradus.printProgram(program), step });
    } catch (error) {
      assert(error instanceof gradus.GradusError, name);
      continue;
    }
    if (isCounted) continue;
    const [meant, found] = [program, again].map(elaborate);
    assert(found.update === meant.update, `${name}:\n${step}`);
    assertEquals(found.states, meant.states);
    read++;
  }
  assert(read >= 75, `only ${read} of ${all} were read`);
});
