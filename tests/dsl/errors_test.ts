import { type Document, parseProgram } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused, pointer } from "../refused.ts";

/** A bad step program: what the message must say, and where it must point. */
interface BadStep {
  readonly name: string;
  readonly step: string;
  readonly says: string;
  /** Line, column, width of what is pointed at. */
  readonly at: readonly [line: number, column: number, width: number];
  readonly also?: Partial<Document>;
}

const hyper = { learningRate: 0.1, nesterov: false } as const;
const bad = (
  name: string,
  step: string,
  says: string,
  at: BadStep["at"],
  also: Partial<Document> = {},
): BadStep => ({ name, step, says, at, also });

const badSteps: readonly BadStep[] = [
  // Names.
  bad(
    "an unknown symbol is refused with the nearest known one",
    "c = 2*g\nu = -learningrate*c",
    "there is no symbol `learningrate`; did you mean `learningRate`?",
    [2, 6, 12],
  ),
  bad(
    "an unknown symbol may be a misspelt state",
    "u = momentun",
    "there is no symbol `momentun`; did you mean `momentum`?",
    [1, 5, 8],
    { state: { momentum: 0 } },
  ),
  bad(
    "an unknown symbol may be a misspelt number",
    "u = g*Pi",
    "there is no symbol `Pi`; did you mean `pi`?",
    [1, 7, 2],
  ),
  bad(
    "an unknown symbol that is near to none is refused without a suggestion",
    "u = g*zzzzzzzzzzzz",
    "there is no symbol `zzzzzzzzzzzz`\n",
    [1, 7, 12],
  ),
  bad(
    "an unknown function is refused with the nearest known one",
    "u = sqr(g)",
    "there is no function `sqr`; did you mean `sqrt`?",
    [1, 5, 3],
  ),
  bad(
    "an unknown reduction over the tree is refused with the nearest known one",
    "u = g/globalnorm(g)",
    "there is no function `globalnorm`; did you mean `globalNorm`?",
    [1, 7, 10],
  ),
  bad(
    "a symbol is no function",
    "u = learningRate(g)",
    "there is no function `learningRate`",
    [1, 5, 12],
  ),
  bad(
    "a function without arguments is no symbol",
    "u = -sqrt*g",
    "`sqrt` is a function: it needs arguments in parentheses",
    [1, 6, 4],
  ),
  bad(
    "a local is not read before a statement sets it",
    "u = -c\nc = 2*g",
    "`c` is read before a statement sets it",
    [1, 6, 1],
  ),
  bad(
    "a local is not read in the statement that sets it first",
    "c = 1 + c\nu = c",
    "`c` is read before a statement sets it",
    [1, 9, 1],
  ),
  bad(
    "the outgoing update is not read before a statement sets it",
    "c = u\nu = c",
    "`u` is read before a statement sets it",
    [1, 5, 1],
  ),
  bad(
    "the parameter is not assigned",
    "w = w - g\nu = g",
    "`w`, the parameter, cannot be assigned: assign `u`, which is added to it",
    [1, 1, 1],
  ),
  bad(
    "the step number is not assigned",
    "u = g\nt = t + 1",
    "`t` is the step number, 1 at the first update: it is only read",
    [2, 1, 1],
  ),
  bad(
    "the count is not assigned",
    "count = 0\nu = g",
    "`count` is the number of updates before this one: it is only read",
    [1, 1, 5],
  ),
  bad(
    "a hyperparameter is not assigned",
    "  learningRate = 2*learningRate\nu = g",
    "`learningRate` is a hyperparameter: it is only read",
    [1, 3, 12],
  ),
  bad(
    "an input is not assigned",
    "u = g\nvalue = 1",
    "`value` is an input: it is only read",
    [2, 1, 5],
    { inputs: { value: "scalar" } },
  ),
  bad(
    "a function is not assigned",
    "sqrt = 2*g\nu = g",
    "`sqrt` is part of the language and cannot be assigned",
    [1, 1, 4],
  ),
  bad(
    "a named number is not assigned",
    "pi = 3\nu = g",
    "`pi` is part of the language and cannot be assigned",
    [1, 1, 2],
  ),
  // Types.
  bad(
    "a number is no condition of `where`",
    "u = where(g, 1, 2)",
    "a condition is required here, such as `g > 0`, and this is a number",
    [1, 11, 1],
  ),
  bad(
    "a number is not negated as a condition",
    "u = where(!g, 1, 2)",
    "a condition is required here, such as `g > 0`, and this is a number",
    [1, 12, 1],
  ),
  bad(
    "a number is not joined to a condition",
    "u = where(g > 0 & learningRate, 1, 2)",
    "a condition is required here, such as `g > 0`, and this is a number",
    [1, 19, 12],
  ),
  bad(
    "a condition is not added to a number",
    "u = g + (g > 0)",
    "a number is required here, and this is a condition",
    [1, 9, 7],
  ),
  bad(
    "a condition is no argument of a function",
    "u = sqrt(nesterov)",
    "a number is required here, and this is a condition",
    [1, 10, 8],
  ),
  bad(
    "a condition is not reduced",
    "u = g*sum(g > 0)",
    "a number is required here, and this is a condition",
    [1, 11, 5],
  ),
  bad(
    "the update is no condition",
    "u = g > 0",
    "`u` must be a number, and this is a condition",
    [1, 1, 1],
  ),
  bad(
    "a state is no condition",
    "u = g\nm = g > 0",
    "`m` must be a number, and this is a condition",
    [2, 1, 1],
    { state: { m: 0 } },
  ),
  bad(
    "comparisons do not chain",
    "u = where(0 < g < 1, g, 0)",
    "comparisons do not chain: join two with `&`",
    [1, 17, 1],
  ),
  // Calls.
  bad(
    "a function of one argument refuses two",
    "u = sqrt(g, g)",
    "`sqrt` takes 1 argument, given 2",
    [1, 5, 10],
  ),
  bad(
    "a function of three arguments refuses two",
    "u = where(g > 0, g)",
    "`where` takes 3 arguments, given 2",
    [1, 5, 15],
  ),
  bad(
    "a reduction of one argument refuses two",
    "u = g/norm(g, w)",
    "`norm` takes 1 argument, given 2",
    [1, 7, 10],
  ),
  bad("a call without arguments is refused", "u = g*sum()", "expected a value, found `)`", [
    1,
    11,
    1,
  ]),
  bad(
    "a function that reduces nothing takes no axis",
    "u = sqrt(g, axis=0)",
    "`sqrt` of these arguments takes no axis",
    [1, 5, 15],
  ),
  bad(
    "a reduction over the tree takes no axis",
    "u = g/globalNorm(g, axis=0)",
    "`globalNorm` ranges over the whole tree and takes no axis",
    [1, 7, 21],
  ),
  bad(
    "an axis is no symbol",
    "u = g*mean(g, axis=learningRate)",
    "an axis is a whole number, a range such as `1:`, `largest` or `secondLargest`, found `learningRate`",
    [1, 20, 12],
  ),
  bad(
    "an axis is no fraction",
    "u = g*mean(g, axis=(0, 1.5))",
    "an axis is a whole number, a range such as `1:`, `largest` or `secondLargest`, found `1.5`",
    [1, 24, 3],
  ),
  bad(
    "`axis` is no symbol",
    "u = g*axis",
    "`axis` is a function: it needs arguments in parentheses",
    [1, 7, 4],
  ),
  // Notation.
  bad(
    "a parenthesis that is never closed is pointed at",
    "u = (g + sqrt(g)",
    "this `(` is never closed",
    [1, 5, 1],
  ),
  bad(
    "a call that is never closed is pointed at in its own line",
    "u = 2*(g\n  + sqrt(g",
    "this `(` is never closed",
    [2, 9, 1],
  ),
  bad(
    "a parenthesis that was never opened is refused",
    "u = g)",
    "expected the end of the statement, found `)`",
    [1, 6, 1],
  ),
  bad(
    "a statement needs its `=`",
    "u - g",
    "expected `=` after `u`, found `-`",
    [1, 3, 1],
  ),
  bad(
    "a comparison is no assignment",
    "u == g",
    "expected `=` after `u`, found `==`",
    [1, 3, 2],
  ),
  bad(
    "a number is not assigned",
    "u = g\n3 = g",
    "expected the name that a statement assigns, found `3`",
    [2, 1, 1],
  ),
  bad(
    "an operator needs its second operand",
    "u = g +",
    "expected a value, found the end of the text",
    [1, 8, 1],
  ),
  bad(
    "two statements are not written on one line",
    "c = g u = c",
    "expected the end of the statement, found `u`",
    [1, 7, 1],
  ),
  bad(
    "a number is not followed by a name",
    "u = 2g",
    "expected the end of the statement, found `g`",
    [1, 6, 1],
  ),
  bad(
    "an unknown character is refused",
    "c = g # dollars $ are fine in here\nu = $c",
    'unexpected character "$"',
    [2, 5, 1],
  ),
  bad(
    "a character of two code units is shown whole",
    "u = 😀",
    'unexpected character "😀"',
    [1, 5, 2],
  ),
  bad(
    "a long line is shown around what is wrong with it",
    `u = ${"g + ".repeat(50)}x`,
    "there is no symbol `x`",
    [1, 205, 1],
  ),
];

