/** What `docs/language.md` says of the language is what the code does. */
import { main } from "../../cli.ts";
import { rates } from "../../dsl/graph.ts";
import { LONGEST_NAME } from "../../dsl/names.ts";
import { LONGEST_FILE } from "../../dsl/json.ts";
import { LANGUAGE_PAGE } from "../../dsl/notation.ts";
import { elementOps, matrixOps, randomOps, reduceOps, treeName } from "../../dsl/ops.ts";
import { LIMITS } from "../../dsl/reader.ts";
import { NAMED_NUMBERS } from "../../dsl/words.ts";
import type { Document, StateDocument } from "../../dsl/program.ts";
import { RESERVED } from "../../dsl/scope.ts";
import { parseYaml } from "../../dsl/yaml.ts";
import { factory, lion, parseProgram, schedule } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { codes, fences, firsts, page, rows } from "./language_page.ts";

/** What examples may read without having assigned it. */
const GIVEN = {
  name: "example",
  hyper: Object.fromEntries(
    ["learningRate", "b1", "b2", "eps", "weightDecay", "momentum", "k", "seed", "initial"]
      .map((name) => [name, 0.5]),
  ),
  state: { m: 0, v: 0, n: { over: "tensor" } },
  inputs: { a: "element", b: "element" },
} as const;

/** The program of some statements. */
function stepOf(text: string, given: Partial<Document> = GIVEN) {
  const isWhole = /^u\s*(=|←|:=)|; u (=|←|:=)/m.test(text);
  return parseProgram({ name: "example", step: isWhole ? text : `${text}\nu = -g`, ...given });
}

/** The value of an expression of numbers, or of a condition. */
function valueOf(text: string): number {
  const isCondition = /[<>!&|]|==|^isnan/.test(text) && !text.startsWith("where");
  return schedule(isCondition ? `where(${text}, 1, 0)` : text)(0);
}

/** Asserts each `expression → value`, and that there is one. */
function assertValues(cell: string, read: (text: string) => number): void {
  const examples = codes(cell).map((code) => code.split(" → "));
  assert(examples.length > 0, "no example");
  for (const [text, expected] of examples) {
    const value = { true: 1, false: 0 }[expected] ?? valueOf(expected);
    assert(Object.is(read(text), value), `${text} → ${read(text)}, and not ${expected}`);
  }
}

const OPERANDS = { where: "c, a, b", clip: "x, a, b", min: "a, b", max: "a, b" };

Deno.test("each operation is on the page as it is written, and nothing else is", () => {
  const written = Object.values(elementOps).map(({ syntax }) =>
    "infix" in syntax
      ? `a ${syntax.infix} b`
      : "prefix" in syntax
      ? `${syntax.prefix}a`
      : `${syntax.call}(${OPERANDS[syntax.call as "where"] ?? "x"})`
  );
  assertEquals(
    [...firsts("Operators"), ...firsts("Functions of an element")].sort(),
    written.sort(),
  );
  const reductions = Object.values(reduceOps).flatMap(({ call }) => [call, treeName(call)]);
  assertEquals(
    firsts("Reductions").filter((code) => !code.includes("axis=")).sort(),
    reductions.map((call) => `${call}(x)`).sort(),
  );
  assertEquals(
    firsts("Random numbers"),
    Object.values(randomOps).map(({ call }) => `${call}(seed)`),
  );
  assertEquals(
    firsts("Matrices"),
    Object.values(matrixOps).map(({ syntax }) =>
      "infix" in syntax ? `a ${syntax.infix} b` : `${(syntax as { call: string }).call}(a)`
    ),
  );
});

Deno.test("each value at an edge is the one that the page gives", () => {
  for (const section of ["Operators", "Functions of an element"]) {
    for (const [, , edges] of rows(section)) assertValues(edges, valueOf);
  }
});

Deno.test("what a reduction gives is what the page gives, of no elements too", () => {
  const reduced = (text: string, params: object) => {
    const opt = factory(stepOf(`u = ${text} + 0*g`))({}).with({ backend: "interpreter" });
    const tree = params as { x: Float64Array };
    const inputs = { a: tree, b: tree };
    return opt.update(tree, opt.init(tree), tree, inputs)[0].x[0];
  };
  const tree = { x: Float64Array.of(3, -4), y: Float64Array.of(12) };
  for (const [name, , example, ofNone] of rows("Reductions").filter((row) => row.length === 4)) {
    assertValues(example, (text) => reduced(text, tree));
    const call = codes(name)[0].slice(0, -3);
    const row = Object.values(reduceOps).find((each) =>
      each.call === call || treeName(each.call) === call
    )!;
    assertEquals(row.finish(row.start, 0), valueOf(codes(ofNone)[0]), call);
  }
});

Deno.test("each operation that may differ in its last bits is listed with how much", () => {
  for (const ulp of [4, 8]) {
    const names = Object.values(elementOps).filter((row) => row.ulp === ulp)
      .map(({ syntax }) => "call" in syntax ? syntax.call : (syntax as { infix: string }).infix);
    const listed = new RegExp(`by\\s+up\\s+to ${ulp}[^\`]*\`([^\`]+)\``).exec(page)![1];
    assertEquals(listed.split(/\s+/).sort(), names.sort());
  }
  assert(Object.values(elementOps).every(({ ulp }) => [0, 4, 8].includes(ulp)));
});

