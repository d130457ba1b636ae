/** Domains of hyperparameters in documents: what they hold, and that they go wherever a program does. */
import * as fc from "fast-check";
import {
  chain,
  type Document,
  factory,
  fixed,
  type HyperDocument,
  lookahead,
  namedChain,
  parseJson,
  parseProgram,
  partition,
  printJson,
  printProgram,
} from "../../mod.ts";
import { simplify } from "../../search/derive/mod.ts";
import { isWithin, readDomain } from "../../dsl/domain.ts";
import { parseYaml, printYaml } from "../../dsl/yaml.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";

const document = (b: HyperDocument): Document => ({ name: "x", hyper: { b }, step: "u = -b*g" });

const { MAX_VALUE, MIN_VALUE } = Number;
const BELOW_ONE = 1 - 2 ** -53;

for (
  const [text, written, inside, outside] of [
    ["[0, 1)", "[0, 1)", [0, -0, 0.5, BELOW_ONE], [1, -MIN_VALUE, -1, 1.5, NaN, Infinity]],
    ["(0,1]", "(0, 1]", [MIN_VALUE, 1], [0, -0, 1 + 2 ** -52]],
    ["( -1 , 1 ]", "(-1, 1]", [-BELOW_ONE, 0, 1], [-1, 1.5]],
    ["(0, inf)", "(0, inf)", [MIN_VALUE, MAX_VALUE], [0, Infinity]],
    ["[0, inf]", "[0, inf]", [0, Infinity], [-1, -Infinity]],
    ["(-inf, 0]", "(-inf, 0]", [-MAX_VALUE, 0], [-Infinity, MIN_VALUE]],
    ["[-0, 1e-3]", "[0, 0.001]", [-0, 0, 1e-3], [2e-3]],
    ["integer [0, 4294967295]", "integer [0, 4294967295]", [0, 2 ** 32 - 1], [2 ** 32, 0.5, -1]],
    ["integer [1, inf)", "integer [1, inf)", [1, 2 ** 60], [0, 1.5, Infinity]],
    ["integer [1,inf]", "integer [1, inf]", [1, Infinity], [0, 1.5]],
    ["integer (0.5, 1.5)", "integer (0.5, 1.5)", [1], [0, 0.75, 2]],
    ["[3, 3]", "[3, 3]", [3], [2, 4]],
  ] as const
) {
  Deno.test(`the domain ${text} holds what mathematics says`, () => {
    const domain = readDomain(text)!;
    assertEquals(domain.text, written);
    for (const number of inside) assert(isWithin(domain, number), String(number));
    for (const number of outside) assert(!isWithin(domain, number), String(number));
    assertEquals(readDomain(domain.text), domain);
  });
}

Deno.test("an interval that is written reads back as itself", () => {
  const bound = fc.double({ noNaN: true, min: -1e200, max: 1e200 });
  fc.assert(fc.property(bound, bound, fc.boolean(), fc.boolean(), (a, b, opens, closes) => {
    const text = `${opens ? "(" : "["}${Math.min(a, b)}, ${Math.max(a, b)}${closes ? ")" : "]"}`;
    const domain = readDomain(text);
    if (domain === undefined) {
      // No number lies between two neighbours.
      assert(opens || closes, text);
      const most = 2 * (Number.EPSILON * Math.max(Math.abs(a), Math.abs(b)) + Number.MIN_VALUE);
      assert(Math.abs(a - b) <= most, text);
    }
    if (domain !== undefined) assertEquals(readDomain(domain.text), domain);
  }));
});

const NO_INTERVAL = [
  ...["", "0, 1", "[0, 1", "[0; 1]", "[0, 1, 2]", "[a, b]", "[nan, 1]", "[0, 1)x", "whole [0, 1]"],
  ...["[1, 0]", "(0, 0)", "[0, 0)", "integer (0, 1)", "integer [0.25, 0.75]", "(inf, inf]"],
  ...[`[0, ${"1".repeat(1000)}]`, 3, null, undefined, ["[0, 1)"]],
];
for (const domain of NO_INTERVAL) {
  Deno.test(`${String(domain).slice(0, 20)} is no domain`, () => {
    assertRefused(
      () => parseProgram(document({ default: "required", domain: domain as string })),
      'Cannot read optimizer "x": the domain of `b` must be an interval that holds a number, such as ' +
        '"[0, 1)" or "integer [1, inf)"',
    );
  });
}

