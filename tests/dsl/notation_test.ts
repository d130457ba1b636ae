import { GradusError } from "../../dsl/errors.ts";
import { apply, constant, type Node, type Over, reduce, symbol } from "../../dsl/node.ts";
import { parseStatements } from "../../dsl/parse.ts";
import type { Scope } from "../../dsl/reader.ts";
import type { Statement } from "../../dsl/program.ts";
import { printExpression } from "../../dsl/print.ts";
import { latex, optimizer, parseProgram } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const TRUTHS = ["p", "q", "r"];
const scope: Scope = { read: (name) => TRUTHS.includes(name) ? "truth" : "number", assign() {} };

const statements = (text: string): Statement[] => parseStatements(text, scope, "a test");

// A statement, since an expression on its own must be a number.
const read = (text: string): Node => statements(`k = ${text}`)[0].value;

const refuse = (text: string, ...parts: string[]) =>
  assertThrows(() => statements(text), GradusError, ...parts);

const [a, b, c] = ["a", "b", "c"].map(symbol);

function assertSameReading(pairs: readonly (readonly [string, string])[]): void {
  for (const [text, other] of pairs) {
    assert(read(text) === read(other), `${text} is ${printExpression(read(text))}, not ${other}`);
  }
}

Deno.test("marks of papers mean what marks of programs do", () => {
  assertSameReading([
    ["a · b", "a*b"],
    ["a × b", "a*b"],
    ["a − b", "a - b"],
    ["−3", "-3"],
    ["a ≤ b", "a <= b"],
    ["a ≥ b", "a >= b"],
    ["p ∧ q", "p & q"],
    ["p ∨ q", "p | q"],
    ["¬p", "!p"],
    ["√a", "sqrt(a)"],
    ["√(a + b)", "sqrt(a + b)"],
    ["√a + b", "sqrt(a) + b"],
    ["√√a", "sqrt(sqrt(a))"],
    ["a/√b", "a/sqrt(b)"],
    ["π", "pi"],
  ]);
});

Deno.test("a raised 2 is the power 2", () => {
  assertSameReading([
    ["a²", "a^2"],
    ["(a + b)²", "(a + b)^2"],
    ["-a²", "-a^2"],
    ["-3²", "-3^2"],
    ["b^a²", "b^a^2"],
    ["a*b²", "a*b^2"],
    ["sqrt(a)²", "sqrt(a)^2"],
    ["√a²", "√a^2"],
  ]);
});

Deno.test("an assignment is written in three ways", () => {
  for (const text of ["m = a", "m ← a", "m := a", "m=a", "  m\t=\ta  "]) {
    assertEquals(statements(text), [{ target: "m", value: a }], text);
  }
});

Deno.test("Greek letters, digits and underscores make names", () => {
  for (const name of ["β1", "ε", "ϵ", "φ", "ϕ", "Σ", "μ_2", "_x", "e5", "pi2", "nano", "λλ"]) {
    assertEquals(statements(`${name} = ${name}`), [{ target: name, value: symbol(name) }]);
  }
});

Deno.test("names that JavaScript's objects have are names like any other", () => {
  for (const name of ["constructor", "toString", "valueOf", "hasOwnProperty"]) {
    assertEquals(statements(`${name} = ${name}`), [{ target: name, value: symbol(name) }]);
  }
});

Deno.test("numbers are read as JavaScript reads them", () => {
  for (const text of ["0", "12", ".5", "2.", "2.50", "1e3", "1E-3", "1.5e+300", "5e-324"]) {
    assert(read(text) === constant(Number(text)), text);
    assert(read(`-${text}`) === constant(-Number(text)), text);
  }
  const named = { pi: Math.PI, inf: Infinity, nan: NaN, "-inf": -Infinity, "-pi": -Math.PI };
  for (const [text, value] of Object.entries(named)) assert(read(text) === constant(value), text);
});