Deno.test("each built-in name is on the page, and nothing else is", () => {
  assertEquals(
    rows("Built-in names").flatMap(([cell]) => codes(cell)),
    [...RESERVED.keys(), ...NAMED_NUMBERS.keys()],
  );
});

Deno.test("each line of the page that is written in the language can be read", () => {
  const blocks = fences("gradus");
  assert(blocks.length > 1);
  for (const text of blocks) stepOf(text);
  for (const text of fences("yaml")) parseYaml(text);
  const inTables = [
    ...rows("Statements").slice(0, 4).flatMap(([, example]) => codes(example)),
    ...rows("Reductions").filter((row) => row.length === 2).map(([cell]) => `c = ${codes(cell)}`),
    ...["Matrices", "Places along an axis", "Every few steps", "Random numbers"]
      .flatMap((section) => rows(section).flatMap(([, , cell]) => codes(cell))),
    ...rows("As papers write it").flatMap(([, cell]) => codes(cell))
      .filter((code) => code.startsWith("c = ")),
  ];
  assert(inTables.length > 30);
  for (const text of inTables) stepOf(text);
});

Deno.test("what papers write is read as the page says", () => {
  const pasted = rows("As papers write it").filter(([cell]) => cell.startsWith("`"));
  assert(pasted.length > 10);
  for (const [written, read] of pasted) {
    const meant = codes(read);
    codes(written).forEach((text, i) => {
      const expected = meant[i] ?? meant[0];
      assert(stepOf(`c = ${text}`) === stepOf(`c = ${expected}`), `${text} is not ${expected}`);
    });
  }
});

Deno.test("the rate of each example is the one that the page gives", () => {
  for (const [rate, examples] of rows("How often a value changes")) {
    for (const code of codes(examples)) {
      const program = stepOf(code);
      const { value } = program.statements[0];
      assertEquals(rates([value], program).get(value), rate, code);
    }
  }
});

Deno.test("each declaration of the page is taken", () => {
  const declarations = (section: string) =>
    rows(section).map(([cell]) => codes(cell)[0])
      .map((code) => Function(`return ${code}`)() as Record<string, unknown>);
  for (const hyper of declarations("Hyperparameters")) {
    stepOf("u = -g", { hyper: hyper as Document["hyper"] });
  }
  for (const state of declarations("States")) {
    stepOf("u = -g", {
      hyper: { initial: 0 },
      state: state as Readonly<Record<string, StateDocument>>,
    });
  }
  for (const inputs of declarations("Inputs")) {
    stepOf("u = -g", { inputs: inputs as Document["inputs"] });
  }
});

Deno.test("what the page says is refused is refused", () => {
  for (const text of ["n = g", "u = sum(learningRate)", "c = 0 < a < 1", "w = g", "sum = g"]) {
    assertRefused(() => stepOf(text), "Cannot read");
  }
  assertRefused(() => stepOf("c = g", { ...GIVEN, step: "c = g" }), "no statement assigns `u`");
  const taken = (text: string) =>
    codes(new RegExp(`${text}[^.]*cannot name`).exec(page.replaceAll("\n", " "))![0]);
  for (const name of taken("So `mask`")) {
    assertRefused(() => stepOf("u = -g", { hyper: { [name]: 0 } }), "is already");
  }
  for (const name of taken("`optimizer`, `hyper`")) {
    assertRefused(() => stepOf("u = -g", { state: { [name]: 0 } }), "is already");
  }
});

Deno.test("errors in what the page explains name the page, and so does show", async () => {
  for (const step of ["u = -soften(g)", "u = g ☂ w"]) {
    assertRefused(() => stepOf("", { ...GIVEN, step }), `see ${LANGUAGE_PAGE}`);
  }
  const lines: string[] = [];
  await main(["show", "lion"], (line) => lines.push(line));
  assert(lines.join("\n").endsWith(`: ${LANGUAGE_PAGE}`));
  assert(parseYaml(lines.join("\n")) === lion.program);
});

Deno.test("the limits are those of the page", () => {
  const [characters, statements, nesting, operations, name, names, note, file, deep, axes] = rows(
    "Limits",
  ).map(([, cell]) => Number(cell.replaceAll(",", "")));
  assertEquals(
    [characters, statements, nesting, operations, name, file],
    [
      ...[LIMITS.characters, LIMITS.statements, LIMITS.nesting, LIMITS.depth],
      ...[LONGEST_NAME, LONGEST_FILE],
    ],
  );
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, 0]));
  stepOf("u = -g", { hyper: many(names), doc: "x".repeat(note) });
  assertRefused(() => stepOf("u = -g", { hyper: many(names + 1) }), `at most ${names} names`);
  assertRefused(() => stepOf("u = -g", { doc: "x".repeat(note + 1) }), `at most ${note} char`);
  const opt = factory(stepOf("u = -g", {}))();
  const nested = (depth: number): object =>
    depth === 0 ? Float32Array.of(1) : { a: nested(depth - 1) };
  opt.init(nested(deep + 1));
  assertRefused(() => opt.init(nested(deep + 2)), `at most ${deep} deep`);
  const shaped = (rank: number) => ({ data: new Float32Array(1), shape: new Array(rank).fill(1) });
  opt.init(shaped(axes));
  assertRefused(() => opt.init(shaped(axes + 1)), `at most ${axes} axes`);
});
