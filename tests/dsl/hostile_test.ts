/** Programs that mean harm: too large, too deep, or with names chosen to break something. */
import { type Document, GradusError, lion, parseProgram, printProgram } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertRefused } from "../refused.ts";

const read = (step: string, also: Partial<Document> = {}) =>
  parseProgram({ name: "sketch", hyper: { a: 0.5 }, step, ...also });

/** Refused within two seconds, by a message that a terminal can show. */
function assertRefusedSoon(run: () => unknown, ...says: string[]): void {
  const begin = performance.now();
  const { message } = assertRefused(run, "Cannot read ", ...says);
  assert(message.length < 2000, `a message of ${message.length} characters`);
  assert(performance.now() - begin < 2000, "refusing took more than two seconds");
}

const tooLarge: readonly [name: string, step: string, ...says: string[]][] = [
  [
    "a step of 2 MB is refused for its size",
    `u = g #${" ".repeat(2_000_000)}`,
    "its text must be at most 65536 characters: given 2000007",
  ],
  [
    "a million statements are refused for their size",
    "u=g\n".repeat(1_000_000),
    "its text must be at most 65536 characters: given 4000000",
  ],
  [
    "the 1001st statement is refused",
    "u=g\n".repeat(1001),
    "a program may have at most 1000 statements",
    "at line 1001, column 1",
  ],
  [
    "100,000 nested parentheses are refused for their size",
    `u = ${"(".repeat(100_000)}g${")".repeat(100_000)}`,
    "its text must be at most 65536 characters: given 200005",
  ],
  [
    "30,000 nested parentheses are refused for their depth",
    `u = ${"(".repeat(30_000)}g${")".repeat(30_000)}`,
    "expressions may nest at most 200 deep",
  ],
  [
    "30,000 open parentheses are refused for their depth",
    `u = ${"(".repeat(30_000)}`,
    "expressions may nest at most 200 deep",
  ],
  [
    "100,000 unary minuses are refused for their size",
    `u = ${"-".repeat(100_000)}g`,
    "its text must be at most 65536 characters",
  ],
  [
    "60,000 unary minuses are refused for their depth",
    `u = ${"-".repeat(60_000)}g`,
    "expressions may nest at most 200 deep",
  ],
  [
    "60,000 negations are refused for their depth",
    `u = where(${"!".repeat(60_000)}(g > 0), 1, 2)`,
    "expressions may nest at most 200 deep",
  ],
  [
    "60,000 roots are refused for their depth",
    `u = ${"√".repeat(60_000)}g`,
    "expressions may nest at most 200 deep",
  ],
  [
    "10,000 nested calls are refused for their depth",
    `u = ${"sqrt(".repeat(10_000)}g${")".repeat(10_000)}`,
    "expressions may nest at most 200 deep",
  ],
  [
    "a tower of 30,000 powers is refused for its depth",
    `u = ${"g^".repeat(30_000)}2`,
    "expressions may nest at most 200 deep",
  ],
  [
    "a state that begins with 30,000 nested parentheses is refused for its depth",
    "u = m",
    "expressions may nest at most 200 deep",
  ],
];

for (const [name, step, ...says] of tooLarge) {
  Deno.test(name, () => {
    const init = `${"(".repeat(30_000)}1${")".repeat(30_000)}`;
    const also = step === "u = m" ? { state: { m: init } } : {};
    assertRefusedSoon(() => read(step, also), ...says);
  });
}

Deno.test("a nesting of just under 200 is read and printed back", () => {
  const program = read(`u = ${"sqrt(".repeat(190)}g${")".repeat(190)}`);
  assert(parseProgram(printProgram(program)) === program);
});

Deno.test("1000 statements are read and printed back", () => {
  const program = read("u = g\n".repeat(1000));
  assertEquals(program.statements.length, 1000);
  assert(parseProgram(printProgram(program)) === program);
});

/** What is long without being nested is either read, and prints back, or refused. */
function assertReadOrRefused(step: string): void {
  const begin = performance.now();
  let program: ReturnType<typeof read> | undefined;
  try {
    program = read(step);
  } catch (error) {
    assertRefusedSoon(() => {
      throw error;
    });
  }
  if (program !== undefined) assert(parseProgram(printProgram(program)) === program);
  assert(performance.now() - begin < 4000, "it took more than four seconds");
}