Deno.test("comments and empty lines are passed over", () => {
  const text = "# first\n\n  m = a # then\n#m = b\n\r\n;; u = b#";
  assertEquals(statements(text), [{ target: "m", value: a }, { target: "u", value: b }]);
});

Deno.test("semicolons and line ends separate statements", () => {
  const two = [{ target: "m", value: a }, { target: "u", value: b }];
  for (const text of ["m = a; u = b", "m = a\nu = b", "m = a;\nu = b;", "m = a\r\nu = b"]) {
    assertEquals(statements(text), two, text);
  }
  refuse("m = a u = b", "expected the end of the statement, found `u`");
  refuse("m = (a; b)", "expected `)`");
});

Deno.test("a statement goes on after an infix and inside parentheses", () => {
  assertSameReading([
    ["a +\n  b", "a + b"],
    ["(a\n  + b)", "a + b"],
    ["(\n a + b\n)", "a + b"],
    ["(a # one\n  + # two\n  b)", "a + b"],
    ["min(a,\n  b\n)", "min(a, b)"],
    ["sum(a,\n  axis=0\n)", "sum(a, axis=0)"],
    ["(min(a, b)\n  + c)", "min(a, b) + c"],
  ]);
  refuse("u = a\n + b", "expected the name that a statement assigns, found `+`");
  refuse("u = (a)\n + b", "expected the name that a statement assigns, found `+`");
});

Deno.test("operators bind as on paper and group from the left, powers from the right", () => {
  assertSameReading([
    ["a - b - c", "(a - b) - c"],
    ["a - b + c", "(a - b) + c"],
    ["a/b*c", "(a/b)*c"],
    ["a*b/c", "(a*b)/c"],
    ["a/b/c", "(a/b)/c"],
    ["a + b*c", "a + (b*c)"],
    ["a*b^c", "a*(b^c)"],
    ["a^b*c", "(a^b)*c"],
    ["a^b^c", "a^(b^c)"],
    ["2^3^2", "2^(3^2)"],
    ["-a^2", "-(a^2)"],
    ["-a*b", "(-a)*b"],
    ["-a + b", "(-a) + b"],
    ["a^-b", "a^(-b)"],
    ["a^-b^c", "a^(-(b^c))"],
    ["a^-b*c", "(a^(-b))*c"],
    ["a*-b", "a*(-b)"],
    ["a - -b", "a - (-b)"],
    ["--a", "-(-a)"],
    ["a < b + c", "a < (b + c)"],
    ["a < b & b < c", "(a < b) & (b < c)"],
    ["p & q | r", "(p & q) | r"],
    ["p | q & r", "p | (q & r)"],
    ["p | q | r", "(p | q) | r"],
    ["!p & q", "(!p) & q"],
    ["!!p", "!(!p)"],
    ["min(a, b, c)", "min(min(a, b), c)"],
    ["max(a, b, c, a)", "max(max(max(a, b), c), a)"],
  ]);
  for (const [text, other] of [["a - (b - c)", "a - b - c"], ["(a^b)^c", "a^b^c"]]) {
    assert(read(text) !== read(other), text);
  }
  assert(read("a - b - c") === apply("Sub", apply("Sub", a, b), c));
  assert(read("a^b^c") === apply("Pow", a, apply("Pow", b, c)));
});

Deno.test("a minus before a number is part of it, unless a power binds first", () => {
  const [two, three] = [constant(2), constant(3)];
  assert(read("-3") === constant(-3));
  assert(read("-(3)") === apply("Neg", three));
  assert(read("--3") === apply("Neg", constant(-3)));
  assert(read("a - -3") === apply("Sub", a, constant(-3)));
  assert(read("a-3") === apply("Sub", a, three));
  assert(read("-3*a") === apply("Mul", constant(-3), a));
  assert(read("-3^2") === apply("Neg", apply("Pow", three, two)));
  assert(read("(-3)^2") === apply("Pow", constant(-3), two));
  assert(read("a^-3") === apply("Pow", a, constant(-3)));
  assert(read("a^-3^2") === apply("Pow", a, apply("Neg", apply("Pow", three, two))));
  assert(read("-0") === constant(-0));
  assert(read("-(0)") === apply("Neg", constant(0)));
});