Deno.test("a default lies in its domain", () => {
  assertRefused(
    () => parseProgram(document({ default: 1, domain: "[0, 1)" })),
    'Cannot read optimizer "x": the default of `b` must be a number in [0, 1), or "required": given 1',
  );
  assertRefused(
    () => parseProgram(document({ default: 1.5, domain: "integer [0, 9]" })),
    'the default of `b` must be a whole number in [0, 9], or "required": given 1.5',
  );
  assertEquals(parseProgram(document({ default: 0, domain: "[0, 1)" })).hyper.get("b"), 0);
});

Deno.test("a truth value has no domain, and nothing stands beside a default but a domain", () => {
  for (const given of [{ default: true, domain: "[0, 1]" }, { default: false }]) {
    assertRefused(
      () => parseProgram(document(given as unknown as HyperDocument)),
      "only for numbers",
    );
  }
  assertRefused(
    () => parseProgram(document({ default: 1, domain: "[0, 1]", most: 1 } as HyperDocument)),
    "hyperparameter `b` has keys `default` and `domain`: given `most`",
  );
  assertRefused(
    () => parseProgram(document({ domain: "[0, 1]" } as HyperDocument)),
    'the default of `b` must be a number in [0, 1], or "required": given undefined',
  );
});

Deno.test("a program with a domain is another than that without, and reads back in every carrier", () => {
  const plain = parseProgram(document(0.5));
  const edges = [0.5, "required", Infinity, -Infinity, -0] as const;
  for (const value of edges) {
    const program = parseProgram(document({ default: value, domain: "[-inf,inf]" }));
    assert(program !== plain);
    assertEquals(printProgram(program).hyper, { b: { default: value, domain: "[-inf, inf]" } });
    assert(parseProgram(printProgram(program)) === program);
    assert(parseJson(printJson(program)) === program);
    assert(parseYaml(printYaml(program)) === program);
  }
});

const { program } = factory(parseProgram({
  name: "y",
  hyper: { b: { default: 0.5, domain: "[0, 1)" }, c: { default: 2, domain: "(0, inf)" } },
  state: { m: 0 },
  step: "m = b*m + c*g\nu = -m",
}));
const made = factory(program)();

Deno.test("whatever is made of a program keeps its domains, under the names that are left", () => {
  const texts = (given: { readonly domains: ReadonlyMap<string, { readonly text: string }> }) =>
    Object.fromEntries([...given.domains].map(([name, { text }]) => [name, text]));
  assertEquals(texts(program), { b: "[0, 1)", c: "(0, inf)" });
  assertEquals(texts(chain(made, made).program), {
    ...{ b: "[0, 1)", c: "(0, inf)" },
    ...{ b_2: "[0, 1)", c_2: "(0, inf)" },
  });
  assertEquals(texts(namedChain({ one: made }).program), { b_one: "[0, 1)", c_one: "(0, inf)" });
  assertEquals(texts(partition({ one: made }, "one").program), {
    b_one: "[0, 1)",
    c_one: "(0, inf)",
  });
  assertEquals(texts(lookahead(made, { syncPeriod: 2, slowStepSize: 0.5 }).program), {
    syncPeriod: "integer [1, inf)",
    slowStepSize: "[0, 1]",
    ...{ b: "[0, 1)", c: "(0, inf)" },
  });
  assertEquals(texts(fixed({ program }, { name: "z" }, { c: 1 }).program), { b: "[0, 1)" });
  assertEquals(texts(simplify(program).program), { b: "[0, 1)", c: "(0, inf)" });
});

Deno.test("what is fixed, or is another default, lies in the domain", () => {
  assertRefused(
    () => fixed({ program }, { name: "z" }, { b: 1 }),
    "`b` must be a number in [0, 1)",
  );
  assertRefused(
    () => fixed({ program }, { name: "z", defaults: { c: 0 } }, {}),
    "`c` must be a number in (0, inf): given 0",
  );
});