Deno.test("a sum of 30,000 terms is read or refused", () => {
  assertReadOrRefused(`u = ${Array(30_000).fill("g").join("+")}`);
});

Deno.test("30,000 squares of squares are read or refused", () => {
  assertReadOrRefused(`u = g${"²".repeat(30_000)}`);
});

Deno.test("a minimum of 30,000 arguments is read or refused", () => {
  assertReadOrRefused(`u = min(${Array(30_000).fill("g").join(",")})`);
});

Deno.test("a condition of 15,000 parts is read or refused", () => {
  assertReadOrRefused(`u = where(${Array(15_000).fill("g>0").join("|")}, 1, 2)`);
});

Deno.test("a value that doubles 500 times is shared, not unfolded", () => {
  const doubling = "a = a + a\n".repeat(500);
  const program = parseProgram({ name: "doubling", step: `a = g\n${doubling}u = a` });
  assert(parseProgram(printProgram(program)) === program);
});

Deno.test("a message about a value that doubles 20 times stays short", () => {
  const doubling = "b = b + b\n".repeat(20);
  assertRefusedSoon(
    () => read(`b = a + t\n${doubling}u = g*sum(b)`),
    "`sum` reduces over elements",
  );
});

Deno.test("a name of a million characters is refused by a short message", () => {
  const long = "a".repeat(1_000_000);
  assertRefusedSoon(() => parseProgram({ name: long, step: "u = g" }), "`name`");
  assertRefusedSoon(() => read("u = g", { hyper: { [long]: 1 } }), "`hyper`");
  assertRefusedSoon(() => read("u = g", { [long]: 1 } as Partial<Document>), "it has no key");
});

Deno.test("a name of 60,000 characters in a step is refused by a short message", () => {
  assertRefusedSoon(() => read(`u = ${"a".repeat(60_000)}`), "there is no symbol");
  assertRefusedSoon(() => read(`u = ${"a".repeat(60_000)}(g)`), "there is no function");
  assertRefusedSoon(() => read(`${"a".repeat(60_000)} = g\nu = g`), "at most 64 letters");
});

Deno.test("more than 256 hyperparameters are refused", () => {
  const hyper = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`h${i}`, i]));
  assertRefusedSoon(() => read("u = g", { hyper }), "at most 256 names: given 257");
});

const badNames: readonly [what: string, name: string][] = [
  ["the prototype", "__proto__"],
  ["a method of every object that begins with underscores", "__defineGetter__"],
  ["a statement of JavaScript", "a;process.exit()"],
  ["a call that leaves Deno", "u = g; Deno.exit()"],
  ["a template", "${Deno.exit()}"],
  ["a backtick", "a`b"],
  ["a quote", 'a"b'],
  ["a backslash", "a\\u0062"],
  ["a newline", "a\nb"],
  ["a trailing newline", "a\n"],
  ["a line separator", "a\u2028b"],
  ["a null character", "a\0b"],
  ["a comment", "a/*b*/"],
  ["a hash", "a#b"],
  ["a letter outside Latin and Greek", "ж"],
  ["a full-width letter", "ｗ"],
  ["a letter with a combining accent", "e\u0301"],
  ["a right-to-left override", "a\u202eb"],
  ["a zero-width space", "a\u200bb"],
  ["a zero-width joiner", "a\u200db"],
  ["a byte order mark", "\ufeffa"],
  ["half a surrogate pair", "a\ud800"],
  ["an emoji", "😀"],
  ["a leading digit", "2a"],
  ["a percent sign, as the runtime's own symbols have", "%0"],
  ["a space", " a"],
  ["nothing", ""],
];

for (const [what, name] of badNames) {
  Deno.test(`${what} is no name of anything declared`, () => {
    for (const section of ["hyper", "state", "inputs"] as const) {
      const value = section === "inputs" ? "scalar" : 1;
      assertRefusedSoon(
        // A computed `__proto__` is a key like any other; a literal one would not be.
        () => read("u = g", { [section]: { [name]: value } } as Partial<Document>),
        `Cannot read optimizer "sketch": a name in \`${section}\` must be an identifier: given "`,
      );
    }
    assertRefusedSoon(
      () => parseProgram({ name, step: "u = g" }),
      "Cannot read an optimizer: `name` must be an identifier: given ",
    );
  });
}