Deno.test("comparisons do not chain", () => {
  for (const text of ["a < b < c", "a == b == c", "a <= b > c", "a < b + c < a"]) {
    refuse(`k = ${text}`, "comparisons do not chain: join two with `&`");
  }
  refuse("k = (a < b) < c", "a number is required here, and this is a condition");
});

Deno.test("reductions range over a tensor, the tree or axes", () => {
  assert(read("mean(a)") === reduce("ReduceMean", a, "tensor"));
  assert(read("globalNorm(a)") === reduce("ReduceL2", a, "tree"));
  assert(read("sum(a, axis=0)") === reduce("ReduceSum", a, "0"));
  assert(read("sum(axis=0, a)") === reduce("ReduceSum", a, "0"));
  assert(read("sum(a, axis=-0)") === reduce("ReduceSum", a, "0"));
  assert(read("max(a, axis=(-1, 0))") === reduce("ReduceMax", a, "-1,0"));
  assert(read("max(a)") === reduce("ReduceMax", a, "tensor"));
  assert(read("max(a, b)") === apply("Max", a, b));
  refuse("k = max(a, b, axis=0)", "takes no axis");
  refuse("k = globalMax(a, axis=0)", "ranges over the whole tree and takes no axis");
  refuse("k = mean(a, b)", "`mean` takes 1 argument, given 2");
  refuse("k = mean(a, axis=0.5)", "an axis is a whole number, a range such as");
});

Deno.test("axes are named by number, by range and by extent", () => {
  const texts: readonly (readonly [string, Over])[] = [
    ["1:", "1:"],
    [":-1", ":-1"],
    ["0:2", "0:2"],
    [":", ":"],
    ["(:1, 2:)", ":1,2:"],
    ["largest", "largest"],
    ["(0, secondLargest)", "0,secondLargest"],
  ];
  for (const [text, over] of texts) {
    const node = reduce("ReduceMean", a, over);
    assert(read(`mean(a, axis=${text})`) === node, text);
    assertEquals(printExpression(node), `mean(a, axis=${text})`);
  }
  assert(read("sum(a,\n  axis = ( -0 : 01,largest ) )") === reduce("ReduceSum", a, "0:1,largest"));
  assert(read("max(axis=:, a)") === reduce("ReduceMax", a, ":"));
  refuse("k = mean(a, axis=1:b)", "expected `)`, found `b`");
  refuse("k = mean(a, axis=1::2)", "expected `)`, found `:`");
  refuse("k = mean(a, axis=1:-)", "an axis is a whole number");
  refuse("k = mean(a, axis=thirdLargest)", "found `thirdLargest`");
  refuse("k = mean(a, axis=-largest)", "found `largest`");
  refuse("k = a:", "expected the end of the statement, found `:`");
});

Deno.test("ranges of axes and axes by extent are written in LaTeX", () => {
  const { program } = optimizer({
    name: "x",
    state: { v: { over: [":1", "2:"] }, r: { over: "largest" } },
    step: "v = max(g, axis=(:1, 2:))\nr = mean(g, axis=secondLargest)\nu = v*r*g",
  });
  const [first, second] = latex(program).split("\n");
  assertEquals(first, "v_t &\\leftarrow \\max \\left( g_t \\right)_{\\text{axis } :1,2:} \\\\");
  assert(second.includes("_{\\text{axis } \\text{second largest}}"), second);
});

