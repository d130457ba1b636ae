import { parseJson } from "../../mod.ts";
import { parseYaml } from "../../dsl/yaml.ts";
import { assert } from "../assert.ts";
import { assertRefused, pointer } from "../refused.ts";

type Read = (text: string) => unknown;

const bad: readonly [name: string, read: Read, text: string, ...says: string[]][] = [
  [
    "a YAML file that holds text is no program",
    parseYaml,
    "hello\n",
    'Cannot read an optimizer: an optimizer must be an object of named entries: given "hello"',
  ],
  [
    "a YAML file that holds a list is no program",
    parseYaml,
    "- name: x\n- step: u = g\n",
    "an optimizer must be an object of named entries: given an array of 2",
  ],
  [
    "an empty YAML file is no program",
    parseYaml,
    "# nothing\n",
    "an optimizer must be an object of named entries: given null",
  ],
  [
    "a YAML file of something else is refused by its first unknown key",
    parseYaml,
    "version: 3\nservices: {}\n",
    "Cannot read an optimizer: it has no key `version`",
  ],
  [
    "a YAML file of two documents is refused",
    parseYaml,
    "name: x\nstep: u = g\n---\nname: y\nstep: u = g\n",
    "Cannot read a program from YAML: ",
  ],
  [
    "a YAML syntax error is refused with its line",
    parseYaml,
    "name: x\nhyper: [b1\nstep: u = g\n",
    "Cannot read a program from YAML: ",
    "line 3",
  ],
  [
    "a YAML key that is given twice is refused",
    parseYaml,
    "name: x\nname: y\nstep: u = g\n",
    "Cannot read a program from YAML: ",
    "line 2",
  ],
  [
    "a JSON key that is given twice is refused",
    parseJson,
    '{\n"name": "x", "state": {"a": 0},\n"hyper": {"a\\"b": [{}], "b1": 1,\n"b\\u0031": 2}, "step": "u = g"}',
    "Cannot read a program from JSON: `b1` stands twice in one object, again at line 4",
  ],
  [
    "a JSON key that is given twice at the top is refused",
    parseJson,
    '{"name": "x", "step": "u = g", "step": "u = -g"}',
    "Cannot read a program from JSON: `step` stands twice in one object, again at line 1",
  ],
  [
    "hyperparameters in a list are refused",
    parseJson,
    '{"name": "x", "hyper": [], "step": "u = g"}',
    "`hyper` must be an object of named entries: given an array of 0",
  ],
  [
    "hyperparameters that are an empty list in YAML are refused",
    parseYaml,
    "name: x\nhyper: []\nstep: u = g\n",
    "`hyper` must be an object of named entries: given an array of 0",
  ],
  [
    "hyperparameters that YAML reads as a date are refused",
    parseYaml,
    "name: x\nhyper: 2024-01-01\nstep: u = g\n",
    "`hyper` must be an object of named entries: given a Date",
  ],
  [
    "a state that YAML reads as a date is refused",
    parseYaml,
    "name: x\nstate: { m: 2024-01-01 }\nstep: u = g\n",
    "state `m` must be an object of named entries: given a Date",
  ],
  [
    "a name that YAML reads as a date is refused",
    parseYaml,
    "name: 2024-01-01\nstep: u = g\n",
    "`name` must be an identifier: given a Date",
  ],
  [
    "a YAML tag that makes code is refused",
    parseYaml,
    "name: x\nstep: !!js/function 'function () {}'\n",
    "Cannot read a program from YAML: ",
    "line 2",
  ],
  [
    "a YAML alias of nothing is refused",
    parseYaml,
    "name: x\nstep: *nowhere\n",
    "Cannot read a program from YAML: ",
    "nowhere",
  ],
  [
    "a hyperparameter that YAML reads as NaN is refused",
    parseYaml,
    "name: x\nhyper: { b1: .nan }\nstep: u = g\n",
    'Cannot read optimizer "x": the default of `b1` must be a number, true, false or "required": ' +
    "given NaN",
  ],
  [
    "a hyperparameter that YAML reads as a date is refused",
    parseYaml,
    "name: x\nhyper: { b1: 2001-01-01 }\nstep: u = g\n",
    'Cannot read optimizer "x": the default of `b1` must be a number, true, false or "required"',
  ],
  [
    "an error in the step of a YAML file is pointed at in the file",
    parseYaml,
    "name: x\nhyper: { learningRate: required }\nstep: |\n  c = 2*g\n  u = -learningrate*c\n",
    'Cannot read optimizer "x": there is no symbol `learningrate`; did you mean `learningRate`?' +
    pointer(5, 8, "  u = -learningrate*c", 12),
  ],
  [
    "blank lines, comments and deeper lines of a YAML block are counted",
    parseYaml,
    "name: x\nstep: | # one\n\n    c = 2*g\n\n      # two\n    u = -q*c",
    pointer(7, 10, "    u = -q*c", 1),
  ],
  [
    "a step in one line of a YAML file is pointed at in the file",
    parseYaml,
    "name: x\nstep: u = -q*g\n",
    pointer(2, 12, "step: u = -q*g", 1),
  ],
  [
    "a step in quotes of a YAML file is pointed at in the file",
    parseYaml,
    'name: x\nstep: "c = g\\n\\tu = q"\n',
    pointer(2, 21, 'step: "c = g\\n\\tu = q"', 1),
  ],
  [
    "a folded step of a YAML file is pointed at in the file",
    parseYaml,
    "name: x\r\nstep: >\r\n  u = g\r\n  + q\r\n",
    pointer(4, 5, "  + q\r", 1),
  ],
  [
    "a bad initial value is pointed at in its file",
    parseYaml,
    "name: q\nstate:\n  v: 0\n  m:\n    init: 2*q\nstep: u = g + m\n",
    "the initial value of state `m`",
    pointer(5, 13, "    init: 2*q", 1),
  ],
  [
    "what to evaluate with is pointed at in its file",
    parseYaml,
    "name: x\ndoc: 'evaluate: w + q'\nevaluate: w + q\nstep: u = g\n",
    "Cannot read `evaluate`",
    "| ",
    "^",
  ],
  [
    "an error in the step of a JSON file is pointed at in the file",
    parseJson,
    '{\n "name": "x",\n "step": "c = 2*g\\n\\u0020u = (g + \\u03b2\\t+ c"\n}',
    "there is no symbol `β`",
    pointer(3, 35, ' "step": "c = 2*g\\n\\u0020u = (g + \\u03b2\\t+ c"', 6),
  ],
  [
    "a JSON file that holds a number is no program",
    parseJson,
    "3",
    "Cannot read an optimizer: an optimizer must be an object of named entries: given 3",
  ],
  [
    "a JSON file that holds null is no program",
    parseJson,
    "null",
    "Cannot read an optimizer: an optimizer must be an object of named entries: given null",
  ],
  [
    "a JSON syntax error is refused with its place",
    parseJson,
    '{\n  name: "x"\n}',
    "Cannot read a program from JSON: ",
    "line 2 column 3",
  ],
  ["an empty JSON file is refused", parseJson, "", "Cannot read a program from JSON: "],
  [
    "a JSON hyperparameter that only looks like a number is refused",
    parseJson,
    '{ "name": "x", "hyper": { "b1": "0.9" }, "step": "u = g" }',
    'Cannot read optimizer "x": the default of `b1` must be a number, true, false or "required": ' +
    'given "0.9"',
  ],
  [
    "a YAML file of 2 MB is refused for its size",
    parseYaml,
    `name: x\nstep: u = g ${"#".repeat(2_000_000)}\n`,
    "Cannot read a program from YAML: it must be at most 1000000 characters: given 2000021",
  ],
  [
    "a JSON file of 2 MB is refused for its size",
    parseJson,
    `{"name": "x", "step": "u = g${" ".repeat(2_000_000)}"}`,
    "Cannot read a program from JSON: it must be at most 1000000 characters: given 2000030",
  ],
  [
    "100,000 open YAML brackets are refused",
    parseYaml,
    "[".repeat(100_000),
    "Cannot read a program from YAML: ",
  ],
  [
    "100,000 nested YAML lists are refused",
    parseYaml,
    `name: ${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    "Cannot read ",
  ],
  [
    "100,000 nested YAML mappings in a line are refused",
    parseYaml,
    `hyper: ${"{a: ".repeat(100_000)}1${"}".repeat(100_000)}`,
    "Cannot read ",
  ],
  [
    "100,000 nested YAML list items in a line are refused",
    parseYaml,
    "- ".repeat(100_000),
    "Cannot read ",
  ],
  [
    "100,000 open JSON brackets are refused",
    parseJson,
    "[".repeat(100_000),
    "Cannot read a program from JSON: ",
  ],
  [
    "100,000 nested JSON lists are refused",
    parseJson,
    `{"name": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    "Cannot read an optimizer: `name` must be an identifier: given an array of 1",
  ],
  [
    "90,000 nested JSON objects are refused",
    parseJson,
    `${'{"hyper":'.repeat(90_000)}1${"}".repeat(90_000)}`,
    "Cannot read an optimizer: ",
  ],
  [
    "100,000 nested JSON lists as a hyperparameter are refused",
    parseJson,
    `{"name": "x", "hyper": {"b1": ${"[".repeat(100_000)}${"]".repeat(100_000)}}, "step": "u = g"}`,
    "the default of `b1` must be a number, true, false or",
    "given an array of 1",
  ],
  [
    "YAML aliases that would unfold to 2^60 items are refused at once",
    parseYaml,
    laughs((i) => `[*a${i}, *a${i}]`, "[lol, lol]"),
    "Cannot read an optimizer: it has no key `a0`",
  ],
  [
    "YAML aliases that would unfold to 2^60 hyperparameters are refused at once",
    parseYaml,
    `name: x\nhyper:\n  b: &a0 [1, 1]\n${
      Array.from({ length: 60 }, (_, i) => `  b${i}: &a${i + 1} [*a${i}, *a${i}]\n`).join("")
    }step: u = g\n`,
    'the default of `b` must be a number, true, false or "required": given an array of 2',
  ],
  [
    "YAML merge keys that would unfold to 2^60 mappings are refused at once",
    parseYaml,
    laughs((i) => `{ <<: [*a${i}, *a${i}], k${i}: 1 }`, "{ k: 1 }"),
    "Cannot read an optimizer: it has no key `a0`",
  ],
  [
    "`__proto__` at the top of a JSON document is a key like any other",
    parseJson,
    '{ "__proto__": { "name": "x", "step": "u = g" } }',
    "Cannot read an optimizer: it has no key `__proto__`",
  ],
  [
    "`__proto__` at the top of a YAML document is a key like any other",
    parseYaml,
    "__proto__: { name: x, step: u = g }\n",
    "Cannot read an optimizer: it has no key `__proto__`",
  ],
  [
    "`__proto__` among JSON hyperparameters is refused by name",
    parseJson,
    '{ "name": "x", "hyper": { "__proto__": { "b1": 1 } }, "step": "u = b1*g" }',
    'a name in `hyper` must be an identifier: given "__proto__"',
  ],
  [
    "`__proto__` among YAML hyperparameters is refused by name",
    parseYaml,
    "name: x\nhyper: { __proto__: { b1: 1 } }\nstep: u = b1*g\n",
    'a name in `hyper` must be an identifier: given "__proto__"',
  ],
  [
    "`__proto__` merged into YAML hyperparameters is refused by name",
    parseYaml,
    "name: x\nhyper: { <<: { __proto__: { b1: 1 } } }\nstep: u = b1*g\n",
    'a name in `hyper` must be an identifier: given "__proto__"',
  ],
  [
    "`__proto__` among JSON states is refused by name",
    parseJson,
    '{ "name": "x", "state": { "__proto__": 0 }, "step": "u = g" }',
    'a name in `state` must be an identifier: given "__proto__"',
  ],
  [
    "`__proto__` of a JSON state is refused",
    parseJson,
    '{ "name": "x", "state": { "m": { "__proto__": { "init": 1 } } }, "step": "u = g" }',
    "state `m` has keys `init`, `over` and `shape`: given `__proto__`",
  ],
];

for (const [name, read, text, ...says] of bad) {
  Deno.test(name, () => {
    const begin = performance.now();
    const { message } = assertRefused(() => read(text), ...says);
    assert(message.length < 1000, `a message of ${message.length} characters`);
    assert(performance.now() - begin < 2000, "refusing took more than two seconds");
    assert(!("b1" in {}) && !("init" in {}) && !("step" in {}), "a prototype was written to");
  });
}

Deno.test("what is not text at all is refused as a JSON carrier", () => {
  assertRefused(() => parseJson(undefined as unknown as string), "Cannot read ", "undefined");
});

Deno.test("what is not text at all is refused as a YAML carrier", () => {
  assertRefused(() => parseYaml(3 as unknown as string), "Cannot read ", "3");
});

/** Sixty lines of YAML, each twice the one before. */
function laughs(next: (i: number) => string, first: string): string {
  const lines = Array.from({ length: 60 }, (_, i) => `a${i + 1}: &a${i + 1} ${next(i)}`);
  return [`a0: &a0 ${first}`, ...lines].join("\n");
}

Deno.test("names may stand in several objects of a JSON file, and in its texts as often as they like", () => {
  const step = 'u = g # "a": "a": {[';
  const text = JSON.stringify({
    name: "x",
    doc: step,
    state: { a: { init: 0, over: "tensor" }, b: { init: 0 } },
    step,
  });
  assert(parseJson(text) === parseJson(`\n${text} `));
  const long = JSON.stringify({ name: "x", step: `u = g #${'x\\"'.repeat(90_000)}` });
  assertRefused(() => parseJson(long), "its text must be at most");
});