const badTexts: readonly [what: string, step: string, says: string, at: string][] = [
  ["two underscores begin", "__proto__ = g\nu = g", "does not begin with `__`", "column 1\n"],
  ["a template is", "u = ${Deno.exit()}", 'unexpected character "$"', "column 5\n"],
  ["a backtick is", "u = `g`", 'unexpected character "`"', "column 5\n"],
  ["a quote is", "u = 'g'", 'unexpected character "\'"', "column 5\n"],
  ["a member access is", "u = g.constructor", 'unexpected character "."', "column 6\n"],
  ["an index is", "u = g[0]", 'unexpected character "["', "column 6\n"],
  ["a null character is", "u = g\0", "unexpected character", "column 6\n"],
  ["half a surrogate pair is", "u = \ud800", "unexpected character", "column 5\n"],
  ["a line separator is", "u = g\u2028v = g", "unexpected character", "column 6\n"],
  ["a right-to-left override is", "u = \u202eg", "unexpected character", "column 5\n"],
  ["a zero-width space is", "u = g\u200b", "unexpected character", "column 6\n"],
  ["a Cyrillic letter is", "u = с*g", 'unexpected character "с"', "column 5\n"],
  ["a full-width letter is", "u = ｇ", 'unexpected character "ｇ"', "column 5\n"],
];

for (const [what, step, says, at] of badTexts) {
  Deno.test(`${what} no part of a step`, () => {
    assertRefusedSoon(() => read(step), `Cannot read optimizer "sketch": `, says, at);
  });
}

Deno.test("a character that cannot be seen is refused by its number", () => {
  for (const [step, number] of [["u = g\u200b", /200b/i], ["u = \u202eg", /202e/i]] as const) {
    const { message } = assertRefused(() => read(step), "unexpected character");
    assert(number.test(message), message);
  }
});

Deno.test("an attempt to leave Deno is no part of a step", () => {
  assertRefusedSoon(() => read("u = g; Deno.exit()"), 'unexpected character "."', "column 12\n");
});

const legal = [
  ...["constructor", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf", "toLocaleString"],
  ...["prototype", "eval", "arguments", "undefined", "Math", "shape", "inputs", "return", "this"],
];

for (const name of legal) {
  Deno.test(`\`${name}\` may name a local, a hyperparameter, a state and an input`, () => {
    const programs = [
      read(`${name} = 2*g\nu = a*${name}`),
      read(`u = ${name}*g`, { hyper: { [name]: 0.5 } }),
      read(`${name} = ${name} + g\nu = ${name}`, { state: { [name]: 0 } }),
      read(`u = ${name}*g`, { inputs: { [name]: "scalar" } }),
    ];
    for (const program of programs) assert(parseProgram(printProgram(program)) === program);
    const [local, hyper, state, input] = programs;
    assertEquals(local.statements[0].target, name);
    assertEquals([...hyper.hyper], [[name, 0.5]]);
    assertEquals([...state.state.keys()], [name]);
    assertEquals([...input.inputs.keys()], [name]);
  });
}

Deno.test("what every object inherits is no symbol and no function", () => {
  for (const name of ["constructor", "toString", "valueOf", "hasOwnProperty"]) {
    assertRefusedSoon(() => read(`u = ${name}*g`), `there is no symbol \`${name}\``, "column 5\n");
    assertRefusedSoon(() => read(`u = ${name}(g)`), `there is no function \`${name}\``);
    assertRefusedSoon(
      () => read("u = g", { [name]: 1 } as Partial<Document>),
      `it has no key \`${name}\``,
    );
  }
});

Deno.test("what a program declares cannot be changed, since all who use it share it", () => {
  const { program } = lion;
  for (const map of [program.hyper, program.domains, program.state, program.inputs]) {
    const changed = map as Map<string, never>;
    for (
      const change of [
        () => changed.set("x", undefined as never),
        () => changed.delete("b1"),
        () => changed.clear(),
      ]
    ) assertThrows(change, GradusError, 'Cannot change optimizer "lion"');
  }
  assertEquals(program.hyper.get("b1"), 0.9);
  // It is still what can be sent to a worker.
  assertEquals(structuredClone(program.hyper).size, program.hyper.size);
});
