import fc from "fast-check";
import { compose } from "../../dsl/compose.ts";
import { parseJson, printJson } from "../../dsl/json.ts";
import { latex } from "../../dsl/latex.ts";
import type { Node } from "../../dsl/node.ts";
import { elementRow, type Type } from "../../dsl/ops.ts";
import { parseStatements } from "../../dsl/parse.ts";
import { printExpression, printProgram } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { parseProgram } from "../../dsl/check.ts";
import { parseYaml, printYaml } from "../../dsl/yaml.ts";
import { assert, assertEquals } from "../assert.ts";
import { anyProgram, type Generated } from "./generate.ts";
import { assertBalanced } from "./laws.ts";

/** Holds `law` against 800 programs, always the same. */
function forPrograms(law: (generated: Generated) => void): void {
  fc.assert(fc.property(anyProgram({ draws: true, hasMatrices: true }), law), {
    numRuns: 800,
    seed: 2,
    includeErrorInReport: true,
  });
}

Deno.test("a text with every parenthesis is read as the nodes it was written from", () => {
  forPrograms(({ document, statements, inits }) => {
    const program = parseProgram(document);
    assertEquals(program.statements.length, statements.length);
    statements.forEach(({ target, value }, i) => {
      assertEquals(program.statements[i].target, target);
      assert(program.statements[i].value === value, printExpression(value));
    });
    assertEquals([...program.state.keys()], [...inits.keys()]);
    inits.forEach((init, name) => assert(program.state.get(name)!.init === init, name));
  });
});

Deno.test("a program is its document, read again", () => {
  forPrograms(({ document }) => {
    const program = parseProgram(document);
    assert(parseProgram(document) === program);
    assert(parseProgram(printProgram(program)) === program);
  });
});

Deno.test("what is repeated but for its numbers is printed shorter, and read again", () => {
  let shorter = 0;
  forPrograms(({ document }) => {
    // What names an axis is no number of a loop.
    const others = ["0.5", "3", "0.25"].map((number) =>
      document.step.replaceAll(/(?<![\w.:,=(-])(?:0\.5|2|10)(?![\w.:,)])/g, number)
    );
    let program: Program;
    try {
      program = parseProgram({ ...document, step: others.join("\n") });
    } catch {
      return; // A second time, what is assigned may have become one number for all.
    }
    const printed = printProgram(program);
    assert(parseProgram(printed) === program, printed.step);
    shorter += Number(printed.step.includes("repeat "));
  });
  assert(shorter > 400, String(shorter));
});

Deno.test("loops in loops are printed as such; what goes round in one is named anew in equations", () => {
  const step = [
    "repeat a in 1, 2, 3 {",
    "  m = a*m + g",
    "  repeat b in 0.5, 0.25 {",
    "    m = b*m + a*w",
    "    m = m*2",
    "  }",
    "}",
    "u = m",
  ].join("\n");
  const program = parseProgram({ name: "loops", state: { m: 0 }, step });
  assertEquals(printProgram(program).step, step);
  assertEquals(
    latex(program),
    String.raw`
m_t &\leftarrow m_{t-1} \\
\textbf{repeat } a \in 1, 2, 3 & \\
\quad m_t &\leftarrow a \cdot m_t + g_t \\
\quad \textbf{repeat } b \in 0.5, 0.25 & \\
\quad \quad m_t &\leftarrow b \cdot m_t + a \cdot \theta_{t-1} \\
\quad \quad m_t &\leftarrow m_t \cdot 2 \\
u_t &\leftarrow m_t \\
S_t &\leftarrow (m_t)
`.trim(),
  );
});

Deno.test("a program survives JSON", () => {
  forPrograms(({ document }) => {
    const program = parseProgram(document);
    assert(parseJson(printJson(program)) === program, printJson(program));
  });
});

Deno.test("a program survives YAML", () => {
  forPrograms(({ document }) => {
    const program = parseProgram(document);
    assert(parseYaml(printYaml(program)) === program, printYaml(program));
  });
});

Deno.test("every program has LaTeX, a line a statement, its braces balanced", () => {
  forPrograms(({ document }) => {
    const program = parseProgram(document);
    const text = latex(program);
    assertBalanced(text);
    const lines = program.statements.length + (program.state.size > 0 ? 1 : 0);
    assertEquals(text.split(" &\\leftarrow ").length - 1, lines, text);
    assert(!/function|undefined|\[object/.test(text), text);
  });
});

Deno.test("names that JavaScript's objects have are written and renamed like any other", () => {
  for (const name of ["constructor", "toString", "valueOf", "hasOwnProperty"]) {
    const step = `${name} = ${name} + g; u = ${name}`;
    const program = parseProgram({ name: "sum", state: { [name]: 0 }, step });
    assert(parseYaml(printYaml(program)) === program);
    assertEquals(latex(program).split("\n")[1], `u_t &\\leftarrow \\mathrm{${name}}_t \\\\`);
    const { names } = compose([program, program]);
    assertEquals(names.map((renamed) => renamed.get(name)), [name, `${name}_2`]);
  }
});

Deno.test("every printed parenthesis is needed", () => {
  let groups = 0;
  forPrograms(({ document, statements }) => {
    const types = new Map<string, Type>();
    for (const [name, value] of Object.entries(document.hyper ?? {})) {
      if (typeof value === "boolean") types.set(name, "truth");
    }
    for (const { target, value } of statements) {
      const text = printExpression(value);
      for (const [open, close] of groupsOf(text)) {
        groups++;
        const inner = text.slice(open + 1, close);
        const without = `${text.slice(0, open)} ${inner} ${text.slice(close + 1)}`;
        assert(!isReadAs(without, value, types), `${text} is also ${without}`);
      }
      types.set(target, typeOf(value, types));
    }
  });
  assert(groups > 400, `there were only ${groups}`);
});

/** The parentheses that group, not those of calls and lists of axes. */
function groupsOf(text: string): [open: number, close: number][] {
  const found: [number, number][] = [];
  const opened: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "(") opened.push(at);
    if (text[at] !== ")") continue;
    const open = opened.pop()!;
    if (open === 0 || !/[\p{L}\p{N}_=]/u.test(text[open - 1])) found.push([open, at]);
  }
  return found;
}

function isReadAs(text: string, value: Node, types: ReadonlyMap<string, Type>): boolean {
  try {
    const scope = { read: (name: string) => types.get(name) ?? "number", assign: () => {} };
    return parseStatements(`k = ${text}`, scope, "a test")[0].value === value;
  } catch {
    return false;
  }
}

function typeOf({ op, arg }: Node, types: ReadonlyMap<string, Type>): Type {
  if (op === "Symbol") return types.get(arg as string) ?? "number";
  return elementRow(op)?.gives ?? "number";
}