for (const { name, step, says, at: [line, column, width], also } of badSteps) {
  Deno.test(name, () => {
    const document: Document = { name: "sketch", hyper, step, ...also };
    const { message } = assertRefused(
      () => parseProgram(document),
      `Cannot read optimizer "sketch": ${says}`,
      `\n  at line ${line}, column ${column}\n`,
    );
    const text = step.split("\n")[line - 1];
    // Columns past the first fifty move the shown part along.
    const from = Math.max(0, column - 1 - 50);
    const shown = pointer(line, column, text.slice(from, from + 100), width)
      .replace(" ".repeat(column - 1) + "^", " ".repeat(column - 1 - from) + "^");
    assert(message.endsWith(shown), `expected the end of\n${message}\nto be${shown}`);
  });
}

Deno.test("a step that assigns no update is refused", () => {
  assertRefused(
    () => parseProgram({ name: "idle", step: "c = 2*g" }),
    'Cannot read optimizer "idle": no statement assigns `u`, the update that is added to the ' +
      "parameter",
  );
});

Deno.test("an empty step is refused", () => {
  assertRefused(
    () => parseProgram({ name: "idle", step: "  # nothing\n" }),
    'Cannot read optimizer "idle": no statement assigns `u`',
  );
});

Deno.test("a state kept over the tensor refuses a value per element", () => {
  assertRefused(
    () =>
      parseProgram({
        name: "sketch",
        state: { v: { over: "tensor" } },
        step: "v = 0.9*v + g^2\nu = g/sqrt(v)",
      }),
    'Cannot read optimizer "sketch": state `v` is kept over the tensor, and ' +
      "`v = 0.9*v + g^2` gives a value per element: reduce it",
  );
});