Deno.test("LaTeX rounds constants if asked to, and nothing else", () => {
  const program = parseProgram({
    name: "x",
    hyper: { b: 0.123456 },
    step: "u = b*1.0000001*g - 12345678*max(1.23456e-9, nan)",
  });
  assertEquals(
    latex(program, { digits: 4 }),
    "u_t &\\leftarrow b \\cdot 1 \\cdot g_t - 12350000 \\cdot " +
      "\\max \\left( 1.235 \\cdot 10^{-9}, \\text{NaN} \\right)",
  );
  assert(latex(program).includes("1.0000001"));
  for (const digits of [0, 2.5, 101, NaN]) {
    assertThrows(() => latex(program, { digits }), GradusError, "from 1 to 100: given");
  }
});

Deno.test("equal structure is the same node, and bits of constants are kept", () => {
  const sum = () => apply("Add", apply("Mul", symbol("a"), constant(2)), symbol("b"));
  assert(sum() === sum());
  assert(read("a*2 + b") === sum());
  assert(apply("Sub", a, b) !== apply("Sub", b, a));
  assert(reduce("ReduceSum", a, "0") !== reduce("ReduceSum", a, "tensor"));
  assert(constant(-0) !== constant(0));
  assert(Object.is(constant(-0).arg, -0) && Object.is(constant(0).arg, 0));
  assert(constant(NaN) === constant(0 / 0) && Number.isNaN(constant(NaN).arg));
  assert(constant(0.1 + 0.2) !== constant(0.3));
  assert(symbol("1") !== constant(1));
  assert(Object.isFrozen(a) && Object.isFrozen(sum().src));
});

Deno.test("text is printed with the fewest parentheses", () => {
  const printed: readonly (readonly [string, string])[] = [
    ["((a) + (b))", "a + b"],
    ["(a - b) - c", "a - b - c"],
    ["a - (b - c)", "a - (b - c)"],
    ["a + (b + c)", "a + (b + c)"],
    ["(a*b)*c", "a*b*c"],
    ["a*(b*c)", "a*(b*c)"],
    ["a/(b/c)", "a/(b/c)"],
    ["a*(b + c)", "a*(b + c)"],
    ["a + (b*c)", "a + b*c"],
    ["a^(b^c)", "a^b^c"],
    ["(a^b)^c", "(a^b)^c"],
    ["(-a)^2", "(-a)^2"],
    ["-(a^2)", "-a^2"],
    ["a²", "a^2"],
    ["a^(-b)", "a^-b"],
    ["a + (-b)", "a + -b"],
    ["(-a) + b", "-a + b"],
    ["(-a)*b", "-a*b"],
    ["-(a*b)", "-(a*b)"],
    ["-(-a)", "--a"],
    ["-(3)", "-(3)"],
    ["-(-3)", "--3"],
    ["-(0)", "-(0)"],
    ["-(-0)", "--0"],
    ["-(nan)", "-(nan)"],
    ["-(inf)", "-(inf)"],
    ["(-3)^2", "(-3)^2"],
    ["-3^2", "-3^2"],
    ["-(3^2)", "-3^2"],
    ["(-inf)*a", "-inf*a"],
    ["a - (-3)", "a - -3"],
    ["(a < b) & (b < c)", "a < b & b < c"],
    ["(p & q) | r", "p & q | r"],
    ["p & (q | r)", "p & (q | r)"],
    ["p & (q & r)", "p & (q & r)"],
    ["!(a < b)", "!(a < b)"],
    ["!(!p)", "!!p"],
    ["where((a < b), (a), (b))", "where(a < b, a, b)"],
    ["mean((a + b), axis = (0))", "mean(a + b, axis=0)"],
    ["mean(a, axis=(0,-1))", "mean(a, axis=(0, -1))"],
    ["√(a + b)", "sqrt(a + b)"],
    ["1000000000000000000000", "1e+21"],
  ];
  for (const [text, expected] of printed) {
    assertEquals(printExpression(read(text)), expected);
    assert(read(expected) === read(text), expected);
  }
});