Deno.test("a state kept over the tree refuses a value per tensor", () => {
  assertRefused(
    () =>
      parseProgram({
        name: "sketch",
        state: { v: { over: "tree" } },
        step: "v = norm(g)\nu = g*v",
      }),
    "state `v` is kept over the tree, and `v = norm(g)` gives a value per tensor: reduce it",
  );
});

Deno.test("a state kept over axes refuses a value per element", () => {
  assertRefused(
    () => parseProgram({ name: "sketch", state: { v: { over: 0 } }, step: "u = g\nv = g^2 + v\n" }),
    "state `v` is kept over axes, and `v = g^2 + v` gives a value per element: reduce it",
  );
});

Deno.test("a reduction of one number for all is refused", () => {
  assertRefused(
    () => parseProgram({ name: "sketch", hyper, step: "c = learningRate*t\nu = g*mean(c)" }),
    'Cannot read optimizer "sketch": `mean` reduces over elements, and ',
    " is one number for all",
  );
});

Deno.test("a reduction over the tree of one number for all is refused", () => {
  assertRefused(
    () => parseProgram({ name: "sketch", hyper, step: "u = g*globalSum(t)" }),
    'Cannot read optimizer "sketch": `globalSum` reduces over elements, and ',
    " is one number for all",
  );
});

Deno.test("a refused document leaves no trace on the next one", () => {
  const good: Document = { name: "good", hyper, step: "u = -learningRate*g" };
  const before = parseProgram(good);
  assertRefused(() => parseProgram({ ...good, step: "u = -learningrate*g" }));
  assertEquals(parseProgram(good) === before, true);
});
